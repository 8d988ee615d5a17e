"""NATS inside WebSocket, plain and secure."""

from __future__ import annotations

import json

import nats
import pytest
from godwit_rig import Wire
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Stream:
    """The bytes of binary messages, whichever way they were cut."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.buffer = b""

    def until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            message = self.socket.recv(timeout=5)
            assert isinstance(message, bytes), f"a text message: {message!r}"
            self.buffer += message
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark


@pytest.fixture
def socket(broker):
    host, port = broker("nats", "nats-ws").address("nats-ws")
    with connect(f"ws://{host}:{port}/", compression=None, max_size=None) as connection:
        yield connection


def test_info_connect_and_messages(socket, unique):
    stream = Stream(socket)
    greeting = stream.until(b"\r\n")
    assert greeting.startswith(b"INFO ")
    assert json.loads(greeting[5:])["headers"] is True
    socket.send(b'CONNECT {"verbose":false,"headers":true}\r\nPING\r\n')
    assert stream.until(b"\r\n") == b"PONG\r\n"
    socket.send(f"SUB {unique} 1\r\nPUB {unique} 2\r\nhi\r\n".encode())
    assert stream.until(b"hi\r\n") == f"MSG {unique} 1 2\r\nhi\r\n".encode()


def test_lines_split_over_messages_and_fragments(socket, unique):
    stream = Stream(socket)
    stream.until(b"\r\n")
    text = b'CONNECT {"verbose":false}\r\n'
    text += f"SUB {unique} 1\r\nPUB {unique} 5\r\nhello\r\n".encode()
    for index in range(len(text)):
        socket.send(text[index : index + 1])
    assert stream.until(b"hello\r\n") == f"MSG {unique} 1 5\r\nhello\r\n".encode()
    pieces = [text[index : index + 7] for index in range(0, len(text), 7)]
    socket.send(iter([b"UNSUB 1\r\n", *pieces]))  # one message in many fragments
    assert stream.until(b"hello\r\n") == f"MSG {unique} 1 5\r\nhello\r\n".encode()


def test_a_large_payload_and_an_empty_message(socket, unique):
    stream = Stream(socket)
    stream.until(b"\r\n")
    payload = b"z" * 900_000
    socket.send(b'CONNECT {"verbose":false}\r\n')
    socket.send(b"")
    socket.send(f"SUB {unique} 1\r\nPUB {unique} {len(payload)}\r\n".encode() + payload + b"\r\n")
    assert stream.until(b"\r\n") == f"MSG {unique} 1 {len(payload)}\r\n".encode()
    assert stream.until(b"\r\n") == payload + b"\r\n"


def test_control_frames_between_data(socket):
    stream = Stream(socket)
    stream.until(b"\r\n")
    assert socket.ping(b"are you there").wait(5)
    socket.send(b'CONNECT {"verbose":false}\r\nPI')
    assert socket.ping().wait(5)
    socket.send(b"NG\r\n")
    assert stream.until(b"\r\n") == b"PONG\r\n"


def test_a_protocol_error_closes(socket):
    """nats-server's reason does not get out before the end here; ours may."""
    stream = Stream(socket)
    stream.until(b"\r\n")
    socket.send(b"nonsense\r\nPING\r\n")
    said = b""
    with pytest.raises(ConnectionClosed):
        while True:
            said += socket.recv(timeout=5)
    assert said in (b"", b"-ERR 'Unknown Protocol Operation'\r\n")


def test_an_orderly_close(broker):
    host, port = broker("nats", "nats-ws").address("nats-ws")
    with connect(f"ws://{host}:{port}/", compression=None) as connection:
        connection.recv(timeout=5)
        connection.close(1000)
        assert connection.close_code == 1000


def test_offers_of_compression_are_answered_in_good_form(broker, unique):
    """Accepted or not: what was negotiated works."""
    host, port = broker("nats", "nats-ws").address("nats-ws")
    with connect(f"ws://{host}:{port}/", compression="deflate") as connection:
        stream = Stream(connection)
        stream.until(b"\r\n")
        connection.send(b'CONNECT {"verbose":false}\r\n' + f"SUB {unique} 1\r\n".encode())
        connection.send(f"PUB {unique} 1000\r\n".encode() + b"y" * 1000 + b"\r\n")
        assert stream.until(b"y\r\n").endswith(b"y" * 1000 + b"\r\n")


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 7\r\n\r\n",
    ],
    ids=["no upgrade", "post", "no key", "old version"],
)
def test_what_is_no_websocket_handshake_is_refused_in_http(broker, request_text):
    with Wire(broker("nats", "nats-ws").address("nats-ws")) as client:
        client.send(request_text)
        status = client.read_until(b"\r\n")
        assert status.startswith(b"HTTP/1.1 4"), status


def test_an_unmasked_frame_is_a_protocol_error(broker):
    with Wire(broker("nats", "nats-ws").address("nats-ws")) as client:
        client.send(
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        head = client.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101")
        client.send(b"\x82\x06PING\r\n")
        rest = client.read_to_end()
        assert b"PONG" not in rest


async def test_nats_py_over_websocket(broker, unique):
    server = broker("nats", "nats-ws")
    over_ws = await nats.connect(server.url("nats-ws"), allow_reconnect=False)
    over_tcp = await nats.connect(server.url("nats"), allow_reconnect=False)
    try:
        subscription = await over_ws.subscribe(unique)
        await over_ws.flush()
        await over_tcp.publish(unique, b"from tcp", headers={"A": "b"})
        message = await subscription.next_msg(timeout=5)
        assert (message.data, message.headers) == (b"from tcp", {"A": "b"})
        back = await over_tcp.subscribe(f"{unique}.back")
        await over_tcp.flush()
        await over_ws.publish(f"{unique}.back", b"z" * 300_000)
        assert len((await back.next_msg(timeout=5)).data) == 300_000
    finally:
        await over_ws.close()
        await over_tcp.close()


async def test_nats_py_over_secure_websocket(broker, certificates, unique):
    server = broker("nats", "nats-wss", tls=True)
    connection = await nats.connect(
        server.url("nats-wss"), tls=certificates.client_context(), allow_reconnect=False
    )
    try:
        subscription = await connection.subscribe(unique)
        await connection.publish(unique, b"x")
        assert (await subscription.next_msg(timeout=5)).data == b"x"
    finally:
        await connection.close()
