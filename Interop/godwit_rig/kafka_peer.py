"""Stock Kafka clients, with the patience and the settings that the tests share."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType,
)
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

PATIENCE = 30.0

# A group's first member shall not wait for others in tests.
PROMPT = {"kafka": {"group_initial_rebalance_delay_ms": 0, "group_min_session_timeout_ms": 100}}


def address(server: Any, listener: str = "kafka") -> str:
    host, port = server.address(listener)
    return f"{host}:{port}"


def until(attempt: Callable[[], Any], what: str) -> Any:
    """What ``attempt`` answers, once it is something; each attempt waits by itself."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = attempt()
        if found:
            return found
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def configure_group(where: str, group: str, **values: str) -> None:
    """Sets a group's configuration; a name's dots may be written as underscores."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": where})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(PATIENCE)


def send_all(server: str, topic: str, records: Iterable[dict[str, Any]], **settings: Any) -> list:
    """Publishes with kafka-python and waits for every acknowledgement."""
    producer = KafkaProducer(bootstrap_servers=server, **settings)
    try:
        futures = [producer.send(topic, **record) for record in records]
        producer.flush(PATIENCE)
        return [future.get(PATIENCE) for future in futures]
    finally:
        producer.close(PATIENCE)


def read_all(server: str, topic: str, count: int, partition: int = 0, **settings: Any) -> list:
    """The first ``count`` records of a partition, with kafka-python and no group."""
    consumer = KafkaConsumer(
        bootstrap_servers=server, auto_offset_reset="earliest", enable_auto_commit=False, **settings
    )
    try:
        place = TopicPartition(topic, partition)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        found: list = []

        def attempt() -> bool:
            for records in consumer.poll(timeout_ms=1000).values():
                found.extend(records)
            return len(found) >= count

        until(attempt, f"{count} records of {topic}/{partition}, have {len(found)}")
        return found
    finally:
        consumer.close()


COMMITTED = {"isolation.level": "read_committed"}
UNCOMMITTED = {"isolation.level": "read_uncommitted"}


def contents(server: str, topic: str, isolation: dict[str, str], partition: int = 0) -> list[bytes]:
    """All that a reader of that kind gets up to the end that it is told."""
    consumer = Consumer(
        {"bootstrap.servers": server, "group.id": "reader", "enable.partition.eof": True}
        | isolation
    )
    try:
        consumer.assign([Place(topic, partition, 0)])
        found: list[bytes] = []
        while True:
            message = consumer.poll(PATIENCE)
            assert message is not None, f"no end after {found}"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                return found
            found.append(message.value())
    finally:
        consumer.close()


class Confluent:
    """librdkafka's producer and consumer."""

    def __init__(self, server: str, **settings: Any) -> None:
        self.settings = {"bootstrap.servers": server, **settings}

    def send(self, topic: str, records: Iterable[dict[str, Any]], **settings: Any) -> list[Message]:
        delivered: list[tuple[Any, Message]] = []
        producer = Producer(self.settings | settings)
        for record in records:
            producer.produce(
                topic, on_delivery=lambda error, message: delivered.append((error, message)),
                **record,
            )
        assert producer.flush(PATIENCE) == 0, "not all were acknowledged"
        errors = [error for error, _ in delivered if error]
        assert not errors, errors[:3]
        return [message for _, message in delivered]

    def read(self, topic: str, count: int, **settings: Any) -> list[Message]:
        consumer = Consumer(
            self.settings
            | {"group.id": f"read-{topic}", "auto.offset.reset": "earliest"}
            | settings
        )
        try:
            consumer.subscribe([topic])
            found: list[Message] = []

            def attempt() -> bool:
                message = consumer.poll(1.0)
                if message is not None:
                    if message.error():
                        raise AssertionError(message.error())
                    found.append(message)
                return len(found) >= count

            until(attempt, f"{count} records of {topic}")
            return found
        finally:
            consumer.close()


class KafkaWire:
    """A socket that speaks frames."""

    def __init__(self, place: tuple[str, int]) -> None:
        self.socket = socket.create_connection(place, timeout=PATIENCE)
        self.number = 0

    def __enter__(self) -> KafkaWire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, key: int, version: int, body: bytes, flexible: bool = False) -> None:
        self.number += 1
        head = struct.pack(">hhih", key, version, self.number, 4) + b"wire"
        if flexible:
            head += b"\0"
        frame = head + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def frame(self) -> bytes | None:
        """The next frame without its size; ``None`` at the end of the connection."""
        head = self._read(4)
        return None if head is None else self._read(struct.unpack(">i", head)[0])

    def _read(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data

    def answer(self) -> bytes:
        """The next response's body; its correlation must be that of the last request."""
        frame = self.frame()
        assert frame is not None, "the connection was closed"
        assert struct.unpack(">i", frame[:4])[0] == self.number
        return frame[4:]

    def ask(self, request: Any, response: Any) -> Any:
        """Sends one of kafka-python's requests; its answer as a ``response``."""
        self.number += 1
        request.with_header(correlation_id=self.number, client_id="wire")
        self.socket.sendall(request.encode(header=True, framed=True))
        frame = self.frame()
        assert frame is not None, "the connection was closed"
        return response.decode(frame, version=request.version, header=True)

    def produce(self, body: bytes) -> tuple[int, int]:
        """Sends what ``produce_request`` made; the error and the offset."""
        self.send(0, 3, body)
        answer = self.answer()
        # One topic with its name, one partition with its number.
        place = 4 + 2 + struct.unpack_from(">h", answer, 4)[0] + 4 + 4
        return struct.unpack_from(">hq", answer, place)

    def is_closed(self) -> bool:
        return self.frame() is None


def _varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def batch(
    values: list[bytes], producer: int = -1, epoch: int = -1, sequence: int = -1,
    attributes: int = 0, key: bytes | None = None,
) -> bytes:
    """A record batch of magic 2."""
    records = b""
    keyed = _varint(-1) if key is None else _varint(len(key)) + key
    for number, value in enumerate(values):
        record = b"\0" + _varint(0) + _varint(number) + keyed + _varint(len(value)) + value
        record += _varint(0)
        records += _varint(len(record)) + record
    now = int(time.time() * 1000)
    checked = struct.pack(
        ">hiqqqhii", attributes, len(values) - 1, now, now, producer, epoch, sequence, len(values)
    )
    checked += records
    tail = struct.pack(">ibI", -1, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(tail)) + tail


def produce_request(topic: str, partition: int, records: bytes, acks: int = -1) -> bytes:
    """The body of a Produce request of version 3 with one batch."""
    name = topic.encode()
    return (
        struct.pack(">hhii", -1, acks, 30_000, 1)
        + struct.pack(">h", len(name)) + name
        + struct.pack(">iii", 1, partition, len(records)) + records
    )
