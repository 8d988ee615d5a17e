"""A socket whose every wait has a deadline."""

from __future__ import annotations

import select
import socket
import ssl
import time

DEADLINE_SECONDS = 5.0


class Closed(AssertionError):
    """The peer ended the connection; ``rest`` is what it had sent before."""

    def __init__(self, rest: bytes) -> None:
        super().__init__(f"connection closed by the peer; unread: {rest[:400]!r}")
        self.rest = rest


class DeadlinePassed(AssertionError):
    """Nothing came in time; ``rest`` is what was there."""

    def __init__(self, wanted: str, rest: bytes) -> None:
        super().__init__(f"waited in vain for {wanted}; buffered: {rest[:400]!r}")
        self.rest = rest


class Wire:
    """Blocking TCP (or TLS) with a receive buffer."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self.seconds = seconds
        self.buffer = bytearray()
        self.socket: socket.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.start_tls(tls)

    def start_tls(self, context: ssl.SSLContext, name: str = "localhost") -> None:
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with a TCP reset, as a crashed machine does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    # Sending.

    def send(self, data: bytes | str) -> None:
        self.socket.settimeout(self.seconds)
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_slowly(self, data: bytes) -> None:
        """One byte a segment."""
        for index in range(len(data)):
            self.send(data[index : index + 1])

    # Receiving.

    def read_until(self, mark: bytes, seconds: float | None = None) -> bytes:
        """Bytes up to and with ``mark``."""
        deadline = self._deadline(seconds)
        searched = 0
        while True:
            found = self.buffer.find(mark, searched)
            if found >= 0:
                return self._take(found + len(mark))
            searched = max(0, len(self.buffer) - len(mark) + 1)
            self._fill(deadline, repr(mark))

    def read_exactly(self, count: int, seconds: float | None = None) -> bytes:
        deadline = self._deadline(seconds)
        while len(self.buffer) < count:
            self._fill(deadline, f"{count} bytes")
        return self._take(count)

    def read_some(self, seconds: float | None = None) -> bytes:
        """What is buffered, else what comes next (at least one byte)."""
        if not self.buffer:
            self._fill(self._deadline(seconds), "any byte")
        return self._take(len(self.buffer))

    def read_to_end(self, seconds: float | None = None) -> bytes:
        """Everything until the peer closes."""
        deadline = self._deadline(seconds)
        try:
            while True:
                self._fill(deadline, "the end of the connection")
        except Closed:
            return self._take(len(self.buffer))

    def expect_closed(self, seconds: float | None = None) -> None:
        rest = self.read_to_end(seconds)
        assert rest == b"", f"bytes before the end: {rest!r}"

    def nothing_waits(self) -> bool:
        """True when no byte is buffered or readable at this moment: only meaningful after
        something that orders the past, such as PING and PONG."""
        if self.buffer:
            return False
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return False
        return not select.select([self.socket], [], [], 0)[0]

    def _deadline(self, seconds: float | None) -> float:
        return time.monotonic() + (self.seconds if seconds is None else seconds)

    def _take(self, count: int) -> bytes:
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _fill(self, deadline: float, wanted: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlinePassed(wanted, bytes(self.buffer))
        self.socket.settimeout(left)
        try:
            chunk = self.socket.recv(262_144)
        except (TimeoutError, ssl.SSLWantReadError):
            raise DeadlinePassed(wanted, bytes(self.buffer)) from None
        except (ConnectionError, ssl.SSLEOFError):
            raise Closed(bytes(self.buffer)) from None
        if not chunk:
            raise Closed(bytes(self.buffer))
        self.buffer += chunk
