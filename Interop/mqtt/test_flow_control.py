"""Receive maximum and maximum packet size, both ways: MQTT 5.0 sections 3.1.2.11.3, 3.1.2.11.4,
3.2.2.3.3, 3.2.2.3.6 and 4.9."""

import pytest

from godwit_rig import target
from mqtt import wire
from mqtt.client import ConnectionEnded, collect, settle
from mqtt.wire import Kind, P, Reason, V311, acknowledge


# Mosquitto 2.0 does not count every byte of the fixed header.
FIRST_TOO_MANY = 8 if target() == "oracle" else 1

_OLDEST_FIRST = (
    "Mosquitto 2.0 fills a whole window when the oldest message is acknowledged; [MQTT-3.3.4-9]"
)
acknowledging = pytest.mark.parametrize(
    "position",
    [-1, pytest.param(0, marks=pytest.mark.godwit_only(reason=_OLDEST_FIRST))],
    ids=["newest first", "oldest first"],
)


def publish_many(publisher, topic: str, count: int, qos: int) -> list[bytes]:
    payloads = [b"%d" % number for number in range(count)]
    for payload in payloads:
        publisher.publish(topic, payload, qos)
    return payloads


# --- What the client can receive -----------------------------------------------------------------


@pytest.mark.parametrize("maximum", [1, 2, 5])
@pytest.mark.parametrize("qos", [1, 2])
@acknowledging
def test_server_keeps_within_the_clients_window(mqtt, unique, qos, maximum, position):
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, maximum)])
    client.subscribe(unique, qos=qos)
    publisher = mqtt.connect("p")
    payloads = publish_many(publisher, unique, maximum + 3, qos)
    window = [client.expect(Kind.PUBLISH, payload=payloads[n], qos=qos) for n in range(maximum)]
    settle(publisher, client)
    for payload in payloads[maximum:]:
        client.acknowledge(window.pop(position))
        window.append(client.expect(Kind.PUBLISH, payload=payload))
        client.expect_nothing()
    for packet in window:
        client.acknowledge(packet)
    client.expect_nothing()


def test_qos_0_passes_a_full_window(mqtt, unique):
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, 1)])
    client.subscribe(f"{unique}/+", qos=1)
    publisher = mqtt.connect("p")
    publish_many(publisher, f"{unique}/1", 2, 1)
    held = client.expect(Kind.PUBLISH, payload=b"0")
    publisher.publish(f"{unique}/0", b"at most once", 0)
    client.take(payload=b"at most once", qos=0)
    client.acknowledge(held)
    client.take(payload=b"1")


def test_a_qos_2_message_holds_its_place_until_pubcomp(mqtt, unique):
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, 1)])
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    publish_many(publisher, unique, 2, 2)
    packet = client.expect(Kind.PUBLISH, payload=b"0")
    client.send(acknowledge(Kind.PUBREC, packet.packet_id))
    client.expect(Kind.PUBREL, packet_id=packet.packet_id)
    client.expect_nothing()
    client.send(acknowledge(Kind.PUBCOMP, packet.packet_id))
    client.take(payload=b"1")


@pytest.mark.godwit_only(reason="Mosquitto 2.0 sends again all that was in flight; [MQTT-3.3.4-9]")
def test_window_is_per_connection(mqtt, unique):
    """A resumed session has the window that the new CONNECT says."""
    keep = [(P.SESSION_EXPIRY, 60)]
    client = mqtt.connect("c", clean=False, props=[(P.RECEIVE_MAXIMUM, 4), *keep])
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    publish_many(publisher, unique, 5, 1)
    for number in range(4):
        client.expect(Kind.PUBLISH, payload=b"%d" % number)
    client.abort()
    client = mqtt.connect("c", clean=False, props=[(P.RECEIVE_MAXIMUM, 2), *keep])
    window = [client.expect(Kind.PUBLISH, payload=b"%d" % number) for number in range(2)]
    client.expect_nothing()
    for number in range(2, 5):
        client.acknowledge(window.pop(0))
        window.append(client.expect(Kind.PUBLISH, payload=b"%d" % number))
        client.expect_nothing()


