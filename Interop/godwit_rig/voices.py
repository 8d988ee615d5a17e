"""One message in words of no protocol, and stock clients that say and hear it: nats-py on the core
and on JetStream, paho-mqtt, librdkafka."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import nats
from confluent_kafka import Consumer, Producer, TopicPartition
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

from godwit_rig.brokers import Broker
from godwit_rig.kafka_peer import PATIENCE, address
from godwit_rig.paho_peer import PahoPeer

Header = tuple[str, bytes | None]


@dataclass(frozen=True)
class Message:
    """What is ``None`` or empty is not said. ``reply`` is in NATS form, times are since 1970."""

    payload: bytes | None = b"x"
    headers: tuple[Header, ...] = ()
    id: str | None = None
    content_type: str | None = None
    correlation: bytes | None = None
    reply: str | None = None
    is_text: bool | None = None
    expires_in: float | None = None
    key: bytes | None = None
    time_ms: int | None = None


class PairsClient(Client):
    """nats-py's client, which keeps repeated header fields and their order."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, Any]:
        fields = Pairs(Client._parse_header_lines(raw))
        lines = [line.partition(b":") for line in raw.split(b"\r\n") if line]
        fields.pairs = [(name.decode(), value.strip()) for name, _, value in lines]
        return fields


class Pairs(dict):
    """nats-py writes what ``items`` says: names may come again there."""

    pairs: list[tuple[str, bytes]]

    def items(self):  # noqa: ANN201
        return [(name, value.decode()) for name, value in self.pairs]


@contextlib.asynccontextmanager
async def nats_client(server: Broker) -> AsyncIterator[PairsClient]:
    client = PairsClient()
    await client.connect(server.url("nats"), connect_timeout=PATIENCE, allow_reconnect=False)
    try:
        yield client
    finally:
        await client.close()


class NATS:
    """Core NATS. What it has no header of its own for goes by Godwit's names."""

    name = "nats"

    def __init__(self, server: Broker, topic: str) -> None:
        self.server, self.topic = server, topic

    @staticmethod
    def fields(message: Message) -> Pairs | None:
        pairs = [(name, value) for name, value in message.headers if value is not None]
        for name, value in (
            ("Content-Type", message.content_type),
            ("Nats-Msg-Id", message.id),
            ("Nats-TTL", message.expires_in and str(int(message.expires_in))),
            ("Payload-Format-Indicator", None if message.is_text is None else
                str(int(message.is_text))),
            ("Correlation-Data", as_text(message.correlation)),
            ("Godwit-Key", as_text(message.key)),
            ("Godwit-Time", as_nanoseconds(message.time_ms)),
        ):
            if value is not None:
                pairs.append((name, value.encode()))
        fields = Pairs(pairs)
        fields.pairs = pairs
        return fields if pairs else None

    @staticmethod
    def message(payload: bytes, fields: Any, reply: str | None) -> Message:
        headers: list[Header] = []
        known: dict[str, Any] = {}
        for name, value in fields.pairs if fields else ():
            match name:
                case "Content-Type":
                    known["content_type"] = value.decode()
                case "Nats-Msg-Id":
                    known["id"] = value.decode()
                case "Nats-TTL":
                    known["expires_in"] = float(value)
                case "Payload-Format-Indicator":
                    known["is_text"] = value == b"1"
                case "Correlation-Data":
                    known["correlation"] = from_text(value)
                case "Godwit-Key":
                    known["key"] = from_text(value)
                case "Godwit-Time":
                    known["time_ms"] = int(value) // 1_000_000
                case _:
                    headers.append((name, value))
        return Message(payload, tuple(headers), reply=reply or None, **known)

    async def say(self, messages: list[Message]) -> None:
        async with nats_client(self.server) as client:
            for each in messages:
                await client.publish(
                    self.topic, each.payload or b"", each.reply or "", self.fields(each)
                )
            await client.flush(PATIENCE)

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[NATS]:
        async with nats_client(self.server) as client:
            self.subscription = await client.subscribe(self.topic)
            await client.flush(PATIENCE)
            yield self

    async def hear(self, count: int) -> list[Message]:
        found = [await self.subscription.next_msg(PATIENCE) for _ in range(count)]
        return [self.message(each.data, each.headers, each.reply) for each in found]


