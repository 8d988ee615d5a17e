"""JetStream with nats-py: streams, acknowledged publishes, consumers, buckets, objects."""

from __future__ import annotations

import asyncio
import json

import nats
import pytest
from nats.js import api
from nats.js.errors import APIError, BadRequestError, KeyNotFoundError, NotFoundError


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


async def test_streams_are_made_shown_changed_and_deleted(client, unique):
    context = client.jetstream()
    made = await context.add_stream(name=unique, subjects=[f"{unique}.*"], max_msgs=10)
    assert made.config.name == unique
    assert made.config.max_msgs == 10
    assert made.config.num_replicas == 1
    assert made.state.messages == 0
    again = await context.add_stream(name=unique, subjects=[f"{unique}.*"], max_msgs=10)
    assert again.config == made.config
    with pytest.raises(BadRequestError) as refused:
        await context.add_stream(name=unique, subjects=[f"{unique}.*"], max_msgs=11)
    assert refused.value.err_code == 10058
    changed = await context.update_stream(name=unique, subjects=[f"{unique}.*"], max_msgs=2)
    assert changed.config.max_msgs == 2
    for index in range(5):
        await context.publish(f"{unique}.{index}", b"x")
    shown = await context.stream_info(unique, subjects_filter=">")
    assert shown.state.messages == 2
    assert (shown.state.first_seq, shown.state.last_seq) == (4, 5)
    assert shown.state.subjects == {f"{unique}.3": 1, f"{unique}.4": 1}
    assert unique in [info.config.name for info in await context.streams_info()]
    assert await context.find_stream_name_by_subject(f"{unique}.1") == unique
    assert await context.delete_stream(unique)
    with pytest.raises(NotFoundError):
        await context.stream_info(unique)


async def test_two_streams_do_not_keep_the_same(client, stream, unique):
    with pytest.raises(BadRequestError) as refused:
        await stream.add_stream(name=f"{unique}-other", subjects=[f"{unique}.a"])
    assert refused.value.err_code == 10065


@pytest.mark.godwit_only
async def test_what_is_not_there_is_refused(client, unique):
    answer = await request(
        client,
        f"STREAM.CREATE.{unique}",
        {
            "name": unique,
            "subjects": [unique],
            "allow_atomic": True,
            "allow_msg_counter": True,
        },
    )
    assert answer["error"]["err_code"] == 10052
    assert "not supported" in answer["error"]["description"]
    answer = await request(client, f"STREAM.CREATE.{unique}", {"name": unique, "bogus": 1})
    assert answer["error"]["err_code"] == 10025
    answer = await request(client, f"STREAM.SNAPSHOT.{unique}", {"deliver_subject": "x"})
    assert answer["error"]["err_code"] == 10064


async def test_publishes_are_acknowledged(stream, unique):
    first = await stream.publish(f"{unique}.a", b"1")
    assert (first.stream, first.seq) == (unique, 1)
    assert not first.duplicate
    one = await stream.publish(f"{unique}.a", b"2", headers={"Nats-Msg-Id": "m"})
    two = await stream.publish(f"{unique}.a", b"2", headers={"Nats-Msg-Id": "m"})
    assert (one.seq, two.seq, two.duplicate) == (2, 2, True)
    with pytest.raises(APIError) as refused:
        await stream.publish(
            f"{unique}.a", b"3", headers={"Nats-Expected-Last-Sequence": "9"})
    assert refused.value.err_code == 10071
    with pytest.raises(APIError) as refused:
        await stream.publish(f"{unique}.a", b"3", headers={"Nats-TTL": "5s"})
    assert refused.value.err_code == 10166
    with pytest.raises(APIError) as refused:
        await stream.publish(f"{unique}.a", b"", headers={"Nats-Incr": "1"})
    assert refused.value.err_code == 10168
    await stream.publish(
        f"{unique}.b", b"4", headers={"Nats-Expected-Last-Subject-Sequence": "0"})
    assert (await stream.stream_info(unique)).state.messages == 3


async def test_messages_are_read_by_number_and_subject(client, stream, unique):
    await stream.publish(f"{unique}.a", b"one", headers={"K": "v"})
    await stream.publish(f"{unique}.b", b"two")
    message = await stream.get_msg(unique, seq=1)
    assert (message.subject, message.data, message.headers) == (f"{unique}.a", b"one", {"K": "v"})
    last = await stream.get_last_msg(unique, f"{unique}.b")
    assert (last.seq, last.data) == (2, b"two")
    assert await stream.delete_msg(unique, 1)
    with pytest.raises(NotFoundError):
        await stream.get_msg(unique, seq=1)
    assert await stream.purge_stream(unique)
    assert (await stream.stream_info(unique)).state.messages == 0


