"""NATS by the line, for tests that look at the very bytes."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from typing import Any

from godwit_rig.wire import Wire

CRLF = b"\r\n"


@dataclass(frozen=True)
class Delivery:
    """One MSG or HMSG."""

    subject: str
    sid: str
    reply: str | None
    headers: bytes | None
    payload: bytes


class NATSWire(Wire):
    """A connection that has read INFO; ``connect`` sends CONNECT."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
        upgrade: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        """``tls`` shakes hands at once, ``upgrade`` after INFO."""
        super().__init__(address, tls=tls, receive_buffer=receive_buffer)
        self.info: dict[str, Any] = self.read_info()
        if upgrade is not None:
            self.start_tls(upgrade)

    def read_info(self, seconds: float | None = None) -> dict[str, Any]:
        line = self.line(seconds)
        assert line.startswith("INFO "), line
        return json.loads(line[5:])

    def line(self, seconds: float | None = None) -> str:
        """The next control line, without its end."""
        return self.read_until(CRLF, seconds)[:-2].decode()

    def connect(self, **options: Any) -> NATSWire:
        """CONNECT, then PING and its PONG so that the connection is up when this returns."""
        self.send_connect(**options)
        self.flush()
        return self

    def send_connect(self, **options: Any) -> None:
        fields = {"verbose": False, "pedantic": False, "lang": "raw", "version": "1"} | options
        self.send(b"CONNECT " + json.dumps(fields).encode() + CRLF)

    def flush(self) -> None:
        """PING, and the PONG must be the very next thing."""
        self.send(b"PING\r\n")
        line = self.line()
        assert line == "PONG", line

    def ping(self) -> None:
        self.send(b"PING\r\n")

    def expect(self, wanted: str, seconds: float | None = None) -> None:
        line = self.line(seconds)
        assert line == wanted, f"{line!r} instead of {wanted!r}"

    def delivery(self, seconds: float | None = None) -> Delivery:
        """The next line must be MSG or HMSG; reads its payload too."""
        return self.parse_delivery(self.line(seconds), seconds)

    def parse_delivery(self, line: str, seconds: float | None = None) -> Delivery:
        words = line.split(" ")
        if words[0] == "MSG" and len(words) in (4, 5):
            reply = words[3] if len(words) == 5 else None
            body = self.read_exactly(int(words[-1]) + 2, seconds)
            assert body.endswith(CRLF), body[-10:]
            return Delivery(words[1], words[2], reply, None, body[:-2])
        if words[0] == "HMSG" and len(words) in (5, 6):
            reply = words[3] if len(words) == 6 else None
            split, total = int(words[-2]), int(words[-1])
            body = self.read_exactly(total + 2, seconds)
            assert body.endswith(CRLF), body[-10:]
            return Delivery(words[1], words[2], reply, body[:split], body[split:-2])
        raise AssertionError(f"not a delivery: {line!r}")

    def deliveries(self, count: int) -> list[Delivery]:
        return [self.delivery() for _ in range(count)]

    def silent(self) -> None:
        """Nothing was sent to this client by what the server has handled so far."""
        self.flush()
        assert self.nothing_waits(), bytes(self.buffer)


def pub(subject: str, payload: bytes | str = b"", reply: str | None = None) -> bytes:
    body = payload.encode() if isinstance(payload, str) else payload
    head = f"PUB {subject} {reply + ' ' if reply else ''}{len(body)}\r\n"
    return head.encode() + body + CRLF


def hpub(subject: str, headers: bytes, payload: bytes = b"", reply: str | None = None) -> bytes:
    total = len(headers) + len(payload)
    head = f"HPUB {subject} {reply + ' ' if reply else ''}{len(headers)} {total}\r\n"
    return head.encode() + headers + payload + CRLF
