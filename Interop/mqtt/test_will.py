"""Will messages: MQTT 5.0 sections 3.1.2.5 to 3.1.2.7, 3.1.3.2 and 3.14.4."""

import time

import pytest

from mqtt import wire
from mqtt.client import settle
from mqtt.wire import P, Reason, Will


@pytest.fixture
def watcher(mqtt, unique):
    """A subscriber of everything under the test's own name."""
    client = mqtt.connect("watcher")
    client.subscribe((f"{unique}/#", 2 | wire.RETAIN_AS_PUBLISHED))
    return client


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("retain", [False, True])
def test_is_published_when_the_connection_breaks(mqtt, watcher, version, unique, qos, retain):
    will = Will(f"{unique}/will", b"gone", qos, retain)
    mqtt.connect("c", version, will=will).abort()
    watcher.take(topic=f"{unique}/will", payload=b"gone", qos=qos, retain=retain)
    late = mqtt.connect("late")
    late.subscribe(f"{unique}/will", qos=2)
    if retain:
        late.take(payload=b"gone", qos=qos, retain=True)
    late.expect_nothing()


def test_is_published_when_the_client_just_closes(mqtt, watcher, version, unique):
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"gone")).close()
    watcher.take(payload=b"gone")


def test_is_not_published_after_disconnect(mqtt, watcher, version, unique):
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"gone")).disconnect()
    watcher.expect_nothing()


def test_is_forgotten_for_the_next_connection(mqtt, watcher, version, unique):
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"gone")).disconnect()
    client = mqtt.connect("c", version, will=Will(f"{unique}/other", b"other"))
    client.abort()
    watcher.take(topic=f"{unique}/other")
    watcher.expect_nothing()


def test_disconnect_can_ask_for_it(mqtt, watcher, unique):
    mqtt.connect("c", will=Will(f"{unique}/will", b"gone")).disconnect(Reason.DISCONNECT_WITH_WILL)
    watcher.take(payload=b"gone")


@pytest.mark.godwit_only(reason="Mosquitto 2.0 drops the will at any DISCONNECT; [MQTT-3.14.4-3]")
@pytest.mark.parametrize("reason", [0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
                                    0x98, 0x99])
def test_disconnect_for_an_error_publishes_it(mqtt, watcher, unique, reason):
    mqtt.connect("c", will=Will(f"{unique}/will", b"gone")).disconnect(reason)
    watcher.take(payload=b"gone")


def test_normal_disconnect_with_all_bytes_spelled_out(mqtt, watcher, unique):
    mqtt.connect("c", will=Will(f"{unique}/will", b"gone")).disconnect(0, [])
    watcher.expect_nothing()


def test_is_published_after_a_protocol_error(mqtt, watcher, version, unique):
    client = mqtt.connect("c", version, will=Will(f"{unique}/will", b"gone"))
    client.send(b"\x36\x00")
    watcher.take(payload=b"gone")


def test_is_published_after_the_keep_alive_time(mqtt, watcher, unique):
    mqtt.connect("c", keep_alive=1, will=Will(f"{unique}/will", b"gone"))
    watcher.take(payload=b"gone", timeout=10)


def test_may_be_empty(mqtt, watcher, version, unique):
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"")).abort()
    watcher.take(topic=f"{unique}/will", payload=b"")


def test_may_be_binary_and_large(mqtt, watcher, version, unique):
    payload = bytes(range(256)) * 200
    mqtt.connect("c", version, will=Will(f"{unique}/will", payload, qos=1)).abort()
    watcher.take(payload=payload)


def test_empty_retained_will_clears(mqtt, version, unique):
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/will", b"old", qos=1, retain=True)
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/will")
    watcher.take(payload=b"old", retain=True)
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"", retain=True)).abort()
    watcher.take(payload=b"")
    late = mqtt.connect("late")
    late.subscribe(f"{unique}/will")
    late.expect_nothing()


