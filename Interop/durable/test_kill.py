"""What was acknowledged is there after ``kill -9``: JetStream with nats-py, MQTT with paho."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

STREAM = "KEPT"


def segments(broker) -> list[Path]:
    """The stream's, oldest first."""
    files = Path(broker.folder).rglob("*.log")
    return sorted(file for file in files if file.parent.name.startswith("stream"))


@contextlib.asynccontextmanager
async def connected(url: str):
    client = await nats.connect(url, allow_reconnect=False, connect_timeout=10)
    try:
        yield client, client.jetstream(timeout=10)
    finally:
        with contextlib.suppress(Exception):
            await client.close()


async def make_stream(url: str, **more: object) -> None:
    async with connected(url) as (_, stream):
        await stream.add_stream(StreamConfig(name=STREAM, subjects=["kept.>"], **more))


async def publish_until_killed(durable, acknowledged: dict[int, bytes], kill_at: int) -> None:
    """Publishes with 64 in flight; the broker is killed when ``kill_at`` were acknowledged."""
    async with connected(durable.url) as (_, stream):
        number = 0
        killed = asyncio.Event()

        async def work() -> None:
            nonlocal number
            while not killed.is_set():
                number += 1
                body = b"%d " % number + os.urandom(number % 900)
                try:
                    ack = await stream.publish(f"kept.{number % 7}", body, timeout=5)
                except Exception:  # noqa: BLE001 - the broker is gone
                    return
                assert ack.seq not in acknowledged, "one sequence, two messages"
                acknowledged[ack.seq] = body
                if len(acknowledged) >= kill_at and not killed.is_set():
                    killed.set()
                    durable.kill()

        await asyncio.gather(*(work() for _ in range(64)))