class JetStream(NATS):
    """A stream on the topic. Publishers' reply subjects are where they are acknowledged."""

    name = "jetstream"

    @property
    def stream(self) -> str:
        return self.topic.replace(".", "-")

    async def prepare(self, client: Client) -> None:
        await client.jetstream(timeout=PATIENCE).add_stream(
            StreamConfig(name=self.stream, subjects=[self.topic], allow_msg_ttl=True)
        )

    async def say(self, messages: list[Message]) -> None:
        async with nats_client(self.server) as client:
            await self.prepare(client)
            stream = client.jetstream(timeout=PATIENCE)
            for number, each in enumerate(messages, 1):
                ack = await stream.publish(
                    self.topic, each.payload or b"", headers=self.fields(each)
                )
                assert (ack.stream, ack.seq) == (self.stream, number)

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[JetStream]:
        async with nats_client(self.server) as client:
            await self.prepare(client)
            self.pull = await client.jetstream(timeout=PATIENCE).pull_subscribe(
                self.topic, stream=self.stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
            )
            yield self

    async def hear(self, count: int) -> list[Message]:
        found: list[Any] = []
        while len(found) < count:
            found += await self.pull.fetch(count - len(found), timeout=PATIENCE)
        # The reply subject of what is consumed is the server's own.
        return [self.message(each.data, each.headers, None) for each in found]


class MQTT:
    """MQTT 5.0."""

    name = "mqtt"

    def __init__(self, server: Broker, topic: str) -> None:
        self.server, self.topic = server, topic.replace(".", "/")

    @staticmethod
    def properties(message: Message) -> dict[str, Any]:
        pairs = [(name, value.decode()) for name, value in message.headers if value is not None]
        for name, value in (
            ("message-id", message.id),
            ("Godwit-Key", as_text(message.key)),
            ("Godwit-Time", as_nanoseconds(message.time_ms)),
        ):
            if value is not None:
                pairs.append((name, value))
        said = {
            "UserProperty": pairs or None,
            "ContentType": message.content_type,
            "CorrelationData": message.correlation,
            "ResponseTopic": message.reply and message.reply.replace(".", "/"),
            "PayloadFormatIndicator": None if message.is_text is None else int(message.is_text),
            "MessageExpiryInterval": message.expires_in and int(message.expires_in),
        }
        return {name: value for name, value in said.items() if value is not None}

    @staticmethod
    def message(got: Any) -> Message:
        properties = got.properties
        headers: list[Header] = []
        known: dict[str, Any] = {}
        for name, value in getattr(properties, "UserProperty", ()):
            match name:
                case "message-id":
                    known["id"] = value
                case "Godwit-Key":
                    known["key"] = from_text(value.encode())
                case "Godwit-Time":
                    known["time_ms"] = int(value) // 1_000_000
                case _:
                    headers.append((name, value.encode()))
        indicator = getattr(properties, "PayloadFormatIndicator", None)
        expiry = getattr(properties, "MessageExpiryInterval", None)
        reply = getattr(properties, "ResponseTopic", None)
        return Message(
            got.payload, tuple(headers),
            content_type=getattr(properties, "ContentType", None),
            correlation=getattr(properties, "CorrelationData", None),
            reply=reply and reply.replace("/", "."),
            is_text=None if indicator is None else bool(indicator),
            expires_in=None if expiry is None else float(expiry),
            **known,
        )

    def _say(self, messages: list[Message]) -> None:
        with PahoPeer(self.server.address("mqtt")) as peer:
            for each in messages:
                reason = peer.publish(
                    self.topic, each.payload or b"", qos=1, **self.properties(each)
                )
                assert not reason.is_failure, reason

    async def say(self, messages: list[Message]) -> None:
        await asyncio.to_thread(self._say, messages)

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[MQTT]:
        self.peer = PahoPeer(self.server.address("mqtt"))
        try:
            await asyncio.to_thread(self.peer.subscribe, self.topic, 1)
            yield self
        finally:
            await asyncio.to_thread(self.peer.__exit__)

    async def hear(self, count: int) -> list[Message]:
        found = [await asyncio.to_thread(self.peer.next, PATIENCE) for _ in range(count)]
        self.qualities = {each.qos for each in found}
        return [self.message(each) for each in found]