def test_reaches_the_offline_too(mqtt, version, unique):
    away = mqtt.connect("away", clean=True, props=[(P.SESSION_EXPIRY, 60)])
    away.subscribe(f"{unique}/#", qos=1)
    away.disconnect()
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/#")
    mqtt.connect("c", version, will=Will(f"{unique}/will", b"gone", qos=1)).abort()
    watcher.take(payload=b"gone")
    back = mqtt.connect("away", clean=False, props=[(P.SESSION_EXPIRY, 60)])
    back.take(payload=b"gone", qos=1)


def test_goes_to_the_client_itself_if_it_comes_back(mqtt, unique):
    """Subscribed to its own will with a kept session."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/will")
    client = mqtt.connect("c", will=Will(f"{unique}/will", b"gone", qos=1), **keep)
    client.subscribe(f"{unique}/will", qos=1)
    client.abort()
    watcher.take(payload=b"gone")
    mqtt.connect("c", **keep).take(payload=b"gone", qos=1)


def test_carries_its_properties(mqtt, watcher, unique):
    props = (
        (P.PAYLOAD_FORMAT, 1), (P.MESSAGE_EXPIRY, 100), (P.CONTENT_TYPE, "text/plain"),
        (P.RESPONSE_TOPIC, "answers"), (P.CORRELATION_DATA, b"\x00\xff"),
        (P.USER_PROPERTY, ("b", "1")), (P.USER_PROPERTY, ("a", "2")),
        (P.USER_PROPERTY, ("b", "1")),
    )
    mqtt.connect("c", will=Will(f"{unique}/will", b"gone", properties=props)).abort()
    packet = watcher.take(payload=b"gone")
    assert packet.get(P.MESSAGE_EXPIRY) in range(90, 101)
    single = [p for p in props if p[0] not in (P.USER_PROPERTY, P.MESSAGE_EXPIRY)]
    assert all(packet.get(i) == v for i, v in single), packet
    assert packet.all(P.USER_PROPERTY) == [("b", "1"), ("a", "2"), ("b", "1")]


# --- Delay ---------------------------------------------------------------------------------------


_DELAY_OUTLIVES_SESSION = "Mosquitto 2.0 lets the delay outlive the session; section 3.1.3.2.2"


def delayed(topic: str, seconds: int, **fields) -> Will:
    return Will(topic, b"gone", properties=((P.WILL_DELAY, seconds),), **fields)


def test_delay_counts_from_the_end_of_the_connection(mqtt, watcher, unique):
    client = mqtt.connect("c", will=delayed(f"{unique}/will", 2), props=[(P.SESSION_EXPIRY, 60)])
    start = time.monotonic()
    client.abort()
    watcher.expect_nothing()
    packet = watcher.take(payload=b"gone", timeout=6)
    assert time.monotonic() - start >= 1.9
    assert packet.get(P.WILL_DELAY) is None


def test_a_broken_connection_is_timed_from_the_break(mqtt, watcher, unique):
    """Delay and session expiry, after a time in which nobody said anything."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 2)]}
    client = mqtt.connect("c", will=delayed(f"{unique}/will", 1), props=[(P.SESSION_EXPIRY, 60)])
    other = mqtt.connect("d", **keep)
    time.sleep(2.5)
    client.abort()
    other.close()
    start = time.monotonic()
    watcher.take(payload=b"gone", timeout=6)
    assert time.monotonic() - start >= 0.9
    assert mqtt.connect("d", **keep).connack.session_present


@pytest.mark.godwit_only(reason=_DELAY_OUTLIVES_SESSION)
def test_delay_ends_early_with_the_session(mqtt, watcher, unique):
    """Section 3.1.3.2.2: whichever comes first, delay or the end of the session."""
    start = time.monotonic()
    mqtt.connect("no-expiry", will=delayed(f"{unique}/a", 100)).abort()
    watcher.take(topic=f"{unique}/a")
    assert time.monotonic() - start < 2
    keep = [(P.SESSION_EXPIRY, 1)]
    mqtt.connect("short", will=delayed(f"{unique}/b", 100), props=keep).abort()
    watcher.take(topic=f"{unique}/b", timeout=6)
    assert time.monotonic() - start < 6


