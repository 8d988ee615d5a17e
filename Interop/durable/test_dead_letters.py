"""A record that is given up is in its stream or among the dead letters, over ``kill -9`` too."""

from __future__ import annotations

import http.client
import json

import nats
import pytest
from godwit_rig.brokers import target
from godwit_rig.kafka_peer import PATIENCE, until
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
    # Of what was under way when the broker died there may be two.
    assert len(found) <= COUNT + 40
    entries = api(broker, "GET", "/api/audit")["entries"]
    assert [entry["action"] for entry in entries] == ["POST /api/streams/WORK/purge"]
    broker.stop()
