"""Transactions whose epoch rises with each (KIP-890) over ``kill -9``: the producer goes on as who
it was, and asks again for what it was not told."""

from __future__ import annotations

import random
import threading

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import COMMITTED, PATIENCE, KafkaWire, address, contents, until
from godwit_rig.kafka_transactions import RisingProducer
from kafka.protocol.producer import EndTxnResponse

TOPIC = "ledger"
CONCURRENT = 51


def position(where: str) -> int:
    consumer = Consumer({"bootstrap.servers": where, "group.id": "books"})
    try:
        return consumer.committed([Place(TOPIC, 0)], timeout=PATIENCE)[0].offset
    finally:
        consumer.close()


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_kills_at_any_moment(durable, sync):
    """What is asked for until it is answered is there once, in all partitions or in none."""
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    admin = AdminClient({"bootstrap.servers": address(broker.broker)})
    admin.create_topics([NewTopic(TOPIC, 3, 1)])[TOPIC].result(PATIENCE)
    producer = RisingProducer(KafkaWire(broker.broker.address("kafka")), "teller")
    assert producer.begin() == 0
    dice = random.Random(11)
    wanted: list[bytes] = []
    number = 0

    def restart() -> None:
        producer.wire.socket.close()
        producer.wire = KafkaWire(broker.restart().address("kafka"))

    def end(commit: bool, races: bool) -> None:
        before = producer.now
        if races:
            threading.Timer(dice.random() / 100, broker.broker.process.kill).start()
            request = producer.end_request(commit)
            producer.wire.number += 1
            request.with_header(correlation_id=producer.wire.number, client_id="wire")
            producer.wire.socket.sendall(request.encode(header=True, framed=True))
            frame = producer.wire.frame()
            if frame is not None:
                assert EndTxnResponse.decode(frame, version=5, header=True).error_code == 0
            broker.broker.process.wait(PATIENCE)
            restart()

        def attempt() -> bool:
            error = producer.end(commit, before)
            assert error in (0, CONCURRENT)
            return error == 0

        until(attempt, "the end")
        assert producer.now == (before[0], before[1] + 1)

    for _ in range(6):
        last = number + dice.randint(5, 15)
        step = dice.choice(["open", "end", "end", "between"])
        while number < last:
            number += 1
            commit = number % 3 != 0
            for partition in range(3):
                if number == last and step == "open" and partition == dice.randrange(3):
                    restart()
                assert producer.send(TOPIC, partition, [b"%d" % number]) == 0
            assert producer.send_offset("books", TOPIC, 0, number) == 0
            end(commit, number == last and step == "end")
            if commit:
                wanted.append(b"%d" % number)
        if step == "between":
            restart()
        where = address(broker.broker)
        for partition in range(3):
            assert contents(where, TOPIC, COMMITTED, partition) == wanted
        assert position(where) == int(wanted[-1])
    producer.wire.socket.close()


def test_batches_that_are_sent_together_stay_in_their_order(durable):
    """The first waits until it is written down where it goes, and the others wait for it."""
    broker = durable(sync="always").broker
    where = address(broker)
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(PATIENCE)
    with KafkaWire(broker.address("kafka")) as wire:
        producer = RisingProducer(wire, "teller")
        assert producer.begin() == 0
        for number in range(5):
            requests = [
                producer.produce(TOPIC, each % 2, [b"%d %d" % (number, each)])
                for each in range(40)
            ]
            assert producer.send_together(requests) == [0] * 40
            assert producer.end(True) == 0
    for partition in range(2):
        assert contents(where, TOPIC, COMMITTED, partition) == [
            b"%d %d" % (number, each) for number in range(5) for each in range(partition, 40, 2)
        ]


def test_what_was_open_at_the_kill_is_held_back(durable):
    broker = durable(sync="always")
    admin = AdminClient({"bootstrap.servers": address(broker.broker)})
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(PATIENCE)
    producer = RisingProducer(KafkaWire(broker.broker.address("kafka")), "teller", 3_000)
    assert producer.begin() == 0
    first = producer.now
    assert producer.send(TOPIC, 0, [b"open"]) == 0
    restarted = broker.restart()
    where = address(restarted)
    producer.wire = KafkaWire(restarted.address("kafka"))
    assert contents(where, TOPIC, COMMITTED) == []
    until(lambda: producer.end(False, first) == 0, "the end")
    assert producer.send(TOPIC, 0, [b"next"]) == 0 and producer.end(True) == 0
    assert contents(where, TOPIC, COMMITTED) == [b"next"]
    producer.wire.socket.close()
