"""What NATS clients and MQTT clients see of each other."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import urllib.request

import nats
import pytest
from godwit_rig import Delivery, NATSWire, User, hpub, pub
from godwit_rig.brokers import godwit_binary
from godwit_rig.paho_peer import PahoPeer, publish_properties

pytestmark = pytest.mark.godwit_only

# The names of what MQTT has a property for and NATS a header.
CONTENT_TYPE = "Content-Type"
TIME_TO_LIVE = "Nats-TTL"
CORRELATION = "Correlation-Data"
PAYLOAD_FORMAT = "Payload-Format-Indicator"

# The same topic in MQTT's words and in NATS's, below a first level of the test's own.
NAMES = [
    ("a", "a"),
    ("a/b", "a.b"),
    ("a/b/c/d/e", "a.b.c.d.e"),
    ("a.b", "a//b"),
    ("a.b/c.d", "a//b.c//d"),
    ("a..b", "a////b"),
    (".", "//"),
    ("a/", "a./"),
    ("a//b", "a./.b"),
    ("a///b", "a././.b"),
    ("/", "/./"),
    ("a b", "a%20b"),
    ("a\tb/c", "a%09b.c"),
    ("*", "%2A"),
    (">/x", "%3E.x"),
    ("a*b/c>d", "a*b.c>d"),
    ("50%/x", "50%.x"),
    ("a%20b", "a%2520b"),
    ("\u00e9/\u2603", "\u00e9.\u2603"),
    ("$x/y", "$x.y"),
    ("CaSe", "CaSe"),
]


@pytest.fixture
def server(broker):
    return broker("nats", "mqtt")


@pytest.fixture
def wire(server):
    with NATSWire(server.address("nats")) as client:
        yield client.connect(headers=True, no_responders=True)


@pytest.fixture(params=[5, 4], ids=["5.0", "3.1.1"])
def peer(request, server):
    with PahoPeer(server.address("mqtt"), version=request.param) as client:
        yield client


@pytest.fixture
def peer5(server):
    with PahoPeer(server.address("mqtt"), version=5) as client:
        yield client


def headers_of(delivery: Delivery) -> list[tuple[str, str]]:
    """Name and value of each header line, in their order."""
    if delivery.headers is None:
        return []
    status, *lines = delivery.headers.decode().split("\r\n")
    assert status == "NATS/1.0", status
    assert lines[-2:] == ["", ""], lines
    pairs = [line.partition(":") for line in lines[:-2]]
    return [(name, value.strip()) for name, _, value in pairs]


def dropped_properties(server) -> int:
    """What the server has counted so far."""
    with urllib.request.urlopen(server.url("admin") + "/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.search(r"^godwit_dropped_properties_total (\d+)", text, re.MULTILINE)
    assert found is not None, text
    return int(found.group(1))


# Names.


@pytest.mark.parametrize(("topic", "subject"), NAMES, ids=str)
def test_an_mqtt_topic_as_a_subject(wire, peer, unique, topic, subject):
    wire.subscribe(f"{unique}.{subject}", "1")
    wire.subscribe(f"{unique}.>", "2")
    peer.publish(f"{unique}/{topic}", "x", qos=1)
    got = wire.deliveries(2)
    assert [each.subject for each in got] == [f"{unique}.{subject}"] * 2
    assert sorted(each.sid for each in got) == ["1", "2"]
    wire.silent()


@pytest.mark.parametrize(("topic", "subject"), NAMES, ids=str)
def test_a_subject_as_an_mqtt_topic(wire, peer, unique, topic, subject):
    peer.subscribe(f"{unique}/{topic}")
    wire.publish(f"{unique}.{subject}", "x")
    message = peer.next()
    assert (message.topic, message.payload) == (f"{unique}/{topic}", b"x")


@pytest.mark.parametrize(
    ("topic", "subject"), [("/{0}", "/.{0}"), ("//{0}", "/./.{0}"), ("/{0}/", "/.{0}./")]
)
def test_an_empty_first_level(wire, peer, unique, topic, subject):
    topic, subject = topic.format(unique), subject.format(unique)
    wire.subscribe(subject)
    peer.publish(topic, "there", qos=1)
    assert wire.delivery().subject == subject
    peer.subscribe(topic)
    wire.publish(subject, "back")
    assert peer.next().topic == topic


def test_no_two_topics_meet(wire, peer5, unique):
    for index, (_, subject) in enumerate(NAMES):
        wire.send(f"SUB {unique}.{subject} {index}\r\n")
    wire.flush()
    for index, (topic, _) in enumerate(NAMES):
        peer5.publish(f"{unique}/{topic}", str(index), qos=1)
    got = [(each.sid, each.payload.decode()) for each in wire.deliveries(len(NAMES))]
    assert got == [(str(index), str(index)) for index in range(len(NAMES))]
    wire.silent()


def test_mqtt_wildcards_see_nats(wire, peer, unique):
    peer.subscribe(f"{unique}/+/c")
    peer.subscribe(f"{unique}/tree/#")
    subjects = [
        "x", "a.c", "a.b.c", "/.c", "tree", "tree.a", "tree.a.b", "tree./", "trees", "end.c",
    ]  # fmt: skip
    for subject in subjects:
        wire.publish(f"{unique}.{subject}", subject)
    got = []
    while not got or got[-1] != "end.c":
        got.append(peer.next().payload.decode())
    assert got == ["a.c", "/.c", "tree", "tree.a", "tree.a.b", "tree./", "end.c"]


def test_nats_wildcards_see_mqtt(wire, peer, unique):
    wire.subscribe(f"{unique}.*", "1")
    wire.subscribe(f"{unique}.tree.>", "2")
    for topic in ("a", "a/b", "", "tree", "tree/a", "tree/a/b", "a.b"):
        peer.publish(f"{unique}/{topic}", topic, qos=1)
    wire.ping()
    got = []
    while (line := wire.line()) != "PONG":
        delivery = wire.parse_delivery(line)
        got.append((delivery.sid, delivery.payload.decode()))
    assert got == [
        ("1", "a"), ("1", ""), ("1", "tree"), ("2", "tree/a"), ("2", "tree/a/b"), ("1", "a.b"),
    ]  # fmt: skip


def test_wildcard_filters_do_not_see_dollar_topics(wire, peer5, unique):
    """MQTT 5.0, 4.7.2: neither ``#`` nor a leading ``+`` matches a topic that starts with ``$``."""
    peer5.subscribe(f"+/{unique}")
    peer5.subscribe(f"$own/{unique}")
    wire.publish(f"$other.{unique}", "hidden")
    wire.publish(f"$own.{unique}", "asked for")
    wire.publish(f"plain.{unique}", "plain")
    assert [peer5.next().payload for _ in range(2)] == [b"asked for", b"plain"]


