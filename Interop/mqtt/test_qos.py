"""Delivery packet by packet: MQTT 5.0 sections 3.3 to 3.7, 4.3 and 4.6."""

import pytest

from mqtt import wire
from mqtt.client import collect, settle
from mqtt.wire import ALL_VERSIONS, Kind, P, Reason, V31, V311, acknowledge


@pytest.fixture
def watcher(mqtt, unique):
    client = mqtt.connect("watcher")
    client.subscribe(f"{unique}/#", qos=2)
    return client


@pytest.mark.parametrize("granted", [0, 1, 2])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_delivery_has_the_lower_qos(mqtt, version, unique, qos, granted):
    client = mqtt.connect("c", version)
    assert client.subscribe(unique, qos=granted) == [granted]
    client.publish(unique, b"x", qos)
    client.take(payload=b"x", topic=unique, qos=min(qos, granted), dup=False, retain=False)
    client.expect_nothing()


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_empty_and_binary_payloads(mqtt, version, unique, qos):
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=qos)
    for payload in (b"", b"\x00", bytes(range(256))):
        client.publish(unique, payload, qos)
        client.take(payload=payload, qos=qos)


@pytest.mark.parametrize("size", [100, 127, 128, 16_383, 16_384, 70_000, 1_000_000])
def test_payload_sizes_around_the_length_steps(mqtt, version, unique, size):
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=1)
    payload = bytes(range(251)) * (size // 251 + 1)
    client.send(wire.publish(unique, payload[:size], 1, 9, version=version))
    assert client.await_kind(Kind.PUBACK).packet_id == 9
    client.take(payload=payload[:size])


def test_longest_topic(mqtt, version):
    client = mqtt.connect("c", version)
    topic = "ab/" * 50 + "x" * (65535 - 150)
    client.subscribe(topic, qos=1)
    client.publish(topic, b"x", 1)
    client.take(topic=topic)


def test_between_all_versions(mqtt, unique):
    clients = {v: mqtt.connect(f"c{v}", v) for v in ALL_VERSIONS}
    for client in clients.values():
        client.subscribe(f"{unique}/+", qos=2)
    for v, sender in clients.items():
        sender.publish(f"{unique}/{v}", b"x", 2)
        for client in clients.values():
            client.take(topic=f"{unique}/{v}", qos=2)


# --- Client to server ----------------------------------------------------------------------------


def test_no_matching_subscriber_is_said(mqtt, unique):
    """Section 3.4.2.1: 0x10 where the server knows; Mosquitto knows at QoS 1."""
    client = mqtt.connect("c")
    assert client.publish(unique, b"x", 1) == Reason.NO_MATCHING_SUBSCRIBERS
    assert client.publish(unique, b"x", 2) in (0, Reason.NO_MATCHING_SUBSCRIBERS)
    client.subscribe(unique)
    assert client.publish(unique, b"x", 1) == 0


def test_repeated_qos_1_publish_is_acknowledged_again(mqtt, watcher, version, unique):
    """With DUP it may be a new message for all the server knows."""
    client = mqtt.connect("c", version)
    for dup in (False, True):
        client.send(wire.publish(f"{unique}/a", b"x", 1, 77, dup=dup, version=version))
        client.expect(Kind.PUBACK, packet_id=77)
    watcher.take(payload=b"x", dup=False)
    watcher.take(payload=b"x", dup=False)


def test_repeated_qos_2_publish_counts_once(mqtt, watcher, version, unique):
    client = mqtt.connect("c", version)
    for dup in (False, True):
        client.send(wire.publish(f"{unique}/a", b"x", 2, 77, dup=dup, version=version))
        client.expect(Kind.PUBREC, packet_id=77)
    client.send(acknowledge(Kind.PUBREL, 77))
    client.expect(Kind.PUBCOMP, packet_id=77)
    watcher.take(payload=b"x", qos=2, dup=False)
    settle(client, watcher)


def test_repeated_pubrel_is_answered_and_delivers_once(mqtt, watcher, version, unique):
    client = mqtt.connect("c", version)
    client.send(wire.publish(f"{unique}/a", b"x", 2, 5, version=version))
    client.expect(Kind.PUBREC, packet_id=5)
    client.send(acknowledge(Kind.PUBREL, 5))
    client.expect(Kind.PUBCOMP, packet_id=5, reason=0)
    client.send(acknowledge(Kind.PUBREL, 5))
    again = client.expect(Kind.PUBCOMP, packet_id=5)
    assert again.reason in (0, Reason.PACKET_ID_NOT_FOUND)
    watcher.take(payload=b"x")
    settle(client, watcher)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 answers 0x00 here; section 3.7.2.1 has 0x92 for it")
def test_pubrel_for_an_unknown_identifier_is_said(mqtt):
    client = mqtt.connect("c")
    client.send(acknowledge(Kind.PUBREL, 4711))
    client.expect(Kind.PUBCOMP, packet_id=4711, reason=Reason.PACKET_ID_NOT_FOUND)


def test_identifiers_are_free_again_after_the_exchange(mqtt, watcher, version, unique):
    client = mqtt.connect("c", version)
    for number in range(5):
        client.send(wire.publish(f"{unique}/a", b"q1 %d" % number, 1, 1, version=version))
        client.expect(Kind.PUBACK, packet_id=1)
        client.send(wire.publish(f"{unique}/a", b"q2 %d" % number, 2, 1, version=version))
        client.expect(Kind.PUBREC, packet_id=1)
        client.send(acknowledge(Kind.PUBREL, 1))
        client.expect(Kind.PUBCOMP, packet_id=1)
        watcher.take(payload=b"q1 %d" % number)
        watcher.take(payload=b"q2 %d" % number)


def test_largest_identifier(mqtt, watcher, version, unique):
    client = mqtt.connect("c", version)
    client.send(wire.publish(f"{unique}/a", b"x", 2, 65535, version=version))
    client.expect(Kind.PUBREC, packet_id=65535)
    client.send(acknowledge(Kind.PUBREL, 65535))
    client.expect(Kind.PUBCOMP, packet_id=65535)
    watcher.take(payload=b"x")


def test_both_directions_may_use_one_identifier(mqtt, version, unique):
    """Identifiers are per direction: section 2.2.1."""
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=2)
    mqtt.connect("p").publish(unique, b"from server", 2)
    incoming = client.expect(Kind.PUBLISH, qos=2)
    client.send(wire.publish(f"{unique}/out", b"x", 2, incoming.packet_id, version=version))
    client.expect(Kind.PUBREC, packet_id=incoming.packet_id)
    client.send(acknowledge(Kind.PUBREC, incoming.packet_id))
    client.expect(Kind.PUBREL, packet_id=incoming.packet_id)
    client.send(acknowledge(Kind.PUBREL, incoming.packet_id))
    client.expect(Kind.PUBCOMP, packet_id=incoming.packet_id)
    client.send(acknowledge(Kind.PUBCOMP, incoming.packet_id))
    client.expect_nothing()


