"""What Kafka's clients were acknowledged is there after ``kill -9``, once."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as ConfluentPartition
from confluent_kafka.admin import AdminClient
from godwit_rig.kafka_peer import PATIENCE, address, read_all, send_all, until
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

TOPIC = "kept"


def make(where: str, partitions: int = 3, **configs: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=where)
    admin.create_topics([NewTopic(TOPIC, partitions, 1, topic_configs=configs or None)])
    admin.close()


def produce_until_killed(durable, acknowledged: dict[tuple[int, int], bytes], kill_at: int) -> None:
    """Keeps batches under way; the broker is killed when ``kill_at`` messages were acknowledged."""
    killed = False
    producer = Producer(
        {
            "bootstrap.servers": address(durable.broker), "enable.idempotence": True,
            "linger.ms": 1, "batch.num.messages": 40, "log_level": 0,
            "partitioner": "consistent_random",
        }
    )

    def delivered(error, message) -> None:
        nonlocal killed
        if error is not None or killed:
            return
        place = message.partition(), message.offset()
        assert place not in acknowledged, "one offset, two messages"
        acknowledged[place] = message.value()
        if len(acknowledged) >= kill_at:
            killed = True
            durable.kill()

    number = len(acknowledged) * 1_000_000
    while not killed:
        number += 1
        try:
            producer.produce(TOPIC, b"%d " % number * (number % 30), on_delivery=delivered)
        except BufferError:
            producer.poll(0.1)
        producer.poll(0)
    producer.purge()
    producer.flush(0)


def everything(where: str) -> dict[tuple[int, int], bytes]:
    """All that the topic has, by partition and offset."""
    consumer = Consumer({"bootstrap.servers": where, "group.id": "reader"})
    try:
        found: dict[tuple[int, int], bytes] = {}
        for partition in range(3):
            place = ConfluentPartition(TOPIC, partition)
            first, end = consumer.get_watermark_offsets(place, timeout=PATIENCE)
            place.offset = first
            consumer.assign([place])
            for offset in range(first, end):
                message = consumer.poll(PATIENCE)
                assert message is not None and not message.error(), message and message.error()
                assert message.offset() == offset, "a hole, or a message twice"
                found[partition, offset] = message.value()
        return found
    finally:
        consumer.close()


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_no_acknowledged_batch_is_lost(durable, sync):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    make(address(broker.broker))
    acknowledged: dict[tuple[int, int], bytes] = {}
    for life in range(1, 4):
        produce_until_killed(broker, acknowledged, 2_000 * life)
        broker.start()
        found = everything(address(broker.broker))
        missing = [place for place, value in acknowledged.items() if found.get(place) != value]
        assert not missing, f"{len(missing)} of {len(acknowledged)} are gone: {missing[:5]}"
        # What was on its way may have been kept without anybody being told.
        acknowledged.update(found)


class Feed(threading.Thread):
    """Writes for as long as the broker lives."""

    def __init__(self, where: str, life: int) -> None:
        super().__init__(daemon=True)
        self.producer = Producer(
            {
                "bootstrap.servers": where, "enable.idempotence": True, "linger.ms": 1,
                "log_level": 0,
            }
        )
        self.life = life
        self.stopping = threading.Event()
        self.acknowledged: dict[tuple[int, int], bytes] = {}
        self.start()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            body = b"%d %d " % (self.life, number) + bytes(number % 300)
            try:
                self.producer.produce(
                    TOPIC, body, partition=number % 3, on_delivery=self.delivered
                )
            except BufferError:
                self.producer.poll(0.1)
            # A reader that keeps up is what this is about.
            self.producer.poll(0.001)
        self.producer.purge()
        self.producer.flush(0)

    def delivered(self, error, message) -> None:
        if error is None:
            self.acknowledged[message.partition(), message.offset()] = message.value()

    def stop(self) -> dict[tuple[int, int], bytes]:
        self.stopping.set()
        self.join(PATIENCE)
        return self.acknowledged


def positions(consumer: Consumer) -> dict[int, int]:
    """Where a group goes on; where nothing was committed, at the beginning."""
    places = [ConfluentPartition(TOPIC, partition) for partition in range(3)]
    found = consumer.committed(places, timeout=PATIENCE)
    return {each.partition: max(0, each.offset) for each in found}


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
def test_a_group_goes_on_where_it_has_committed(durable, sync):
    """Its reader is killed in the middle with the broker: nothing is passed over, and nothing comes
    twice but what was not committed."""
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    make(address(broker.broker))
    settings = {
        "group.id": "work", "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "log_level": 0, "fetch.wait.max.ms": 50,
    }
    written: dict[tuple[int, int], bytes] = {}
    read: dict[tuple[int, int], bytes] = {}
    committed = dict.fromkeys(range(3), 0)
    for life in range(1, 5):
        where = address(broker.broker)
        feed = Feed(where, life) if life < 4 else None
        reader = Consumer({"bootstrap.servers": where, **settings})
        following = positions(reader)
        for partition, offset in following.items():
            assert offset >= committed[partition], "a position has moved back"
        reader.subscribe([TOPIC])
        commits = 0
        ends = None if feed else {
            partition: reader.get_watermark_offsets(
                ConfluentPartition(TOPIC, partition), timeout=PATIENCE
            )[1]
            for partition in range(3)
        }
        while commits < 60 if feed else following != ends:
            messages = reader.consume(25, timeout=0.5)
            for message in messages:
                assert not message.error(), message.error()
                place = message.partition(), message.offset()
                # From what was committed last on, and none is left out.
                assert message.offset() == following[message.partition()], "out of turn"
                following[message.partition()] += 1
                assert read.setdefault(place, message.value()) == message.value()
            if messages:
                reader.commit(
                    offsets=[ConfluentPartition(TOPIC, *each) for each in following.items()],
                    asynchronous=False,
                )
                committed = dict(following)
                commits += 1
        if feed:
            broker.kill()
            written |= feed.stop()
            broker.start()
        # Nobody says goodbye to a broker that is gone.
        del reader
    missing = [place for place, value in written.items() if read.get(place) != value]
    assert not missing, f"{len(missing)} of {len(written)} were never read: {missing[:5]}"


def test_committed_offsets_and_topics_last(durable):
    broker = durable(sync="always")
    where = address(broker.broker)
    make(where, **{"retention.ms": "123456789"})
    send_all(where, TOPIC, [{"value": b"%d" % number, "partition": 1} for number in range(9)])
    consumer = Consumer({"bootstrap.servers": where, "group.id": "g"})
    place = ConfluentPartition(TOPIC, 1, 7, "a note")
    consumer.commit(offsets=[place], asynchronous=False)
    before = Producer({"bootstrap.servers": where}).list_topics(timeout=PATIENCE).topics[TOPIC]
    consumer.close()
    broker.restart()
    where = address(broker.broker)
    consumer = Consumer({"bootstrap.servers": where, "group.id": "g"})
    committed = consumer.committed([ConfluentPartition(TOPIC, 1)], timeout=PATIENCE)[0]
    assert (committed.offset, committed.metadata) == (7, "a note")
    consumer.close()
    after = Producer({"bootstrap.servers": where}).list_topics(timeout=PATIENCE).topics[TOPIC]
    assert sorted(after.partitions) == sorted(before.partitions) == [0, 1, 2]
    values = [each.value for each in read_all(where, TOPIC, 9, partition=1)]
    assert values == [b"%d" % number for number in range(9)]


def test_a_batch_that_comes_again_after_a_restart_is_known(durable):
    """The producer's state is learnt from the log: what was kept is not kept twice."""
    from godwit_rig.kafka_peer import KafkaWire, batch, produce_request

    broker = durable(sync="always")
    make(address(broker.broker))
    request = produce_request(TOPIC, 2, batch([b"one", b"two"], producer=77, epoch=0, sequence=0))
    more = produce_request(TOPIC, 2, batch([b"three"], producer=77, epoch=0, sequence=2))
    for attempt, expected in enumerate([(request, 0), (request, 0), (more, 2), (more, 2)]):
        if attempt % 2:
            broker.restart()
        body, offset = expected
        with KafkaWire(broker.broker.address("kafka")) as wire:
            assert wire.produce(body) == (0, offset)
    found = read_all(address(broker.broker), TOPIC, 3, partition=2)
    assert [each.value for each in found] == [b"one", b"two", b"three"]


