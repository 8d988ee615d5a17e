"""The greeting, and the forms of CONNECT."""

from __future__ import annotations

import json

import pytest
from godwit_rig import NATSWire, Wire, pub


def test_info_has_the_fields_clients_read(broker):
    server = broker("nats")
    with NATSWire(server.address("nats")) as client:
        info = client.info
        expected = {
            "server_id": str,
            "server_name": str,
            "version": str,
            "proto": int,
            "go": str,
            "host": str,
            "port": int,
            "headers": bool,
            "max_payload": int,
            "client_id": int,
            "client_ip": str,
        }
        assert {key: type(info.get(key)) for key in expected} == expected
        assert info["proto"] == 1
        assert info["headers"] is True
        assert info["max_payload"] == 1_048_576
        assert info["client_ip"] == "127.0.0.1"
        assert info["port"] == server.address("nats")[1]
        assert not info.get("auth_required", False)
        assert not info.get("tls_required", False)
        assert not info.get("nonce")
        # Clients compare versions: three numbers.
        assert all(part.isdigit() for part in info["version"].split("-")[0].split("."))


def test_the_greeting_is_one_line_that_clients_can_split(broker):
    with Wire(broker("nats").address("nats")) as client:
        line = client.read_until(b"\r\n")
        assert line.startswith(b"INFO {")
        json.loads(line[5:])


def test_client_ids_differ_and_server_id_does_not(broker):
    address = broker("nats").address("nats")
    with NATSWire(address) as first, NATSWire(address) as second:
        assert first.info["client_id"] != second.info["client_id"]
        assert first.info["server_id"] == second.info["server_id"]


def test_info_states_the_configured_payload_limit(broker):
    with NATSWire(broker("nats", max_payload=2048).address("nats")) as client:
        assert client.info["max_payload"] == 2048


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT {}\r\n",
        b"CONNECT  {}  \r\n",
        b"connect {}\r\n",
        b"CONNECT {}\n",
        b'CONNECT {"unknown":[1,{"a":null}],"user":"u","pass":"p","auth_token":"t","jwt":"j",'
        b'"sig":"s","nkey":"U"}\r\n',
        b'CONNECT {"verbose":true,"pedantic":true,"tls_required":false,"name":"n\\u00e9",'
        b'"lang":"x","version":"1","protocol":0,"echo":true}\r\n',
    ],
)
def test_connect_is_accepted_and_verbose_by_default(broker, line):
    with NATSWire(broker("nats").address("nats")) as client:
        client.send(line)
        client.expect("+OK")
        client.flush()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"no_responders": True}, "-ERR 'no responders requires headers support'\r\n"),
        ({"protocol": 2}, "-ERR 'invalid client protocol'\r\n"),
        ({"protocol": -1}, "-ERR 'invalid client protocol'\r\n"),
    ],
)
def test_connect_is_refused_with_a_reason(broker, options, error):
    with NATSWire(broker("nats").address("nats")) as client:
        client.send_connect(**options)
        client.ping()
        assert client.read_to_end().decode() == error


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT\r\n",
        b"CONNECT {\r\n",
        b"CONNECT []\r\n",
        b"CONNECT not json\r\n",
        b'CONNECT {"verbose":"yes"}\r\n',
    ],
)
def test_a_connect_that_cannot_be_read_closes(broker, line):
    with NATSWire(broker("nats").address("nats")) as client:
        client.send(line)
        rest = client.read_to_end()
        assert rest == b"" or rest.startswith(b"-ERR '"), rest


def test_without_connect_a_client_may_work_and_is_verbose(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        client.send(f"SUB {unique} 1\r\n".encode() + pub(unique, "x"))
        client.expect("+OK")
        client.expect("+OK")
        assert client.delivery().payload == b"x"


def test_verbose_acknowledges_everything_but_ping_and_pong(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(verbose=True)
        for line in (f"SUB {unique} 1\r\n", f"PUB {unique}.x 1\r\nx\r\n", "UNSUB 1\r\n"):
            client.send(line)
            client.expect("+OK")
        client.send("PONG\r\n")
        client.silent()


def test_verbose_can_be_switched_off_by_a_later_connect(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(verbose=True)
        client.send_connect(verbose=False)
        client.send(pub(unique, "x"))
        client.silent()


def test_echo_off_hides_own_messages_from_own_subscriptions_only(broker, unique):
    address = broker("nats").address("nats")
    with NATSWire(address) as quiet, NATSWire(address) as other:
        quiet.connect(echo=False)
        other.connect()
        quiet.subscribe(unique)
        other.subscribe(unique)
        quiet.publish(unique, "mine")
        assert other.delivery().payload == b"mine"
        quiet.silent()
        other.publish(unique, "yours")
        assert quiet.delivery().payload == b"yours"


def test_echo_off_and_queue_groups(broker, unique):
    """A member that may not hear itself is not chosen while another can be."""
    address = broker("nats").address("nats")
    with NATSWire(address) as quiet, NATSWire(address) as other:
        quiet.connect(echo=False)
        other.connect()
        quiet.subscribe(unique, queue="q")
        other.subscribe(unique, queue="q")
        for _ in range(20):
            quiet.send(pub(unique, "x"))
        quiet.silent()
        assert len(other.deliveries(20)) == 20


def test_ping_and_pong(broker):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send("PING\r\nPING\r\nping\r\nPING  \r\nPONG\r\n")
        for _ in range(4):
            client.expect("PONG")
        client.silent()


def test_everything_one_byte_at_a_time(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        client.send_slowly(
            b'CONNECT {"verbose":false,"headers":true}\r\n'
            + f"SUB {unique} 7\r\nPUB {unique} r 5\r\nhello\r\n".encode()
            + f"HPUB {unique} 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\nPING\r\n".encode()
        )
        first, second = client.deliveries(2)
        assert (first.sid, first.reply, first.payload) == ("7", "r", b"hello")
        assert (second.headers, second.payload) == (b"NATS/1.0\r\nA: b\r\n\r\n", b"x")
        client.expect("PONG")


def test_everything_in_one_segment(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        batch = b"".join(pub(unique, str(index)) for index in range(1000))
        client.send(b'CONNECT {"verbose":false}\r\n' + f"SUB {unique} 1\r\n".encode() + batch)
        payloads = [delivery.payload for delivery in client.deliveries(1000)]
        assert payloads == [str(index).encode() for index in range(1000)]