@pytest.mark.parametrize("form", ["short", "reason", "properties"])
def test_all_lengths_of_an_acknowledgement(mqtt, unique, form):
    """Section 3.4.2: reason and properties may be left out from the end."""
    extra = {"short": {}, "reason": {"reason": 0}, "properties": {
        "reason": 0, "props": [(P.REASON_STRING, "fine"), (P.USER_PROPERTY, ("a", "b"))]}}[form]
    client = mqtt.connect("c")
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    publisher.send(wire.publish(unique, b"x", 2, 3))
    publisher.expect(Kind.PUBREC)
    publisher.send(acknowledge(Kind.PUBREL, 3, **extra))
    publisher.expect(Kind.PUBCOMP)
    packet = client.expect(Kind.PUBLISH)
    client.send(acknowledge(Kind.PUBREC, packet.packet_id, **extra))
    client.expect(Kind.PUBREL, packet_id=packet.packet_id)
    client.send(acknowledge(Kind.PUBCOMP, packet.packet_id, **extra))
    publisher.publish(unique, b"y", 1)
    packet = client.expect(Kind.PUBLISH, payload=b"y")
    client.send(acknowledge(Kind.PUBACK, packet.packet_id, **extra))
    client.expect_nothing()


# --- Server to client ----------------------------------------------------------------------------


def test_identifiers_in_flight_are_distinct(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    for number in range(8):
        publisher.publish(unique, b"%d" % number, 1 + number % 2)
    packets = [client.expect(Kind.PUBLISH, payload=b"%d" % number) for number in range(8)]
    assert len({p.packet_id for p in packets}) == 8
    for packet in reversed(packets):
        client.acknowledge(packet)
    settle(publisher, client)


def test_nothing_is_sent_twice_on_one_connection(mqtt, version, unique):
    """[MQTT-4.4.0-1]: 5.0 forbids it; 3.1.1 servers stopped doing it, too."""
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"q1", 1)
    publisher.publish(unique, b"q2", 2)
    first, second = client.expect(Kind.PUBLISH), client.expect(Kind.PUBLISH)
    settle(publisher, client)
    client.acknowledge(second)
    client.acknowledge(first)
    settle(publisher, client)


