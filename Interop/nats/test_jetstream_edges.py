"""JetStream at its edges: numbers beyond the end, what is not there, times that are over."""

from __future__ import annotations

import json

import pytest
from nats.js.errors import NotFoundError


@pytest.fixture
async def stream(client, unique):
    """A JetStream context, and a stream that keeps `<unique>.>`."""
    context = client.jetstream()
    await context.add_stream(name=unique, subjects=[f"{unique}.>"], storage="memory")
    yield context
    try:
        await context.delete_stream(unique)
    except NotFoundError:
        pass


async def request(client, subject: str, body: object = None) -> dict:
    payload = b"" if body is None else json.dumps(body).encode()
    answer = await client.request(f"$JS.API.{subject}", payload, timeout=2)
    return json.loads(answer.data)


async def test_a_purge_beyond_the_end_moves_the_end(client, stream, unique):
    for number in range(5):
        await stream.publish(f"{unique}.{number % 2}", b"x")
    await stream.pull_subscribe(f"{unique}.>", durable="reader")

    async def purge(**what: object) -> int:
        answer = await request(client, f"STREAM.PURGE.{unique}", what)
        assert answer["success"]
        return answer["purged"]

    async def bounds() -> tuple[int, int, int]:
        state = (await stream.stream_info(unique)).state
        return state.messages, state.first_seq, state.last_seq

    # Of some subjects only what is there goes.
    assert await purge(filter=f"{unique}.0", seq=50) == 3
    assert await bounds() == (2, 2, 5)
    assert await purge(seq=50) == 2
    assert await bounds() == (0, 50, 49)
    assert await purge(seq=20) == 0
    assert (await stream.publish(f"{unique}.0", b"x")).seq == 50
    info = await stream.consumer_info(unique, "reader")
    assert (info.num_pending, info.delivered.stream_seq) == (1, 49)
    assert await purge(seq=80, filter=">") == 1
    assert (await stream.publish(f"{unique}.0", b"x")).seq == 80
    consumer = await stream.pull_subscribe_bind("reader", unique)
    assert (await consumer.fetch(1, timeout=2))[0].metadata.sequence.stream == 80


@pytest.mark.parametrize("storage", ["file", "memory"])
async def test_what_is_not_there_is_not_deleted(client, unique, storage):
    context = client.jetstream()
    await context.add_stream(name=unique, subjects=[unique], storage=storage)
    for _ in range(4):
        await context.publish(unique, b"x")

    async def delete(sequence: int) -> tuple[int, int, str] | None:
        answer = await request(client, f"STREAM.MSG.DELETE.{unique}", {"seq": sequence})
        error = answer.get("error")
        return error and (error["code"], error["err_code"], error["description"])

    def missing(sequence: int) -> tuple[int, int, str]:
        return 400, 10043, f"sequence {sequence} not found"

    is_file = storage == "file"
    beyond = (500, 10057, "stream store EOF")
    gone = (500, 10057, "no message found")
    assert await delete(5) == (beyond if is_file else missing(5))
    assert await delete(99) == (beyond if is_file else missing(99))
    assert await delete(3) is None
    assert await delete(3) == missing(3)
    assert await delete(1) is None
    assert await delete(1) == (gone if is_file else missing(1))
    assert await delete(2) is None
    assert await delete(4) is None
    assert await delete(4) == (gone if is_file else missing(4))
    await context.delete_stream(unique)


async def test_a_request_whose_time_is_over_ends_at_once(client, stream, unique):
    await stream.publish(f"{unique}.a", b"x")
    await stream.pull_subscribe(f"{unique}.>", durable="reader")
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)

    async def ask(**what: object) -> tuple[str | None, str | None]:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{unique}.reader"
        await client.publish(subject, json.dumps(what).encode(), reply=inbox)
        headers = (await answers.next_msg(timeout=2)).headers
        return headers.get("Status"), headers.get("Nats-Pending-Messages")

    assert await ask(batch=3, expires=-1) == ("408", "3")
    assert await ask(batch=1, expires=-5_000_000_000, no_wait=True) == ("408", "1")
    assert await ask(batch=1, expires=-1, idle_heartbeat=1_000_000) == ("400", None)
    info = await stream.consumer_info(unique, "reader")
    assert (info.num_pending, info.num_waiting) == (1, 0)