def test_resuming_within_the_delay_cancels_it(mqtt, watcher, unique):
    keep = [(P.SESSION_EXPIRY, 60)]
    mqtt.connect("c", will=delayed(f"{unique}/will", 2), props=keep).abort()
    mqtt.connect("c", clean=False, props=keep)
    marker = mqtt.connect("marker", will=delayed(f"{unique}/marker", 3), props=keep)
    marker.abort()
    watcher.take(topic=f"{unique}/marker", timeout=6)


def test_take_over_within_the_delay_cancels_it(mqtt, watcher, unique):
    keep = [(P.SESSION_EXPIRY, 60)]
    first = mqtt.connect("c", will=delayed(f"{unique}/will", 2), props=keep)
    second = mqtt.connect("c", clean=False, props=keep)
    first.expect_close(Reason.SESSION_TAKEN_OVER, oracle_is_silent=True)
    mqtt.connect("marker", will=delayed(f"{unique}/marker", 3), props=keep).abort()
    watcher.take(topic=f"{unique}/marker", timeout=6)
    second.expect_nothing()


@pytest.mark.godwit_only(reason=_DELAY_OUTLIVES_SESSION)
def test_clean_start_within_the_delay_publishes_at_once(mqtt, watcher, unique):
    """A clean start ends the old session, and so its delay."""
    keep = [(P.SESSION_EXPIRY, 60)]
    mqtt.connect("c", will=delayed(f"{unique}/will", 100), props=keep).abort()
    mqtt.connect("c", clean=True)
    watcher.take(payload=b"gone")


def test_disconnect_with_will_obeys_the_delay(mqtt, watcher, unique):
    keep = [(P.SESSION_EXPIRY, 60)]
    client = mqtt.connect("c", will=delayed(f"{unique}/will", 2), props=keep)
    start = time.monotonic()
    client.disconnect(Reason.DISCONNECT_WITH_WILL)
    watcher.expect_nothing()
    watcher.take(payload=b"gone", timeout=6)
    assert time.monotonic() - start >= 1.9


def test_message_expiry_of_a_delayed_will_starts_when_published(mqtt, unique):
    away = mqtt.connect("away", props=[(P.SESSION_EXPIRY, 60)])
    away.subscribe(f"{unique}/will", qos=1)
    props = ((P.WILL_DELAY, 1), (P.MESSAGE_EXPIRY, 30))
    will = Will(f"{unique}/will", b"gone", qos=1, properties=props)
    mqtt.connect("c", will=will, props=[(P.SESSION_EXPIRY, 60)]).abort()
    packet = away.take(payload=b"gone", timeout=6)
    assert packet.get(P.MESSAGE_EXPIRY) in range(25, 31)


@pytest.mark.godwit_only(reason=_DELAY_OUTLIVES_SESSION)
def test_large_delay_and_a_zero_expiry_in_disconnect(mqtt, watcher, unique):
    """DISCONNECT that ends the session: 0x00 drops the will even so."""
    client = mqtt.connect("c", will=delayed(f"{unique}/a", 100), props=[(P.SESSION_EXPIRY, 60)])
    client.disconnect(0, [(P.SESSION_EXPIRY, 0)])
    settle(mqtt.connect("p"), watcher)
    client = mqtt.connect("c", will=delayed(f"{unique}/b", 100), props=[(P.SESSION_EXPIRY, 60)])
    client.disconnect(Reason.DISCONNECT_WITH_WILL, [(P.SESSION_EXPIRY, 0)])
    watcher.take(topic=f"{unique}/b")


def test_is_kept_back_from_its_own_client_id_in_no_local(mqtt, unique):
    """The will is published on behalf of the client, so no-local holds for its resumed session."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/will")
    client = mqtt.connect("c", will=Will(f"{unique}/will", b"gone", qos=1), **keep)
    client.subscribe((f"{unique}/will", 1 | wire.NO_LOCAL))
    client.abort()
    watcher.take(payload=b"gone")
    mqtt.connect("c", **keep).expect_nothing()
