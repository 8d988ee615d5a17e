"""Groups of every protocol, and topics with partitions, as operators see them."""

from __future__ import annotations

import json
import threading

import nats
import paho.mqtt.client as paho
import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.command_line import succeeded
from godwit_rig.kafka_peer import (
    PATIENCE, PROMPT, KafkaWire, address, configure_group, send_all, until,
)
from godwit_rig.kafka_share import ACCEPT, ShareWire
from godwit_rig.paho_peer import PahoPeer

pytestmark = pytest.mark.godwit_only


@pytest.fixture
def server(broker):
    return broker("nats", "mqtt", "kafka", godwit=PROMPT)


@pytest.fixture
def admin(server) -> list[str]:
    return ["--admin", "{}:{}".format(*server.address("admin"))]


@pytest.fixture
def topic(server, unique) -> str:
    """A topic of two partitions, with three and five messages."""
    made = AdminClient({"bootstrap.servers": address(server)})
    made.create_topics([NewTopic(unique, num_partitions=2)])[unique].result(PATIENCE)
    records = [
        {
            "value": b"%d/%d" % (partition, number), "partition": partition, "key": b"k",
            "headers": [("Kind", b"odd" if number % 2 else b"even")],
        }
        for partition, count in ((0, 3), (1, 5))
        for number in range(count)
    ]
    send_all(address(server), unique, records, compression_type="gzip")
    return unique


def group(admin: list[str], name: str, *options: str) -> dict:
    return json.loads(succeeded("group", "info", *admin, name, "--json", *options))


@pytest.mark.parametrize("kind", ["classic", "consumer"])
def test_a_kafka_group(server, admin, topic, unique, kind):
    name = f"{unique}-{kind}"
    settings = {
        "bootstrap.servers": address(server), "group.id": name, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "client.id": "reader", "group.protocol": kind,
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    found: list = []

    def attempt() -> bool:
        message = consumer.poll(1.0)
        if message is not None and not message.error():
            found.append(message)
        return len(found) == 8

    until(attempt, "all eight messages")
    first = next(message for message in found if message.partition() == 1)
    consumer.commit(message=first, asynchronous=False)
    shown = group(admin, name)
    assert (shown["kind"], shown["protocol"], shown["lag"]) == (kind, "kafka", 4)
    assert shown["streams"] == [topic]
    positions = {each["partition"]: each for each in shown["positions"]}
    assert positions[1]["done_before"] == 1
    assert (positions[1]["end"], positions[1]["lag"]) == (5, 4)
    assert positions[1]["oldest_at"] is not None
    (reader,) = shown["readers"]
    assert (reader["client"], reader["address"]) == ("reader", "127.0.0.1")
    assert positions[0]["member"] == positions[1]["member"] == reader["id"]
    consumer.close()
    # What is committed stays when the members have gone.
    rested = until(
        lambda: (now := group(admin, name))["readers"] == [] and now, "a group without members"
    )
    assert (rested["state"], rested["lag"]) == ("Empty", 4)
    topics = json.loads(succeeded("stream", "info", *admin, topic, "--json"))
    assert [each["name"] for each in topics["groups"]] == [name]


def test_a_share_group(server, admin, topic, unique):
    configure_group(address(server), unique, share_auto_offset_reset="earliest")
    with KafkaWire(server.address("kafka")) as wire:
        member = ShareWire(wire, unique, "m1")
        assert member.heartbeat(0, [topic])[0] == 0
        assert member.fetch([1], wait_ms=10_000).acquired == [(0, 4, 1)]
        member.acknowledge({1: [(0, 0, [ACCEPT]), (2, 2, [ACCEPT])]})
        shown = group(admin, unique)
        assert (shown["kind"], shown["protocol"], shown["state"]) == ("share", "kafka", "Stable")
        assert (shown["lag"], shown["in_flight"]) == (6, 3)
        assert shown["members"] == 1


async def test_a_jetstream_consumer(server, admin, unique):
    connection = await nats.connect(server.url("nats"))
    context = connection.jetstream()
    await context.add_stream(name=unique, subjects=[f"{unique}.>"], storage="memory")
    for index in range(3):
        await context.publish(f"{unique}.a", str(index).encode())
    consumer = await context.pull_subscribe(f"{unique}.>", durable="work")
    await consumer.fetch(1, timeout=5)
    shown = group(admin, "work", "--stream", unique)
    assert (shown["kind"], shown["lag"], shown["in_flight"]) == ("stream", 2, 1)
    assert shown["oldest_at"] is not None
    listed = json.loads(succeeded("group", "ls", *admin, unique, "--json"))
    assert [each["name"] for each in listed] == ["work"]
    await connection.close()


def test_an_mqtt_session(server, admin, unique):
    subscribed = threading.Event()
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id=unique, protocol=paho.MQTTv311,
        clean_session=False,
    )
    client.on_connect = lambda *_: client.subscribe(f"{unique}/#", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(*server.address("mqtt"))
    client.loop_start()
    assert subscribed.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()
    until(lambda: group(admin, unique)["state"] == "away", "a session without its client")
    with PahoPeer(server.address("mqtt")) as other:
        for index in range(3):
            other.publish(f"{unique}/a", str(index).encode(), qos=1)
    shown = group(admin, unique)
    assert (shown["kind"], shown["lag"], shown["in_flight"]) == ("session", 3, 0)
    assert shown["oldest_at"] is not None


def test_a_topic_is_read_like_a_stream(admin, topic):
    (row,) = json.loads(succeeded("stream", "ls", *admin, topic, "--json"))
    assert (row["kind"], row["records"], row["topics"]) == ("topic", 8, [topic])
    assert "2 partitions" in succeeded("stream", "ls", *admin, topic)
    rows = [json.loads(line) for line in succeeded(
        "stream", "read", *admin, topic, "--json").splitlines()]
    assert [(row["partition"], row["offset"]) for row in rows] == [
        (partition, offset) for partition, count in ((0, 3), (1, 5)) for offset in range(count)
    ]
    assert (rows[3]["payload"], rows[3]["key"], rows[3]["origin"]) == ("1/0", "k", "kafka")
    assert rows[3]["headers"] == [["Kind", "even"]]
    odd = succeeded("stream", "read", *admin, topic, "--raw", "--header", "kind=odd")
    assert odd.splitlines() == ["0/1", "1/1", "1/3"]
    some = succeeded("stream", "read", *admin, topic, "--raw", "--text", "1/", "-c", "2")
    assert some.splitlines() == ["1/0", "1/1"]
    part = succeeded("stream", "read", *admin, topic, "--raw", "--partition", "1", "--from", "3")
    assert part.splitlines() == ["1/3", "1/4"]
    last = succeeded("stream", "tail", *admin, topic, "--raw", "-n", "1", "-c", "2")
    assert last.splitlines() == ["0/2", "1/4"]


def test_a_topic_is_purged(server, admin, topic):
    out = succeeded("stream", "purge", *admin, topic, "--partition", "1", "--keep", "2", "--yes")
    assert out == f"removed 3 records of {topic}\n"
    left = succeeded("stream", "read", *admin, topic, "--raw", "--partition", "1")
    assert left.splitlines() == ["1/3", "1/4"]
