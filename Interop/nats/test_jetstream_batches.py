"""JetStream with nats-py: messages that a stream sends on later, and batches (ADR-50, ADR-51)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from nats.js.errors import NotFoundError


async def request(client, subject: str, body: object) -> dict:
    answer = await client.request(f"$JS.API.{subject}", json.dumps(body).encode(), timeout=2)
    return json.loads(answer.data)


def later(seconds: float) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return "@at " + moment.isoformat().replace("+00:00", "Z")


async def test_messages_are_sent_on_by_a_schedule(client, unique):
    context = client.jetstream()
    config = {
        "name": unique,
        "subjects": [f"{unique}.>"],
        "allow_msg_schedules": True,
        "allow_msg_ttl": True,
    }
    made = await request(client, f"STREAM.CREATE.{unique}", config)
    assert made["config"]["allow_msg_schedules"] is True
    assert made["config"]["allow_rollup_hdrs"] is True

    async def publish(subject: str, body: bytes, **headers: str) -> dict:
        named = {f"Nats-{name.replace('_', '-')}": value for name, value in headers.items()}
        answer = await client.request(f"{unique}.{subject}", body, headers=named, timeout=2)
        return json.loads(answer.data)

    sent = await context.subscribe(f"{unique}.sent.*", ordered_consumer=True)
    target = f"{unique}.sent.once"
    kept = await publish(
        "plan.once", b"hello", Schedule=later(1), Schedule_Target=target, Schedule_TTL="1m"
    )
    assert kept == {"stream": unique, "seq": 1}
    message = await sent.next_msg(timeout=20)
    assert (message.subject, message.data) == (target, b"hello")
    assert message.headers["Nats-Scheduler"] == f"{unique}.plan.once"
    assert message.headers["Nats-Schedule-Next"] == "purge"
    assert message.headers["Nats-TTL"] == "1m"
    with pytest.raises(NotFoundError):
        await context.get_last_msg(unique, f"{unique}.plan.once")

    target = f"{unique}.sent.every"
    await publish("plan.every", b"tick", Schedule="@every 1s", Schedule_Target=target)
    times = []
    for _ in range(2):
        message = await sent.next_msg(timeout=20)
        assert (message.subject, message.data) == (target, b"tick")
        times.append(message.headers["Nats-Schedule-Next"])
    assert times == sorted(set(times))
    await publish("done", b"", Schedule_Next="purge", Scheduler=f"{unique}.plan.every")
    with pytest.raises(NotFoundError):
        await context.get_last_msg(unique, f"{unique}.plan.every")
    refused = await publish("plan.no", b"", Schedule="@soon", Schedule_Target=target)
    assert refused["error"]["err_code"] == 10189
    await context.delete_stream(unique)


async def test_batches_are_kept_whole_or_not_at_all(client, unique):
    context = client.jetstream()
    config = {"name": unique, "subjects": [f"{unique}.*"], "allow_atomic": True}
    made = await request(client, f"STREAM.CREATE.{unique}", config)
    assert made["config"]["allow_atomic"] is True

    async def add(batch: str, number: int, commit: str = "", **more: str) -> dict | None:
        headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        if commit:
            headers["Nats-Batch-Commit"] = commit
        headers |= {f"Nats-{name.replace('_', '-')}": value for name, value in more.items()}
        answer = await client.request(
            f"{unique}.{number % 3}", b"%d" % number, headers=headers, timeout=2
        )
        return json.loads(answer.data) if answer.data else None

    for number in range(1, 10):
        assert await add("first", number) is None
    assert (await context.stream_info(unique)).state.messages == 0
    done = await add("first", 10, commit="1")
    assert done == {"stream": unique, "seq": 10, "batch": "first", "count": 10}
    assert (await context.stream_info(unique)).state.messages == 10

    assert await add("second", 1) is None
    refused = await add("second", 2, commit="1", Expected_Last_Subject_Sequence="1")
    assert refused["error"]["err_code"] == 10071
    assert await add("third", 1) is None
    refused = await add("third", 3)
    assert refused["error"]["err_code"] == 10176
    assert await add("fourth", 1) is None
    done = await add("fourth", 2, commit="eob")
    assert done == {"stream": unique, "seq": 11, "batch": "fourth", "count": 1}
    await context.delete_stream(unique)
