"""Keys and times of NATS' and MQTT's messages, as Kafka's clients know their own."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig import NATSWire, hpub
from godwit_rig.kafka_peer import PATIENCE, PROMPT, address, read_all, send_all
from godwit_rig.paho_peer import PahoPeer

pytestmark = pytest.mark.godwit_only

KEYS = [b"order-%d" % number for number in range(12)]
DAY_MS = 86_400_000


@pytest.fixture
def server(broker):
    return broker("kafka", "nats", "mqtt", godwit=PROMPT)


def make_topic(server, name: str, partitions: int = 1, **config: str) -> str:
    admin = AdminClient({"bootstrap.servers": address(server)})
    settings = {key.replace("_", "."): value for key, value in config.items()}
    new = NewTopic(name, partitions, 1, config=settings)
    admin.create_topics([new])[name].result(PATIENCE)
    return name


def say(wire: NATSWire, topic: str, *lines: str) -> None:
    block = "".join(f"{line}\r\n" for line in ("NATS/1.0", *lines, ""))
    wire.send(hpub(topic, block.encode(), b"x"))
    wire.flush()


def headers_of(record) -> list[tuple]:
    return [tuple(each) for each in record.headers]


def test_a_key_has_one_partition_whoever_says_it(server, unique):
    """By Kafka's own rule: who reads a key's partition has all of it."""
    topic = make_topic(server, f"{unique}.keyed", 5)
    where = address(server)
    send_all(where, topic, [{"key": key, "value": b"kafka"} for key in KEYS])
    with NATSWire(server.address("nats")) as wire, PahoPeer(server.address("mqtt")) as peer:
        wire.connect(headers=True)
        for key in KEYS:
            say(wire, topic, f"Godwit-Key: {key.decode()}")
            peer.publish(
                topic.replace(".", "/"), b"x", qos=1, UserProperty=[("Godwit-Key", key.decode())]
            )
    partitions: dict[bytes, set[int]] = {}
    count = 0
    consumer = Consumer(
        {"bootstrap.servers": where, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(5)])
    while count < 3 * len(KEYS):
        record = consumer.poll(PATIENCE)
        assert record is not None and not record.error()
        partitions.setdefault(record.key(), set()).add(record.partition())
        count += 1
    consumer.close()
    assert set(partitions) == set(KEYS)
    assert all(len(found) == 1 for found in partitions.values())
    assert len(set.union(*partitions.values())) > 1


def test_a_key_goes_there_and_back_once(server, unique):
    there, back = (make_topic(server, f"{unique}.{name}") for name in ("there", "back"))
    made = int(time.time() * 1000) - DAY_MS
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        wire.subscribe(there)
        record = {"key": b"\0\xff", "value": b"x", "headers": [("a", b"1")], "timestamp_ms": made}
        send_all(address(server), there, [record])
        message = wire.delivery()
        assert message.headers.decode().splitlines() == [
            "NATS/1.0", "Godwit-Key: base64:AP8=", f"Godwit-Time: {made}000000", "a: 1", "",
        ]
        wire.send(hpub(back, message.headers, message.payload))
        wire.flush()
    found = read_all(address(server), back, 1)[0]
    assert (found.key, found.timestamp, headers_of(found)) == (b"\0\xff", made, [("a", b"1")])


def test_no_key_and_an_empty_one_are_two_things(server, unique):
    topic = make_topic(server, f"{unique}.empty")
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        say(wire, topic)
        say(wire, topic, "Godwit-Key: ")
        say(wire, topic, "Godwit-Key: base64:")
        say(wire, topic, "Godwit-Key: a", "godwit-key: b")
    found = read_all(address(server), topic, 4)
    assert [each.key for each in found] == [None, b"", b"", b"a"]
    assert headers_of(found[3]) == [("godwit-key", b"b")]


@pytest.mark.parametrize("said", ["soon", "+1", "1.5", "99999999999999999999", "-", "0x10"])
def test_what_is_no_time_is_a_header_as_any_other(server, unique, said):
    topic = make_topic(server, f"{unique}.no-time")
    before = time.time() * 1000
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        say(wire, topic, f"Godwit-Time: {said}")
    found = read_all(address(server), topic, 1)[0]
    assert headers_of(found) == [("Godwit-Time", said.encode())]
    assert found.timestamp >= before - 10_000


@pytest.mark.parametrize(
    ("away_ms", "config", "is_believed"),
    [
        (-DAY_MS, {}, True),
        (-DAY_MS, {"message_timestamp_type": "LogAppendTime"}, False),
        # It would go at once.
        (-DAY_MS, {"retention_ms": "3600000"}, False),
        (-DAY_MS, {"retention_ms": "3600000", "cleanup_policy": "compact"}, True),
        (60_000, {}, True),
        (2 * 3_600_000, {}, False),
    ],
)
def test_whose_time_a_record_has(server, unique, away_ms, config, is_believed):
    topic = make_topic(server, f"{unique}.times", **config)
    now = int(time.time() * 1000)
    said = now + away_ms
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        say(wire, topic, f"Godwit-Time: {said}000000", "Godwit-Key: k")
    found = read_all(address(server), topic, 1)[0]
    assert headers_of(found) == []
    if is_believed:
        assert found.timestamp == said
    else:
        assert abs(found.timestamp - now) < 30_000


def test_records_are_found_by_their_senders_times(server, unique):
    topic = make_topic(server, f"{unique}.search")
    now = int(time.time() * 1000)
    times = [now - DAY_MS + number * 1_000 for number in range(5)]
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        for each in times:
            say(wire, topic, f"Godwit-Time: {each}000000")
    consumer = Consumer({"bootstrap.servers": address(server), "group.id": topic})
    for wanted, offset in [(times[0] - 1, 0), (times[2], 2), (times[2] + 1, 3), (now, -1)]:
        (found,) = consumer.offsets_for_times([TopicPartition(topic, 0, wanted)], timeout=PATIENCE)
        assert found.offset == offset, wanted
    consumer.close()