@acknowledging
def test_servers_own_window_for_older_clients(mqtt, old_version, unique, position):
    limited = mqtt.elsewhere(max_inflight=3)
    client = limited.connect("c", old_version)
    client.subscribe(unique, qos=1)
    publisher = limited.connect("p")
    publish_many(publisher, unique, 5, 1)
    window = [client.expect(Kind.PUBLISH, payload=b"%d" % number) for number in range(3)]
    settle(publisher, client)
    for number in (3, 4):
        client.acknowledge(window.pop(position))
        window.append(client.expect(Kind.PUBLISH, payload=b"%d" % number))
        client.expect_nothing()


def test_a_full_window_of_one_client_does_not_hold_up_another(mqtt, unique):
    slow = mqtt.connect("slow", props=[(P.RECEIVE_MAXIMUM, 1)])
    quick = mqtt.connect("quick")
    for client in (slow, quick):
        client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    payloads = publish_many(publisher, unique, 10, 1)
    for payload in payloads:
        quick.take(payload=payload)
    for payload in payloads:
        slow.take(payload=payload)


# --- What the server can receive -----------------------------------------------------------------


@pytest.mark.godwit_only(reason="Mosquitto 2.0 refuses the message with 0x97; [MQTT-3.3.4-7]")
def test_more_than_the_servers_window_is_an_error(mqtt, unique):
    limited = mqtt.elsewhere(receive_maximum=3)
    client = limited.connect("c")
    assert client.connack.get(P.RECEIVE_MAXIMUM) == 3
    client.send(*(wire.publish(unique, b"x", 2, n) for n in range(1, 4)))
    for packet_id in range(1, 4):
        client.expect(Kind.PUBREC, packet_id=packet_id)
    client.send(wire.publish(unique, b"x", 2, 4))
    client.expect_close(Reason.RECEIVE_MAXIMUM_EXCEEDED)


def test_a_full_window_of_the_server_may_be_used(mqtt, unique):
    limited = mqtt.elsewhere(receive_maximum=3)
    client = limited.connect("c")
    for start in (1, 4):
        ids = range(start, start + 3)
        client.send(*(wire.publish(unique, b"x", 2, n) for n in ids))
        for packet_id in ids:
            client.expect(Kind.PUBREC, packet_id=packet_id)
        client.send(*(wire.publish(unique, b"x", 0) for _ in range(5)))
        client.send(*(acknowledge(Kind.PUBREL, n) for n in ids))
        for packet_id in ids:
            client.expect(Kind.PUBCOMP, packet_id=packet_id)
    client.expect_nothing()


def test_qos_1_does_not_fill_the_servers_window(mqtt, unique):
    """The server acknowledges as it reads, so pipelining beyond the window is harmless."""
    limited = mqtt.elsewhere(receive_maximum=3)
    client = limited.connect("c")
    for packet_id in range(1, 50):
        client.send(wire.publish(unique, b"x", 1, packet_id))
        client.expect(Kind.PUBACK, packet_id=packet_id)


def test_older_clients_know_no_window(mqtt, old_version, unique):
    client = mqtt.connect("c", old_version)
    count = 15
    client.send(*(wire.publish(unique, b"x", 2, n + 1, version=V311) for n in range(count)))
    for packet_id in range(1, count + 1):
        client.expect(Kind.PUBREC, packet_id=packet_id)


# --- Packet size ---------------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_server_drops_what_the_client_cannot_take(mqtt, unique, qos):
    """[MQTT-3.1.2-25]: as if it had been delivered; what follows comes."""
    limit = 100
    client = mqtt.connect("c", props=[(P.MAXIMUM_PACKET_SIZE, limit)])
    other = mqtt.connect("o")
    for each in (client, other):
        each.subscribe(unique, qos=qos)
    publisher = mqtt.connect("p")
    room = limit - len(wire.publish(unique, b"", qos, 1 if qos else None))
    for payload in (b"small", b"x" * room, b"x" * (room + FIRST_TOO_MANY), b"x" * 5000, b"last"):
        publisher.publish(unique, payload, qos)
    sizes = [p.size for p in collect(publisher, client)]
    assert len(sizes) == 3, "small, just fitting, last"
    assert sizes[1] == limit
    assert len(collect(publisher, other)) == 5, "others are not concerned"


