"""Topic names and filters: MQTT 5.0 section 4.7."""

import pytest

from mqtt import wire
from mqtt.client import Client, ConnectionEnded, collect, settle
from mqtt.wire import Kind, Reason, V311, V5

# filter, topics that match it, topics that do not
MATCHES = [
    ("#", ["a", "a/b", "/", "/a", "a/", "a//b", "test////a//topic"], ["$a", "$a/b"]),
    ("+", ["a", " ", "ä"], ["a/b", "/", "/a", "$a"]),
    ("+/+", ["a/b", "/a", "a/", "/"], ["a", "a/b/c", "$a/b"]),
    ("/+", ["/a", "/"], ["a", "/a/b", "a/b"]),
    ("+/#", ["a", "a/b", "/a", "a/b/c"], ["$a", "$a/b"]),
    ("/#", ["/", "/a", "/a/b", "////foo///bar"], ["a", "a/b"]),
    ("a", ["a"], ["A", "a/", "/a", "aa", "a/b"]),
    ("a/#", ["a", "a/", "a/b", "a/b/c", "a//b"], ["ab", "b/a", "/a"]),
    ("a/+", ["a/b", "a/"], ["a", "a/b/c", "ab"]),
    ("a/+/c", ["a/b/c", "a//c"], ["a/c", "a/b/c/d", "a/b/b/c"]),
    ("a/+/c/#", ["a/b/c", "a/b/c/d", "a//c/d/e"], ["a/c", "a/b"]),
    ("a/+/#", ["a/b", "a/", "a/b/c"], ["a", "b/a"]),
    ("a/+/+/#", ["a/b/c", "a/b/c/d", "a//"], ["a/b", "a"]),
    ("a/b//", ["a/b//"], ["a/b/", "a/b", "a/b///"]),
    ("a//b", ["a//b"], ["a/b", "a/x/b"]),
    ("+/b/c", ["a/b/c", "/b/c"], ["b/c", "a/a/b/c"]),
    ("+/+/+/+/+/+/+/+/+/+/x", ["1/2/3/4/5/6/7/8/9/10/x"], ["1/2/3/4/5/6/7/8/9/x"]),
    ("$a/#", ["$a/b", "$a", "$a/b/c"], ["a/b", "x/$a/b"]),
    ("$a/+", ["$a/b"], ["$a/b/c"]),
    ("x/$a/+", ["x/$a/b"], ["$a/b"]),
    ("a.b", ["a.b"], ["a/b", "axb"]),
    ("a.b/+", ["a.b/c.d"], ["a/b/c", "a.b.c"]),
    ("a*/>", ["a*/>"], ["ab/c", "a*/c"]),
    ("*", ["*"], ["a", "a/b"]),
    (">", [">"], ["a", "a/b"]),
    ("a b/ c", ["a b/ c"], ["a/c"]),
    ("träu/☃/+", ["träu/☃/🦢"], ["trau/☃/x"]),
]


@pytest.fixture
def alone(mqtt):
    """A server that nobody else has left messages on."""
    return mqtt.elsewhere(fresh=True)


def received(publisher: Client, client: Client) -> list[str]:
    """Topics that came, other than the server's own."""
    return sorted({p.topic for p in collect(publisher, client) if not p.topic.startswith("$SYS")})


def test_which_topics_match_which_filter(alone, version):
    publisher = alone.connect("p")
    client = alone.connect("c", version)
    for pattern, matching, other in MATCHES:
        client.subscribe(pattern)
        for topic in [*matching, *other]:
            publisher.publish(topic, b"x")
        assert received(publisher, client) == sorted(matching), pattern
        client.unsubscribe(pattern)


def test_which_retained_messages_match_which_filter(alone, version):
    publisher = alone.connect("p")
    topics = sorted({topic for _, matching, other in MATCHES for topic in matching + other})
    for topic in topics:
        publisher.publish(topic, b"x", retain=True)
    client = alone.connect("c", version)
    for pattern, matching, other in MATCHES:
        client.subscribe(pattern)
        found = received(publisher, client)
        assert set(matching) <= set(found), pattern
        assert not set(other) & set(found), pattern
        client.unsubscribe(pattern)


def test_all_filters_at_once(alone):
    """Every table row as one client, so that a cached match for one cannot serve another."""
    publisher = alone.connect("p")
    clients = [alone.connect(f"c{n}") for n in range(len(MATCHES))]
    for client, (pattern, _, _) in zip(clients, MATCHES, strict=True):
        client.subscribe(pattern)
    topics = sorted({topic for _, matching, other in MATCHES for topic in matching + other})
    for _ in range(2):
        for topic in topics:
            publisher.publish(topic, b"x")
        for client, (pattern, matching, other) in zip(clients, MATCHES, strict=True):
            found = received(publisher, client)
            assert set(matching) <= set(found), pattern
            assert not set(other) & set(found), pattern


