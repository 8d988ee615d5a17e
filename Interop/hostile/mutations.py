"""Seeded frames that are nearly right, and the campaign that throws them.

Most mutations stay inside a field (any byte of a payload, any character of a name), so that the
server goes on and sees many of them on one connection; some hit anywhere and mostly end it.
"""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hostile import frames

ANY = bytes(range(256))
PRINTABLE = bytes(range(0x21, 0x7F))
NAME = bytes(each for each in range(0x21, 0x100))
LEVEL = bytes(each for each in PRINTABLE if each not in b"+#")
DIGIT = b"0123456789"
# Bytes that mean something to a parser.
TELLING = b"\0\1\2\x7f\x80\xc0\xfe\xff \t\r\n.*>+#/$:{}\"0129"


@dataclass(frozen=True)
class Template:
    """A correct frame, and the fields whose bytes may be others of an alphabet."""

    frame: bytes
    fields: tuple[tuple[int, int, bytes], ...]


def template(*parts: bytes | tuple[bytes, bytes]) -> Template:
    """Bytes stand for themselves, a pair is a field and its alphabet."""
    frame = bytearray()
    fields = []
    for part in parts:
        if isinstance(part, bytes):
            frame += part
        else:
            value, alphabet = part
            fields.append((len(frame), len(frame) + len(value), alphabet))
            frame += value
    return Template(bytes(frame), tuple(fields))


def nats_templates() -> list[Template]:
    headers = b"NATS/1.0\r\nKey: value\r\nOther: more\r\n\r\n"
    sizes = b" %d %d\r\n" % (len(headers), len(headers) + 2)
    return [
        template(b"PUB ", (b"mut.orders.eu", NAME), b" 12\r\n", (b"hello, world", ANY), b"\r\n"),
        template(b"PUB ", (b"mut.a", NAME), b" ", (b"_INBOX.x.1", NAME), b" 4\r\n",
                 (b"ping", ANY), b"\r\n"),
        template(b"HPUB ", (b"mut.h", NAME), sizes, (headers, ANY), (b"xy", ANY), b"\r\n"),
        template(b"SUB ", (b"sub.orders.*.x", NAME), b" ", (b"17", NAME), b"\r\n"),
        template(b"SUB ", (b"sub.orders.>", NAME), b" ", (b"group", NAME), b" 9\r\n"),
        template(b"UNSUB ", (b"17", NAME), b"\r\n"),
        template(b"UNSUB ", (b"9", NAME), b" ", (b"12", DIGIT), b"\r\n"),
        template(b"PUB ", (b"mut.l" * 40, NAME), b" 100\r\n", (b"z" * 100, ANY), b"\r\n"),
        template(b"PING", (b"  ", b" \t"), b"\r\n"),
    ]  # fmt: skip


def mqtt_templates(version: int) -> list[Template]:
    def split(frame: bytes, *fields: tuple[bytes, bytes]) -> Template:
        """The fields are found by their values."""
        found = []
        for value, alphabet in fields:
            at = frame.index(value)
            found.append((at, at + len(value), alphabet))
        return Template(frame, tuple(found))

    five = version == 5
    none = b"\0" if five else None
    topic = (b"mut/orders/eu", LEVEL)
    rich = bytes([37]) + b"\x01\x01\x02\x00\x00\x00\x3c\x03\x00\x04type\x26\x00\x03key\x00\x05value"
    rich += b"\x09\x00\x04corr"
    return [
        split(frames.publish("mut/orders/eu", b"hello, world", properties=none),
              topic, (b"hello, world", ANY)),
        split(frames.publish("mut/orders/eu", b"hello", 1, 77, properties=none),
              topic, (b"hello", ANY)),
        split(frames.publish("mut/orders/eu", b"z" * 90, properties=rich if five else None),
              topic, (b"z" * 90, ANY), *([(b"key", PRINTABLE), (b"value", PRINTABLE),
                                          (b"corr", ANY)] if five else [])),
        split(frames.publish("mut/orders/eu", b"hello", 2, 5, properties=none), topic),
        Template(frames.acknowledgement(0x62, 5), ()),
        split(frames.subscribe("sub/orders/x", 9, 1, version), (b"sub/orders/x", LEVEL)),
        split(frames.subscribe("sub/+/x", 10, 2, version), (b"sub", LEVEL)),
        split(frames.unsubscribe("sub/orders/x", 11, version), (b"sub/orders/x", LEVEL)),
        Template(frames.PINGREQ, ()),
    ]  # fmt: skip


