"""JetStream's work queues, KV and object stores over ``kill -9``, and what core NATS and MQTT
publish into streams: all in the middle of the work, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random

import nats
import pytest
from godwit_rig.kafka_peer import PATIENCE
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, KeyValueConfig, RetentionPolicy, StreamConfig

from mqtt.load import Load, drain, lasting

SYNCS = ["always", "interval", "never"]
LIVES = 3
LANES = 3


@contextlib.asynccontextmanager
async def connected(broker):
    client = await nats.connect(broker.url, allow_reconnect=False, connect_timeout=PATIENCE)
    try:
        yield client, client.jetstream(timeout=PATIENCE)
    finally:
        with contextlib.suppress(Exception):
            await client.close()


class Life:
    """Tasks that work until the broker dies of what one of them has done."""

    def __init__(self, broker, deeds: int) -> None:
        self.broker = broker
        self.left = deeds
        self.over = asyncio.Event()

    def done(self) -> None:
        """Something was acknowledged."""
        self.left -= 1
        if self.left == 0:
            self.broker.kill()
            self.over.set()

    async def run(self, *tasks) -> None:
        """Calls each again and again, until the end; where one fails before it, so does this."""

        async def repeat(task) -> None:
            async with connected(self.broker) as (client, stream):
                while True:
                    await task(client, stream, self)

        running = [asyncio.create_task(repeat(each)) for each in tasks]
        end = asyncio.create_task(self.over.wait())
        await asyncio.wait([end, *running], return_when=asyncio.FIRST_COMPLETED)
        failed = [each.exception() for each in running if each.done()]
        for each in (end, *running):
            each.cancel()
        await asyncio.gather(end, *running, return_exceptions=True)
        if not self.over.is_set():
            raise failed[0]
        # The others may have found the broker gone; what they found wrong before counts.
        for each in failed:
            if isinstance(each, AssertionError):
                raise each


# Work queues.


class Lane:
    """What is sent to one worker, and what it has done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0
        self.sent: set[int] = set()
        self.finished: set[int] = set()
        self.unsure: set[int] = set()

    async def send(self, client: Client, stream: JetStreamContext, life: Life) -> None:
        self.number += 1
        body = b"%d " % self.number + bytes(self.number * 37 % 500)
        await stream.publish(f"jobs.{self.name}", body, timeout=PATIENCE)
        self.sent.add(self.number)

    async def work(self, client: Client, stream: JetStreamContext, life: Life) -> None:
        pull = await stream.pull_subscribe_bind(consumer=self.name, stream="JOBS")
        for message in await pull.fetch(7, timeout=PATIENCE):
            number = int(message.data.split()[0])
            assert number not in self.finished, f"{number} came again after it was acknowledged"
            self.unsure.add(number)
            await message.ack_sync(timeout=PATIENCE)
            self.finished.add(number)
            self.unsure.discard(number)
            life.done()
        # What came meanwhile, late, is nobody's: it comes again.
        await pull.unsubscribe()