def test_a_subject_that_mqtt_cannot_say_is_not_said(wire, peer5, unique):
    peer5.subscribe(f"{unique}/#")
    wire.publish(f"{unique}.a/b", "a single slash is no topic")
    wire.publish(f"{unique}.end", "end")
    assert peer5.next().payload == b"end"


# Payloads.

PAYLOADS = [b"", b"x", bytes(range(256)), b"\r\n\r\n", b"\0" * 1000, b"y" * 200_000]


def test_payloads_from_mqtt(wire, peer, unique):
    wire.subscribe(unique)
    for payload in PAYLOADS:
        peer.publish(unique, payload, qos=1)
    assert [each.payload for each in wire.deliveries(len(PAYLOADS))] == PAYLOADS


def test_payloads_from_nats(wire, peer, unique):
    peer.subscribe(unique)
    for payload in PAYLOADS:
        wire.publish(unique, payload)
    assert [peer.next().payload for _ in PAYLOADS] == PAYLOADS


def test_order_both_ways(wire, peer, unique):
    count = 2000
    wire.subscribe(f"{unique}.up")
    peer.subscribe(f"{unique}/down")
    wire.send(b"".join(pub(f"{unique}.down", str(index)) for index in range(count)))
    assert [int(peer.next().payload) for _ in range(count)] == list(range(count))
    for index in range(count):
        peer.client.publish(f"{unique}/up", str(index), 0)
    assert [int(each.payload) for each in wire.deliveries(count)] == list(range(count))


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_every_quality_arrives_once(wire, peer, unique, qos):
    wire.subscribe(unique)
    for index in range(20):
        peer.publish(unique, str(index), qos=qos)
    assert [int(each.payload) for each in wire.deliveries(20)] == list(range(20))
    wire.silent()


