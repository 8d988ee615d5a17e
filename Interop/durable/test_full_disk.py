"""A disk that is full: each protocol refuses in its own words, all goes on when there is room, and
nothing that was acknowledged is lost. On a small file system of its own, which needs the right to
mount one; without it these tests fail, as what they show would otherwise go unseen."""

from __future__ import annotations

import nats
import pytest
from nats.js.api import ConsumerConfig, StreamConfig

from mqtt import wire
from mqtt.client import Client, ConnectionEnded, TCPTransport
from mqtt.wire import V5, V311, Kind, P

QUOTA_EXCEEDED = 0x97


@pytest.fixture
def broker(small_disk: SmallDisk, durable):
    return durable(folder=small_disk.folder / "data", sync="always", segment_bytes_max=1 << 20)


def connect(broker, name: str, version: int = V5, lasts: bool = True) -> Client:
    client = Client(TCPTransport(broker.broker.address("mqtt")), version)
    props = [(P.SESSION_EXPIRY, 600)] if lasts and version == V5 else []
    client.connect(name, clean=not lasts, props=props)
    return client


@pytest.mark.parametrize("qos", [1, 2])
def test_mqtt_refuses_and_goes_on(broker, small_disk, qos):
    reader = connect(broker, "reader")
    reader.subscribe("t", qos=qos)
    reader.disconnect()
    publisher = connect(broker, "publisher", lasts=False)
    body = b"x" * 4096
    kept = [b"%d " % number + body for number in range(20)]
    for each in kept:
        assert publisher.publish("t", each, qos) == 0
    small_disk.fill()
    refused = [publisher.publish("t", b"refused %d " % n + body, qos) for n in range(5)]
    assert refused == [QUOTA_EXCEEDED] * 5
    assert publisher.publish("kept", b"refused " + body, qos, retain=True) == QUOTA_EXCEEDED
    # Who is interested in nothing that lasts is served all the while.
    listener = connect(broker, "listener", lasts=False)
    listener.subscribe("free", qos=qos)
    assert publisher.publish("free", b"through", qos) == 0
    listener.take(payload=b"through")
    old = connect(broker, "old", V311, lasts=False)
    old.send(wire.publish("t", b"refused " + body, qos, 1, version=V311))
    with pytest.raises((ConnectionEnded, OSError)):
        old.receive()
    small_disk.empty()
    for number in range(20, 40):
        kept.append(b"%d " % number + body)
        assert publisher.publish("t", kept[-1], qos) == 0
    assert publisher.publish("kept", b"now", qos, retain=True) < 0x80
    broker.restart()
    reader = connect(broker, "reader")
    assert reader.connack.session_present
    found: list[bytes] = []
    while len(found) < len(kept):
        packet = reader.receive(20)
        found.append(packet.payload)
        reader.acknowledge(packet)
    assert found == kept
    reader.expect_nothing()
    listener = connect(broker, "listener", lasts=False)
    listener.subscribe("kept", qos=qos)
    listener.take(payload=b"now", retain=True)


def test_mqtt_subscriptions_and_sessions_are_refused(broker, small_disk):
    client = connect(broker, "client")
    assert client.subscribe("before", qos=1) == [1]
    small_disk.fill()
    assert client.subscribe(*(f"{'long/' * 200}{n}" for n in range(30)), qos=1) == (
        [QUOTA_EXCEEDED] * 30
    )
    small_disk.empty()
    assert client.subscribe("after", qos=1) == [1]
    broker.restart()
    publisher = connect(broker, "publisher", lasts=False)
    for topic in ("before", "after"):
        publisher.publish(topic, topic.encode(), 1)
    client = connect(broker, "client")
    assert client.connack.session_present
    assert {client.take().payload, client.take().payload} == {b"before", b"after"}


async def test_jetstream_refuses_and_goes_on(broker, small_disk):
    client = await nats.connect(broker.url, allow_reconnect=False, connect_timeout=10)
    stream = client.jetstream(timeout=10)
    await stream.add_stream(StreamConfig(name="S", subjects=["s.>"]))
    body = b"x" * 4096
    kept = {}
    for number in range(20):
        kept[(await stream.publish("s.a", b"%d " % number + body)).seq] = number
    small_disk.fill()
    for _ in range(5):
        with pytest.raises(nats.js.errors.APIError) as refusal:
            await stream.publish("s.a", b"refused " + body)
        assert refusal.value.code == 503, refusal.value
    small_disk.empty()
    for number in range(20, 40):
        kept[(await stream.publish("s.a", b"%d " % number + body)).seq] = number
    await client.close()
    broker.restart()
    client = await nats.connect(broker.url, allow_reconnect=False, connect_timeout=10)
    stream = client.jetstream(timeout=10)
    assert (await stream.stream_info("S")).state.messages == len(kept) == 40
    for sequence, number in kept.items():
        assert (await stream.get_msg("S", sequence)).data == b"%d " % number + body
    await client.close()


async def test_jetstream_refuses_changes_of_streams_and_consumers(broker, small_disk):
    client = await nats.connect(broker.url, allow_reconnect=False, connect_timeout=10)
    context = client.jetstream(timeout=10)
    config = StreamConfig(name="S", subjects=["s.>"])
    await context.add_stream(config)
    told = {"streams": {"S"}, "limit": -1, "consumers": set(), "about": None}

    async def seen(context) -> dict:
        consumers = await context.consumers_info("S")
        return {
            "streams": {each.config.name for each in await context.streams_info()},
            "limit": (await context.stream_info("S")).config.max_msgs,
            "consumers": {each.name for each in consumers},
            "about": next((e.config.description for e in consumers if e.name == "C"), None),
        }

    async def until_refused(step) -> None:
        for number in range(1_000):
            try:
                await step(number)
            except nats.js.errors.APIError as refusal:
                assert refusal.code in (500, 503), refusal
                return
        raise AssertionError("the disk is not full")

    async def create(number: int) -> None:
        await context.add_stream(StreamConfig(name=f"n{number}", subjects=[f"n{number}"]))
        told["streams"].add(f"n{number}")

    async def update(number: int) -> None:
        await context.update_stream(config.evolve(max_msgs=100 + number))
        told["limit"] = 100 + number

    async def delete(_: int) -> None:
        name = max(told["streams"] - {"S"}, default="S")
        await context.delete_stream(name)
        told["streams"].remove(name)

    async def consume(number: int) -> None:
        name = f"c{number}" if number else "C"
        await context.add_consumer("S", ConsumerConfig(durable_name=name))
        told["consumers"].add(name)

    async def describe(number: int) -> None:
        about = f"{number:08}"
        await context.add_consumer("S", ConsumerConfig(durable_name="C", description=about))
        told["about"] = about

    async def forget(_: int) -> None:
        name = max(told["consumers"] - {"C"}, default="C")
        await context.delete_consumer("S", name)
        told["consumers"].remove(name)

    for number in range(100, 250):
        await create(number)
    for number in range(200):
        await consume(number)
    small_disk.fill()
    for step in (create, update, delete, lambda n: consume(n + 1_000), describe, forget):
        await until_refused(step)
    assert await seen(context) == told
    small_disk.empty()
    assert await seen(context) == told
    await client.close()
    broker.restart()
    client = await nats.connect(broker.url, allow_reconnect=False, connect_timeout=10)
    context = client.jetstream(timeout=10)
    assert await seen(context) == told
    for step in (update, delete, describe, forget):
        await step(500)
    assert await seen(context) == told
    await client.close()
