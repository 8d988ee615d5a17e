"""What a session does for its client while it is away and when it comes back: MQTT 5.0 sections
4.1, 4.4, 4.5 and 4.6."""

import pytest

from mqtt import wire
from mqtt.client import collect, settle
from mqtt.wire import Kind, P, Reason, V31, V5, Will, acknowledge


@pytest.fixture
def keep(version):
    """CONNECT arguments for a session that lasts."""
    return {"clean": False, "props": [(P.SESSION_EXPIRY, 60)] if version == V5 else []}


# --- Server to client ----------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [1, 2])
def test_unacknowledged_publish_is_sent_again(mqtt, version, keep, unique, qos):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=qos)
    mqtt.connect("p").publish(unique, b"x", qos)
    first = client.expect(Kind.PUBLISH, dup=False)
    for _ in range(2):
        client.abort()
        client = mqtt.connect("c", version, **keep)
        again = client.expect(Kind.PUBLISH, dup=True, qos=qos, payload=b"x")
        assert again.packet_id == first.packet_id
    client.acknowledge(again)
    client.expect_nothing()
    client.disconnect()
    mqtt.connect("c", version, **keep).expect_nothing()


def test_released_message_is_not_sent_again(mqtt, version, keep, unique):
    """After PUBREC only PUBREL goes out: section 4.4."""
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=2)
    mqtt.connect("p").publish(unique, b"x", 2)
    packet = client.expect(Kind.PUBLISH)
    client.send(acknowledge(Kind.PUBREC, packet.packet_id))
    client.expect(Kind.PUBREL, packet_id=packet.packet_id)
    for _ in range(2):
        client.abort()
        client = mqtt.connect("c", version, **keep)
        client.expect(Kind.PUBREL, packet_id=packet.packet_id)
    client.send(acknowledge(Kind.PUBCOMP, packet.packet_id))
    client.expect_nothing()
    client.disconnect()
    mqtt.connect("c", version, **keep).expect_nothing()


def test_order_is_kept(mqtt, version, keep, unique):
    """Those in flight first, in their order and marked; then what was queued, unmarked."""
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/gone")
    client = mqtt.connect("c", version, will=Will(f"{unique}/gone"), **keep)
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    for number in range(6):
        publisher.publish(unique, b"%d" % number, 1 + number % 2)
    flight = [client.expect(Kind.PUBLISH) for _ in range(6)]
    client.abort()
    watcher.take(topic=f"{unique}/gone")  # the server has noticed
    for number in range(6, 9):
        publisher.publish(unique, b"%d" % number, 1 + number % 2)
    client = mqtt.connect("c", version, **keep)
    again = [client.expect(Kind.PUBLISH) for _ in range(9)]
    assert [p.payload for p in again] == [b"%d" % number for number in range(9)]
    assert [p.dup for p in again] == [True] * 6 + [False] * 3
    assert [p.packet_id for p in again[:6]] == [p.packet_id for p in flight]
    assert len({p.packet_id for p in again}) == 9


def test_only_what_is_open_comes_again(mqtt, version, keep, unique):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=2)
    publisher = mqtt.connect("p")
    for number in range(4):
        publisher.publish(unique, b"%d" % number, 1)
    packets = [client.expect(Kind.PUBLISH) for _ in range(4)]
    client.acknowledge(packets[1])
    client.acknowledge(packets[3])
    client.ping()
    client.abort()
    client = mqtt.connect("c", version, **keep)
    client.take(payload=b"0", dup=True)
    client.take(payload=b"2", dup=True)
    client.expect_nothing()


def test_new_identifiers_avoid_those_in_flight(mqtt, version, keep, unique):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"old", 1)
    client.expect(Kind.PUBLISH)
    client.abort()
    client = mqtt.connect("c", version, **keep)
    old = client.expect(Kind.PUBLISH, payload=b"old")
    publisher.publish(unique, b"new", 1)
    new = client.expect(Kind.PUBLISH, payload=b"new")
    assert new.packet_id != old.packet_id


# --- Client to server ----------------------------------------------------------------------------


def test_server_remembers_qos_2_identifiers(mqtt, version, keep, unique):
    """PUBLISH again with DUP after a break, when its PUBREC may not have arrived: once only."""
    watcher = mqtt.connect("w")
    watcher.subscribe(unique, qos=2)
    client = mqtt.connect("c", version, **keep)
    client.send(wire.publish(unique, b"x", 2, 9, version=version))
    client.expect(Kind.PUBREC, packet_id=9)
    client.abort()
    client = mqtt.connect("c", version, **keep)
    client.send(wire.publish(unique, b"x", 2, 9, dup=True, version=version))
    client.expect(Kind.PUBREC, packet_id=9)
    client.send(acknowledge(Kind.PUBREL, 9))
    client.expect(Kind.PUBCOMP, packet_id=9, reason=0)
    watcher.take(payload=b"x")
    settle(client, watcher)


def test_pubrel_after_a_break_completes(mqtt, version, keep, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique, qos=2)
    client = mqtt.connect("c", version, **keep)
    client.send(wire.publish(unique, b"x", 2, 9, version=version))
    client.expect(Kind.PUBREC, packet_id=9)
    client.abort()
    client = mqtt.connect("c", version, **keep)
    client.send(acknowledge(Kind.PUBREL, 9))
    client.expect(Kind.PUBCOMP, packet_id=9, reason=0)
    watcher.take(payload=b"x")
    settle(client, watcher)


