"""``godwit stream``: the streams of a broker, through its admin server."""

from __future__ import annotations

import json

import nats
import pytest
from godwit_rig.command_line import failed, succeeded

pytestmark = pytest.mark.godwit_only


@pytest.fixture
async def place(broker, unique):
    """Options that lead to a broker whose stream has three messages, one of them read."""
    server = broker("nats")
    connection = await nats.connect(server.url("nats"))
    context = connection.jetstream()
    await context.add_stream(name=unique, subjects=[f"{unique}.>"], storage="memory")
    for index in range(3):
        await context.publish(f"{unique}.{index % 2}", str(index).encode())
    consumer = await context.pull_subscribe(f"{unique}.>", durable="work")
    await (await consumer.fetch(1, timeout=2))[0].ack_sync()
    yield ["--admin", "{}:{}".format(*server.address("admin"))]
    await connection.close()


async def test_streams_are_listed_and_shown(place, unique):
    head, *rows = succeeded("stream", "ls", *place, unique).splitlines()
    assert head.split() == ["stream", "records", "size", "offsets", "groups", "kept", "topics"]
    assert [row.split()[:2] for row in rows] == [[unique, "3"]]
    assert rows[0].endswith(f"{unique}.>")
    listed = json.loads(succeeded("stream", "ls", *place, unique, "--json"))
    assert (listed[0]["name"], listed[0]["records"], listed[0]["groups"]) == (unique, 3, 1)
    shown = json.loads(succeeded("stream", "info", *place, unique, "--json"))
    (group,) = shown["groups"]
    assert (group["name"], group["lag"], group["in_flight"]) == ("work", 2, 0)
    assert (group["done_before"], group["delivered_before"]) == (1, 1)
    text = succeeded("stream", "info", *place, unique)
    assert text.splitlines()[0] == unique
    assert "  records      3, " in text
    assert text.splitlines()[-1].split()[:3] == ["work", "2", "0"]


async def test_streams_are_purged_and_deleted(place, unique):
    assert "--yes" in failed("stream", "purge", *place, unique)
    out = succeeded("stream", "purge", *place, unique, "--topic", f"{unique}.1", "--yes")
    assert out == f"removed 1 record of {unique}\n"
    out = succeeded("stream", "purge", *place, unique, "--keep", "1", "--yes")
    assert out == f"removed 1 record of {unique}\n"
    assert succeeded("stream", "rm", *place, unique, "--group", "work", "--yes")
    shown = json.loads(succeeded("stream", "info", *place, unique, "--json"))
    assert (shown["records"], shown["first_offset"], shown["groups"]) == (1, 2, [])
    assert succeeded("stream", "rm", *place, unique, "-y") == f"deleted {unique}\n"
    assert "no such stream" in failed("stream", "info", *place, unique)


async def test_a_place_where_nobody_is(unique):
    assert "nobody answers" in failed("stream", "ls", "--admin", "127.0.0.1:1")
    assert "no address" in failed("stream", "ls", "--admin", "here")