def test_repeated_pubrec_is_answered_with_pubrel(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=2)
    mqtt.connect("p").publish(unique, b"x", 2)
    packet = client.expect(Kind.PUBLISH)
    for _ in range(2):
        client.send(acknowledge(Kind.PUBREC, packet.packet_id))
        client.expect(Kind.PUBREL, packet_id=packet.packet_id)
    client.send(acknowledge(Kind.PUBCOMP, packet.packet_id))
    client.expect_nothing()


def test_pubrec_with_an_error_ends_the_exchange(mqtt, unique):
    """Section 4.3.3: no PUBREL follows, and the identifier is free."""
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, 1)])
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    for number in range(3):
        publisher.publish(unique, b"%d" % number, 2)
    for number in range(3):
        packet = client.expect(Kind.PUBLISH, payload=b"%d" % number)
        client.send(acknowledge(Kind.PUBREC, packet.packet_id, Reason.UNSPECIFIED))
    client.expect_nothing()


def test_puback_with_an_error_ends_the_exchange(mqtt, unique):
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, 1)])
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    for number in range(3):
        publisher.publish(unique, b"%d" % number, 1)
    for number in range(3):
        packet = client.expect(Kind.PUBLISH, payload=b"%d" % number)
        client.send(acknowledge(Kind.PUBACK, packet.packet_id, Reason.QUOTA_EXCEEDED))
    client.expect_nothing()


@pytest.mark.parametrize("kind", [Kind.PUBACK, Kind.PUBCOMP])
def test_acknowledgement_of_nothing_does_not_hurt(mqtt, version, kind):
    """Never sent, or acknowledged twice: ignored (it is a known race after a resume)."""
    client = mqtt.connect("c", version)
    client.send(acknowledge(kind, 4711))
    client.expect_nothing()


def test_pubrec_of_nothing(mqtt, version):
    """5.0 answers 0x92 in PUBREL; the older versions cannot say it."""
    client = mqtt.connect("c", version)
    client.send(acknowledge(Kind.PUBREC, 4711), wire.PINGREQ)
    packet = client.receive()
    if packet.kind == Kind.PUBREL:
        assert packet.packet_id == 4711
        assert packet.reason in (0, Reason.PACKET_ID_NOT_FOUND)
        packet = client.receive()
    assert packet.kind == Kind.PINGRESP


# --- Order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_order_of_one_publisher(mqtt, version, unique, qos):
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=qos)
    publisher = mqtt.connect("p")
    for number in range(100):
        publisher.publish(unique, b"%d" % number, qos)
    found = collect(publisher, client)
    assert [p.payload for p in found] == [b"%d" % number for number in range(100)]


def test_qos_1_order_holds_with_pipelined_publishes(mqtt, unique):
    client = mqtt.connect("c", V311)
    client.subscribe(f"{unique}/#", qos=1)
    publisher = mqtt.connect("p", V311)
    count = 300
    publisher.send(*(
        wire.publish(f"{unique}/{n % 7}", b"%d" % n, 1, n + 1, version=V311) for n in range(count)
    ))
    for number in range(count):
        publisher.expect(Kind.PUBACK, packet_id=number + 1)
    found = collect(publisher, client)
    assert [int(p.payload) for p in found] == list(range(count))


def test_fan_out(mqtt, version, unique):
    clients = [mqtt.connect(f"c{number}", version) for number in range(20)]
    for number, client in enumerate(clients):
        client.subscribe(unique, qos=number % 3)
    mqtt.connect("p", V31).publish(unique, b"x", 2)
    for number, client in enumerate(clients):
        client.take(payload=b"x", qos=number % 3)


@pytest.mark.parametrize("qos", [1, 2])
def test_server_with_a_lower_maximum(mqtt, unique, qos):
    """Section 3.2.2.3.4: announced, subscriptions are still taken, publishing beyond is 0x9B."""
    limited = mqtt.elsewhere(max_qos=qos - 1)
    client = limited.connect("c")
    assert client.connack.get(P.MAXIMUM_QOS) == qos - 1
    assert client.subscribe(unique, qos=2)[0] in (qos - 1, 2)
    client.publish(unique, b"allowed", qos - 1)
    client.take(payload=b"allowed", qos=qos - 1)
    client.send(wire.publish(unique, b"x", qos, 1))
    client.expect_close(Reason.QOS_NOT_SUPPORTED)