class Mutator:
    """Makes frames from templates; the same seed makes the same frames."""

    def __init__(
        self, templates: list[Template], seed: int, wild: float, sized: bool = False
    ) -> None:
        """``sized``: most wild MQTT packets get a length that fits, to reach what lies behind."""
        self.sized = sized
        self.chance = random.Random(seed)
        self.templates = templates
        self.wild = wild

    def frame(self) -> bytes:
        chance = self.chance.random
        chosen = self.templates[int(chance() * len(self.templates))]
        if chance() < self.wild:
            return self.anywhere(chosen.frame)
        if not chosen.fields:
            return chosen.frame
        frame = bytearray(chosen.frame)
        for _ in range(1 + int(chance() * 4)):
            start, end, alphabet = chosen.fields[int(chance() * len(chosen.fields))]
            frame[start + int(chance() * (end - start))] = alphabet[int(chance() * len(alphabet))]
        return bytes(frame)

    def anywhere(self, source: bytes) -> bytes:
        """One to three changes of any kind at any place."""
        chance = self.chance
        frame = bytearray(source)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(frame) + 1)
            kind = chance.randrange(8)
            if kind == 0 and at < len(frame):
                frame[at] ^= 1 << chance.randrange(8)
            elif kind == 1 and at < len(frame):
                frame[at] = chance.choice(TELLING)
            elif kind == 2:
                del frame[at : at + chance.randint(1, 8)]
            elif kind == 3:
                frame[at:at] = frame[at : at + chance.randint(1, 16)]
            elif kind == 4:
                frame[at:at] = chance.randbytes(chance.randint(1, 6))
            elif kind == 5:
                del frame[at:]
            elif kind == 6:
                other = chance.choice(self.templates).frame
                frame[at:] = other[chance.randrange(len(other)) :]
            else:
                digits = [place for place, each in enumerate(frame) if each in DIGIT]
                if digits:
                    number = chance.choice([b"0", b"-1", b"65536", b"4294967296", b"9" * 30])
                    place = chance.choice(digits)
                    frame[place : place + 1] = number
        if self.sized and len(frame) > 2 and chance.random() < 0.6:
            return frames.packet(frame[0], bytes(frame[2:]))
        return bytes(frame)


@dataclass
class Conversation:
    """One connection of the campaign."""

    socket: socket.socket
    frames: int
    answered: int = 0
    tail: bytes = b""
    touched: float = 0
    half_closed: bool = False


@dataclass
class Campaign:
    """Throws batches over many connections; each frame is followed by a request for a sign of
    life, so that ``answered`` counts frames that the server has surely handled and survived."""

    address: tuple[str, int]
    greeting: Callable[[int, random.Random], bytes]
    mutators: list[Mutator]
    ask: bytes
    answer: bytes
    batch: int = 64
    concurrent: int = 128
    thrown: int = 0
    connections: int = 0
    ended_by_server: int = 0
    silent: float = 0.4
    patience: float = 20
    _open: dict[int, Conversation] = field(default_factory=dict)

    def run(self, frames_wanted: int) -> None:
        poll = select.epoll()
        swept = time.monotonic()
        while self.thrown < frames_wanted:
            while len(self._open) < self.concurrent:
                self._start(poll)
            for descriptor, _ in poll.poll(0.02):
                self._read(poll, self._open[descriptor])
            now = time.monotonic()
            if now - swept > 0.02:
                swept = now
                self._sweep(poll, now)
        for conversation in list(self._open.values()):
            self._finish(poll, conversation)
        poll.close()

    def _start(self, poll: select.epoll) -> None:
        chance = self.mutators[0].chance
        mutator = self.mutators[self.connections % len(self.mutators)]
        parts = [self.greeting(self.connections, chance)]
        ask = self.ask
        for _ in range(self.batch):
            parts += (mutator.frame(), ask)
        self.connections += 1
        connection = socket.create_connection(self.address, timeout=self.patience)
        # A reset at the end leaves no port waiting.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.setblocking(False)
        conversation = Conversation(connection, self.batch, touched=time.monotonic())
        self._open[connection.fileno()] = conversation
        poll.register(connection.fileno(), select.EPOLLIN)
        try:
            connection.send(b"".join(parts))
        except OSError:
            pass

    def _read(self, poll: select.epoll, conversation: Conversation) -> None:
        try:
            data = conversation.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended_by_server += not conversation.half_closed
            self._finish(poll, conversation)
            return
        data = conversation.tail + data
        keep = len(self.answer) - 1
        conversation.answered += data.count(self.answer)
        conversation.tail = data[-keep:] if keep else b""
        conversation.touched = time.monotonic()
        if conversation.answered >= conversation.frames:
            self._finish(poll, conversation)

    def _sweep(self, poll: select.epoll, now: float) -> None:
        """A frame may have promised more than came: the server waits, until we end it."""
        for conversation in list(self._open.values()):
            idle = now - conversation.touched
            if idle > self.patience:
                raise AssertionError(f"the server sits on a connection: {conversation}")
            if idle > self.silent and not conversation.half_closed:
                conversation.half_closed = True
                try:
                    conversation.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

    def _finish(self, poll: select.epoll, conversation: Conversation) -> None:
        # What was answered, and the one that ended it.
        complete = conversation.answered >= conversation.frames
        self.thrown += min(conversation.answered, conversation.frames) + (not complete)
        descriptor = conversation.socket.fileno()
        poll.unregister(descriptor)
        del self._open[descriptor]
        conversation.socket.close()
