"""``godwit stream``: the streams of a broker, through its admin server."""

from __future__ import annotations

import json

import nats
import pytest
from godwit_rig.command_line import Running, failed, succeeded

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


async def test_streams_are_made(place, unique):
    out = succeeded(
        "stream", "create", *place, f"{unique}-made", f"made.{unique}.>", f"also.{unique}",
        "--max-age", "7d", "--max-bytes", "64MiB", "--max-records", "1000", "--max-per-topic", "9",
        "--retention", "work-queue", "--memory", "--refuse-when-full",
    )
    assert out == f"created {unique}-made\n"
    shown = json.loads(succeeded("stream", "info", *place, f"{unique}-made", "--json"))
    assert shown["topics"] == [f"made.{unique}.>", f"also.{unique}"]
    assert (shown["records_max"], shown["bytes_max"]) == (1_000, 64 << 20)
    assert (shown["age_max_seconds"], shown["retention"]) == (604_800, "work queue")
    again = failed("stream", "create", *place, f"{unique}-made", "other")
    assert "a stream of that name exists" in again
    overlaps = failed("stream", "create", *place, f"{unique}-more", f"made.{unique}.a")
    assert f"{unique}-made keeps some of these topics" in overlaps
    succeeded("stream", "rm", *place, f"{unique}-made", "--yes")


async def test_a_made_stream_is_jetstreams_too(broker, place, unique):
    name = f"{unique}-made"
    succeeded("stream", "create", *place, name, f"made.{unique}.*")
    connection = await nats.connect(broker("nats").url("nats"))
    context = connection.jetstream()
    info = await context.stream_info(name)
    assert (info.config.subjects, info.config.duplicate_window) == ([f"made.{unique}.*"], 120.0)
    assert (await context.publish(f"made.{unique}.a", b"x")).stream == name
    await context.delete_stream(name)
    await connection.close()


async def test_streams_are_read(place, unique):
    lines = succeeded("stream", "read", *place, unique).splitlines()
    heads = [line.split() for line in lines if not line.startswith(" ")]
    assert [head[0] for head in heads] == ["0", "1", "2"]
    assert [head[2] for head in heads] == [f"{unique}.{index % 2}" for index in range(3)]
    assert [line for line in lines if line in ("  0", "  1", "  2")] == ["  0", "  1", "  2"]
    assert succeeded("stream", "read", *place, unique, "--raw", "--from", "1") == "1\n2\n"
    raw = succeeded("stream", "read", *place, unique, "--raw", "--topic", f"{unique}.0")
    assert raw == "0\n2\n"
    rows = succeeded("stream", "read", *place, unique, "--json", "--count", "1").splitlines()
    (row,) = [json.loads(row) for row in rows]
    assert (row["offset"], row["topic"], row["payload"]) == (0, f"{unique}.0", "0")
    assert "no such stream" in failed("stream", "read", *place, "nothing")
    assert succeeded("stream", "tail", *place, unique, "--raw", "-n", "2", "-c", "2") == "1\n2\n"


async def test_a_tail_goes_on(broker, place, unique):
    connection = await nats.connect(broker("nats").url("nats"))
    context = connection.jetstream()
    tail = Running("stream", "tail", *place, unique, "--raw", "-n", "1", "-c", "3")
    assert tail.line() == "2"
    for text in ("new", "newer"):
        await context.publish(f"{unique}.0", text.encode())
        assert tail.line() == text
    assert tail.wait() == 0
    await connection.close()


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
