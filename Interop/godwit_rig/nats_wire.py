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
    """A connection that has read INFO; ``connect`` sends CONNECT.

    Later INFO lines may come at any time: they go to ``infos`` and are never mistaken for an
    answer. The server's PING is answered, unless ``answers_pings`` is false.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
        upgrade: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        answers_pings: bool = True,
    ) -> None:
        """``tls`` shakes hands at once, ``upgrade`` after INFO."""
        super().__init__(address, tls=tls, receive_buffer=receive_buffer)
        self.answers_pings = answers_pings
        self.infos: list[dict[str, Any]] = []
        self._waiting: list[Delivery] = []
        self.info: dict[str, Any] = self.read_info()
        if upgrade is not None:
            self.start_tls(upgrade)

    def read_info(self, seconds: float | None = None) -> dict[str, Any]:
        """The next line, which must be INFO."""
        line = self.read_until(CRLF, seconds).decode()
        assert line.startswith("INFO "), line
        return json.loads(line[5:])

    def wait_for_info(self, key: str, seconds: float | None = None) -> dict[str, Any]:
        """The first INFO after the greeting that has a true ``key``; nothing else may come."""
        for info in self.infos:
            if info.get(key):
                return info
        while True:
            info = self.read_info(seconds)
            self.infos.append(info)
            if info.get(key):
                return info

    def line(self, seconds: float | None = None) -> str:
        """The next control line that is for the test, without its end."""
        while True:
            line = self.read_until(CRLF, seconds)[:-2].decode()
            if line.startswith("INFO "):
                self.infos.append(json.loads(line[5:]))
            elif line == "PING" and self.answers_pings:
                self.send(b"PONG\r\n")
            else:
                return line

    def connect(self, **options: Any) -> NATSWire:
        """CONNECT, then PING and its PONG so that the connection is up when this returns."""
        self.send_connect(**options)
        if options.get("verbose"):
            self.expect("+OK")
        self.flush()
        return self

    def send_connect(self, **options: Any) -> None:
        fields = {"verbose": False, "pedantic": False, "lang": "raw", "version": "1"} | options
        self.send(b"CONNECT " + json.dumps(fields).encode() + CRLF)

    def flush(self) -> None:
        """PING, and back with its PONG: the server has handled all that was sent before.
        Messages that come in between wait for ``delivery``; any other line is a failure."""
        self.ping()
        while (line := self.line()) != "PONG":
            self._waiting.append(self.parse_delivery(line))

    def ping(self) -> None:
        self.send(b"PING\r\n")

    def expect(self, wanted: str, seconds: float | None = None) -> None:
        line = self.line(seconds)
        assert line == wanted, f"{line!r} instead of {wanted!r}"

    def delivery(self, seconds: float | None = None) -> Delivery:
        """The next message; a line of another kind is a failure."""
        if self._waiting:
            return self._waiting.pop(0)
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

    def subscribe(self, subject: str, sid: str = "1", queue: str | None = None) -> None:
        """SUB, and the server has handled it when this returns."""
        self.send(f"SUB {subject} {queue + ' ' if queue else ''}{sid}\r\n")
        self.flush()

    def publish(
        self, subject: str, payload: bytes | str = b"", reply: str | None = None
    ) -> None:
        """PUB, and the server has handled it when this returns."""
        self.send(pub(subject, payload, reply))
        self.flush()

    def has_waiting(self) -> bool:
        """True when a message came with an earlier ``flush``."""
        return bool(self._waiting)

    def silent(self) -> None:
        """Nothing was sent to this client by what the server has handled so far."""
        self.flush()
        assert not self._waiting, self._waiting
        assert self.nothing_waits(), bytes(self.buffer)


def pub(subject: str, payload: bytes | str = b"", reply: str | None = None) -> bytes:
    body = payload.encode() if isinstance(payload, str) else payload
    head = f"PUB {subject} {reply + ' ' if reply else ''}{len(body)}\r\n"
    return head.encode() + body + CRLF


def hpub(subject: str, headers: bytes, payload: bytes = b"", reply: str | None = None) -> bytes:
    total = len(headers) + len(payload)
    head = f"HPUB {subject} {reply + ' ' if reply else ''}{len(headers)} {total}\r\n"
    return head.encode() + headers + payload + CRLF
