"""MQTT in WebSocket frames (RFC 6455), with the frames in the test's hands."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
import time

from mqtt.client import DEADLINE, TCPTransport

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class HandshakeRefused(AssertionError):
    """The server answered with something else than 101; the text is its answer."""


class WebSocketTransport:
    """A client's connection. `send` puts each call in one binary frame; `receive` gives the
    payloads of binary frames and keeps control frames in `control`."""

    def __init__(
        self, address: tuple[str, int], path: str = "/mqtt", protocols: str | None = "mqtt",
        tls: ssl.SSLContext | None = None,
    ):
        self.tcp = TCPTransport(address, tls)
        self.control: list[tuple[int, bytes]] = []
        self.closed = False
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1", f"Host: localhost:{address[1]}", "Upgrade: websocket",
            "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
        ]
        if protocols is not None:
            lines.append(f"Sec-WebSocket-Protocol: {protocols}")
        self.tcp.send("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = self.tcp.receive(DEADLINE)
            if not data:
                raise HandshakeRefused(answer.decode(errors="replace"))
            answer += data
        head, _, rest = answer.partition(b"\r\n\r\n")
        self.raw = bytearray(rest)
        status, *headers = head.decode().split("\r\n")
        if " 101 " not in status + " ":
            raise HandshakeRefused(head.decode())
        self.headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in headers)
        }

    @property
    def socket(self) -> socket.socket:
        return self.tcp.socket

    # --- Out -------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.send_frame(BINARY, data)

    def send_frame(
        self, opcode: int, data: bytes = b"", final: bool = True, masked: bool = True
    ) -> None:
        self.tcp.send(self.frame(opcode, data, final, masked))

    @staticmethod
    def frame(opcode: int, data: bytes = b"", final: bool = True, masked: bool = True) -> bytes:
        head = bytes([opcode | (0x80 if final else 0)])
        bit = 0x80 if masked else 0
        if len(data) < 126:
            head += bytes([bit | len(data)])
        elif len(data) < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", len(data))
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", len(data))
        if not masked:
            return head + data
        mask = os.urandom(4)
        return head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data))

    # --- In --------------------------------------------------------------------------------------

    def receive(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        while True:
            opcode, payload = self.receive_frame(deadline)
            if opcode in (BINARY, CONTINUATION):
                if payload:
                    return payload
            elif opcode == CLOSE:
                self.control.append((opcode, payload))
                self.closed = True
                return b""
            elif opcode is None:
                return b""
            else:
                assert opcode != TEXT, "MQTT never travels in text frames [MQTT-6.0.0-1]"
                self.control.append((opcode, payload))

    def receive_frame(self, deadline: float) -> tuple[int | None, bytes]:
        """The next frame's opcode and payload; `None` at the end of the connection."""
        head = self._take(2, deadline)
        if head is None:
            return None, b""
        assert not head[1] & 0x80, "a server must not mask"
        length = head[1] & 0x7F
        if length >= 126:
            size = 2 if length == 126 else 8
            more = self._take(size, deadline)
            if more is None:
                return None, b""
            length = int.from_bytes(more, "big")
        payload = self._take(length, deadline)
        return (None, b"") if payload is None else (head[0] & 0x0F, payload)

    def _take(self, count: int, deadline: float) -> bytes | None:
        while len(self.raw) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            data = self.tcp.receive(left)
            if not data:
                return None
            self.raw += data
        out = bytes(self.raw[:count])
        del self.raw[:count]
        return out

    def close(self) -> None:
        self.tcp.close()

    def abort(self) -> None:
        self.tcp.abort()
