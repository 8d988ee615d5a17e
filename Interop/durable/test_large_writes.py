"""What is written by the event loops that partitions were dealt, as it is much at a time, is there
after ``kill -9`` when it was acknowledged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, address

TOPIC = "large"
PARTITIONS = 3
# A turn's writes go elsewhere from a MiB on: each of these does by itself.
SIZE = 2 << 20
LIVES = 3
ACKNOWLEDGED = 12


def body(number: int) -> bytes:
    return (b"%08d" % number) * (SIZE // 8)


def threads(broker) -> int:
    return len(list(Path(f"/proc/{broker.process.pid}/task").iterdir()))


def produce_until_killed(durable, life: int, acknowledged: dict[tuple[int, int], int]) -> None:
    killed = False
    told = 0
    producer = Producer(
        {
            "bootstrap.servers": address(durable.broker), "message.max.bytes": 2 * SIZE,
            "linger.ms": 0, "queue.buffering.max.kbytes": 32 << 10, "log_level": 0,
        }
    )

    def delivered(error, message) -> None:
        nonlocal killed, told
        if error is not None or killed:
            return
        place = message.partition(), message.offset()
        assert place not in acknowledged, "one offset, two messages"
        acknowledged[place] = int(message.value()[:8])
        told += 1
        if told >= ACKNOWLEDGED:
            killed = True
            durable.kill()

    number = life * 1_000_000
    while not killed:
        number += 1
        try:
            producer.produce(
                TOPIC, body(number), partition=number % PARTITIONS, on_delivery=delivered
            )
        except BufferError:
            producer.poll(0.1)
        producer.poll(0)
    producer.purge()
    producer.flush(0)


def everything(where: str) -> dict[tuple[int, int], bytes]:
    """All that the topic has, by partition and offset."""
    consumer = Consumer({"bootstrap.servers": where, "group.id": "reader"})
    found: dict[tuple[int, int], bytes] = {}
    try:
        for partition in range(PARTITIONS):
            place = TopicPartition(TOPIC, partition, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=PATIENCE)
            consumer.assign([place])
            for offset in range(end):
                message = consumer.poll(PATIENCE)
                assert message is not None and not message.error(), message and message.error()
                assert message.offset() == offset, "a hole, or a message twice"
                found[partition, offset] = message.value()
        return found
    finally:
        consumer.close()


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_what_is_much_at_a_time_is_kept(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=3 * SIZE)
    topic = NewTopic(TOPIC, PARTITIONS, 1, config={"max.message.bytes": str(2 * SIZE)})
    admin = AdminClient({"bootstrap.servers": address(broker.broker)})
    admin.create_topics([topic])[TOPIC].result(PATIENCE)
    acknowledged: dict[tuple[int, int], int] = {}
    before = threads(broker.broker)
    if len(os.sched_getaffinity(0)) > 1:
        first = Producer(
            {
                "bootstrap.servers": address(broker.broker), "message.max.bytes": 2 * SIZE,
                "log_level": 0,
            }
        )
        first.produce(TOPIC, body(1), partition=0, on_delivery=lambda error, message:
            acknowledged.update({(0, message.offset()): 1}))
        assert first.flush(PATIENCE) == 0
        assert threads(broker.broker) > before, "nobody else has written"
    for life in range(1, LIVES + 1):
        produce_until_killed(broker, life, acknowledged)
        broker.start()
        found = everything(address(broker.broker))
        for value in found.values():
            assert value == body(int(value[:8])), "a message is not as it was sent"
        missing = [
            place for place, number in acknowledged.items()
            if place not in found or int(found[place][:8]) != number
        ]
        assert not missing, f"{len(missing)} of {len(acknowledged)} are gone: {missing[:5]}"
        # What was on its way may have been kept without anybody being told.
        acknowledged.update({place: int(value[:8]) for place, value in found.items()})
