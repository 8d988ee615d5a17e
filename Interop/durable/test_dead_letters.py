"""A record that is given up is in its stream or among the dead letters, over ``kill -9`` too."""

from __future__ import annotations

import http.client
import json
from collections import Counter

import nats
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.brokers import target
from godwit_rig.kafka_peer import PATIENCE, KafkaWire, address, configure_group, until
from godwit_rig.kafka_share import REJECT, RELEASE, ShareWire
from godwit_rig.settings import server_config
from nats.errors import TimeoutError as NothingCame
from nats.js.api import ConsumerConfig

RULES = {"dead_letters": {"rules": [{"topics": ["work.>"], "to": "dead"}]}}
COUNT = 200


def api(broker, method: str, path: str) -> dict:
    connection = http.client.HTTPConnection(*broker.address("admin"), timeout=PATIENCE)
    try:
        connection.request(method, path, None, {"X-Godwit-Admin": "1"})
        answer = connection.getresponse()
        assert answer.status in (200, 202, 404), answer.read()
        return json.loads(answer.read())
    finally:
        connection.close()


def letters(broker) -> list[str]:
    """Where the letters come from: offsets in the stream."""
    found = api(broker, "GET", "/api/streams/DEAD-LETTERS/records?limit=1000").get("records", [])
    return [dict(record["headers"])["Godwit-Dead-Offset"] for record in found]


async def give_up(broker, enough) -> None:
    """Gives back what comes, until there are enough letters."""
    connection = await nats.connect(broker.url("nats"), allow_reconnect=False)
    consumer = await connection.jetstream().pull_subscribe(
        "", stream="WORK", durable="workers",
        config=ConsumerConfig(max_deliver=1, ack_wait=0.5, max_ack_pending=COUNT),
    )
    while not enough(len(set(letters(broker)))):
        try:
            messages = await consumer.fetch(10, timeout=0.5)
        except NothingCame:
            continue
        for message in messages:
            await message.nak()
        await connection.flush()
    if broker.process.poll() is None:
        await connection.close()


@pytest.mark.parametrize("sync", ["always", "interval"])
async def test_nothing_is_lost_when_the_broker_is_killed(broker_pool, tmp_path, sync):
    if target() != "godwit":
        pytest.skip("about this broker's data folder")
    settings = server_config(godwit=RULES | {"storage": {"sync": sync}})
    place = (settings, ("nats",), ("--data", str(tmp_path / "data")))
    broker = broker_pool.start_godwit(*place)
    connection = await nats.connect(broker.url("nats"))
    stream = connection.jetstream()
    await stream.add_stream(name="WORK", subjects=["work.>"])
    for number in range(COUNT):
        await stream.publish("work.a", b"%d" % number)
    api(broker, "POST", "/api/streams/WORK/purge?before=0")
    await connection.close()
    for share in (COUNT // 4, COUNT // 2):
        await give_up(broker, lambda have, share=share: have >= share)
        before = set(letters(broker))
        broker.kill()
        broker = broker_pool.start_godwit(*place)
        assert before <= set(letters(broker)), "a letter that was seen is gone"
    await give_up(broker, lambda have: have == COUNT)
    found = until(lambda: letters(broker), "letters")
    assert set(found) == {str(offset) for offset in range(COUNT)}
    # What a group has done is written down some milliseconds later: a letter more for each kill.
    assert max(Counter(found).values()) <= 3
    entries = api(broker, "GET", "/api/audit")["entries"]
    assert [entry["action"] for entry in entries] == ["POST /api/streams/WORK/purge"]
    broker.stop()


def shared(where: str, limit: int) -> None:
    """A topic of one partition with ``COUNT`` records, and a share group that reads it all."""
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic("work.a", 1, 1)])["work.a"].result(PATIENCE)
    values = {
        "share.auto.offset.reset": "earliest", "share.delivery.count.limit": str(limit),
        "share.record.lock.duration.ms": "60000",
    }
    configure_group(where, "g", **values)
    producer = Producer({"bootstrap.servers": where, "batch.num.messages": 9})
    for number in range(COUNT):
        producer.produce("work.a", b"%d" % number, key=b"k", headers={"n": b"%d" % number})
    assert producer.flush(PATIENCE) == 0


def reject(broker, kind: int, enough) -> None:
    """A member that wants nothing, until there are enough letters."""
    with KafkaWire(broker.address("kafka")) as socket:
        member = ShareWire(socket, "g", "m")
        error, _, _ = member.heartbeat(0, ["work.a"])
        assert error == 0

        def step() -> bool:
            found = member.fetch([0], records=20)
            assert found.error == 0
            for first, last, _ in found.acquired:
                answer = member.acknowledge({0: [(first, last, [kind])]})
                assert answer.partitions[0].acknowledge_error == 0
            return enough(len(set(letters(broker))))

        until(step, "letters")


@pytest.mark.parametrize(("sync", "kind"), [("always", REJECT), ("interval", RELEASE)])
def test_what_a_share_group_gives_up_is_not_lost(broker_pool, tmp_path, sync, kind):
    if target() != "godwit":
        pytest.skip("about this broker's data folder")
    settings = server_config(godwit=RULES | {"storage": {"sync": sync}})
    place = (settings, ("kafka",), ("--data", str(tmp_path / "data")))
    broker = broker_pool.start_godwit(*place)
    shared(address(broker), 2)
    for share in (COUNT // 4, COUNT // 2):
        reject(broker, kind, lambda have, share=share: have >= share)
        before = set(letters(broker))
        broker.kill()
        broker = broker_pool.start_godwit(*place)
        assert before <= set(letters(broker)), "a letter that was seen is gone"
    reject(broker, kind, lambda have: have == COUNT)
    found = letters(broker)
    assert set(found) == {str(offset) for offset in range(COUNT)}
    # Of what was under way when the broker died there may be two.
    assert len(found) <= COUNT + 80
    records = api(broker, "GET", "/api/streams/DEAD-LETTERS/records?limit=1")["records"]
    headers = dict(records[0]["headers"])
    reason = "rejected" if kind == REJECT else "handed out 2 times in vain"
    assert headers["Godwit-Dead-Reason"] == reason
    assert headers["Godwit-Dead-Log"] == "work.a-0" and headers["Godwit-Dead-Subscription"] == "g"
    assert headers["n"] == headers["Godwit-Dead-Offset"]