class Kafka:
    """A topic of one partition."""

    name = "kafka"

    def __init__(self, server: Broker, topic: str) -> None:
        self.server, self.topic = server, topic

    @property
    def settings(self) -> dict[str, Any]:
        return {"bootstrap.servers": address(self.server), "log_level": 0}

    @staticmethod
    def headers(message: Message) -> list[Header]:
        said = (
            ("content-type", message.content_type),
            ("message-id", message.id),
            ("correlation-data", message.correlation),
            ("reply-topic", message.reply),
            ("payload-format-indicator", None if message.is_text is None else
                str(int(message.is_text))),
        )
        return [*message.headers, *((name, value) for name, value in said if value is not None)]

    @staticmethod
    def message(got: Any) -> Message:
        headers: list[Header] = []
        known: dict[str, Any] = {"time_ms": got.timestamp()[1]}
        for name, value in got.headers() or ():
            match name:
                case "content-type":
                    known["content_type"] = value.decode()
                case "message-id":
                    known["id"] = value.decode()
                case "correlation-data":
                    known["correlation"] = value
                case "reply-topic":
                    known["reply"] = value.decode()
                case "payload-format-indicator":
                    known["is_text"] = value == b"1"
                case "expiry-ms":
                    known["expires_in"] = int(value) / 1000 - time.time()
                case "Godwit-Time":
                    known["time_ms"] = int(value) // 1_000_000
                case _:
                    headers.append((name, value))
        return Message(got.value(), tuple(headers), key=got.key(), **known)

    def _say(self, messages: list[Message]) -> None:
        errors: list[Any] = []
        producer = Producer(self.settings | {"linger.ms": 0})
        for each in messages:
            times = {} if each.time_ms is None else {"timestamp": each.time_ms}
            producer.produce(
                self.topic, each.payload, each.key, partition=0, headers=self.headers(each),
                on_delivery=lambda error, _: error and errors.append(error), **times,
            )
        assert producer.flush(PATIENCE) == 0 and not errors, errors

    async def say(self, messages: list[Message]) -> None:
        await asyncio.to_thread(self._say, messages)

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[Kafka]:
        yield self

    def _hear(self, count: int) -> list[Message]:
        consumer = Consumer(self.settings | {"group.id": self.topic})
        try:
            consumer.assign([TopicPartition(self.topic, 0, 0)])
            found = []
            for offset in range(count):
                got = consumer.poll(PATIENCE)
                assert got is not None, f"nothing at {offset} of {count}"
                assert not got.error() and got.offset() == offset, got.error() or got.offset()
                found.append(self.message(got))
            return found
        finally:
            consumer.close()

    async def hear(self, count: int) -> list[Message]:
        return await asyncio.to_thread(self._hear, count)


def as_nanoseconds(time_ms: int | None) -> str | None:
    return None if time_ms is None else str(time_ms * 1_000_000)


def as_text(value: bytes | None) -> str | None:
    """Bytes in a header: as they are where they are visible ASCII, else behind ``base64:``."""
    if value is None:
        return None
    if re.fullmatch(rb"(?!base64:)[!-~]+", value):
        return value.decode()
    return "base64:" + base64.b64encode(value).decode()


def from_text(value: bytes) -> bytes | None:
    """Bytes from a text: as they are, or behind ``base64:``."""
    found = re.fullmatch(rb"base64:(.*)", value)
    if found is None:
        return value
    with contextlib.suppress(binascii.Error):
        return base64.b64decode(found[1], validate=True)
    return value


VOICES = {each.name: each for each in (NATS, JetStream, MQTT, Kafka)}
