"""Topics that keep the last message of each key, as Kafka's clients see them."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from godwit_rig.kafka_peer import PATIENCE, KafkaWire, address, batch, produce_request
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

TOPIC = "last"
KEYS = 40
SENT = 6_000
OUT_OF_ORDER = 45


def read_to_the_end(
    where: str, isolation: str = "read_committed"
) -> list[tuple[int, bytes, bytes | None]]:
    consumer = Consumer(
        {
            "bootstrap.servers": where, "group.id": "reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": True, "log_level": 0,
            "isolation.level": isolation,
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


def test_a_producer_whose_batches_are_gone_is_known(durable) -> None:
    broker = durable(sync="always", segment_bytes_max=65_536)
    where = address(broker.broker)
    admin = KafkaAdminClient(bootstrap_servers=where)
    admin.create_topics([NewTopic(TOPIC, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    admin.close()

    def send(value: bytes, sequence: int, producer: int = 77) -> tuple[int, int]:
        made = batch([value], producer=producer, epoch=3, sequence=sequence, key=b"key")
        with KafkaWire(broker.broker.address("kafka")) as wire:
            return wire.produce(produce_request(TOPIC, 0, made))

    assert send(b"first", 0) == (0, 0)
    assert send(b"second", 1) == (0, 1)
    for number in range(24):
        assert send(b"x" * 8_000, number, producer=78) == (0, 2 + number)
    deadline = time.monotonic() + 4 * PATIENCE
    while read_to_the_end(where)[0][0] < 2:
        assert time.monotonic() < deadline, "nothing was compacted"
    for _ in range(2):
        where = address(broker.restart())
        assert send(b"second", 1) == (0, 1), "what was sent again is there twice"
        assert send(b"fourth", 3)[0] == OUT_OF_ORDER
    assert send(b"third", 2) == (0, 26)
    assert [offset for offset, _, _ in read_to_the_end(where)][-1] == 26


def test_of_transactions_the_last_that_was_committed_stays(durable) -> None:
    broker = durable(sync="interval", segment_bytes_max=65_536)
    where = address(broker.broker)
    admin = KafkaAdminClient(bootstrap_servers=where)
    configs = {"cleanup.policy": "compact", "delete.retention.ms": "1000"}
    admin.create_topics([NewTopic(TOPIC, 1, 1, topic_configs=configs)])
    admin.close()
    producer = Producer(
        {
            "bootstrap.servers": where, "transactional.id": "teller", "linger.ms": 20,
            "log_level": 0,
        }
    )
    producer.init_transactions(PATIENCE)
    last: dict[bytes, bytes] = {}
    aborted: set[bytes] = set()
    for number in range(SENT // 20):
        sent = {}
        producer.begin_transaction()
        for each in range(number * 20, number * 20 + 20):
            key, value = b"key %d" % (each * 7 % KEYS), b"%d " % each * 40
            sent[key] = value
            producer.produce(TOPIC, value, key)
        if number % 3:
            producer.commit_transaction(PATIENCE)
            last |= sent
        else:
            producer.abort_transaction(PATIENCE)
            aborted |= set(sent.values())

    def all_kinds() -> list[bytes | None]:
        return [value for _, _, value in read_to_the_end(where, "read_uncommitted")]

    # What is in the last segment is left alone.
    deadline = time.monotonic() + 4 * PATIENCE
    there = all_kinds()
    while len(there) > SENT // 4 or len(aborted & set(there)) > len(aborted) // 4:
        assert time.monotonic() < deadline, f"{len(there)} of {SENT} are still there"
        there = all_kinds()
    for _ in range(2):
        found = read_to_the_end(where)
        assert {key: value for _, key, value in found} == last
        assert not aborted & {value for _, _, value in found}
        where = address(broker.restart())
