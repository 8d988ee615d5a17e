"""Topic aliases, both ways: MQTT 5.0 section 3.3.2.3.4."""

import pytest

from mqtt import wire
from mqtt.client import collect
from mqtt.wire import Kind, P, Reason


@pytest.fixture
def watcher(mqtt, unique):
    client = mqtt.connect("watcher")
    client.subscribe(f"{unique}/#")
    return client


def aliased(topic: str, alias: int, payload: bytes = b"x", **fields) -> bytes:
    return wire.publish(topic, payload, props=[(P.TOPIC_ALIAS, alias)], **fields)


# --- From the client -----------------------------------------------------------------------------


def test_alias_stands_for_its_topic(mqtt, watcher, unique):
    client = mqtt.connect("c")
    maximum = client.connack.get(P.TOPIC_ALIAS_MAXIMUM)
    assert maximum >= 2
    client.send(
        aliased(f"{unique}/a", 1), aliased(f"{unique}/b", maximum), aliased("", 1),
        aliased("", maximum),
        aliased("", 1, qos=1, packet_id=1),
        aliased("", 1, qos=2, packet_id=2),
    )
    client.send(wire.acknowledge(Kind.PUBREL, 2))
    topics = [p.topic.removeprefix(unique) for p in collect_all(client, watcher)]
    assert topics == ["/a", "/b", "/a", "/b", "/a", "/a"]


def collect_all(client, watcher):
    """What came to the watcher; the client's acknowledgements are not looked at."""
    client.ping()
    client.inbox.clear()
    return collect(client, watcher)


def test_alias_can_be_given_to_another_topic(mqtt, watcher, unique):
    client = mqtt.connect("c")
    client.send(aliased(f"{unique}/a", 1), aliased("", 1), aliased(f"{unique}/b", 1),
                aliased("", 1))
    topics = [p.topic.removeprefix(unique) for p in collect_all(client, watcher)]
    assert topics == ["/a", "/a", "/b", "/b"]


def test_alias_is_not_handed_on(mqtt, watcher, unique):
    client = mqtt.connect("c")
    client.send(aliased(f"{unique}/a", 1))
    client.ping()
    assert watcher.take().props == []


def test_alias_holds_for_one_connection_only(mqtt, watcher, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    client = mqtt.connect("c", **keep)
    client.send(aliased(f"{unique}/a", 1))
    client.ping()
    watcher.take()
    client.disconnect()
    client = mqtt.connect("c", **keep)
    client.send(aliased("", 1))
    client.expect_close((Reason.PROTOCOL_ERROR, Reason.TOPIC_ALIAS_INVALID))
    watcher.expect_nothing()


def test_each_client_has_its_own(mqtt, watcher, unique):
    one, two = mqtt.connect("one"), mqtt.connect("two")
    one.send(aliased(f"{unique}/one", 1))
    two.send(aliased(f"{unique}/two", 1))
    one.ping(), two.ping()
    one.send(aliased("", 1))
    one.ping()
    assert sorted(p.topic.removeprefix(unique) for p in collect_all(two, watcher)) == [
        "/one", "/one", "/two"]


@pytest.mark.godwit_only(reason="Mosquitto 2.0 says 0x81; section 3.3.2.3.4 has 0x94")
def test_alias_zero(mqtt, unique):
    client = mqtt.connect("c")
    client.send(aliased(f"{unique}/a", 0))
    client.expect_close(Reason.TOPIC_ALIAS_INVALID)


def test_alias_past_the_maximum(mqtt, unique):
    client = mqtt.connect("c")
    client.send(aliased(f"{unique}/a", client.connack.get(P.TOPIC_ALIAS_MAXIMUM) + 1))
    client.expect_close(Reason.TOPIC_ALIAS_INVALID)


def test_alias_where_none_are_allowed(mqtt, unique):
    limited = mqtt.elsewhere(topic_alias_maximum=0)
    client = limited.connect("c")
    assert client.connack.get(P.TOPIC_ALIAS_MAXIMUM, 0) == 0
    client.send(aliased(f"{unique}/a", 1))
    client.expect_close(Reason.TOPIC_ALIAS_INVALID)


def test_alias_that_was_never_given(mqtt):
    client = mqtt.connect("c")
    client.send(aliased("", 1))
    client.expect_close((Reason.PROTOCOL_ERROR, Reason.TOPIC_ALIAS_INVALID))


def test_neither_topic_nor_alias(mqtt):
    client = mqtt.connect("c")
    client.send(wire.publish("", b"x"))
    client.expect_close((Reason.PROTOCOL_ERROR, Reason.MALFORMED))


# --- To the client -------------------------------------------------------------------------------


def test_never_unasked(mqtt, unique):
    for props in ([], [(P.TOPIC_ALIAS_MAXIMUM, 0)]):
        client = mqtt.connect("c", props=props)
        client.subscribe(unique)
        for _ in range(3):
            client.publish(unique, b"x")
        found = collect(client, client)
        assert [p.topic for p in found] == [unique] * 3
        assert all(p.get(P.TOPIC_ALIAS) is None for p in found)


@pytest.mark.parametrize("maximum", [1, 2, 10])
def test_server_stays_within_the_clients_maximum(mqtt, unique, maximum):
    """Whatever the server does with aliases, the client can tell every topic."""
    client = mqtt.connect("c", props=[(P.TOPIC_ALIAS_MAXIMUM, maximum)])
    client.subscribe(f"{unique}/#", qos=2)
    publisher = mqtt.connect("p")
    sent = [f"{unique}/{n % 4}" for n in range(20)]
    for number, topic in enumerate(sent):
        publisher.publish(topic, b"x", number % 3)
    known: dict[int, str] = {}
    topics = []
    for packet in collect(publisher, client):
        alias = packet.get(P.TOPIC_ALIAS)
        if alias is not None:
            assert 1 <= alias <= maximum
            if packet.topic:
                known[alias] = packet.topic
        topics.append(packet.topic or known[alias])
    assert topics == sent


@pytest.mark.godwit_only(reason="Mosquitto 2.0 never sends aliases")
def test_server_uses_aliases(mqtt, unique):
    client = mqtt.connect("c", props=[(P.TOPIC_ALIAS_MAXIMUM, 1)])
    client.subscribe(f"{unique}/#", qos=2)
    publisher = mqtt.connect("p")
    for qos in (0, 1, 2):
        publisher.publish(f"{unique}/a", b"x", qos)
    first, *rest = collect(publisher, client)
    assert first.topic == f"{unique}/a"
    assert [p.topic for p in rest] == ["", ""]
    assert {p.get(P.TOPIC_ALIAS) for p in (first, *rest)} == {1}


def test_messages_sent_again_name_their_topic_anew(mqtt, unique):
    """A resumed connection knows no aliases; what is sent again must not rely on them."""
    props = [(P.TOPIC_ALIAS_MAXIMUM, 5), (P.SESSION_EXPIRY, 60)]
    client = mqtt.connect("c", clean=False, props=props)
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    for _ in range(3):
        publisher.publish(unique, b"x", 1)
    for _ in range(3):
        client.expect(Kind.PUBLISH)
    client.abort()
    client = mqtt.connect("c", clean=False, props=props)
    known = {}
    for _ in range(3):
        packet = client.take(dup=True)
        if packet.topic:
            known[packet.get(P.TOPIC_ALIAS)] = packet.topic
        assert (packet.topic or known[packet.get(P.TOPIC_ALIAS)]) == unique
