"""Request and reply, no responders, headers."""

from __future__ import annotations

import asyncio

import nats
import pytest
from godwit_rig import NATSWire, hpub, pub
from nats.errors import NoRespondersError


@pytest.fixture
def client(broker):
    with NATSWire(broker("nats").address("nats")) as connection:
        yield connection.connect(headers=True, no_responders=True)


@pytest.fixture
def other(broker):
    with NATSWire(broker("nats").address("nats")) as connection:
        yield connection.connect(headers=True)


def test_request_and_reply(client, other, unique):
    other.subscribe(f"{unique}.service", "5")
    client.subscribe(f"{unique}.inbox.*", "1")
    client.send(pub(f"{unique}.service", "question", reply=f"{unique}.inbox.77"))
    request = other.delivery()
    assert (request.reply, request.payload) == (f"{unique}.inbox.77", b"question")
    other.publish(request.reply, "answer")
    reply = client.delivery()
    assert (reply.subject, reply.payload) == (f"{unique}.inbox.77", b"answer")


@pytest.mark.parametrize("with_headers", [False, True])
def test_no_responders_status(client, unique, with_headers):
    client.subscribe(f"{unique}.inbox.*", "9")
    inbox, nobody = f"{unique}.inbox.a", f"{unique}.nobody"
    if with_headers:
        client.send(hpub(nobody, b"NATS/1.0\r\nA: b\r\n\r\n", b"x", reply=inbox))
    else:
        client.send(pub(nobody, "x", reply=inbox))
    delivery = client.delivery()
    assert delivery.subject == inbox
    assert delivery.sid == "9"
    assert delivery.headers is not None
    assert delivery.headers.startswith(b"NATS/1.0 503\r\n")
    assert delivery.headers.endswith(b"\r\n\r\n")
    assert delivery.payload == b""
    client.silent()


def test_no_status_without_a_reply_or_with_a_responder_or_unasked(client, other, unique):
    client.subscribe(f"{unique}.inbox", "9")
    client.publish(f"{unique}.nobody", "x")
    client.silent()
    other.subscribe(f"{unique}.somebody")
    client.send(pub(f"{unique}.somebody", "x", reply=f"{unique}.inbox"))
    client.silent()
    other.delivery()
    # ``other`` did not ask for the status.
    other.subscribe(f"{unique}.inbox2")
    other.send(pub(f"{unique}.nobody", "x", reply=f"{unique}.inbox2"))
    other.silent()


def test_a_request_to_ones_own_muted_subscription_has_no_responder(broker, unique):
    with NATSWire(broker("nats").address("nats")) as quiet:
        quiet.connect(headers=True, no_responders=True, echo=False)
        quiet.subscribe(f"{unique}.inbox")
        quiet.subscribe(f"{unique}.service", "2")
        quiet.send(pub(f"{unique}.service", "x", reply=f"{unique}.inbox"))
        quiet.ping()
        line = quiet.line()
        # nats-server answers with the status; saying nothing would leave the client waiting.
        assert line.startswith("HMSG"), line


@pytest.mark.parametrize(
    "headers",
    [
        b"NATS/1.0\r\n\r\n",
        b"NATS/1.0\r\nA: 1\r\nA: 2\r\na: 3\r\n\r\n",
        b"NATS/1.0\r\nX:no space\r\nEmpty:\r\nUtf-8: \xc3\xa9\r\n\r\n",
        b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
        b"NATS/1.0\r\n" + b"".join(b"K%d: %s\r\n" % (n, b"v" * 50) for n in range(200)) + b"\r\n",
        b"NATS/1.0\r\nno colon at all\r\n\r\n",
    ],
    ids=lambda value: repr(value[:40]),
)
def test_headers_arrive_byte_for_byte(client, other, unique, headers):
    other.subscribe(unique, "4")
    client.send(hpub(unique, headers, b"body", reply="r"))
    delivery = other.delivery()
    assert delivery.headers == headers
    assert delivery.payload == b"body"
    assert delivery.reply == "r"


def test_headers_with_an_empty_payload(client, other, unique):
    other.subscribe(unique)
    client.send(hpub(unique, b"NATS/1.0\r\nA: b\r\n\r\n"))
    delivery = other.delivery()
    assert (delivery.headers, delivery.payload) == (b"NATS/1.0\r\nA: b\r\n\r\n", b"")


def test_a_client_without_headers_gets_the_payload_alone(broker, client, unique):
    with NATSWire(broker("nats").address("nats")) as old:
        old.connect(headers=False)
        old.subscribe(unique, "8")
        client.send(hpub(unique, b"NATS/1.0\r\nA: b\r\n\r\n", b"body", reply="r"))
        assert old.line() == f"MSG {unique} 8 r 4"
        assert old.read_exactly(6) == b"body\r\n"
        old.silent()


def test_mixed_receivers_of_one_message(broker, client, other, unique):
    with NATSWire(broker("nats").address("nats")) as old:
        old.connect(headers=False)
        old.subscribe(unique)
        other.subscribe(unique)
        for _ in range(3):
            client.send(hpub(unique, b"NATS/1.0\r\nA: b\r\n\r\n", b"x") + pub(unique, "y"))
        client.flush()
        assert [each.payload for each in old.deliveries(6)] == [b"x", b"y"] * 3
        got = other.deliveries(6)
        assert [each.payload for each in got] == [b"x", b"y"] * 3
        assert [each.headers is None for each in got] == [False, True] * 3


async def test_nats_py_request_many_in_flight(broker, unique):
    server = broker("nats")
    requester = await nats.connect(server.url("nats"))
    responder = await nats.connect(server.url("nats"))
    try:

        async def answer(message):
            await message.respond(message.data[::-1])

        await responder.subscribe(unique, "workers", cb=answer)
        await responder.flush()
        answers = await asyncio.gather(
            *(requester.request(unique, f"{index:05}".encode(), timeout=5) for index in range(500))
        )
        assert [each.data for each in answers] == [
            f"{index:05}".encode()[::-1] for index in range(500)
        ]
    finally:
        await requester.close()
        await responder.close()


async def test_nats_py_old_style_request(broker, unique):
    connection = await nats.connect(broker("nats").url("nats"))
    try:

        async def answer(message):
            await message.respond(b"yes")

        await connection.subscribe(unique, cb=answer)
        reply = await connection.request(unique, b"?", timeout=5, old_style=True)
        assert reply.data == b"yes"
    finally:
        await connection.close()


async def test_nats_py_sees_no_responders(broker, unique):
    connection = await nats.connect(broker("nats").url("nats"))
    try:
        with pytest.raises(NoRespondersError):
            await connection.request(unique, b"", timeout=5)
    finally:
        await connection.close()


async def test_nats_py_headers(broker, unique):
    connection = await nats.connect(broker("nats").url("nats"))
    try:
        subscription = await connection.subscribe(unique)
        await connection.publish(unique, b"x", headers={"Content-Type": "text/plain", "A": "b c"})
        message = await subscription.next_msg(timeout=5)
        assert message.headers == {"Content-Type": "text/plain", "A": "b c"}
    finally:
        await connection.close()
