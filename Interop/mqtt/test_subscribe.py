"""SUBSCRIBE and UNSUBSCRIBE: MQTT 5.0 sections 3.8 to 3.11."""

import pytest

from mqtt import wire
from mqtt.client import collect, settle
from mqtt.wire import Kind, NO_LOCAL, P, Reason, V31, V311, V5


def test_each_filter_has_its_code(mqtt, version, unique):
    client = mqtt.connect("c", version)
    filters = [(f"{unique}/{n}", n % 3) for n in range(30)]
    assert client.subscribe(*filters) == [n % 3 for n in range(30)]


def test_subscribing_again_replaces_the_options(mqtt, version, unique):
    client = mqtt.connect("c", version)
    publisher = mqtt.connect("p")
    for qos in (0, 2, 1):
        assert client.subscribe(unique, qos=qos) == [qos]
        publisher.publish(unique, b"x", 2)
        client.take(qos=qos)
        settle(publisher, client)


def test_one_filter_twice_in_a_packet(mqtt, version, unique):
    """Handled as two packets in sequence: the last one stands [MQTT-3.8.4-5]."""
    client = mqtt.connect("c", version)
    assert client.subscribe((unique, 0), (unique, 2)) == [0, 2]
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", 2)
    client.take(qos=2)
    settle(publisher, client)


@pytest.mark.parametrize("version", [
    pytest.param(version, marks=pytest.mark.godwit_only(
        reason="Mosquitto 2.0 sends older clients one copy at any of the QoS; 3.1.1 section 3.3.5"))
    for version in (V31, V311)
] + [V5])
def test_overlapping_filters(mqtt, version, unique):
    """Section 3.3.4: the highest QoS in one copy, or one copy for each; both are legal."""
    client = mqtt.connect("c", version)
    client.subscribe((f"{unique}/#", 2), (f"{unique}/+", 1), (f"{unique}/a", 0))
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/a", b"x", 2)
    found = sorted(p.qos for p in collect(publisher, client))
    assert found in ([2], [0, 1, 2])


def test_subscriptions_of_one_client_do_not_touch_another(mqtt, version, unique):
    one, two = mqtt.connect("one", version), mqtt.connect("two", version)
    one.subscribe(unique, qos=1)
    two.subscribe(unique, qos=0)
    two.unsubscribe(unique)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", 1)
    one.take(qos=1)
    settle(publisher, two)


