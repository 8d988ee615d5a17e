"""The longest names that Kafka and JetStream allow, over ``kill -9``."""

from __future__ import annotations

import nats
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, address, read_all, send_all

TOPICS = ["t" * 249, "t" * 248 + "u", ".".join("e" * 125)]


def test_topics(durable):
    server = durable()
    client = AdminClient({"bootstrap.servers": address(server.broker)})
    made = client.create_topics([NewTopic(name, 2, 1) for name in TOPICS])
    for future in made.values():
        future.result(PATIENCE)
    for name in TOPICS:
        send_all(address(server.broker), name, [{"value": name.encode(), "partition": 1}])
    where = address(server.restart())
    client = AdminClient({"bootstrap.servers": where})
    for name in TOPICS:
        found = read_all(where, name, 1, partition=1)
        assert [each.value for each in found] == [name.encode()]
    client.delete_topics([TOPICS[0]])[TOPICS[0]].result(PATIENCE)
    where = address(server.restart())
    topics = AdminClient({"bootstrap.servers": where}).list_topics(timeout=PATIENCE).topics
    assert sorted(topics) == sorted(TOPICS[1:])
    assert len(read_all(where, TOPICS[1], 1, partition=1)) == 1


@pytest.mark.parametrize("name", ["S" * 255, "Ä" * 127])
async def test_streams(durable, name):
    server = durable()
    client = await nats.connect(server.url)
    stream = client.jetstream()
    await stream.add_stream(name=name, subjects=["x"])
    await stream.add_consumer(name, durable_name="C" * 255, ack_policy="explicit")
    await stream.publish("x", b"kept")
    await client.close()
    server.restart()
    client = await nats.connect(server.url)
    stream = client.jetstream()
    assert (await stream.stream_info(name)).state.messages == 1
    reader = await stream.pull_subscribe("x", durable="C" * 255, stream=name)
    assert [each.data for each in await reader.fetch(1)] == [b"kept"]
    await client.close()