async def everything(url: str) -> dict[int, bytes]:
    """All that the stream has, by sequence."""
    found: dict[int, bytes] = {}
    async with connected(url) as (_, stream):
        state = (await stream.stream_info(STREAM)).state
        if state.messages == 0:
            return found
        pull = await stream.pull_subscribe(
            "kept.>", stream=STREAM, config=ConsumerConfig(ack_policy=AckPolicy.NONE)
        )
        while len(found) < state.messages:
            for message in await pull.fetch(200, timeout=10):
                sequence = message.metadata.sequence.stream
                assert sequence not in found, "delivered twice"
                found[sequence] = message.data
    return found


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
async def test_nothing_acknowledged_is_lost(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    await make_stream(broker.url)
    acknowledged: dict[int, bytes] = {}
    for life in range(1, 4):
        await publish_until_killed(broker, acknowledged, 300 * life)
        broker.start()
        found = await everything(broker.url)
        missing = [seq for seq, body in acknowledged.items() if found.get(seq) != body]
        assert not missing, f"{len(missing)} of {len(acknowledged)} are gone: {missing[:5]}"
        bodies = list(found.values())
        assert len(set(bodies)) == len(bodies), "a message is there twice"
        # What was on its way may have been kept without anybody being told.
        acknowledged.update(found)


async def test_a_schedule_outlives_its_broker(durable):
    broker = durable(sync="always")
    target = "kept.sent"
    async with connected(broker.url) as (client, stream):
        config = {"name": STREAM, "subjects": ["kept.>"], "allow_msg_schedules": True}
        create = f"$JS.API.STREAM.CREATE.{STREAM}"
        await client.request(create, json.dumps(config).encode(), timeout=10)

        async def publish(subject: str, schedule: str) -> None:
            headers = {"Nats-Schedule": schedule, "Nats-Schedule-Target": target}
            await stream.publish(subject, subject.encode(), headers=headers, timeout=10)

        await publish("kept.over", "@at 2020-01-01T00:00:00Z")
        pull = await stream.pull_subscribe(target, durable="worker", stream=STREAM)
        (message,) = await pull.fetch(1, timeout=20)
        assert message.data == b"kept.over"
        await message.ack_sync(timeout=10)
        due = datetime.now(UTC) + timedelta(seconds=3)
        await publish("kept.soon", "@at " + due.isoformat().replace("+00:00", "Z"))
    broker.restart()
    async with connected(broker.url) as (_, stream):
        pull = await stream.pull_subscribe_bind(consumer="worker", stream=STREAM)
        (message,) = await pull.fetch(1, timeout=20)
        assert message.data == b"kept.soon"
        await message.ack_sync(timeout=10)
        state = (await stream.stream_info(STREAM)).state
        assert (state.messages, state.last_seq) == (2, 4)


@pytest.mark.parametrize("sync", ["always", "never"])
async def test_batches_are_whole_or_not_there(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    config = {"name": STREAM, "subjects": ["kept.>"], "allow_atomic": True}
    async with connected(broker.url) as (client, _):
        create = f"$JS.API.STREAM.CREATE.{STREAM}"
        await client.request(create, json.dumps(config).encode(), timeout=10)
    size = 40
    acknowledged: set[str] = set()
    for life in range(1, 4):
        killed = asyncio.Event()

        async def write(writer: int, life: int = life, killed: asyncio.Event = killed) -> None:
            async with connected(broker.url) as (client, _):
                number = 0
                while not killed.is_set():
                    number += 1
                    batch = f"{life}-{writer}-{number}"
                    try:
                        for part in range(1, size + 1):
                            headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(part)}
                            body = f"{batch} {part} ".encode() + bytes(200)
                            if part < size:
                                await client.publish(f"kept.{writer}", body, headers=headers)
                                continue
                            headers["Nats-Batch-Commit"] = "1"
                            answer = await client.request(
                                f"kept.{writer}", body, headers=headers, timeout=5
                            )
                            done = json.loads(answer.data)
                    except Exception:  # noqa: BLE001 - the broker is gone
                        return
                    assert (done["batch"], done["count"]) == (batch, size), done
                    acknowledged.add(batch)
                    if len(acknowledged) >= 20 * life and not killed.is_set():
                        killed.set()
                        broker.kill()

        await asyncio.gather(*(write(writer) for writer in range(4)))
        broker.start()
        parts: dict[str, list[int]] = {}
        for body in (await everything(broker.url)).values():
            batch, part, _ = body.split(b" ", 2)
            parts.setdefault(batch.decode(), []).append(int(part))
        assert acknowledged <= parts.keys()
        torn = [batch for batch, found in parts.items() if found != [*range(1, size + 1)]]
        assert not torn, f"torn or out of order: {torn}"


async def test_an_acknowledged_message_does_not_come_again(durable):
    broker = durable(sync="always")
    await make_stream(broker.url)
    async with connected(broker.url) as (_, stream):
        for number in range(50):
            await stream.publish("kept.a", b"%d" % number)
        pull = await stream.pull_subscribe("kept.>", durable="worker", stream=STREAM)
        messages = await pull.fetch(30, timeout=10)
        for message in messages[:20]:
            await message.ack_sync(timeout=10)
    broker.restart()
    async with connected(broker.url) as (_, stream):
        info = await stream.consumer_info(STREAM, "worker")
        assert info.num_pending + info.num_ack_pending == 30, info
        pull = await stream.pull_subscribe_bind(consumer="worker", stream=STREAM)
        left: set[int] = set()
        while len(left) < 30:
            for message in await pull.fetch(10, timeout=40):
                left.add(int(message.data))
                await message.ack_sync(timeout=10)
        assert left == set(range(20, 50))


async def test_definitions_and_an_orderly_stop(durable):
    broker = durable(sync="never")
    await make_stream(broker.url, max_msgs=5, description="five of them")
    async with connected(broker.url) as (_, stream):
        for number in range(9):
            await stream.publish("kept.a", b"%d" % number)
    broker.stop()
    broker.start()
    async with connected(broker.url) as (_, stream):
        info = await stream.stream_info(STREAM)
        assert (info.config.max_msgs, info.config.description) == (5, "five of them")
        assert (info.state.first_seq, info.state.last_seq, info.state.messages) == (5, 9, 5)
        assert await stream.delete_stream(STREAM)
    broker.restart()
    async with connected(broker.url) as (_, stream):
        with pytest.raises(nats.js.errors.NotFoundError):
            await stream.stream_info(STREAM)


async def test_a_torn_end_is_cut_off_and_said(durable):
    broker = durable(sync="always")
    await make_stream(broker.url)
    async with connected(broker.url) as (_, stream):
        for number in range(20):
            await stream.publish("kept.a", b"%d" % number)
    broker.kill()
    with segments(broker)[-1].open("ab") as file:
        file.write(b"\x00\x00\x01\x00torn")
    server = broker.start()
    found = await everything(broker.url)
    assert [found[seq] for seq in sorted(found)] == [b"%d" % number for number in range(20)]
    assert "bytes cut off" in server.log()


async def test_damage_in_the_middle_costs_what_it_hit_and_is_said(durable):
    broker = durable(sync="always")
    await make_stream(broker.url)
    async with connected(broker.url) as (_, stream):
        for number in range(200):
            await stream.publish("kept.a", b"%04d " % number + b"x" * 100)
    broker.kill()
    segment = segments(broker)[0]
    bytes_ = bytearray(segment.read_bytes())
    place = bytes_.index(b"0100 ")
    bytes_[place : place + 3] = b"###"
    segment.write_bytes(bytes_)
    server = broker.start()
    async with connected(broker.url) as (_, stream):
        ack = await stream.publish("kept.a", b"after")
        assert ack.seq == 201
        for sequence in (1, 100, 102, 200, 201):
            assert await stream.get_msg(STREAM, sequence)
        with pytest.raises(nats.js.errors.NotFoundError):
            await stream.get_msg(STREAM, 101)
    assert "cannot be read" in server.log()


async def test_what_mqtt_was_acknowledged_is_kept(durable):
    from godwit_rig.paho_peer import PahoPeer

    broker = durable(sync="always")
    await make_stream(broker.url)
    with PahoPeer(broker.broker.address("mqtt")) as peer:
        for number in range(30):
            peer.publish("kept/mqtt", b"%d" % number, qos=1)
    broker.restart()
    found = await everything(broker.url)
    assert sorted(int(body) for body in found.values()) == list(range(30))