def test_members_of_the_consumer_protocol_go_on_over_a_kill(durable):
    """The group is written down: its positions, and that it is there, are the same afterwards."""
    broker = durable(sync="always")
    where = address(broker.broker)
    make(where)
    send_all(where, TOPIC, [{"value": b"%d" % number, "partition": 0} for number in range(5)])
    settings = {
        "group.id": "g", "group.protocol": "consumer", "auto.offset.reset": "earliest",
        "log_level": 0, "enable.auto.commit": False,
    }
    first = Consumer({"bootstrap.servers": where, **settings})
    first.subscribe([TOPIC])
    found = []
    while len(found) < 5:
        message = first.poll(PATIENCE)
        assert message is not None and not message.error()
        found.append(message.value())
    first.commit(asynchronous=False)
    where = address(broker.restart())
    admin = AdminClient({"bootstrap.servers": where})
    described = admin.describe_consumer_groups(["g"])["g"].result(PATIENCE)
    assert described.state.name == "STABLE" and len(described.members) == 1
    assert len(described.members[0].assignment.topic_partitions) == 3
    second = Consumer({"bootstrap.servers": where, **settings})
    committed = second.committed([ConfluentPartition(TOPIC, 0)], timeout=PATIENCE)
    assert committed[0].offset == 5
    second.close()
    first.close()


def test_a_group_of_both_protocols_goes_on_over_a_kill(durable):
    """Members of a group that was carried over are written down with what they read, too."""
    broker = durable(sync="always")
    where = address(broker.broker)
    make(where)
    settings = {
        "bootstrap.servers": where, "group.id": "g", "log_level": 0, "client.id": "old",
        "heartbeat.interval.ms": 100, "partition.assignment.strategy": "cooperative-sticky",
    }
    old = Consumer(settings)
    new = Consumer(
        {
            "bootstrap.servers": where, "group.id": "g", "log_level": 0, "client.id": "new",
            "group.protocol": "consumer",
        }
    )
    old.subscribe([TOPIC])

    def shares() -> list[int]:
        for each in (old, new):
            each.poll(0.05)
        return sorted(len(each.assignment()) for each in (old, new))

    until(lambda: shares() == [0, 3], "all for the one that is there")
    new.subscribe([TOPIC])
    until(lambda: shares() == [1, 2], "a share for each")
    old.commit(offsets=[ConfluentPartition(TOPIC, 0, 0, "x")], asynchronous=False)
    wanted = {
        name: {place.partition for place in each.assignment()}
        for name, each in {"old": old, "new": new}.items()
    }
    broker.kill()
    where = address(broker.start())
    admin = AdminClient({"bootstrap.servers": where})
    described = admin.describe_consumer_groups(["g"])["g"].result(PATIENCE)
    assert described.type.name == "CONSUMER"
    assert wanted == {
        each.client_id: {place.partition for place in each.assignment.topic_partitions}
        for each in described.members
    }
    for each in (old, new):
        each.close()