def test_own_messages_come_back(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(unique)
    client.publish(unique, b"echo", 1)
    client.take(payload=b"echo")


# --- UNSUBSCRIBE ---------------------------------------------------------------------------------


def test_unsubscribe_ends_delivery(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(f"{unique}/a", f"{unique}/b", f"{unique}/#", qos=1)
    client.unsubscribe(f"{unique}/#", f"{unique}/a")
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/a", b"x", 1)
    publisher.publish(f"{unique}/b", b"y", 1)
    client.take(payload=b"y")
    settle(publisher, client)


def test_unsubscribe_codes(mqtt, unique):
    client = mqtt.connect("c")
    client.subscribe(f"{unique}/a", f"{unique}/b")
    none = Reason.NO_SUBSCRIPTION_EXISTED
    assert client.unsubscribe(f"{unique}/a", f"{unique}/c", f"{unique}/b") == [0, none, 0]
    assert client.unsubscribe(f"{unique}/a") == [none]


def test_unsubscribe_of_nothing_is_acknowledged(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.unsubscribe(unique)
    client.expect_nothing()


def test_unsubscribe_compares_characters_not_matches(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(f"{unique}/+")
    client.unsubscribe(f"{unique}/a", f"{unique}/#", f"{unique}/+/")
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/a", b"still here")
    publisher.ping()
    client.take(payload=b"still here")


# --- 5.0: no-local -------------------------------------------------------------------------------


def test_no_local(mqtt, unique):
    client, other = mqtt.connect("c"), mqtt.connect("o")
    client.subscribe((unique, 1 | NO_LOCAL))
    for qos in (0, 1, 2):
        client.publish(unique, b"mine", qos)
        other.publish(unique, b"theirs %d" % qos, qos)
        other.ping()
        client.take(payload=b"theirs %d" % qos)
    settle(client, client)


def test_no_local_is_of_one_subscription(mqtt, unique):
    client = mqtt.connect("c")
    client.subscribe((f"{unique}/+", NO_LOCAL), (f"{unique}/a", 0))
    client.publish(f"{unique}/a", b"x")
    client.publish(f"{unique}/b", b"y")
    found = collect(client, client)
    assert [p.topic for p in found] == [f"{unique}/a"]


def test_no_local_is_of_the_client_id_not_the_connection(mqtt, unique):
    """The session resumed: what was published on the connection before stays hidden."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    client = mqtt.connect("c", **keep)
    client.subscribe((unique, 1 | NO_LOCAL))
    client.publish(unique, b"mine", 1)
    client.disconnect()
    client = mqtt.connect("c", **keep)
    client.publish(unique, b"mine again", 1)
    client.expect_nothing()


@pytest.mark.godwit_only(reason="Mosquitto 2.0 keeps the first no-local; [MQTT-3.8.4-3]")
def test_no_local_can_be_taken_back(mqtt, unique):
    client = mqtt.connect("c")
    client.subscribe((unique, NO_LOCAL))
    client.subscribe((unique, 0))
    client.publish(unique, b"x")
    client.take(payload=b"x")


# --- 5.0: identifiers ----------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [1, 127, 128, 16_384, 268_435_455])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_identifier_comes_with_the_message(mqtt, unique, identifier, qos):
    client = mqtt.connect("c")
    client.subscribe(unique, qos=qos, props=[(P.SUBSCRIPTION_ID, identifier)])
    mqtt.connect("p").publish(unique, b"x", qos)
    assert client.take(qos=qos).all(P.SUBSCRIPTION_ID) == [identifier]


def test_no_identifier_no_property(mqtt, unique):
    client, other = mqtt.connect("c"), mqtt.connect("o")
    client.subscribe(unique)
    other.subscribe(unique, props=[(P.SUBSCRIPTION_ID, 9)])
    mqtt.connect("p").publish(unique, b"x")
    assert client.take().props == []
    assert other.take().all(P.SUBSCRIPTION_ID) == [9]


def test_identifier_is_of_all_filters_of_the_packet(mqtt, unique):
    client = mqtt.connect("c")
    client.subscribe(f"{unique}/a", f"{unique}/b", props=[(P.SUBSCRIPTION_ID, 5)])
    publisher = mqtt.connect("p")
    for name in "ab":
        publisher.publish(f"{unique}/{name}", b"x")
    found = collect(publisher, client)
    assert [p.all(P.SUBSCRIPTION_ID) for p in found] == [[5], [5]]


def test_subscribing_again_replaces_the_identifier(mqtt, unique):
    client = mqtt.connect("c")
    publisher = mqtt.connect("p")
    for props, expected in (([(P.SUBSCRIPTION_ID, 5)], [5]), ([(P.SUBSCRIPTION_ID, 6)], [6]),
                            ([], [])):
        client.subscribe(unique, props=props)
        publisher.publish(unique, b"x")
        publisher.ping()
        assert client.take().all(P.SUBSCRIPTION_ID) == expected


def test_overlapping_identifiers_all_arrive(mqtt, unique):
    """[MQTT-3.3.4-4]: in one copy or several, every identifier is there."""
    client = mqtt.connect("c")
    client.subscribe(f"{unique}/a", qos=1, props=[(P.SUBSCRIPTION_ID, 1)])
    client.subscribe(f"{unique}/+", qos=2, props=[(P.SUBSCRIPTION_ID, 2)])
    client.subscribe(f"{unique}/#", qos=0, props=[(P.SUBSCRIPTION_ID, 2)])
    client.subscribe(f"{unique}/b", qos=0, props=[(P.SUBSCRIPTION_ID, 3)])
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/a", b"x", 2)
    found = collect(publisher, client)
    identifiers = [i for p in found for i in p.all(P.SUBSCRIPTION_ID)]
    assert sorted(identifiers) in ([1, 2, 2], [1, 2])


def test_identifier_on_retained_messages(mqtt, unique):
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"kept", 1, retain=True)
    client = mqtt.connect("c")
    client.subscribe(unique, qos=1, props=[(P.SUBSCRIPTION_ID, 7)])
    assert client.take(retain=True).all(P.SUBSCRIPTION_ID) == [7]


def test_identifier_survives_a_resumed_session(mqtt, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    client = mqtt.connect("c", **keep)
    client.subscribe(unique, qos=1, props=[(P.SUBSCRIPTION_ID, 7)])
    client.disconnect()
    client = mqtt.connect("c", **keep)
    mqtt.connect("p").publish(unique, b"x", 1)
    assert client.take().all(P.SUBSCRIPTION_ID) == [7]


@pytest.mark.godwit_only(reason="Mosquitto 2.0 ignores it; [MQTT-3.3.4-6]")
def test_client_must_not_publish_an_identifier(mqtt, unique):
    client = mqtt.connect("c")
    client.send(wire.publish(unique, b"x", props=[(P.SUBSCRIPTION_ID, 1)]))
    client.expect_close((Reason.PROTOCOL_ERROR, Reason.MALFORMED))


def test_user_properties_of_subscribe_and_unsubscribe_are_taken(mqtt, unique):
    client = mqtt.connect("c")
    props = [(P.USER_PROPERTY, ("k", "v")), (P.USER_PROPERTY, ("k", "v"))]
    client.subscribe(unique, props=props)
    client.send(wire.unsubscribe(9, [unique], props))
    client.expect(Kind.UNSUBACK, packet_id=9, reasons=[0])


def test_v5_reason_codes_in_suback_are_qos(mqtt, unique):
    client = mqtt.connect("c", V5)
    client.send(wire.subscribe(65535, [(unique, 2), (f"{unique}/x", 0)]))
    client.expect(Kind.SUBACK, packet_id=65535, reasons=[2, 0])
