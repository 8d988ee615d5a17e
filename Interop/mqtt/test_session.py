"""Session state: clean start, expiry, take-over. MQTT 5.0 sections 3.1.2.4, 3.1.2.11.2, 4.1."""

import time

import pytest

from mqtt import wire
from mqtt.client import settle
from mqtt.wire import P, Reason, V31, V311, V5, Will

FOREVER = 0xFFFFFFFF


def keeping(version: int, seconds: int = 60) -> dict:
    """CONNECT arguments that resume a session if there is one, and keep it afterwards."""
    props = [(P.SESSION_EXPIRY, seconds)] if version == V5 else []
    return {"clean": False, "props": props}


def test_session_present_only_when_kept(mqtt, version):
    """MQTT 3.1 has no such flag: the byte is reserved there."""
    present = version != V31
    assert not mqtt.connect("c", version).connack.session_present
    first = mqtt.connect("c", version, **keeping(version))
    assert not first.connack.session_present, "the one before was not kept"
    first.disconnect()
    second = mqtt.connect("c", version, **keeping(version))
    assert second.connack.session_present == present
    second.disconnect()
    assert not mqtt.connect("c", version, clean=True).connack.session_present
    again = mqtt.connect("c", version, **keeping(version))
    assert not again.connack.session_present, "clean start ended it"


def test_kept_session_keeps_subscriptions(mqtt, version, unique):
    first = mqtt.connect("c", version, **keeping(version))
    first.subscribe(f"{unique}/a", f"{unique}/b", qos=1)
    first.unsubscribe(f"{unique}/b")
    first.disconnect()
    second = mqtt.connect("c", version, **keeping(version))
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/b", b"no", qos=1)
    publisher.publish(f"{unique}/a", b"yes", qos=1)
    second.take(payload=b"yes", qos=1)


def test_clean_session_forgets_subscriptions_and_messages(mqtt, version, unique):
    first = mqtt.connect("c", version, **keeping(version))
    first.subscribe(unique, qos=1)
    first.disconnect()
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"while away", qos=1)
    second = mqtt.connect("c", version, clean=True)
    second.expect_nothing()
    publisher.publish(unique, b"after", qos=1)
    settle(publisher, second)


def test_clean_session_leaves_nothing_behind(mqtt, version, unique):
    first = mqtt.connect("c", version, clean=True)
    first.subscribe(unique, qos=1)
    first.disconnect()
    second = mqtt.connect("c", version, **keeping(version))
    assert not second.connack.session_present
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", qos=1)
    settle(publisher, second)


def test_session_survives_a_broken_connection(mqtt, version, unique):
    first = mqtt.connect("c", version, **keeping(version))
    first.subscribe(unique, qos=1)
    first.abort()
    second = mqtt.connect("c", version, **keeping(version))
    assert second.connack.session_present == (version != V31)


def test_session_passes_from_version_to_version(mqtt, unique):
    first = mqtt.connect("c", V311, **keeping(V311))
    first.subscribe(unique, qos=1)
    first.disconnect()
    second = mqtt.connect("c", V5, **keeping(V5))
    assert second.connack.session_present
    mqtt.connect("p").publish(unique, b"x", qos=1, props=[(P.CONTENT_TYPE, "a/b")])
    assert second.take(payload=b"x").get(P.CONTENT_TYPE) == "a/b"
    second.disconnect()
    third = mqtt.connect("c", V311, **keeping(V311))
    assert third.connack.session_present
    mqtt.connect("p").publish(unique, b"y", qos=1, props=[(P.CONTENT_TYPE, "a/b")])
    third.take(payload=b"y")


# --- Expiry --------------------------------------------------------------------------------------


def test_without_expiry_a_session_ends_with_its_connection(mqtt):
    for props in ([], [(P.SESSION_EXPIRY, 0)]):
        mqtt.connect("c", props=props).disconnect()
        assert not mqtt.connect("c", clean=False, props=props).connack.session_present


def test_session_ends_when_its_time_is_over(mqtt, unique):
    kept, short = (
        mqtt.connect(name, **keeping(V5, seconds))
        for name, seconds in (("forever", FOREVER), ("short", 2))
    )
    for client in (kept, short):
        client.subscribe(unique, qos=1)
        client.disconnect()
    mqtt.connect("p").publish(unique, b"x", qos=1)
    renewed = mqtt.connect("short", **keeping(V5, 1))
    assert renewed.connack.session_present, "two seconds have not passed"
    renewed.take(payload=b"x")
    renewed.disconnect()
    time.sleep(2.5)
    assert not mqtt.connect("short", **keeping(V5)).connack.session_present
    kept = mqtt.connect("forever", **keeping(V5))
    assert kept.connack.session_present
    kept.take(payload=b"x")


