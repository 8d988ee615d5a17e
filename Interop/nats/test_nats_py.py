"""nats-py, used the way people use it."""

from __future__ import annotations

import asyncio

import nats
import pytest
from godwit_rig import Permissions, User


@pytest.fixture
async def connect(broker):
    opened = []

    async def join(**options):
        server = broker("nats")
        connection = await nats.connect(server.url("nats"), **options)
        opened.append(connection)
        return connection

    yield join
    for connection in opened:
        await connection.close()


async def test_callbacks_get_messages_in_order(connect, unique):
    publisher, subscriber = await connect(), await connect()
    got: list[bytes] = []
    done = asyncio.Event()

    async def handle(message) -> None:
        got.append(message.data)
        if len(got) == 5000:
            done.set()

    await subscriber.subscribe(f"{unique}.>", cb=handle)
    await subscriber.flush()
    for index in range(5000):
        await publisher.publish(f"{unique}.{index % 10}", str(index).encode())
    await asyncio.wait_for(done.wait(), 10)
    assert got == [str(index).encode() for index in range(5000)]


async def test_iterating_a_subscription(connect, unique):
    connection = await connect()
    subscription = await connection.subscribe(unique, max_msgs=3)
    for index in range(5):
        await connection.publish(unique, str(index).encode())
    got = [message.data async for message in subscription.messages]
    assert got == [b"0", b"1", b"2"]


async def test_queue_groups(connect, unique):
    publisher, one, two = await connect(), await connect(), await connect()
    counts = {"one": 0, "two": 0}
    done = asyncio.Event()

    def counter(name: str):
        async def handle(message) -> None:
            counts[name] += 1
            if sum(counts.values()) == 400:
                done.set()

        return handle

    await one.subscribe(unique, queue="q", cb=counter("one"))
    await two.subscribe(unique, queue="q", cb=counter("two"))
    await one.flush()
    await two.flush()
    for _ in range(400):
        await publisher.publish(unique)
    await asyncio.wait_for(done.wait(), 10)
    assert min(counts.values()) > 60


async def test_drain_loses_nothing(connect, unique):
    publisher, subscriber = await connect(), await connect()
    got = 0

    async def handle(message) -> None:
        nonlocal got
        got += 1

    await subscriber.subscribe(unique, cb=handle)
    await subscriber.flush()
    for _ in range(1000):
        await publisher.publish(unique, b"x")
    await publisher.flush()
    await subscriber.drain()
    assert got == 1000
    assert subscriber.is_closed


async def test_reconnects_to_another_server_and_subscribes_again(broker, unique):
    first, second = broker("nats", fresh=True), broker("nats", fresh=True)
    reconnected = asyncio.Event()

    async def on_reconnect() -> None:
        reconnected.set()

    connection = await nats.connect(
        servers=[first.url("nats"), second.url("nats")],
        dont_randomize=True,
        reconnect_time_wait=0.05,
        reconnected_cb=on_reconnect,
    )
    try:
        subscription = await connection.subscribe(unique)
        await connection.flush()
        await asyncio.to_thread(first.stop)
        await asyncio.wait_for(reconnected.wait(), 5)
        assert connection.connected_url is not None
        assert connection.connected_url.port == second.address("nats")[1]
        await connection.publish(unique, b"after")
        assert (await subscription.next_msg(timeout=5)).data == b"after"
    finally:
        await connection.close()


async def test_the_client_learns_of_the_payload_limit(broker, unique):
    connection = await nats.connect(broker("nats", max_payload=1000).url("nats"))
    try:
        assert connection.max_payload == 1000
        with pytest.raises(nats.errors.MaxPayloadError):
            await connection.publish(unique, b"x" * 1001)
    finally:
        await connection.close()


async def test_a_violation_reaches_the_error_callback(broker, unique):
    users = [User("a", "pw", permissions=Permissions(publish_allow=("ok",)))]
    told: asyncio.Queue[Exception] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        await told.put(error)

    connection = await nats.connect(
        broker("nats", users=users).url("nats"), user="a", password="pw", error_cb=on_error
    )
    try:
        await connection.publish("nope", b"x")
        error = await asyncio.wait_for(told.get(), 5)
        assert 'permissions violation for publish to "nope"' in str(error).lower()
        assert connection.is_connected
    finally:
        await connection.close()


async def test_client_and_server_facts(connect):
    connection = await connect()
    assert connection.client_id > 0
    assert connection.connected_server_version.major >= 2
    assert connection.max_payload == 1_048_576


async def test_a_hundred_connections_at_once(broker, unique):
    server = broker("nats")
    connections = await asyncio.gather(*(nats.connect(server.url("nats")) for _ in range(100)))
    try:
        subscriptions = [await each.subscribe(unique) for each in connections]
        await asyncio.gather(*(each.flush() for each in connections))
        await connections[0].publish(unique, b"to all")
        got = await asyncio.gather(*(each.next_msg(timeout=5) for each in subscriptions))
        assert [message.data for message in got] == [b"to all"] * 100
    finally:
        await asyncio.gather(*(each.close() for each in connections))