async def test_a_full_stream_refuses_or_forgets(client, unique):
    context = client.jetstream()
    await context.add_stream(
        name=unique, subjects=[unique], max_msgs=1, discard=api.DiscardPolicy.NEW)
    await context.publish(unique, b"1")
    with pytest.raises(APIError) as refused:
        await context.publish(unique, b"2")
    assert refused.value.err_code == 10077
    await context.delete_stream(unique)


async def test_subjects_are_transformed_and_messages_published_again(client, unique):
    context = client.jetstream()
    again = await client.subscribe(f"{unique}-again.>")
    await request(
        client,
        f"STREAM.CREATE.{unique}",
        {
            "name": unique,
            "subjects": [f"{unique}.*.*"],
            "subject_transform": {
                "src": f"{unique}.*.*",
                "dest": f"{unique}.{{{{wildcard(2)}}}}.{{{{wildcard(1)}}}}",
            },
            "republish": {"src": ">", "dest": f"{unique}-again.>", "headers_only": True},
        },
    )
    await context.publish(f"{unique}.a.b", b"hello", headers={"K": "v"})
    assert (await context.get_msg(unique, seq=1)).subject == f"{unique}.b.a"
    message = await again.next_msg(timeout=2)
    assert message.subject == f"{unique}-again.{unique}.b.a"
    assert message.data == b""
    assert message.headers["K"] == "v"
    assert message.headers["Nats-Stream"] == unique
    assert message.headers["Nats-Sequence"] == "1"
    assert message.headers["Nats-Last-Sequence"] == "0"
    assert message.headers["Nats-Msg-Size"] == "5"
    await context.delete_stream(unique)


async def test_a_subject_that_ends_by_age_leaves_a_marker(client, unique):
    context = client.jetstream()
    await request(
        client,
        f"STREAM.CREATE.{unique}",
        {
            "name": unique,
            "subjects": [f"{unique}.>"],
            "max_age": 1_000_000_000,
            "subject_delete_marker_ttl": 60_000_000_000,
        },
    )
    await context.publish(f"{unique}.a", b"short")
    markers = await context.subscribe(
        f"{unique}.>", config=api.ConsumerConfig(deliver_policy=api.DeliverPolicy.NEW))
    marker = await markers.next_msg(timeout=5)
    assert (marker.subject, marker.data) == (f"{unique}.a", b"")
    assert marker.headers["Nats-Marker-Reason"] == "MaxAge"
    await context.delete_stream(unique)


async def test_a_durable_pull_consumer(stream, unique):
    for index in range(10):
        await stream.publish(f"{unique}.{index}", str(index).encode(), headers={"N": str(index)})
    consumer = await stream.pull_subscribe(f"{unique}.>", durable="work")
    got = await consumer.fetch(4, timeout=2)
    assert [message.data for message in got] == [b"0", b"1", b"2", b"3"]
    assert got[2].subject == f"{unique}.2"
    assert got[2].headers == {"N": "2"}
    facts = got[3].metadata
    assert (facts.stream, facts.consumer) == (unique, "work")
    assert (facts.sequence.stream, facts.sequence.consumer) == (4, 4)
    assert (facts.num_delivered, facts.num_pending) == (1, 6)
    for message in got[:3]:
        await message.ack_sync()
    info = await consumer.consumer_info()
    assert (info.num_ack_pending, info.num_pending) == (1, 6)
    assert (info.ack_floor.stream_seq, info.delivered.stream_seq) == (3, 4)
    await got[3].nak()
    again = await consumer.fetch(1, timeout=2)
    assert again[0].data == b"3"
    assert again[0].metadata.num_delivered == 2
    await again[0].term()
    rest = await consumer.fetch(20, timeout=1)
    assert [message.data for message in rest] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    for message in rest:
        await message.ack()
    with pytest.raises(nats.errors.TimeoutError):
        await consumer.fetch(1, timeout=0.3)
    info = await consumer.consumer_info()
    assert (info.num_ack_pending, info.num_pending) == (0, 0)


