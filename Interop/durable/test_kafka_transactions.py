"""Transactions over ``kill -9``: whole or not at all, wherever it comes."""

from __future__ import annotations

import contextlib
import random
import threading

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import COMMITTED, PATIENCE, address, contents, send_all

TOPIC = "ledger"


def make(where: str) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(TOPIC, 3, 1)])[TOPIC].result(PATIENCE)


def transactional(where: str, **settings: object) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": where, "transactional.id": "teller", "linger.ms": 0,
            "log_level": 0, "socket.timeout.ms": 5_000, **settings,
        }
    )
    producer.init_transactions(PATIENCE)
    return producer


def committed(where: str, partition: int) -> list[bytes]:
    return contents(where, TOPIC, COMMITTED, partition)


def position(where: str) -> int:
    # Who reads only what is committed would wait for the end of what is open.
    consumer = Consumer(
        {
            "bootstrap.servers": where, "group.id": "books",
            "isolation.level": "read_uncommitted",
        }
    )
    try:
        return consumer.committed([Place(TOPIC, 0)], timeout=PATIENCE)[0].offset
    finally:
        consumer.close()


def begin(producer: Producer, number: int) -> None:
    producer.begin_transaction()
    for partition in range(3):
        producer.produce(TOPIC, b"%d" % number, partition=partition)
    books = Consumer({"bootstrap.servers": "localhost:1", "group.id": "books", "log_level": 0})
    metadata = books.consumer_group_metadata()
    producer.send_offsets_to_transaction([Place(TOPIC, 0, number)], metadata, PATIENCE)
    assert producer.flush(PATIENCE) == 0
    books.close()


@pytest.mark.parametrize("sync", ["always", "never"])
def test_what_was_open_at_the_kill_is_aborted_by_the_producers_return(durable, sync):
    broker = durable(sync=sync)
    make(address(broker.broker))
    producer = transactional(address(broker.broker))
    begin(producer, 1)
    producer.commit_transaction(PATIENCE)
    begin(producer, 2)
    where = address(broker.restart())
    # It is still open: nobody sees what comes behind it.
    send_all(where, TOPIC, [{"value": b"plain", "partition": 0}])
    assert committed(where, 0) == [b"1"] and position(where) == 1
    heir = transactional(where)
    assert committed(where, 0) == [b"1", b"plain"] and committed(where, 1) == [b"1"]
    begin(heir, 3)
    heir.commit_transaction(PATIENCE)
    where = address(broker.restart())
    assert committed(where, 0) == [b"1", b"plain", b"3"] and committed(where, 2) == [b"1", b"3"]
    assert position(where) == 3


def test_what_was_open_at_the_kill_is_aborted_in_time(durable):
    broker = durable(sync="always")
    make(address(broker.broker))
    producer = transactional(address(broker.broker), **{"transaction.timeout.ms": 8_000})
    begin(producer, 1)
    where = address(broker.restart())
    send_all(where, TOPIC, [{"value": b"plain", "partition": 1}])
    consumer = Consumer(
        {"bootstrap.servers": where, "group.id": "reader", "isolation.level": "read_committed"}
    )
    consumer.assign([Place(TOPIC, 1, 0)])
    message = consumer.poll(PATIENCE)
    assert message is not None and message.value() == b"plain"
    consumer.close()


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_kills_at_any_moment(durable, sync):
    """Whatever was told to be committed is there, in all partitions; of the rest each transaction
    is in all of them or in none, and the position goes with it."""
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    make(address(broker.broker))
    dice = random.Random(7)
    told: list[int] = []
    aborted: set[int] = set()
    number = 0
    for _ in range(5):
        producer = transactional(address(broker.broker))
        last = number + dice.randint(5, 20)
        step = dice.choice(["open", "end", "between"])
        # The end of the last transaction and the kill race with each other.
        while number < last:
            number += 1
            begin(producer, number)
            if number == last and step == "open":
                break
            races = number == last and step == "end"
            if races:
                threading.Timer(dice.random() / 50, broker.broker.process.kill).start()
            try:
                if number % 3 == 0:
                    aborted.add(number)
                    producer.abort_transaction(2.0 if races else PATIENCE)
                else:
                    producer.commit_transaction(2.0 if races else PATIENCE)
                    told.append(number)
            except KafkaException:
                assert races
        with contextlib.suppress(KafkaException):
            producer.purge()
        where = address(broker.restart())
        transactional(where)
        found = [[int(each) for each in committed(where, partition)] for partition in range(3)]
        assert found[0] == found[1] == found[2]
        assert len(set(found[0])) == len(found[0]) and sorted(found[0]) == found[0]
        assert not set(told) - set(found[0]), "a committed transaction is gone"
        assert not set(found[0]) & aborted
        assert position(where) == found[0][-1]
