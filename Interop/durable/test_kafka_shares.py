"""What members of share groups were told is acknowledged does not come again after ``kill -9``."""

from __future__ import annotations

import random

import pytest
from confluent_kafka import Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, KafkaWire, address, configure_group, until
from godwit_rig.kafka_share import ACCEPT, REJECT, RELEASE, ShareWire

TOPIC = "shared"
PARTITIONS = 2


def make(where: str, each: int) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(PATIENCE)
    values = {
        "share.auto.offset.reset": "earliest", "share.delivery.count.limit": "1000",
        "share.session.timeout.ms": "600000", "share.record.lock.duration.ms": "600000",
    }
    configure_group(where, "g", **values)
    producer = Producer({"bootstrap.servers": where, "batch.num.messages": 7})
    for number in range(each * PARTITIONS):
        producer.produce(TOPIC, b"%d" % number, partition=number % PARTITIONS)
    assert producer.flush(PATIENCE) == 0


class Member:
    """Reads, and remembers what it was told is done with."""

    def __init__(self, broker, name: str, done: set[tuple[int, int]], seed: int) -> None:
        self.socket = KafkaWire(broker.broker.address("kafka"))
        self.wire = ShareWire(self.socket, "g", name)
        self.done = done
        self.chance = random.Random(seed)
        error, _, _ = self.wire.heartbeat(0, [TOPIC])
        assert error == 0

    def take(self) -> list[tuple[int, int, int]]:
        """Partitions with first and last offsets."""
        found = self.wire.fetch(list(range(PARTITIONS)), records=self.chance.randrange(1, 60))
        assert found.error == 0
        ranges = []
        for partition, one in found.partitions.items():
            assert one.error == 0
            for first, last, _ in one.acquired:
                again = [each for each in range(first, last + 1) if (partition, each) in self.done]
                assert not again, f"came again: {again}"
                ranges.append((partition, first, last))
        return ranges

    def settle(self, partition: int, first: int, last: int, is_told: bool = True) -> None:
        """Says something of each record; some come back."""
        choices = ACCEPT, ACCEPT, REJECT, RELEASE
        kinds = [self.chance.choice(choices) for _ in range(first, last + 1)]
        if not is_told:
            said = {partition: [(first, last, kinds)]}
            self.wire.send_fetch(said, wait_ms=0, records=1)
            return
        answer = self.wire.acknowledge({partition: [(first, last, kinds)]})
        assert answer.error == 0 and answer.partitions[partition].acknowledge_error == 0
        for offset, kind in zip(range(first, last + 1), kinds, strict=True):
            if kind != RELEASE:
                self.done.add((partition, offset))


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_nothing_acknowledged_comes_again(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    make(address(broker.broker), 1_500)
    done: set[tuple[int, int]] = set()
    for life in range(4):
        members = [Member(broker, name, done, 10 * life + index) for index, name in enumerate("ab")]
        target = len(done) + 400
        while len(done) < target:
            for member in members:
                for place in member.take():
                    member.settle(*place)
        # One holds records, and has said something that nobody will answer; the other has just been
        # answered.
        for member, is_told in zip(members, (False, True), strict=True):
            places = until(member.take, "records")
            member.settle(*places[0], is_told=is_told)
        broker.restart()
    last = Member(broker, "z", done, 99)

    def drain() -> bool:
        for place in last.take():
            last.settle(*place)
        error, places = last.wire.describe_offsets(TOPIC, list(range(PARTITIONS)))
        assert error == 0
        # What was on its way with the kill may have been taken or not.
        return all(lag == 0 for _, lag, _ in places.values())

    until(drain, "the end of both partitions")
    assert len(done) > 1_600


def test_librdkafka_goes_on_over_a_kill(durable):
    broker = durable(sync="always")
    where = address(broker.broker)
    make(where, 500)
    found: list[tuple[int, int]] = []
    confirmed: set[tuple[int, int]] = set()

    def read(consumer: ShareConsumer, count: int) -> None:
        def attempt() -> bool:
            messages = consumer.poll(0.5)
            if messages:
                found.extend((each.partition(), each.offset()) for each in messages)
                outcome = consumer.commit_sync(PATIENCE)
                assert all(error is None for error in outcome.values())
                confirmed.update((each.partition(), each.offset()) for each in messages)
            return len(found) >= count

        until(attempt, f"{count} messages")

    settings = {"group.id": "g", "log_level": 0, "max.poll.records": 50}
    first = ShareConsumer({"bootstrap.servers": where, **settings})
    first.subscribe([TOPIC])
    read(first, 300)
    before = set(confirmed)
    where = address(broker.restart())
    second = ShareConsumer({"bootstrap.servers": where, **settings})
    second.subscribe([TOPIC])
    count = len(found)
    read(second, count + 2 * 500 - len(before))
    assert not before & set(found[count:]), "came again"
    assert len(confirmed) == 1_000
    second.close()
    first.close()