async def test_what_is_not_acknowledged_comes_again(stream, unique):
    await stream.publish(f"{unique}.a", b"1")
    consumer = await stream.pull_subscribe(
        f"{unique}.>", durable="slow", config=api.ConsumerConfig(ack_wait=0.3, max_deliver=2))
    first = (await consumer.fetch(1, timeout=2))[0]
    second = (await consumer.fetch(1, timeout=2))[0]
    assert (first.metadata.num_delivered, second.metadata.num_delivered) == (1, 2)
    with pytest.raises(nats.errors.TimeoutError):
        await consumer.fetch(1, timeout=0.8)


async def test_a_request_is_served_when_a_message_comes(stream, unique):
    consumer = await stream.pull_subscribe(f"{unique}.>", durable="late")
    fetching = asyncio.create_task(consumer.fetch(1, timeout=5))
    while (await consumer.consumer_info()).num_waiting == 0:
        pass
    await stream.publish(f"{unique}.a", b"now")
    assert [message.data for message in await fetching] == [b"now"]


async def test_a_push_consumer_with_a_queue(stream, unique):
    for index in range(6):
        await stream.publish(f"{unique}.{index}", str(index).encode())
    subscription = await stream.subscribe(f"{unique}.>", durable="pusher", queue="pusher")
    got = [await subscription.next_msg(timeout=2) for _ in range(6)]
    assert sorted(message.data for message in got) == [str(i).encode() for i in range(6)]
    assert got[0].subject == f"{unique}.0"
    for message in got:
        await message.ack_sync()
    assert (await subscription.consumer_info()).num_ack_pending == 0


async def test_an_ordered_consumer(stream, unique):
    for index in range(100):
        await stream.publish(f"{unique}.a", str(index).encode())
    subscription = await stream.subscribe(f"{unique}.>", ordered_consumer=True)
    got = [await subscription.next_msg(timeout=2) for _ in range(100)]
    assert [message.data for message in got] == [str(i).encode() for i in range(100)]


async def test_filters_and_delivery_policies(stream, unique):
    for index in range(4):
        await stream.publish(f"{unique}.{index % 2}", str(index).encode())
    last = await stream.pull_subscribe(
        f"{unique}.>", durable="last",
        config=api.ConsumerConfig(deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT))
    assert [message.data for message in await last.fetch(5, timeout=1)] == [b"2", b"3"]
    odd = await stream.pull_subscribe(f"{unique}.1", durable="odd")
    assert [message.data for message in await odd.fetch(5, timeout=1)] == [b"1", b"3"]
    start = await stream.pull_subscribe(
        f"{unique}.>", durable="start",
        config=api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=3))
    assert [message.data for message in await start.fetch(5, timeout=1)] == [b"2", b"3"]


async def test_a_work_queue_forgets_what_is_done(client, unique):
    context = client.jetstream()
    await context.add_stream(
        name=unique, subjects=[unique], retention=api.RetentionPolicy.WORK_QUEUE)
    await context.publish(unique, b"job")
    consumer = await context.pull_subscribe(unique, durable="w")
    await (await consumer.fetch(1, timeout=2))[0].ack_sync()
    assert (await context.stream_info(unique)).state.messages == 0
    with pytest.raises(BadRequestError) as refused:
        await context.pull_subscribe(unique, durable="v")
    assert refused.value.err_code == 10100
    await context.delete_stream(unique)


async def test_consumers_are_listed_paused_and_deleted(client, stream, unique):
    await stream.add_consumer(unique, durable_name="one", ack_policy="explicit")
    await stream.add_consumer(unique, durable_name="two", ack_policy="explicit")
    names = await request(client, f"CONSUMER.NAMES.{unique}")
    assert names["consumers"] == ["one", "two"]
    assert [info.name for info in await stream.consumers_info(unique)] == ["one", "two"]
    paused = await request(
        client, f"CONSUMER.PAUSE.{unique}.one", {"pause_until": "2099-01-01T00:00:00Z"})
    assert paused["paused"] and paused["pause_remaining"] > 0
    await stream.publish(f"{unique}.a", b"1")
    consumer = await stream.pull_subscribe_bind("one", unique)
    with pytest.raises(nats.errors.TimeoutError):
        await consumer.fetch(1, timeout=0.3)
    await request(client, f"CONSUMER.PAUSE.{unique}.one", {})
    assert len(await consumer.fetch(1, timeout=2)) == 1
    assert await stream.delete_consumer(unique, "one")
    with pytest.raises(NotFoundError):
        await stream.consumer_info(unique, "one")


