"""Requests of share groups (KIP-932) as bytes, for what no stock client asks."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from godwit_rig.kafka_peer import KafkaWire

ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4


def _unsigned(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def text(value: str | None) -> bytes:
    if value is None:
        return b"\0"
    data = value.encode()
    return _unsigned(len(data) + 1) + data


def array(items: list[bytes] | None) -> bytes:
    return b"\0" if items is None else _unsigned(len(items) + 1) + b"".join(items)


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        assert self.place + count <= len(self.data), "the response is too short"
        self.place += count
        return self.data[self.place - count : self.place]

    def number(self, form: str) -> int:
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self) -> bytes | None:
        count = self.unsigned()
        return None if count == 0 else self.take(count - 1)

    def text(self) -> str | None:
        data = self.bytes()
        return None if data is None else data.decode()

    def array(self, one: Callable[[], Any]) -> list:
        return [one() for _ in range(self.unsigned() - 1)]

    def tags(self) -> None:
        for _ in range(self.unsigned()):
            self.unsigned()
            self.take(self.unsigned())

    def end(self) -> None:
        assert self.place == len(self.data), "the response is too long"


@dataclass
class Partition:
    error: int = 0
    acknowledge_error: int = 0
    records: bytes = b""
    acquired: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass
class Answer:
    error: int = 0
    lock_ms: int = 0
    partitions: dict[int, Partition] = field(default_factory=dict)

    @property
    def acquired(self) -> list[tuple[int, int, int]]:
        return [each for _, one in sorted(self.partitions.items()) for each in one.acquired]


# A partition, and what is said of it: first and last offset, and the kinds.
Said = dict[int, list[tuple[int, int, list[int]]]]


def _batches(said: list[tuple[int, int, list[int]]]) -> bytes:
    return array(
        [
            struct.pack(">qq", first, last) + array([bytes([kind]) for kind in kinds]) + b"\0"
            for first, last, kinds in said
        ]
    )


class ShareWire:
    """One member of a share group, on one connection."""

    def __init__(self, wire: KafkaWire, group: str, member: str) -> None:
        self.wire = wire
        self.group = group
        self.member = member
        self.topic = b"\0" * 16
        self.epoch = 0

    def _ask(self, key: int, version: int, body: bytes) -> Reader:
        self.wire.send(key, version, body + b"\0", flexible=True)
        reader = Reader(self.wire.answer())
        reader.tags()
        return reader

    def heartbeat(self, epoch: int, topics: list[str] | None = None) -> tuple[int, int, list[int]]:
        """The error, the member's epoch, and the partitions of the topic."""
        names = None if topics is None else [text(name) for name in topics]
        reader = self._ask(
            76, 1,
            text(self.group) + text(self.member) + struct.pack(">i", epoch) + text(None)
            + array(names),
        )
        reader.number("i")
        error = reader.number("h")
        reader.text()
        reader.text()
        epoch = reader.number("i")
        reader.number("i")
        partitions: list[int] = []

        def topic() -> None:
            self.topic = reader.take(16)
            partitions.extend(reader.array(lambda: reader.number("i")))
            reader.tags()

        if reader.number("b") >= 0:
            reader.array(topic)
            reader.tags()
        reader.tags()
        reader.end()
        return error, epoch, partitions

    def fetch(
        self, said: Said | list[int], epoch: int | None = None, *, wait_ms: int = 0,
        records: int = 1_000, mode: int = 0, renews: bool = False, version: int = 2,
        forgotten: list[int] | None = None, size: int = 1 << 20, batch_size: int = 0,
    ) -> Answer:
        self.send_fetch(
            said, epoch, wait_ms=wait_ms, records=records, mode=mode, renews=renews,
            version=version, forgotten=forgotten, size=size, batch_size=batch_size,
        )
        return self.fetched()

    def send_fetch(
        self, said: Said | list[int], epoch: int | None = None, *, wait_ms: int, records: int,
        mode: int = 0, renews: bool = False, version: int = 2,
        forgotten: list[int] | None = None, size: int = 1 << 20, batch_size: int = 0,
    ) -> None:
        said = said if isinstance(said, dict) else {partition: [] for partition in said}
        epoch = self.epoch if epoch is None else epoch
        head = text(self.group) + text(self.member) + struct.pack(
            ">iiiiii", epoch, wait_ms, 0 if renews else 1, size, records, batch_size
        )
        if version >= 2:
            head += struct.pack(">bb", mode, renews)
        topics = self.topic + array(
            [struct.pack(">i", one) + _batches(batches) + b"\0" for one, batches in said.items()]
        ) + b"\0"
        gone = [
            self.topic + array([struct.pack(">i", one) for one in forgotten]) + b"\0"
        ] if forgotten else []
        body = head + array([topics] if said else []) + array(gone) + b"\0"
        self.wire.send(78, version, body, flexible=True)

    def fetched(self) -> Answer:
        reader = Reader(self.wire.answer())
        reader.tags()
        answer = Answer()
        reader.number("i")
        answer.error = reader.number("h")
        reader.text()
        answer.lock_ms = reader.number("i")

        def acquired() -> tuple[int, int, int]:
            found = reader.number("q"), reader.number("q"), reader.number("h")
            reader.tags()
            return found

        def partition() -> None:
            one = Partition()
            index = reader.number("i")
            one.error = reader.number("h")
            reader.text()
            one.acknowledge_error = reader.number("h")
            reader.text()
            reader.take(8)
            reader.tags()
            one.records = reader.bytes() or b""
            one.acquired = reader.array(acquired)
            reader.tags()
            answer.partitions[index] = one

        self._topics(reader, partition)
        if answer.error == 0:
            self.epoch += 1
        return answer

    def acknowledge(
        self, said: Said, epoch: int | None = None, *, renews: bool = False, version: int = 2
    ) -> Answer:
        epoch = self.epoch if epoch is None else epoch
        head = text(self.group) + text(self.member) + struct.pack(">i", epoch)
        if version >= 2:
            head += struct.pack(">b", renews)
        topic = self.topic + array(
            [struct.pack(">i", one) + _batches(batches) + b"\0" for one, batches in said.items()]
        ) + b"\0"
        reader = self._ask(79, version, head + array([topic] if said else []))
        answer = Answer()
        reader.number("i")
        answer.error = reader.number("h")
        reader.text()
        if version >= 2:
            answer.lock_ms = reader.number("i")

        def partition() -> None:
            index = reader.number("i")
            answer.partitions[index] = Partition(acknowledge_error=reader.number("h"))
            reader.text()
            reader.take(8)
            reader.tags()
            reader.tags()

        self._topics(reader, partition)
        if answer.error == 0:
            self.epoch += 1
        return answer

    @staticmethod
    def _topics(reader: Reader, partition: Callable[[], None]) -> None:
        def topic() -> None:
            reader.take(16)
            reader.array(partition)
            reader.tags()

        reader.array(topic)
        # Where leaders are: there is one broker.
        reader.array(lambda: reader.take(1 << 20))
        reader.tags()
        reader.end()

    # What administrators ask.

    def describe_offsets(self, topic: str | None, partitions: list[int]) -> tuple[int, dict]:
        """The group's error; each partition's start, lag and error."""
        one = None if topic is None else [
            text(topic) + array([struct.pack(">i", each) for each in partitions]) + b"\0"
        ]
        reader = self._ask(90, 1, array([text(self.group) + array(one) + b"\0"]))
        reader.number("i")
        found: dict[int, tuple[int, int, int]] = {}

        def place() -> None:
            index, start, _, lag = struct.unpack(">iqiq", reader.take(24))
            found[index] = start, lag, reader.number("h")
            reader.text()
            reader.tags()

        def describe_topic() -> None:
            reader.text()
            reader.take(16)
            reader.array(place)
            reader.tags()

        def group() -> int:
            reader.text()
            reader.array(describe_topic)
            error = reader.number("h")
            reader.text()
            reader.tags()
            return error

        error = reader.array(group)[0]
        reader.tags()
        reader.end()
        return error, found

    def alter_offsets(self, topic: str, offsets: dict[int, int]) -> tuple[int, dict[int, int]]:
        places = [struct.pack(">iq", *each) + b"\0" for each in offsets.items()]
        reader = self._ask(91, 0, text(self.group) + array([text(topic) + array(places) + b"\0"]))
        reader.number("i")
        error = reader.number("h")
        reader.text()
        found: dict[int, int] = {}

        def place() -> None:
            index = reader.number("i")
            found[index] = reader.number("h")
            reader.text()
            reader.tags()

        def one() -> None:
            reader.text()
            reader.take(16)
            reader.array(place)
            reader.tags()

        reader.array(one)
        reader.tags()
        reader.end()
        return error, found

    def delete_offsets(self, topic: str) -> tuple[int, list[int]]:
        reader = self._ask(92, 0, text(self.group) + array([text(topic) + b"\0"]))
        reader.number("i")
        error = reader.number("h")
        reader.text()

        def one() -> int:
            reader.text()
            reader.take(16)
            found = reader.number("h")
            reader.text()
            reader.tags()
            return found

        found = reader.array(one)
        reader.tags()
        reader.end()
        return error, found

    def describe(self) -> tuple[int, str, str, dict[str, list[int]]]:
        """The error, the state, the assignor, and the members with their partitions."""
        reader = self._ask(77, 1, array([text(self.group)]) + b"\0")
        reader.number("i")
        members: dict[str, list[int]] = {}

        def topic() -> list[int]:
            reader.take(16)
            reader.text()
            found = reader.array(lambda: reader.number("i"))
            reader.tags()
            return found

        def member() -> None:
            name = reader.text()
            reader.text()
            reader.number("i")
            reader.text()
            reader.text()
            reader.array(reader.text)
            members[name] = [each for one in reader.array(topic) for each in one]
            reader.tags()
            reader.tags()

        def group() -> tuple[int, str, str]:
            error = reader.number("h")
            reader.text()
            reader.text()
            state = reader.text()
            reader.take(8)
            assignor = reader.text()
            reader.array(member)
            reader.number("i")
            reader.tags()
            return error, state, assignor

        found = reader.array(group)[0]
        reader.tags()
        reader.end()
        return *found, members