def test_a_nats_subscriber_counts_as_a_matching_subscriber(wire, peer5, unique):
    """MQTT 5.0, 3.4.2.1: reason 0x10 says that nobody is subscribed."""
    wire.subscribe(f"{unique}.there")
    assert peer5.publish(f"{unique}/there", "x", qos=1).value == 0
    assert peer5.publish(f"{unique}/nobody", "x", qos=1).value == 0x10


def test_a_nats_message_comes_with_qos_0(wire, peer, unique):
    """Core NATS promises no more, whatever the subscription asks for."""
    peer.subscribe(unique, qos=2)
    wire.publish(unique, "x")
    message = peer.next()
    assert (message.qos, message.retain, message.dup) == (0, False, False)


# Metadata.


def test_user_properties_become_headers_in_order(wire, peer5, unique):
    pairs = [("b", "1"), ("A", "two words"), ("b", "2"), ("snow", "\u2603"), ("empty", "")]
    wire.subscribe(unique)
    # A header's name is ASCII (RFC 9110, 5.1; nats.go insists): others are left out, and counted.
    peer5.publish(unique, "x", qos=1, UserProperty=[*pairs, ("\u00e9", "left out")])
    delivery = wire.delivery()
    assert headers_of(delivery) == pairs
    assert delivery.payload == b"x"


def test_headers_become_user_properties_in_order(wire, peer5, unique):
    peer5.subscribe(unique)
    wire.send(hpub(unique, b"NATS/1.0\r\nb: 1\r\nA:two words\r\nb: 2\r\nempty:\r\n\r\n", b"x"))
    message = peer5.next()
    assert message.properties.UserProperty == [
        ("b", "1"), ("A", "two words"), ("b", "2"), ("empty", ""),
    ]  # fmt: skip
    assert message.payload == b"x"


def test_without_properties_there_are_no_headers(wire, peer, unique):
    wire.subscribe(unique)
    peer.publish(unique, "x", qos=1)
    assert wire.delivery().headers is None


def test_a_user_property_cannot_smuggle_header_lines(wire, peer5, unique):
    wire.subscribe(unique)
    peer5.publish(
        unique, "x", qos=1, UserProperty=[("a", "1\r\nEvil: yes"), ("c: d\r\ne", "f"), ("g", "h")]
    )
    names = [name for name, _ in headers_of(wire.delivery())]
    assert "Evil" not in names and "e" not in names
    assert "g" in names


def test_an_old_mqtt_client_gets_the_payload_of_a_message_with_headers(wire, server, unique):
    with PahoPeer(server.address("mqtt"), version=4) as old:
        old.subscribe(unique)
        wire.send(hpub(unique, b"NATS/1.0\r\nA: b\r\n\r\n", b"x"))
        assert old.next().payload == b"x"


def test_a_nats_client_without_headers_gets_the_payload(server, peer5, unique):
    with NATSWire(server.address("nats")) as old:
        old.connect(headers=False)
        old.subscribe(unique)
        peer5.publish(unique, "x", qos=1, UserProperty=[("a", "b")], ContentType="text/plain")
        delivery = old.delivery()
        assert (delivery.headers, delivery.payload) == (None, b"x")


def test_content_type_both_ways(wire, peer5, unique):
    wire.subscribe(f"{unique}.up")
    peer5.publish(f"{unique}/up", "{}", qos=1, ContentType="application/json")
    assert headers_of(wire.delivery()) == [(CONTENT_TYPE, "application/json")]
    peer5.subscribe(f"{unique}/down")
    for name in (CONTENT_TYPE, "content-type"):
        wire.send(hpub(f"{unique}.down", f"NATS/1.0\r\n{name}: text/plain\r\n\r\n".encode(), b"x"))
        message = peer5.next()
        assert message.properties.ContentType == "text/plain"
        assert not hasattr(message.properties, "UserProperty")


def test_message_id_both_ways(wire, peer5, unique):
    """MQTT has no property for it: there it is a user property."""
    wire.subscribe(f"{unique}.up")
    peer5.publish(f"{unique}/up", "x", qos=1, UserProperty=[("message-id", "m-1"), ("a", "b")])
    assert headers_of(wire.delivery()) == [("Nats-Msg-Id", "m-1"), ("a", "b")]
    peer5.subscribe(f"{unique}/down")
    wire.send(hpub(f"{unique}.down", b"NATS/1.0\r\na: b\r\nNats-Msg-Id: m-2\r\n\r\n", b"x"))
    assert peer5.next().properties.UserProperty == [("a", "b"), ("message-id", "m-2")]