async def test_advisories(client, unique):
    heard: asyncio.Queue = asyncio.Queue()
    await client.subscribe("$JS.EVENT.ADVISORY.>", cb=heard.put)
    await client.flush()
    context = client.jetstream()
    await context.add_stream(name=unique, subjects=[unique])
    await context.publish(unique, b"1")
    consumer = await context.pull_subscribe(unique, durable="c")
    message = (await consumer.fetch(1, timeout=2))[0]
    await client.request(message.reply, b"-NAK", timeout=2)
    await context.delete_consumer(unique, "c")
    await context.delete_stream(unique)
    kinds = []
    while len(kinds) < 5:
        message = await asyncio.wait_for(heard.get(), 2)
        if unique in message.subject:
            kinds.append(json.loads(message.data)["type"].split(".")[-1])
    assert kinds == [
        "stream_action", "consumer_action", "nak", "consumer_action", "stream_action"]


async def state_of(client, name: str, messages: int, failed: int = 0) -> dict:
    """What a stream says of itself when it has so many messages, and so many sources failed."""
    deadline = asyncio.get_running_loop().time() + 10
    while True:
        info = await request(client, f"STREAM.INFO.{name}", {"deleted_details": True})
        errors = sum("error" in source for source in info.get("sources", []))
        if info["state"]["messages"] == messages and errors == failed:
            return info
        assert asyncio.get_running_loop().time() < deadline, info
        await asyncio.sleep(0.05)


async def test_a_mirror_has_the_same_numbers(client, stream, unique):
    for index in range(3):
        await stream.publish(f"{unique}.{index}", str(index).encode())
    await stream.delete_msg(unique, 2)
    mirror = f"{unique}-mirror"
    await request(client, f"STREAM.CREATE.{mirror}", {"name": mirror, "mirror": {"name": unique}})
    info = await state_of(client, mirror, 2)
    assert (info["state"]["first_seq"], info["state"]["last_seq"]) == (1, 3)
    assert info["state"]["deleted"] == [2]
    assert (info["mirror"]["name"], info["mirror"]["lag"]) == (unique, 0)
    theirs, ours = await stream.get_msg(unique, 3), await stream.get_msg(mirror, 3)
    assert (ours.subject, ours.data, ours.time) == (theirs.subject, theirs.data, theirs.time)
    await stream.publish(f"{unique}.3", b"3")
    assert (await state_of(client, mirror, 3))["state"]["last_seq"] == 4
    refused = await request(
        client,
        f"STREAM.CREATE.{unique}-bad",
        {"name": f"{unique}-bad", "subjects": ["x"], "mirror": {"name": unique}},
    )
    assert refused["error"]["err_code"] == 10034
    await stream.delete_stream(mirror)


async def test_a_mirror_takes_a_part(client, stream, unique):
    for index in range(6):
        await stream.publish(f"{unique}.{index % 2}", str(index).encode())
    mirror = f"{unique}-part"
    source = {"name": unique, "filter_subject": f"{unique}.1", "opt_start_seq": 3}
    await request(client, f"STREAM.CREATE.{mirror}", {"name": mirror, "mirror": source})
    info = await state_of(client, mirror, 2)
    assert (info["state"]["first_seq"], info["state"]["last_seq"]) == (4, 6)
    assert info["mirror"]["filter_subject"] == f"{unique}.1"
    await stream.delete_stream(mirror)


async def test_sources_are_gathered(client, stream, unique):
    target = f"{unique}-all"
    config = {
        "name": target,
        "subjects": [target],
        "sources": [
            {
                "name": unique,
                "subject_transforms": [
                    {"src": f"{unique}.*", "dest": f"{target}.{{{{wildcard(1)}}}}"}
                ],
            },
            {"name": f"{unique}-none"},
        ],
    }
    await request(client, f"STREAM.CREATE.{target}", config)
    await stream.publish(f"{unique}.a", b"1", headers={"K": "v"})
    await stream.publish(target, b"2")
    info = await state_of(client, target, 2, failed=1)
    by_name = {source["name"]: source for source in info["sources"]}
    assert by_name[unique]["lag"] == 0
    assert by_name[unique]["subject_transforms"] == config["sources"][0]["subject_transforms"]
    assert by_name[f"{unique}-none"]["error"]["err_code"] == 10059
    kept = await stream.get_last_msg(target, f"{target}.a")
    assert (kept.data, kept.headers["K"]) == (b"1", "v")
    origin = kept.headers["Nats-Stream-Source"].split(" ")
    assert origin[:5] == [
        unique, "1", f"{unique}.*", f"{target}.{{{{wildcard(1)}}}}", f"{unique}.a"]
    await stream.delete_stream(target)


