"""Those who ask and never read, and those who never get to the protocol at all."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import struct
import time
import urllib.request
from pathlib import Path

import pytest
from godwit_rig import Wire

from hostile import frames

pytestmark = pytest.mark.godwit_only

MIB = 1024 * 1024
PATHS = {"mqtt-ws": ("/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n"), "nats-ws": ("/", "")}


def upgraded(server, listener: str) -> socket.socket:
    path, more = PATHS[listener]
    key = base64.b64encode(os.urandom(16)).decode()
    client = socket.create_connection(server.address(listener), timeout=5)
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += client.recv(1)
    assert b" 101 " in answer
    return client


def masked(opcode: int, data: bytes) -> bytes:
    return bytes([0x80 | opcode, 0x80 | len(data)]) + bytes(4) + data


def push(client: socket.socket, piece: bytes, total: int, seconds: float) -> int:
    """Sends up to ``total`` bytes for ``seconds``, as far as they are taken."""
    sent, end = 0, time.monotonic() + seconds
    client.settimeout(1)
    try:
        while sent < total and time.monotonic() < end:
            sent += client.send(piece)
    except OSError:
        pass
    return sent


def descriptors(server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def is_open(client: socket.socket) -> bool:
    client.settimeout(0.05)
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize("listener", ["mqtt-ws", "nats-ws"])
@pytest.mark.parametrize("greets", [False, True])
def test_websocket_pings_without_reading_cost_nothing(broker, listener, greets):
    server = broker("nats-ws", "mqtt-ws", fresh=True)
    client = upgraded(server, listener)
    if greets:
        words = frames.connect("p") if listener == "mqtt-ws" else b"CONNECT {}\r\nPING\r\n"
        client.sendall(masked(2, words))
    before = server.resident_bytes()
    sent = push(client, masked(9, b"p" * 125) * 500, 100 * MIB, 10)
    grown = server.resident_bytes() - before
    assert sent > 5 * MIB
    assert grown < 8 * MIB, f"{sent / MIB:.0f} MiB of pings cost {grown / MIB:.1f} MiB"
    client.close()
    server.check_alive()


@pytest.mark.parametrize("limits", [{"connections_max": 10}, {"connections_per_address_max": 10}])
def test_silent_websockets_count_from_the_first_moment(broker, limits):
    server = broker("mqtt-ws", "mqtt", fresh=True, godwit={"limits": limits})
    silent = [socket.create_connection(server.address("mqtt-ws")) for _ in range(40)]
    assert sum(is_open(each) for each in silent) == 10
    # Whoever leaves makes room at once, and keeps no descriptor.
    for each in silent:
        each.close()
    wire = None
    deadline = time.monotonic() + 3
    while wire is None:
        wire = Wire(server.address("mqtt"))
        wire.send(frames.connect("late"))
        try:
            assert wire.read_exactly(4) == b"\x20\x02\x00\x00"
        except Exception:
            wire = None
            assert time.monotonic() < deadline
    wire.close()


@pytest.mark.parametrize("listener", ["mqtt-ws", "mqtt-wss", "mqtt-tls"])
@pytest.mark.parametrize("words", [b"", b"GET /mqtt HTTP/1.1\r\nHost", b"\x16\x03\x01\x02"])
def test_who_leaves_before_the_handshake_keeps_no_descriptor(broker, listener, words):
    server = broker(listener, tls=True, fresh=True)
    before = descriptors(server)
    clients = [socket.create_connection(server.address(listener)) for _ in range(100)]
    for each in clients:
        each.sendall(words)
    for each in clients:
        each.close()
    deadline = time.monotonic() + 4
    while (now := descriptors(server)) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now <= before


def test_handshakes_that_never_end_leak_nothing(broker):
    server = broker("mqtt-ws", fresh=True)

    def thousands() -> int:
        for index in range(6000):
            client = socket.create_connection(server.address("mqtt-ws"))
            if index % 2:
                client.sendall(b"GET /mqtt HTTP/1.1\r\nHost")
            client.close()
        time.sleep(0.5)
        return server.resident_bytes()

    first = thousands()
    grown = thousands() - first
    assert grown < 3 * MIB, f"{grown / 6000:.0f} bytes a connection"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=str)
def test_tls_connections_that_break_leave_nothing(broker, certificates, version):
    """Nothing waits for the last word of a client whose socket is broken."""
    server = broker("mqtt-tls", tls=True, fresh=True)
    context = certificates.client_context()
    context.minimum_version = context.maximum_version = version

    def hundreds() -> int:
        for _ in range(400):
            client = socket.create_connection(server.address("mqtt-tls"))
            client = context.wrap_socket(client, server_hostname="localhost")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        return server.resident_bytes()

    first = hundreds()
    grown = hundreds() - first
    assert grown < 2 * MIB, f"{grown / 400:.0f} bytes a connection"


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_admin_requests_without_reading_are_not_taken(broker, path):
    """`/healthz` needs no log-in."""
    server = broker("nats", fresh=True)
    client = socket.create_connection(server.address("admin"))
    before = server.resident_bytes()
    requests = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * 500
    push(client, requests, 60 * MIB, 5)
    grown = server.resident_bytes() - before
    assert grown < 12 * MIB, f"{grown / MIB:.1f} MiB"
    client.close()


def test_slow_admin_bodies_do_not_keep_a_probe_out(broker):
    server = broker("nats", fresh=True)
    slow = []
    for _ in range(300):
        client = socket.create_connection(server.address("admin"))
        client.sendall(
            b"POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-Godwit-Admin: 1\r\n"
            b"Content-Length: 1000\r\n\r\nx"
        )
        slow.append(client)
    for _ in range(5):
        probe = socket.create_connection(server.address("admin"), timeout=2)
        probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in probe.recv(100)
        probe.close()
    for each in slow:
        each.close()


def closed_as(server) -> list[str]:
    with urllib.request.urlopen(server.url("admin") + "/api/overview", timeout=5) as response:
        ends = json.load(response)["ended"]
    return [each["reason"] for each in ends]


def test_an_mqtt_socket_that_takes_nothing_is_cut(broker):
    server = broker("mqtt", mqtt={"write_deadline_seconds": 1}, fresh=True)
    lazy = Wire(server.address("mqtt"), receive_buffer=4096)
    reader = Wire(server.address("mqtt"), receive_buffer=65_536, seconds=20)
    publisher = Wire(server.address("mqtt"), seconds=20)
    for wire, name in ((lazy, "lazy"), (reader, "reader"), (publisher, "publisher")):
        wire.send(frames.connect(name))
        assert wire.read_exactly(4) == b"\x20\x02\x00\x00"
    message = frames.publish("fire", b"x" * 50_000)
    for wire in (lazy, reader):
        wire.send(frames.subscribe("fire"))
        wire.read_exactly(5)
    for _ in range(100):
        publisher.send(message)
    # This one needs longer than the deadline for it all, but never for a little.
    for _ in range(100):
        assert reader.read_exactly(len(message)) == message
        time.sleep(0.03)
    deadline = time.monotonic() + 8
    while "Slow Consumer (Write Deadline)" not in closed_as(server):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for wire in (reader, publisher):
        wire.send(frames.PINGREQ)
        assert wire.read_exactly(2) == frames.PINGRESP
    assert len(closed_as(server)) == 1


def test_close_codes_and_reserved_bits(broker):
    """RFC 6455, 5.2, 5.5.1 and 7.4."""
    server = broker("mqtt-ws", fresh=True)
    cases = [
        (bytes([0xC2, 0x81]) + bytes(4) + b"x", 1002),
        (bytes([0x99, 0x80]) + bytes(4), 1002),
        (masked(8, b"x"), 1002), (masked(8, struct.pack(">H", 1005)), 1002),
        (masked(8, struct.pack(">H", 1006)), 1002), (masked(8, struct.pack(">H", 1015)), 1002),
        (masked(8, struct.pack(">H", 1000) + b"\xff"), 1007),
        (masked(8, struct.pack(">H", 1000) + "ä".encode()), 1000), (masked(8, b""), None),
    ]  # fmt: skip
    for sent, code in cases:
        client = upgraded(server, "mqtt-ws")
        client.sendall(sent)
        answer = b""
        while data := client.recv(100):
            answer += data
        assert answer[:1] == b"\x88"
        assert answer[2:4] == (b"" if code is None else struct.pack(">H", code)), sent
        client.close()
