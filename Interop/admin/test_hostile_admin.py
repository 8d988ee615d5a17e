"""What other people's web pages, smugglers and floods send to the admin server."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest
from godwit_rig import NATSWire
from godwit_rig.wire import Closed, Wire

pytestmark = pytest.mark.godwit_only

ORDER = b'{"topic":"stolen","payload":"x"}'
NEXT = b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n" + (
    b"Content-Length: %d\r\n\r\n%s" % (len(ORDER), ORDER)
)


@pytest.fixture
def server(broker):
    return broker("nats")


def raw(server, data: bytes) -> bytes:
    """What comes back on a connection that sends ``data`` and then waits for the end."""
    with Wire(server.address("admin")) as wire:
        with contextlib.suppress(OSError):
            wire.send(data)
            wire.socket.shutdown(socket.SHUT_WR)
        return wire.read_to_end()


def statuses(answer: bytes) -> list[int]:
    return [int(part[2:5]) for part in answer.split(b"HTTP/1.")[1:]]


def ask(server, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> int:
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=5)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers)
        return connection.getresponse().status


def changes(server) -> list[tuple[str, str]]:
    """Every listed path that changes something, with something in place of its parameters."""
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", "/api")
        listed = json.load(connection.getresponse())
    return [
        (entry["method"], entry["path"].replace("{id}", "1").replace("…", "a"))
        for entry in listed["paths"]
        if entry["method"] not in ("GET", "HEAD")
    ]


# --- Other people's pages -------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8222", "localhost.evil.example", "localhost@evil.example",
     "2130706433", "127.0.0.1.evil.example", "0x7f.1"],
)  # fmt: skip
def test_a_foreign_name_reads_nothing(server, host):
    """DNS rebinding: the browser believes that our address is the attacker's."""
    for path in ("/", "/api/overview", "/connz", "/metrics", "/api/tap?pattern=%3E"):
        assert ask(server, "GET", path, {"Host": host}) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=application/json"},
        {},
        {"Content-Type": "application/json", "Origin": "http://evil.example"},
        {"Content-Type": "application/json", "Origin": "null"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
        {"X-Godwit-Admin": "1", "Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: " ".join(headers.values()) or "nothing",
)
def test_a_foreign_page_changes_nothing(server, unique, headers):
    order = json.dumps({"topic": unique, "payload": "x"}).encode()
    with NATSWire(server.address("nats")) as client:
        client.connect()
        client.subscribe(">")
        found = changes(server)
        assert ("POST", "/api/publish") in found and len(found) >= 2
        for method, path in found:
            assert ask(server, method, path, headers, order) in (403, 415), (method, path)
        client.silent()


# --- Where a request ends -------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 0\r\nContent-Length: 5",
        b"Content-Length: 0, 0",
        b"Content-Length: +0",
        b"Content-Length: 0x0",
        b"Content-Length: -1",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding : chunked",
        b"X: a\r\n folded",
        b"X: a\rTransfer-Encoding: chunked",
        b"X: a\x00b",
    ],
)
def test_two_opinions_of_where_a_request_ends(server, fields):
    """What a proxy could read otherwise is refused, and what follows is not looked at."""
    with NATSWire(server.address("nats")) as client:
        client.connect()
        client.subscribe("stolen")
        head = b"POST /api/nothing HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n"
        answer = raw(server, head + fields + b"\r\n\r\n0\r\n\r\n" + NEXT)
        assert statuses(answer) == [400]
        client.silent()


@pytest.mark.parametrize("chunk", [b"-1\r\n", b"fffffffffffffffff\r\n", b"zz\r\n", b"1\nx\n0\n\n"])
def test_chunks_that_are_none(server, chunk):
    head = b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n"
    answer = raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + NEXT)
    assert statuses(answer) == [400]


# --- Floods ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [b"X: y\r\n" * 200, b"X: " + b"y" * 40_000 + b"\r\n", b"X" * 40_000 + b": y\r\n"],
    ids=["many", "a long value", "a long name"],
)
def test_heads_are_bounded(server, head):
    answer = raw(server, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
    assert statuses(answer) in ([400], [431])


def test_a_body_is_bounded_before_it_comes(server):
    head = b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n"
    assert statuses(raw(server, head + b"Content-Length: 1048577\r\n\r\n")) == [413]
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert statuses(raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)) == [413]


def test_slow_bodies_and_many_connections_leave_clients_alone(broker, unique):
    """All places are taken by requests that never end: clients of the broker do not notice."""
    server = broker("nats", fresh=True)
    with NATSWire(server.address("nats")) as client, contextlib.ExitStack() as stack:
        client.connect()
        client.subscribe(unique)
        resident = server.resident_bytes()
        slow = []
        for _ in range(400):
            wire = stack.enter_context(Wire(server.address("admin")))
            with contextlib.suppress(OSError):
                wire.send(
                    b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n"
                    b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000
                )
            slow.append(wire)
        # One too many ends the one that has waited longest, before any has run out of time.
        with pytest.raises(Closed):
            slow[0].read_some(seconds=3)
        probe = stack.enter_context(Wire(server.address("admin")))
        probe.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in probe.read_some(seconds=3)
        client.publish(unique, "on")
        assert client.delivery().payload == b"on"
        assert server.resident_bytes() - resident < 64 << 20
    with NATSWire(server.address("nats")) as client:
        client.connect()
    server.check_alive()