async def direct(client, name: str, body: dict) -> tuple[list[tuple[str, str]], str]:
    """Sequences and counts of pending messages of a batch, and its last status."""
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish(f"$JS.API.DIRECT.GET.{name}", json.dumps(body).encode(), reply=inbox)
    got = []
    while True:
        message = await subscription.next_msg(timeout=2)
        headers = message.headers or {}
        if "Status" in headers:
            await subscription.unsubscribe()
            return got, headers["Status"]
        got.append((headers["Nats-Sequence"], headers["Nats-Num-Pending"]))


async def test_many_messages_are_read_at_once(client, unique):
    context = client.jetstream()
    await context.add_stream(name=unique, subjects=[f"{unique}.>"], allow_direct=True)
    for subject in "abaca":
        await context.publish(f"{unique}.{subject}", b"x")
    await context.delete_msg(unique, 2)
    assert await direct(client, unique, {"seq": 1, "batch": 3}) == (
        [("1", "3"), ("3", "2"), ("4", "1")], "204")
    assert await direct(client, unique, {"seq": 2, "batch": 9, "next_by_subj": f"{unique}.a"}) == (
        [("3", "1"), ("5", "0")], "204")
    assert await direct(client, unique, {"multi_last": [f"{unique}.>"]}) == (
        [("4", "1"), ("5", "0")], "204")
    assert await direct(client, unique, {"multi_last": [f"{unique}.>"], "up_to_seq": 3}) == (
        [("3", "0")], "204")
    assert await direct(client, unique, {"multi_last": ["nobody"]}) == ([], "404")
    third = await context.get_msg(unique, 3)
    found = await request(
        client, f"STREAM.MSG.GET.{unique}",
        {"start_time": third.time.isoformat(), "next_by_subj": f"{unique}.c"})
    assert found["message"]["seq"] == 4
    await context.delete_stream(unique)


async def test_one_client_of_a_priority_group_is_served(client, stream, unique):
    config = {
        "durable_name": "pinned",
        "ack_policy": "explicit",
        "priority_groups": ["g"],
        "priority_policy": "pinned_client",
    }
    name = f"{unique}.pinned"
    made = await request(
        client, f"CONSUMER.CREATE.{name}", {"stream_name": unique, "config": config})
    assert made["config"]["priority_timeout"] == 120_000_000_000

    async def pull(**more) -> nats.aio.subscription.Subscription:
        inbox = client.new_inbox()
        waiting = await client.subscribe(inbox)
        body = {"batch": 1, "expires": 20_000_000_000, "group": "g", **more}
        await client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{name}", json.dumps(body).encode(), reply=inbox)
        return waiting

    first, second = await pull(), await pull()
    while (await request(client, f"CONSUMER.INFO.{name}"))["num_waiting"] < 2:
        pass
    for payload in (b"1", b"2", b"3"):
        await stream.publish(f"{unique}.a", payload)
    message = await first.next_msg(timeout=2)
    pin = message.headers["Nats-Pin-Id"]
    info = await request(client, f"CONSUMER.INFO.{name}")
    assert info["priority_groups"][0]["pinned_client_id"] == pin
    message = await (await pull(id=pin)).next_msg(timeout=2)
    assert (message.data, message.headers["Nats-Pin-Id"]) == (b"2", pin)
    refused = await (await pull(id="other")).next_msg(timeout=2)
    assert refused.headers["Status"] == "423"
    answer = await request(client, f"CONSUMER.UNPIN.{name}", {"group": "g"})
    assert "error" not in answer
    message = await second.next_msg(timeout=2)
    assert message.data == b"3"
    assert message.headers["Nats-Pin-Id"] != pin
    answer = await request(client, f"CONSUMER.UNPIN.{name}", {"group": "h"})
    assert answer["error"]["err_code"] == 10160