@pytest.mark.parametrize("name", ["priority", "key", "timestamp", "x-delivery-count"])
def test_what_neither_has_a_word_for_passes_by_its_own_name(wire, peer5, unique, name):
    wire.subscribe(f"{unique}.up")
    peer5.publish(f"{unique}/up", "x", qos=1, UserProperty=[("a", "b"), (name, "1700000000")])
    assert headers_of(wire.delivery()) == [("a", "b"), (name, "1700000000")]
    peer5.subscribe(f"{unique}/down")
    wire.send(hpub(f"{unique}.down", f"NATS/1.0\r\n{name}: 7\r\na: b\r\n\r\n".encode(), b"x"))
    assert peer5.next().properties.UserProperty == [(name, "7"), ("a", "b")]


def test_dup_is_the_connections_own(server, wire, unique):
    """MQTT's DUP speaks of one connection's packets: it is no redelivery, and nobody sees it."""
    wire.subscribe(unique)
    with (
        socket.create_connection(server.address("mqtt"), timeout=5) as client,
        PahoPeer(server.address("mqtt")) as peer,
    ):
        peer.subscribe(unique, qos=1)
        client.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04dup1")
        topic = unique.encode()
        body = len(topic).to_bytes(2, "big") + topic + b"\x00\x07x"
        client.sendall(bytes([0x3A, len(body)]) + body)
        delivery = wire.delivery()
        assert (delivery.headers, delivery.payload) == (None, b"x")
        message = peer.next()
        assert (message.qos, message.dup) == (1, False)


def test_what_nats_cannot_say_is_left_out_and_counted(server, wire, peer5, unique):
    wire.subscribe(unique)
    before = dropped_properties(server)
    peer5.publish(
        unique, "x", qos=1, ContentType="text/plain\r\nEvil: yes", CorrelationData=b"\0\xff",
        UserProperty=[("\u00e9", "name"), ("a b", "name"), ("line", "1\n2"), ("kept", "\u2603")],
    )  # fmt: skip
    headers = headers_of(wire.delivery())
    assert headers == [(CORRELATION, "base64:AP8="), ("kept", "\u2603")]
    assert dropped_properties(server) == before + 4
    peer5.publish(unique, "x", qos=1, ContentType="text/plain", UserProperty=[("kept", "1")])
    wire.delivery()
    assert dropped_properties(server) == before + 4


def test_what_mqtt_cannot_say_is_left_out_and_counted(server, wire, peer5, unique):
    peer5.subscribe(unique)
    before = dropped_properties(server)
    block = b"NATS/1.0 100 Status\r\nlatin: \xe9\r\nContent-Type: \xff\r\nkept: 1\r\n"
    block += b"Payload-Format-Indicator: 1\r\n\r\n"
    wire.send(hpub(unique, block, b"\xff no text", reply="no/topic"))
    message = peer5.next()
    assert message.payload == b"\xff no text"
    assert message.properties.UserProperty == [("kept", "1")]
    for name in ("ContentType", "ResponseTopic", "PayloadFormatIndicator"):
        assert not hasattr(message.properties, name)
    # The status line, two values, the reply subject and the indicator.
    assert dropped_properties(server) == before + 5


def test_nothing_is_lost_within_one_protocol(server, wire, peer5, unique):
    """What the other protocol cannot say is counted only when it is said to it."""
    before = dropped_properties(server)
    with PahoPeer(server.address("mqtt")) as other:
        other.subscribe(f"{unique}/mqtt")
        peer5.publish(f"{unique}/mqtt", "x", qos=1, UserProperty=[("\u00e9", "1\n2")])
        assert other.next().properties.UserProperty == [("\u00e9", "1\n2")]
    wire.subscribe(f"{unique}.nats")
    block = b"NATS/1.0\r\nlatin: \xe9\r\n\r\n"
    wire.send(hpub(f"{unique}.nats", block, b"x", reply="no/topic"))
    delivery = wire.delivery()
    assert (delivery.headers, delivery.reply) == (block, "no/topic")
    assert dropped_properties(server) == before