def test_dollar_topics_are_not_found_by_wildcards(mqtt, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe("+/" + unique, f"+/{unique}/#")
    publisher = mqtt.connect("p")
    publisher.publish(f"$x/{unique}", b"hidden")
    publisher.publish(f"x/{unique}", b"seen")
    assert {p.payload for p in collect(publisher, client)} == {b"seen"}
    client.subscribe(f"$x/{unique}")
    publisher.publish(f"$x/{unique}", b"asked for")
    publisher.ping()
    client.take(payload=b"asked for")


def test_clients_cannot_publish_under_sys(mqtt, version, unique):
    """The server's own topics: what clients send there reaches nobody, and breaks nothing."""
    watcher = mqtt.connect("w")
    watcher.subscribe(f"$SYS/{unique}")
    client = mqtt.connect("c", version)
    client.send(wire.publish(f"$SYS/{unique}", b"forged", version=version))
    client.expect_nothing()
    settle(client, watcher)


# --- Filters that are none -----------------------------------------------------------------------

BAD_FILTERS = [
    "", "a#", "#a", "a/#/b", "#/a", "##", "a/b#", "a/#b", "+a", "a+", "a/+b", "a/b+/c", "++",
    "a/++", "+#",
]

BAD_TEXT = [b"a\x00b", b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf8\x88\x80\x80\x80"]

_REFUSALS = (
    Reason.MALFORMED, Reason.PROTOCOL_ERROR, Reason.FILTER_INVALID, Reason.TOPIC_INVALID,
)


def refuses(client: Client, kind: Kind) -> None:
    """Either the packet's own acknowledgement with an error, or the end of the connection."""
    try:
        packet = client.receive()
    except ConnectionEnded:
        assert client.version != V5, "a 5.0 client is told why"
        return
    if packet.kind == kind:
        assert all(reason >= 0x80 for reason in packet.reasons), packet
        client.expect_nothing()
    else:
        assert packet.kind == Kind.DISCONNECT and packet.reason in _REFUSALS, packet
        client.expect_end()


@pytest.mark.parametrize("pattern", [*BAD_FILTERS, *BAD_TEXT], ids=repr)
def test_subscribing_to_a_bad_filter(mqtt, version, pattern):
    client = mqtt.connect("c", version)
    client.send(wire.subscribe(1, [(pattern, 0)], version=version))
    refuses(client, Kind.SUBACK)


@pytest.mark.parametrize("pattern", ["", "a#", "a/#/b", b"a\x00b", b"\xff"], ids=repr)
def test_unsubscribing_from_a_bad_filter(mqtt, version, pattern):
    """3.x have no code for it: closed, or acknowledged as it changes nothing."""
    client = mqtt.connect("c", version)
    client.send(wire.unsubscribe(1, [pattern], version=version))
    refuses(client, Kind.UNSUBACK)


BAD_TOPICS = ["", "a/+", "a/#", "+", "#", "a+b", "a#b", *BAD_TEXT]


@pytest.mark.parametrize("topic", BAD_TOPICS, ids=repr)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_publishing_to_a_bad_topic(mqtt, version, topic, qos):
    watcher = mqtt.connect("w")
    watcher.subscribe("a/b", "a")
    client = mqtt.connect("c", version)
    client.send(wire.publish(topic, b"x", qos, 1 if qos else None, version=version))
    if version == V5 and qos:
        try:
            packet = client.receive()
        except ConnectionEnded:
            pytest.fail("a 5.0 client is told why")
        allowed = (*_REFUSALS, Reason.TOPIC_ALIAS_INVALID)
        assert packet.kind in (Kind.DISCONNECT, Kind.PUBACK, Kind.PUBREC), packet
        assert packet.reason in allowed, packet
    else:
        client.expect_close(_REFUSALS if version == V5 else None)
    watcher.expect_nothing()


@pytest.mark.parametrize("topic", ["﻿bom", "a\u0001b", "￾", "𐍈", "a b", "a\tb"],
                         ids=["BOM", "control", "non-character", "beyond BMP", "space", "tab"])
def test_unusual_topics_that_are_legal(mqtt, unique, topic):
    """U+FEFF is kept [MQTT-1.5.4-3]; control and non-characters may be refused, never altered."""
    client = mqtt.connect("c", V311)
    topic = f"{unique}/{topic}"
    try:
        assert client.subscribe(topic) == [0]
        client.publish(topic, b"x")
        client.take(topic=topic)
    except ConnectionEnded:
        assert topic.endswith(("\u0001b", "￾", "\tb")), "refused without a right to"


@pytest.mark.parametrize("levels", [200, 1000])
def test_deep_topics(mqtt, version, levels):
    """Served, or refused in the protocol's words; the server lives on."""
    client = mqtt.connect("c", version)
    topic = "/".join("x" * levels)
    client.send(wire.subscribe(1, [(topic, 1)], version=version))
    try:
        answer = client.receive()
        if answer.kind == Kind.SUBACK and answer.reasons == [1]:
            client.publish(topic, b"x", 1)
            client.take(topic=topic)
        else:
            assert answer.reason in _REFUSALS or answer.reasons[0] >= 0x80, answer
    except ConnectionEnded:
        assert version != V5, "a 5.0 client is told why"
    mqtt.connect("other").expect_nothing()