async def test_counters_count(client, unique):
    context = client.jetstream()
    config = {"name": unique, "subjects": [f"{unique}.*"], "allow_msg_counter": True}
    made = await request(client, f"STREAM.CREATE.{unique}", config)
    assert made["config"]["allow_msg_counter"] is True

    async def count(by: str | None, payload: bytes = b"", subject: str = "a") -> dict:
        headers = None if by is None else {"Nats-Incr": by}
        answer = await client.request(f"{unique}.{subject}", payload, headers=headers, timeout=2)
        return json.loads(answer.data)

    assert await count("+2") == {"stream": unique, "seq": 1, "val": "2"}
    assert await count("40") == {"stream": unique, "seq": 2, "val": "42"}
    assert (await count("-50"))["val"] == "-8"
    assert (await count("99999999999999999999999", subject="b"))["val"] == "9" * 23
    assert (await count("1", subject="b"))["val"] == "1" + "0" * 23
    for by, payload, code in [(None, b"", 10169), ("x", b"", 10171), ("1", b"x", 10170)]:
        assert (await count(by, payload))["error"]["err_code"] == code
    kept = await context.get_last_msg(unique, f"{unique}.a")
    assert (json.loads(kept.data), kept.headers) == ({"val": "-8"}, {"Nats-Incr": "-50"})
    # Another stream gathers what this one has counted.
    total = f"{unique}-total"
    await request(
        client,
        f"STREAM.CREATE.{total}",
        {"name": total, "allow_msg_counter": True, "sources": [{"name": unique}]},
    )
    await state_of(client, total, 5)
    kept = await context.get_last_msg(total, f"{unique}.a")
    assert json.loads(kept.data) == {"val": "-8"}
    assert json.loads(kept.headers["Nats-Counter-Sources"]) == {unique: {f"{unique}.a": "-8"}}
    for name in (unique, total):
        await context.delete_stream(name)


async def test_key_value_buckets(client, unique):
    context = client.jetstream()
    bucket = await context.create_key_value(bucket=unique, history=3)
    first = await bucket.put("a", b"1")
    second = await bucket.update("a", b"2", last=first)
    assert (first, second) == (1, 2)
    assert (await bucket.get("a")).value == b"2"
    assert (await bucket.get("a", revision=1)).value == b"1"
    with pytest.raises(APIError):
        await bucket.update("a", b"3", last=first)
    await bucket.create("b", b"x")
    assert sorted(await bucket.keys()) == ["a", "b"]
    assert [entry.value for entry in await bucket.history("a")] == [b"1", b"2"]
    watcher = await bucket.watchall()
    seen = [await watcher.updates(timeout=2) for _ in range(3)]
    assert [entry.key if entry else None for entry in seen] == ["a", "b", None]
    await bucket.put("c", b"new")
    assert (await watcher.updates(timeout=2)).key == "c"
    await bucket.delete("a")
    with pytest.raises(KeyNotFoundError):
        await bucket.get("a")
    await bucket.purge("b")
    assert (await bucket.status()).values == 5
    assert await context.delete_key_value(unique)


async def test_objects(client, unique):
    context = client.jetstream()
    store = await context.create_object_store(unique)
    data = bytes(range(256)) * 2000
    info = await store.put("thing", data)
    assert info.size == len(data)
    assert (await store.get("thing")).data == data
    assert [entry.name for entry in await store.list()] == ["thing"]
    await store.delete("thing")
    with pytest.raises(NotFoundError):
        await store.get("thing")
    await context.delete_object_store(unique)


@pytest.mark.godwit_only
async def test_other_protocols_fill_streams(broker, unique):
    server = broker("nats", "mqtt")
    from paho.mqtt import client as mqtt

    connection = await nats.connect(server.url("nats"))
    context = connection.jetstream()
    await context.add_stream(name=unique, subjects=[f"{unique}.>"])
    publisher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    publisher.connect(*server.address("mqtt"))
    publisher.loop_start()
    publisher.publish(f"{unique}/t", b"from mqtt", qos=1).wait_for_publish(5)
    publisher.loop_stop()
    publisher.disconnect()
    consumer = await context.pull_subscribe(f"{unique}.>", durable="c")
    got = await consumer.fetch(1, timeout=2)
    assert (got[0].subject, got[0].data) == (f"{unique}.t", b"from mqtt")
    await got[0].ack_sync()
    await connection.close()