def test_a_clean_start_forgets_qos_2_identifiers(mqtt, version, keep, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique, qos=2)
    client = mqtt.connect("c", version, **keep)
    client.send(wire.publish(unique, b"old", 2, 9, version=version))
    client.expect(Kind.PUBREC, packet_id=9)
    client.abort()
    client = mqtt.connect("c", version, clean=True)
    client.send(wire.publish(unique, b"new", 2, 9, version=version))
    client.expect(Kind.PUBREC, packet_id=9)
    client.send(acknowledge(Kind.PUBREL, 9))
    client.expect(Kind.PUBCOMP, packet_id=9)
    assert b"new" in [p.payload for p in collect(client, watcher)]


# --- Queued while away ---------------------------------------------------------------------------


def test_messages_wait_for_the_client(mqtt, version, keep, unique):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=2)
    client.disconnect()
    publisher = mqtt.connect("p")
    for qos in (1, 2, 1, 2):
        publisher.publish(unique, b"%d" % qos, qos)
    client = mqtt.connect("c", version, **keep)
    for qos in (1, 2, 1, 2):
        client.take(payload=b"%d" % qos, qos=qos, dup=False)
    client.expect_nothing()


def test_qos_0_may_be_lost_but_not_reordered(mqtt, version, keep, unique):
    """Whether QoS 0 is queued is the server's choice: 3.1.2.4, note."""
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=2)
    client.disconnect()
    publisher = mqtt.connect("p")
    for qos in (0, 1, 0, 2):
        publisher.publish(unique, b"%d" % qos, qos)
    client = mqtt.connect("c", version, **keep)
    found = [p.qos for p in collect(publisher, client)]
    assert [qos for qos in found if qos] == [1, 2]
    assert found in ([1, 2], [0, 1, 0, 2])


def test_subscribed_at_qos_0_nothing_has_to_wait(mqtt, version, keep, unique):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=0)
    client.disconnect()
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"while away", 2)
    client = mqtt.connect("c", version, **keep)
    publisher.publish(unique, b"back", 2)
    found = [p.payload for p in collect(publisher, client)]
    assert found in ([b"back"], [b"while away", b"back"])


def test_more_waits_than_fits_a_window(mqtt, version, keep, unique):
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=1)
    client.disconnect()
    publisher = mqtt.connect("p")
    for number in range(300):
        publisher.publish(unique, b"%d" % number, 1)
    client = mqtt.connect("c", version, **keep)
    for number in range(300):
        client.take(payload=b"%d" % number)
    client.expect_nothing()


def test_the_queue_is_bounded(mqtt, version, keep, unique):
    """The oldest stay, what comes past the bound is dropped, and the client learns the rest."""
    limited = mqtt.elsewhere(max_queued=10, max_inflight=5)
    client = limited.connect("c", version, **keep)
    client.subscribe(unique, qos=1)
    client.disconnect()
    publisher = limited.connect("p")
    sent = [b"%d" % number for number in range(50)]
    for payload in sent:
        publisher.publish(unique, payload, 1)
    client = limited.connect("c", version, **keep)
    found = [p.payload for p in collect(publisher, client)]
    assert 10 <= len(found) <= 15
    assert found == sent[:len(found)]
    publisher.publish(unique, b"room again", 1)
    client.take(payload=b"room again")


def test_unsubscribing_does_not_recall_what_is_in_flight(mqtt, version, keep, unique):
    """Section 3.10.4: deliveries that have begun are completed."""
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=1)
    mqtt.connect("p").publish(unique, b"x", 1)
    packet = client.expect(Kind.PUBLISH)
    client.unsubscribe(unique)
    client.abort()
    client = mqtt.connect("c", version, **keep)
    client.take(payload=b"x", packet_id=packet.packet_id, dup=True)


def test_properties_wait_too(mqtt, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    client = mqtt.connect("c", **keep)
    client.subscribe(unique, qos=1, props=[(P.SUBSCRIPTION_ID, 42)])
    client.disconnect()
    props = [(P.CONTENT_TYPE, "a/b"), (P.USER_PROPERTY, ("k", "1")), (P.USER_PROPERTY, ("k", "2"))]
    mqtt.connect("p").publish(unique, b"x", 1, props=props)
    for _ in range(2):
        client = mqtt.connect("c", **keep)
        packet = client.expect(Kind.PUBLISH, payload=b"x")
        assert packet.get(P.CONTENT_TYPE) == "a/b"
        assert packet.all(P.USER_PROPERTY) == [("k", "1"), ("k", "2")]
        assert packet.all(P.SUBSCRIPTION_ID) == [42]
        client.abort()


def test_publisher_is_told_that_someone_waits(mqtt, version, keep, unique):
    """A subscriber that is away is a subscriber: no 0x10."""
    client = mqtt.connect("c", version, **keep)
    client.subscribe(unique, qos=1)
    client.disconnect()
    reason = mqtt.connect("p").publish(unique, b"x", 1)
    assert reason != Reason.NO_MATCHING_SUBSCRIBERS


def test_two_sessions_each_have_their_own(mqtt, version, keep, unique):
    names = ("one", "two")
    for name in names:
        client = mqtt.connect(name, version, **keep)
        client.subscribe(unique, qos=2)
        client.disconnect()
    mqtt.connect("p", V31).publish(unique, b"x", 2)
    for name in names:
        mqtt.connect(name, version, **keep).take(payload=b"x", qos=2)