@pytest.mark.parametrize("sync", SYNCS)
async def test_finished_work_does_not_come_again_and_no_other_is_lost(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    lanes = [Lane(f"lane{number}") for number in range(LANES)]
    async with connected(broker) as (_, stream):
        await stream.add_stream(
            StreamConfig(name="JOBS", subjects=["jobs.>"], retention=RetentionPolicy.WORK_QUEUE)
        )
        for lane in lanes:
            config = ConsumerConfig(
                durable_name=lane.name, filter_subject=f"jobs.{lane.name}", ack_wait=2
            )
            await stream.add_consumer("JOBS", config)
    for _ in range(LIVES):
        await Life(broker, 150).run(
            *(lane.send for lane in lanes), *(lane.work for lane in lanes)
        )
        broker.start()
    async with connected(broker) as (_, stream):
        for lane in lanes:
            left: set[int] = set()
            pull = await stream.pull_subscribe_bind(consumer=lane.name, stream="JOBS")
            # What was on its way when the broker died may be there, or not.
            while not lane.sent <= lane.finished | lane.unsure | left:
                for message in await pull.fetch(50, timeout=PATIENCE):
                    number = int(message.data.split()[0])
                    assert number not in lane.finished, f"{number} came again"
                    left.add(number)
                    await message.ack_sync(timeout=PATIENCE)


# Keys and values.


class Key:
    """What a key may be: as it was acknowledged last, or as it was asked for since then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = 0
        self.dice = random.Random(name)
        self.value: bytes | None = None
        self.asked: bytes | None = None
        self.revision = 0

    async def change(self, client: Client, stream: JetStreamContext, life: Life) -> None:
        bucket = await stream.key_value("bucket")
        self.number += 1
        value = b"%s %d " % (self.name.encode(), self.number) + os.urandom(self.number % 300)
        what = self.dice.choice(["put", "update", "update", "delete", "purge"])
        self.asked = None if what in ("delete", "purge") else value
        match what:
            case "put":
                self.revision = await bucket.put(self.name, value)
            case "update":
                # Refused if anything is lost, or there twice.
                self.revision = await bucket.update(self.name, value, last=self.revision)
            case "delete":
                await bucket.delete(self.name)
            case "purge":
                await bucket.purge(self.name)
        if self.asked is None:
            self.revision = await last_revision(stream, self.name)
        self.value = self.asked
        life.done()

    async def check(self, stream: JetStreamContext) -> None:
        bucket = await stream.key_value("bucket")
        found = None
        with contextlib.suppress(nats.js.errors.KeyNotFoundError):
            found = (await bucket.get(self.name)).value
        assert found in (self.value, self.asked), (self.name, found, self.value, self.asked)
        revision = await last_revision(stream, self.name)
        assert revision >= self.revision, "the revision moved back"
        self.value, self.asked, self.revision = found, found, revision


async def last_revision(stream: JetStreamContext, key: str) -> int:
    try:
        return (await stream.get_last_msg("KV_bucket", f"$KV.bucket.{key}")).seq
    except nats.js.errors.NotFoundError:
        return 0


@pytest.mark.parametrize("sync", SYNCS)
async def test_keys_are_as_they_were_acknowledged(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    keys = [Key(f"key{number}") for number in range(8)]
    async with connected(broker) as (_, stream):
        await stream.create_key_value(KeyValueConfig(bucket="bucket", history=5))
    for _ in range(LIVES):
        await Life(broker, 250).run(*(key.change for key in keys))
        broker.start()
        async with connected(broker) as (_, stream):
            for key in keys:
                await key.check(stream)


# Objects.


class Thing:
    """An object that is written again and again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.content: bytes | None = None
        self.asked: bytes | None = None

    async def write(self, client: Client, stream: JetStreamContext, life: Life) -> None:
        store = await stream.object_store("things")
        self.asked = os.urandom(random.randrange(300_000))
        await store.put(self.name, self.asked)
        self.content = self.asked
        life.done()

    async def check(self, stream: JetStreamContext) -> None:
        store = await stream.object_store("things")
        found = None
        try:
            found = (await store.get(self.name)).data
        except nats.js.errors.ObjectNotFoundError:
            assert self.content is None, f"{self.name} is gone"
            return
        allowed = [hashlib.sha256(each).digest() for each in (self.content, self.asked) if each]
        assert hashlib.sha256(found).digest() in allowed, f"{self.name} is another"
        self.content = self.asked = found


@pytest.mark.parametrize("sync", SYNCS)
async def test_objects_are_whole(durable, sync):
    broker = durable(sync=sync)
    things = [Thing(f"thing{number}") for number in range(5)]
    async with connected(broker) as (_, stream):
        await stream.create_object_store("things")
    for _ in range(LIVES):
        await Life(broker, 25).run(*(thing.write for thing in things))
        broker.start()
        async with connected(broker) as (_, stream):
            for thing in things:
                await thing.check(stream)


# Into streams.


async def bodies(broker, name: str) -> list[bytes]:
    """All that a stream has, in order."""
    async with connected(broker) as (_, stream):
        state = (await stream.stream_info(name)).state
        if state.messages == 0:
            return []
        pull = await stream.pull_subscribe("", stream=name, durable=None)
        found: list[bytes] = []
        while len(found) < state.messages:
            for message in await pull.fetch(200, timeout=PATIENCE):
                found.append(message.data)
                await message.ack()
        return found


@pytest.mark.parametrize("sync", SYNCS)
async def test_what_core_nats_publishes_is_a_beginning_of_what_was_sent(durable, sync):
    """Nobody acknowledges it; but what is acknowledged to another says that all before it is there,
    and nothing is left out between, or there twice."""
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    async with connected(broker) as (_, stream):
        await stream.add_stream(StreamConfig(name="CORE", subjects=["core.>"]))
    sent: dict[str, int] = {"a": 0, "b": 0}
    had = 0
    for life in range(1, LIVES + 1):

        async def publish(client: Client, stream: JetStreamContext, life: Life) -> None:
            for name in sent:
                for _ in range(50):
                    sent[name] += 1
                    body = f"{name} {sent[name]} ".encode() + bytes(sent[name] % 400)
                    await client.publish(f"core.{name}", body)
            await client.flush(PATIENCE)

        async def ask(client: Client, stream: JetStreamContext, life: Life) -> None:
            nonlocal had
            had = (await stream.publish("core.mark", b"mark", timeout=PATIENCE)).seq
            life.done()

        starts = dict(sent)
        await Life(broker, 30).run(publish, ask)
        broker.start()
        found = await bodies(broker, "CORE")
        assert len(found) >= had, "what came before an acknowledged message is gone"
        for name in sent:
            numbers = [
                int(each.split()[1]) for each in found if each.startswith(f"{name} ".encode())
            ]
            lost = starts[name]
            assert len(set(numbers)) == len(numbers), "a message is there twice"
            tail = [each for each in numbers if each > lost]
            assert tail == list(range(lost + 1, lost + 1 + len(tail))), "one is left out"
            # The next life goes on behind what is there.
            sent[name] = numbers[-1] if numbers else 0


@pytest.mark.parametrize("sync", ["always", "never"])
@pytest.mark.parametrize("qos", [1, 2])
async def test_what_mqtt_publishes_into_a_stream(durable, sync, qos):
    """With a session that keeps it, too: QoS 2 is once in both."""
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    async with connected(broker) as (_, stream):
        await stream.add_stream(StreamConfig(name="LOAD", subjects=["load.>"]))

    def work() -> list[bytes]:
        reader = lasting(broker, "reader")
        reader.subscribe("load/#", qos=qos)
        reader.disconnect()
        load = Load(broker, "publisher", "load/x", qos)
        for _ in range(LIVES):
            load.until_killed(150)
            broker.start()
            load.finish()
        reader = lasting(broker, "reader")
        assert reader.connack.session_present
        read = drain(reader, len(load.acknowledged))
        assert set(read) == set(load.acknowledged)
        assert qos == 1 or len(read) == len(set(read)), "twice for the reader"
        return load.acknowledged

    acknowledged = await asyncio.to_thread(work)
    found = await bodies(broker, "LOAD")
    assert set(found) == set(acknowledged)
    assert qos == 1 or len(found) == len(set(found)), "twice in the stream"