def test_disconnect_can_shorten_the_expiry(mqtt):
    mqtt.connect("c", **keeping(V5)).disconnect(0, [(P.SESSION_EXPIRY, 0)])
    assert not mqtt.connect("c", **keeping(V5)).connack.session_present


def test_disconnect_can_lengthen_the_expiry(mqtt):
    mqtt.connect("c", **keeping(V5, 1)).disconnect(0, [(P.SESSION_EXPIRY, 60)])
    time.sleep(2.2)
    assert mqtt.connect("c", **keeping(V5)).connack.session_present


def test_disconnect_cannot_give_an_expiry_to_a_session_without(mqtt):
    client = mqtt.connect("c")
    client.send(wire.disconnect(0, [(P.SESSION_EXPIRY, 60)]))
    client.expect_close(Reason.PROTOCOL_ERROR, oracle_is_silent=True)
    assert not mqtt.connect("c", **keeping(V5)).connack.session_present


def test_resuming_replaces_the_expiry(mqtt):
    mqtt.connect("c", **keeping(V5)).disconnect()
    assert mqtt.connect("c", clean=False).connack.session_present
    mqtt.connect("c", clean=False).disconnect()
    assert not mqtt.connect("c", clean=False).connack.session_present


@pytest.mark.godwit_only(reason="Mosquitto 2.0 never answers with another session expiry")
def test_server_limits_the_expiry_and_says_so(mqtt):
    limited = mqtt.elsewhere(session_expiry_seconds_max=1)
    connack = limited.connect("c", props=[(P.SESSION_EXPIRY, 3600)]).connack
    assert connack.get(P.SESSION_EXPIRY) == 1
    limited.connect("c", **keeping(V5, 3600)).disconnect()
    assert limited.connect("c", **keeping(V5, 3600)).connack.session_present
    unlimited = limited.connect("d", props=[(P.SESSION_EXPIRY, 1)]).connack
    assert unlimited.get(P.SESSION_EXPIRY) in (None, 1)


# --- Take-over -----------------------------------------------------------------------------------


def test_a_second_connection_takes_over(mqtt, version):
    first = mqtt.connect("c", version, **keeping(version))
    second = mqtt.connect("c", version, **keeping(version))
    first.expect_close(Reason.SESSION_TAKEN_OVER, oracle_is_silent=True)
    assert second.connack.session_present == (version != V31)
    second.expect_nothing()


def test_clean_take_over_starts_afresh(mqtt, version, unique):
    first = mqtt.connect("c", version, **keeping(version))
    first.subscribe(unique)
    second = mqtt.connect("c", version, clean=True)
    assert not second.connack.session_present
    first.expect_close(Reason.SESSION_TAKEN_OVER, oracle_is_silent=True)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x")
    settle(publisher, second)


def test_take_over_between_versions(mqtt):
    old = mqtt.connect("c", V311, **keeping(V311))
    new = mqtt.connect("c", V5, **keeping(V5))
    old.expect_close()
    mqtt.connect("c", V311, **keeping(V311)).expect_nothing()
    new.expect_close(Reason.SESSION_TAKEN_OVER, oracle_is_silent=True)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 drops the will of a resumed session; 3.1.4, note")
def test_take_over_of_a_session_publishes_its_will(mqtt, version, unique):
    """The connection did not end with DISCONNECT 0x00, and no delay holds the will back."""
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    mqtt.connect("c", version, will=Will(unique, b"taken over"), **keeping(version))
    mqtt.connect("c", version, **keeping(version))
    watcher.take(payload=b"taken over")


def test_clean_take_over_publishes_the_will(mqtt, version, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    mqtt.connect("c", version, will=Will(unique, b"taken over"), **keeping(version))
    mqtt.connect("c", version, clean=True)
    watcher.take(payload=b"taken over")


def test_take_over_hands_unacknowledged_messages_on(mqtt, version, unique):
    first = mqtt.connect("c", version, **keeping(version))
    first.subscribe(unique, qos=1)
    mqtt.connect("p").publish(unique, b"x", qos=1)
    sent = first.receive()
    second = mqtt.connect("c", version, **keeping(version))
    again = second.take(payload=b"x", qos=1)
    assert again.packet_id == sent.packet_id
    assert again.dup


def test_taken_over_by_oneself_many_times(mqtt, version):
    clients = [mqtt.connect("c", version, **keeping(version)) for _ in range(10)]
    for client in clients[:-1]:
        client.expect_close(Reason.SESSION_TAKEN_OVER, oracle_is_silent=True)
    clients[-1].expect_nothing()