def test_payload_format_both_ways(wire, peer5, unique):
    wire.subscribe(f"{unique}.up")
    peer5.subscribe(f"{unique}/down")
    peer5.publish(f"{unique}/up", "text", qos=1, PayloadFormatIndicator=1)
    delivery = wire.delivery()
    assert headers_of(delivery) == [(PAYLOAD_FORMAT, "1")]
    wire.send(hpub(f"{unique}.down", delivery.headers, b"text"))
    message = peer5.next()
    assert message.properties.PayloadFormatIndicator == 1
    assert not hasattr(message.properties, "UserProperty")


def test_everything_at_once_and_back(wire, peer5, unique):
    """A message that crosses twice says the same as at first."""
    wire.subscribe(f"{unique}.up")
    peer5.subscribe(f"{unique}/down")
    said = {
        "UserProperty": [("a", "1"), ("a", "2"), ("Content-Length", "7")],
        "ContentType": "text/plain; charset=utf-8",
        "ResponseTopic": f"{unique}/answers//x.y",
        "CorrelationData": bytes(range(200)),
        "PayloadFormatIndicator": 1,
        "MessageExpiryInterval": 1000,
    }
    peer5.publish(f"{unique}/up", "payload", qos=2, **said)
    delivery = wire.delivery()
    wire.send(hpub(f"{unique}.down", delivery.headers, delivery.payload, reply=delivery.reply))
    message = peer5.next()
    assert message.payload == b"payload"
    got = {name: getattr(message.properties, name, None) for name in said}
    assert 990 <= got.pop("MessageExpiryInterval") <= said.pop("MessageExpiryInterval")
    assert got == said


def test_reply_becomes_response_topic(wire, peer5, unique):
    peer5.subscribe(unique)
    wire.send(pub(unique, "x", reply="_INBOX.abc.d//e.1"))
    assert peer5.next().properties.ResponseTopic == "_INBOX/abc/d.e/1"


def test_response_topic_becomes_reply(wire, peer5, unique):
    wire.subscribe(unique)
    peer5.publish(unique, "x", qos=1, ResponseTopic="answers/a.b//c")
    assert wire.delivery().reply == "answers.a//b./.c"


def test_expiry_from_mqtt(wire, peer5, unique):
    wire.subscribe(unique)
    peer5.publish(unique, "x", qos=1, MessageExpiryInterval=60)
    (name, value), *rest = headers_of(wire.delivery())
    assert (name, rest) == (TIME_TO_LIVE, [])
    assert value in ("60", "59", "60s", "59s")


@pytest.mark.parametrize(("written", "seconds"), [("30", 30), ("30s", 30), ("2m", 120)])
def test_expiry_from_nats(wire, peer5, unique, written, seconds):
    peer5.subscribe(unique)
    wire.send(hpub(unique, f"NATS/1.0\r\n{TIME_TO_LIVE}: {written}\r\n\r\n".encode(), b"x"))
    message = peer5.next()
    assert seconds - 2 <= message.properties.MessageExpiryInterval <= seconds
    assert not hasattr(message.properties, "UserProperty")


# Requests.


class Responder(PahoPeer):
    """Answers each request on its response topic, with its correlation data."""

    def handle(self, message) -> None:
        properties = publish_properties()
        if hasattr(message.properties, "CorrelationData"):
            properties.CorrelationData = message.properties.CorrelationData
        self.client.publish(
            message.properties.ResponseTopic, b"re: " + message.payload, properties=properties
        )

    def publish(self, *_: object, **__: object) -> None:
        raise NotImplementedError("the responder publishes from its own thread")


async def test_a_nats_request_is_answered_by_an_mqtt_responder(server, unique):
    with Responder(server.address("mqtt")) as responder:
        await asyncio.to_thread(responder.subscribe, f"services/{unique}")
        connection = await nats.connect(server.url("nats"))
        try:
            replies = await asyncio.gather(
                *(
                    connection.request(f"services.{unique}", str(index).encode(), timeout=5)
                    for index in range(100)
                )
            )
            assert [each.data for each in replies] == [
                f"re: {index}".encode() for index in range(100)
            ]
        finally:
            await connection.close()


async def test_an_mqtt_request_is_answered_by_a_nats_responder(server, unique):
    connection = await nats.connect(server.url("nats"))
    try:

        async def answer(message) -> None:
            await message.respond(b"re: " + message.data)

        await connection.subscribe(f"services.{unique}", cb=answer)
        await connection.flush()

        def ask() -> list[bytes]:
            with PahoPeer(server.address("mqtt")) as requester:
                requester.subscribe(f"answers/{unique}")
                for index in range(20):
                    requester.publish(
                        f"services/{unique}", str(index), ResponseTopic=f"answers/{unique}"
                    )
                return [requester.next().payload for _ in range(20)]

        assert await asyncio.to_thread(ask) == [f"re: {index}".encode() for index in range(20)]
    finally:
        await connection.close()