def test_properties_count(mqtt, unique):
    client = mqtt.connect("c", props=[(P.MAXIMUM_PACKET_SIZE, 100)])
    client.subscribe(unique)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", 0, props=[(P.USER_PROPERTY, ("k", "v" * 100))])
    publisher.publish(unique, b"y", 0, props=[(P.USER_PROPERTY, ("k", "v"))])
    found = collect(publisher, client)
    assert [p.payload for p in found] == [b"y"]


def test_retained_and_queued_messages_too_large_are_dropped(mqtt, unique):
    publisher = mqtt.connect("p")
    publisher.publish(f"{unique}/a", b"x" * 200, 1, retain=True)
    publisher.publish(f"{unique}/b", b"fits", 1, retain=True)
    props = [(P.MAXIMUM_PACKET_SIZE, 100), (P.SESSION_EXPIRY, 60)]
    client = mqtt.connect("c", clean=False, props=props)
    client.subscribe(f"{unique}/#", qos=1)
    client.take(payload=b"fits")
    client.expect_nothing()
    client.disconnect()
    publisher.publish(f"{unique}/a", b"x" * 200, 1)
    publisher.publish(f"{unique}/b", b"fits again", 1)
    client = mqtt.connect("c", clean=False, props=props)
    client.take(payload=b"fits again")
    client.expect_nothing()


@pytest.mark.godwit_only(reason="Mosquitto 2.0 leaves them in its window; [MQTT-3.1.2-25]")
def test_oversize_messages_do_not_fill_the_window(mqtt, unique):
    props = [(P.MAXIMUM_PACKET_SIZE, 60), (P.RECEIVE_MAXIMUM, 1)]
    client = mqtt.connect("c", props=props)
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    for _ in range(5):
        publisher.publish(unique, b"x" * 100, 1)
    publisher.publish(unique, b"fits", 1)
    client.take(payload=b"fits")


@pytest.mark.parametrize("qos", [0, 1])
def test_client_must_keep_within_the_servers_size(mqtt, unique, qos):
    limited = mqtt.elsewhere(packet_bytes_max=1000)
    client = limited.connect("c")
    assert client.connack.get(P.MAXIMUM_PACKET_SIZE) == 1000
    client.subscribe(unique)
    packet_id = 1 if qos else None
    room = 1000 - len(wire.publish(unique, b"", qos, packet_id)) - 1  # length takes two bytes
    client.send(wire.publish(unique, b"x" * room, qos, packet_id))
    assert len(client.await_kind(Kind.PUBLISH).payload) == room
    client.ping()
    client.inbox.clear()
    client.send(wire.publish(unique, b"x" * (room + FIRST_TOO_MANY), qos, packet_id))
    client.expect_close(Reason.PACKET_TOO_LARGE)


def test_older_clients_are_cut_off_past_the_servers_size(mqtt, old_version, unique):
    limited = mqtt.elsewhere(packet_bytes_max=1000)
    client = limited.connect("c", old_version)
    client.send(wire.publish(unique, b"x" * 1000, version=old_version))
    client.expect_close()


def test_oversize_is_noticed_before_it_has_come(mqtt, version, unique):
    """The length alone is enough; nothing may be set aside for it."""
    limited = mqtt.elsewhere(packet_bytes_max=1000)
    client = limited.connect("c", version)
    client.send(b"\x30\xff\xff\xff\x7f\x00\x01a")
    client.expect_close(Reason.PACKET_TOO_LARGE)


def test_connect_past_the_servers_size(mqtt, version):
    limited = mqtt.elsewhere(connect_bytes_max=1000)
    client = limited.open(version)
    client.send(wire.connect("c", version, will=wire.Will("t", b"x" * 2000)))
    try:
        packet = client.receive()
    except ConnectionEnded:
        return
    assert packet.kind == Kind.CONNACK and packet.reason == Reason.PACKET_TOO_LARGE
    client.expect_end()
