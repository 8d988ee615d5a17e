"""JetStream with nats-py: streams that feed each other, and what a message may carry."""

from __future__ import annotations

import json

import pytest
from godwit_rig.brokers import target
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError


async def test_streams_that_publish_to_each_other_come_to_an_end(client, unique):
    context = client.jetstream()
    names = [f"{unique}-a", f"{unique}-b"]
    for own, other in (names, names[::-1]):
        config = {
            "name": own, "subjects": [f"{own}.>"],
            "republish": {"src": f"{own}.>", "dest": f"{other}.>"},
        }
        await client.request(f"$JS.API.STREAM.CREATE.{own}", json.dumps(config).encode(), timeout=2)
    await context.publish(f"{names[0]}.x", b"1")

    async def count() -> int:
        return sum([(await context.stream_info(name)).state.messages for name in names])

    # nats-server ends it when the headers are too long.
    least, most = (17, 17) if target() == "godwit" else (400, 600)
    for _ in range(5_000):
        if await count() >= least:
            break
    assert least <= await count() <= most
    for name in names:
        await context.delete_stream(name)


async def test_headers_have_a_bound(client, unique):
    context = client.jetstream()
    await context.add_stream(name=unique, subjects=[unique])
    # The line of the version, the name, and line ends are counted, too.
    most = 65_535 - len(b"NATS/1.0\r\nK: \r\n\r\n")
    await context.publish(unique, b"", headers={"K": "v" * most})
    with pytest.raises(APIError) as refusal:
        await context.publish(unique, b"", headers={"K": "v" * (most + 1)})
    assert refusal.value.err_code == 10097
    await context.delete_stream(unique)


async def test_consumers_that_deliver_into_each_other_hold_nobody_up(client, unique):
    context = client.jetstream()
    names = [f"{unique}-a", f"{unique}-b"]
    for name in names:
        await context.add_stream(name=name, subjects=[name], max_msgs=1_000)
    for own, other in (names, names[::-1]):
        await context.add_consumer(
            own, ConsumerConfig(name="c", deliver_subject=other, ack_policy=AckPolicy.NONE))
    await context.publish(names[0], b"1")
    # It goes on for ever, as nothing has said that it should not; others are answered.
    for _ in range(50):
        assert (await context.stream_info(names[0])).state.last_seq > 0
    for name in names:
        await context.delete_stream(name)