@pytest.mark.parametrize("data", [b"plain-text-7", b"\0\xff\r\n: \x80", b"x" * 64], ids=repr)
def test_correlation_data_survives_a_nats_responder_that_copies_headers(
    wire, peer5, unique, data
):
    wire.subscribe(f"{unique}.service")
    peer5.subscribe(f"{unique}/answers")
    peer5.publish(
        f"{unique}/service", "q", qos=1,
        ResponseTopic=f"{unique}/answers", CorrelationData=data,
    )  # fmt: skip
    request = wire.delivery()
    assert request.headers is not None
    assert [name for name, _ in headers_of(request)] == [CORRELATION]
    wire.send(hpub(request.reply, request.headers, b"a"))
    reply = peer5.next()
    assert reply.properties.CorrelationData == data
    assert not hasattr(reply.properties, "UserProperty")


def test_an_mqtt_subscriber_is_a_responder_and_nobody_is_none(wire, peer, unique):
    peer.subscribe(f"{unique}/service")
    wire.subscribe(f"{unique}.inbox", "9")
    wire.send(pub(f"{unique}.service", "q", reply=f"{unique}.inbox"))
    wire.silent()
    assert peer.next().payload == b"q"
    wire.send(pub(f"{unique}.nobody", "q", reply=f"{unique}.inbox"))
    headers = wire.delivery().headers
    assert headers is not None and headers.startswith(b"NATS/1.0 503")


# Groups.


def test_queue_groups_and_shared_subscriptions_of_one_name_are_separate(server, wire, unique):
    with (
        PahoPeer(server.address("mqtt")) as one,
        PahoPeer(server.address("mqtt")) as two,
        NATSWire(server.address("nats")) as first,
        NATSWire(server.address("nats")) as second,
    ):
        for member in (one, two):
            member.subscribe(f"$share/group/{unique}")
        for member in (first, second):
            member.connect()
            member.subscribe(unique, queue="group")
        count = 100
        wire.send(b"".join(pub(unique, str(index)) for index in range(count)))
        wire.flush()
        by_nats = []
        for member in (first, second):
            member.ping()
            while (line := member.line()) != "PONG":
                by_nats.append(int(member.parse_delivery(line).payload))
        assert sorted(by_nats) == list(range(count))
        by_mqtt: list[int] = []
        shares = []
        # Each member gets a message of its own after its share: both shares are complete then.
        for member in (one, two):
            member.subscribe(f"{unique}/end")
        wire.publish(f"{unique}.end", "end")
        for member in (one, two):
            share = []
            while (payload := member.next().payload) != b"end":
                share.append(int(payload))
            shares.append(len(share))
            by_mqtt += share
        assert sorted(by_mqtt) == list(range(count))
        assert min(shares) > 0, shares


def test_groups_of_one_name_are_one_when_the_settings_join_them(broker, unique):
    server = broker("nats", "mqtt", godwit={"server": {"join_groups": True}})
    with (
        PahoPeer(server.address("mqtt")) as worker,
        NATSWire(server.address("nats")) as member,
        NATSWire(server.address("nats")) as publisher,
    ):
        worker.subscribe(f"$share/group/{unique}")
        member.connect()
        member.subscribe(unique, queue="group")
        publisher.connect()
        publisher.send(b"".join(pub(unique, str(index)) for index in range(100)))
        publisher.flush()
        member.ping()
        by_nats = []
        while (line := member.line()) != "PONG":
            by_nats.append(int(member.parse_delivery(line).payload))
        by_mqtt = [int(worker.next().payload) for _ in range(100 - len(by_nats))]
        assert sorted(by_nats + by_mqtt) == list(range(100))
        assert 10 < len(by_nats) < 90


# Retained messages and wills.


def test_a_retained_publish_is_an_ordinary_message_to_nats(wire, peer, unique):
    wire.subscribe(unique)
    peer.publish(unique, "kept", qos=1, retain=True)
    assert wire.delivery().payload == b"kept"
    wire.subscribe(f"{unique}", "late")
    wire.silent()  # core NATS knows no retained messages
    peer.publish(unique, b"", qos=1, retain=True)


