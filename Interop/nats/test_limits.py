"""What a client may not exceed."""

from __future__ import annotations

import contextlib

import pytest
from godwit_rig import NATSWire, Wire, hpub, pub


@pytest.fixture
def limited(broker):
    server = broker("nats", max_payload=64, max_control_line=128, max_subscriptions=2)
    with NATSWire(server.address("nats")) as client:
        yield client.connect(headers=True)


def test_a_payload_of_the_limit_passes(limited, unique):
    limited.subscribe(unique)
    limited.publish(unique, "x" * 64)
    assert len(limited.delivery().payload) == 64
    headers = b"NATS/1.0\r\nA: b\r\n\r\n"
    limited.send(hpub(unique, headers, b"x" * (64 - len(headers))))
    assert limited.delivery().headers == headers


@pytest.mark.parametrize("line", ["PUB a 65\r\n", "PUB a r 65\r\n", "HPUB a 12 65\r\n"])
def test_a_payload_over_the_limit_ends_the_connection_at_once(limited, line):
    """The refusal comes on the line itself, before any of the payload."""
    limited.send(line)
    assert limited.read_to_end() == b"-ERR 'Maximum Payload Violation'\r\n"


def test_a_control_line_of_the_limit_passes(limited):
    line = "SUB " + "a" * (128 - len("SUB  1")) + " 1"
    assert len(line) == 128
    limited.send(line + "\r\n")
    limited.silent()


@pytest.mark.parametrize(
    "line",
    [
        "SUB " + "a" * 300 + " 1\r\n",
        "PUB " + "a" * 300 + " 1\r\nx\r\n",
        "SUB " + "a" * 300,  # never ends
        "PUB " + "a" * 300,
        'CONNECT {"name":"' + "a" * 300 + '"}\r\n',
        "UNSUB " + "1" * 300,
    ],
    ids=lambda line: f"{line[:10]}... {len(line)}",
)
def test_a_control_line_over_the_limit_ends_the_connection(limited, line):
    limited.send(line)
    assert limited.read_to_end() == b"-ERR 'maximum control line exceeded'\r\n"


def test_a_long_control_line_byte_by_byte(limited):
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(1000):
            limited.send_slowly(b"SUB " + b"a" * 100)
    # The connection is gone; what it said may have been lost to the reset.


def test_subscriptions_over_the_limit_are_refused_and_the_connection_stays(limited, unique):
    limited.send(f"SUB {unique}.1 1\r\nSUB {unique}.2 2\r\n")
    limited.silent()
    limited.send(f"SUB {unique}.3 3\r\n")
    limited.expect("-ERR 'maximum subscriptions exceeded'")
    limited.send(b"".join(pub(f"{unique}.{index}", str(index)) for index in (1, 2, 3)))
    assert [each.payload for each in limited.deliveries(2)] == [b"1", b"2"]
    limited.silent()
    # One that ends makes room for another.
    limited.send("UNSUB 1\r\n")
    limited.subscribe(f"{unique}.4", "4")
    limited.publish(f"{unique}.4", "four")
    assert limited.delivery().sid == "4"


def test_connections_over_the_limit_are_told(broker):
    server = broker("nats", max_connections=2, fresh=True)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(NATSWire(server.address("nats"))).connect()
        third = stack.enter_context(Wire(server.address("nats")))
        assert third.read_to_end().endswith(b"-ERR 'maximum connections exceeded'\r\n")


def test_a_large_payload_in_pieces(broker, unique):
    payload = bytes(index * 7 % 251 for index in range(1_048_576))
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.subscribe(unique)
        message = pub(unique, payload)
        for start in range(0, len(message), 10_007):
            client.send(message[start : start + 10_007])
        assert client.delivery().payload == payload
