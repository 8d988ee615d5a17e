"""Topics that keep the last message of each key, as Kafka's clients see them."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from godwit_rig.kafka_peer import PATIENCE, address
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

TOPIC = "last"
KEYS = 40
SENT = 6_000


def read_to_the_end(where: str) -> list[tuple[int, bytes, bytes | None]]:
    consumer = Consumer(
        {
            "bootstrap.servers": where, "group.id": "reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    found = []
    try:
        while True:
            message = consumer.poll(PATIENCE)
            assert message is not None, "no end of the partition"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                return found
            found.append((message.offset(), message.key(), message.value()))
    finally:
        consumer.close()


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_the_last_of_each_key_stays(durable, compression: str) -> None:
    broker = durable(sync="interval", segment_bytes_max=65_536)
    where = address(broker.broker)
    admin = KafkaAdminClient(bootstrap_servers=where)
    admin.create_topics([NewTopic(TOPIC, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    admin.close()
    producer = Producer(
        {
            "bootstrap.servers": where, "compression.type": compression, "linger.ms": 20,
            "batch.num.messages": 50, "enable.idempotence": True, "log_level": 0,
        }
    )
    last: dict[bytes, bytes] = {}
    for number in range(SENT):
        key, value = b"key %d" % (number * 7 % KEYS), b"%d " % number * 40
        last[key] = value
        producer.produce(TOPIC, value, key)
        producer.poll(0)
        if number % 1_000 == 999:
            assert producer.flush(PATIENCE) == 0
    assert producer.flush(PATIENCE) == 0

    deadline = time.monotonic() + 4 * PATIENCE
    found = read_to_the_end(where)
    while len(found) > SENT // 2:
        assert time.monotonic() < deadline, f"{len(found)} of {SENT} are still there"
        found = read_to_the_end(where)
    for each in (found, None):
        if each is None:
            # What was removed is removed after `kill -9` too, and what stayed is there.
            each = read_to_the_end(address(broker.restart()))
            assert len(each) <= len(found)
        offsets = [offset for offset, _, _ in each]
        assert offsets == sorted(set(offsets))
        assert offsets[-1] == SENT - 1
        assert {key: value for _, key, value in each} == last