def test_a_nats_publish_neither_sets_nor_replaces_nor_clears_what_is_retained(
    server, wire, unique
):
    with PahoPeer(server.address("mqtt")) as keeper:
        keeper.publish(f"{unique}/kept", "kept", qos=1, retain=True)
        wire.publish(f"{unique}.kept", "live")
        wire.publish(f"{unique}.kept", "")
        wire.publish(f"{unique}.live", "live")
        keeper.subscribe(f"{unique}/#")
        message = keeper.next()
        assert (message.payload, message.retain) == (b"kept", True)
        wire.publish(f"{unique}.end", "end")
        message = keeper.next()
        assert (message.payload, message.retain) == (b"end", False)
        keeper.publish(f"{unique}/kept", b"", qos=1, retain=True)


def test_a_will_reaches_nats(server, wire, unique):
    wire.subscribe(f"{unique}.gone")
    doomed = PahoPeer(server.address("mqtt"), will=(f"{unique}/gone", b"I was here"))
    doomed.crash()
    assert wire.delivery().payload == b"I was here"


# Tenants and transports.


def test_tenants_are_shared_across_protocols_and_closed_to_others(broker, unique):
    users = [
        User("a", "pw", tenant="acme"),
        User("b", "pw", tenant="birds"),
    ]
    server = broker("nats", "mqtt", users=users)
    with (
        NATSWire(server.address("nats")) as acme,
        NATSWire(server.address("nats")) as birds,
        PahoPeer(server.address("mqtt"), user="a", password="pw") as peer,
    ):
        acme.connect(user="a", **{"pass": "pw"})
        birds.connect(user="b", **{"pass": "pw"})
        acme.subscribe(unique)
        birds.subscribe(unique)
        peer.publish(unique, "x", qos=1)
        assert acme.delivery().payload == b"x"
        birds.silent()
        peer.subscribe(f"{unique}/back")
        birds.publish(f"{unique}.back", "not for acme")
        acme.publish(f"{unique}.back", "for acme")
        assert peer.next().payload == b"for acme"


def test_across_websockets_and_tls(broker, certificates, unique):
    server = broker("nats-tls", "nats-ws", "mqtt-wss", "mqtt-ws", tls=True)
    with (
        NATSWire(server.address("nats-tls"), upgrade=certificates.client_context()) as wire,
        PahoPeer(
            server.address("mqtt-wss"), transport="websockets", tls=certificates.client_context()
        ) as secure,
        PahoPeer(server.address("mqtt-ws"), transport="websockets") as plain,
    ):
        wire.connect()
        wire.subscribe(f"{unique}.up")
        secure.subscribe(f"{unique}/down")
        plain.subscribe(f"{unique}/down")
        plain.publish(f"{unique}/up", "x" * 100_000, qos=1)
        assert len(wire.delivery().payload) == 100_000
        wire.publish(f"{unique}.down", "y" * 100_000)
        assert len(secure.next().payload) == len(plain.next().payload) == 100_000


def test_one_message_for_many_of_both(server, wire, unique):
    peers = [PahoPeer(server.address("mqtt"), version=4) for _ in range(10)]
    try:
        for peer in peers:
            peer.subscribe(unique)
        wire.subscribe(unique)
        wire.publish(unique, "x")
        assert wire.delivery().payload == b"x"
        wire.silent()
        assert [peer.next().payload for peer in peers] == [b"x"] * 10
    finally:
        for peer in peers:
            peer.__exit__()


def test_nobody_speaks_for_the_server(wire, peer, unique):
    """What stands under `$SYS` is the server's own, whatever protocol a client speaks."""
    peer.subscribe("$SYS/brokers/#")
    peer.subscribe(unique)
    wire.publish("$SYS.brokers", "forged")
    wire.publish(f"$SYS.brokers.{unique}", "forged")
    wire.publish(unique, "honest")
    assert peer.next().payload == b"honest"


@pytest.mark.parametrize(
    ("name", "wanted"), [("a/b", ["a.b"]), ("/x", ["/.x"]), ("a.b/c", ["a//b.c"])]
)
def test_names_explain(name, wanted):
    command = [str(godwit_binary()), "names", "explain", name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert run.returncode == 0, run.stderr
    for word in [name, *wanted]:
        assert word in run.stdout.split() or word in run.stdout, run.stdout
