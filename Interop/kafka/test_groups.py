"""Consumer groups: who reads what, what is committed, and who may be removed."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ConfluentPartition
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, PROMPT, address, send_all, until
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

pytestmark = pytest.mark.godwit_only


def make(where: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(topic, num_partitions=partitions)])[topic].result(PATIENCE)


def fill(where: str, topic: str, partitions: int, each: int = 10) -> None:
    records = [
        {"value": b"%d/%d" % (partition, number), "partition": partition}
        for partition in range(partitions)
        for number in range(each)
    ]
    send_all(where, topic, records)


def member(where: str, group: str, **settings) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": where, "group.id": group, "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000, "heartbeat.interval.ms": 200,
            "enable.auto.commit": False, **settings,
        }
    )


class Member(threading.Thread):
    """A consumer with a thread of its own, so that several can agree."""

    def __init__(self, where: str, group: str, topic: str, **settings) -> None:
        super().__init__(daemon=True)
        self.consumer = member(where, group, **settings)
        self.is_cooperative = "cooperative" in settings.get("partition.assignment.strategy", "")
        self.topic = topic
        self.found: list[bytes] = []
        self.assigned: set[int] = set()
        self.changes = 0
        self.changed = threading.Condition()
        self.stopping = False
        self.commits = False
        self.start()

    def run(self) -> None:
        self.consumer.subscribe([self.topic], self._assigned, self._revoked)
        while not self.stopping:
            message = self.consumer.poll(0.1)
            if message is not None and not message.error():
                with self.changed:
                    self.found.append(message.value())
                    self.changed.notify_all()
        # In this thread: a commit waits for whoever polls.
        if self.commits:
            self.consumer.commit(asynchronous=False)
        self.consumer.close()

    def _assigned(self, _, partitions) -> None:
        with self.changed:
            if not self.is_cooperative:
                self.assigned.clear()
            self.assigned |= {each.partition for each in partitions}
            self.changes += 1
            self.changed.notify_all()

    def _revoked(self, _, partitions) -> None:
        with self.changed:
            self.assigned -= {each.partition for each in partitions}
            self.changed.notify_all()

    def wait(self, condition, what: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), PATIENCE), (
                f"{what}: {self.assigned} after {self.changes} changes, {len(self.found)} read"
            )

    def stop(self) -> None:
        self.stopping = True
        self.join(PATIENCE)
        assert not self.is_alive()


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_members_share_and_take_over(where, unique, strategy):
    make(where, unique, 4)
    fill(where, unique, 4)
    settings = {"partition.assignment.strategy": strategy}
    first = Member(where, unique, unique, **settings)
    first.wait(lambda it: it.assigned == {0, 1, 2, 3} and len(it.found) == 40, "all of it")
    second = Member(where, unique, unique, **settings)
    second.wait(lambda it: len(it.assigned) == 2, "half of it")
    first.wait(lambda it: len(it.assigned) == 2, "the other half")
    assert first.assigned | second.assigned == {0, 1, 2, 3}
    first.stop()
    second.wait(lambda it: it.assigned == {0, 1, 2, 3}, "everything again")
    second.stop()


def test_what_is_committed_is_where_the_next_goes_on(where, unique):
    make(where, unique, 1)
    fill(where, unique, 1, each=20)
    reader = member(where, unique)
    reader.subscribe([unique])
    for number in range(7):
        message = until(lambda: reader.poll(1.0), "a record")
        assert message.value() == b"0/%d" % number
    reader.commit(asynchronous=False)
    assert reader.committed([ConfluentPartition(unique, 0)], timeout=PATIENCE)[0].offset == 7
    reader.close()
    other = member(where, unique)
    other.subscribe([unique])
    assert until(lambda: other.poll(1.0), "a record").value() == b"0/7"
    other.close()


def test_kafka_python_in_a_group(where, unique):
    make(where, unique, 3)
    fill(where, unique, 3)
    reader = KafkaConsumer(
        unique, bootstrap_servers=where, group_id=unique, auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    found: set[bytes] = set()

    def attempt() -> bool:
        for records in reader.poll(timeout_ms=1000).values():
            found.update(each.value for each in records)
        return len(found) == 30

    until(attempt, "30 records")
    reader.commit()
    assert reader.committed(TopicPartition(unique, 1)) == 10
    reader.close()


async def test_aiokafka_in_a_group(where, unique):
    make(where, unique, 2)
    fill(where, unique, 2)
    settings = {
        "bootstrap_servers": where, "group_id": unique, "auto_offset_reset": "earliest",
        "enable_auto_commit": False, "heartbeat_interval_ms": 200,
    }
    first = AIOKafkaConsumer(unique, **settings)
    second = AIOKafkaConsumer(unique, **settings)
    await first.start()
    await second.start()
    found: set[bytes] = set()

    async def read(consumer: AIOKafkaConsumer) -> None:
        while True:
            record = await consumer.getone()
            found.add(record.value)
            if len(found) == 20:
                done.set()

    done = asyncio.Event()
    tasks = [asyncio.create_task(read(each)) for each in (first, second)]
    await asyncio.wait_for(done.wait(), PATIENCE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await first.stop()
    await second.stop()


def test_a_static_member_comes_back_without_a_rebalance(where, unique):
    make(where, unique, 2)
    settings = {"session.timeout.ms": 30_000}
    first = Member(where, unique, unique, **settings, **{"group.instance.id": "one"})
    first.wait(lambda it: len(it.assigned) == 2, "everything")
    second = Member(where, unique, unique, **settings, **{"group.instance.id": "two"})
    second.wait(lambda it: len(it.assigned) == 1, "a half")
    first.wait(lambda it: len(it.assigned) == 1, "a half")
    kept, changes = set(second.assigned), first.changes
    second.stop()
    again = Member(where, unique, unique, **settings, **{"group.instance.id": "two"})
    again.wait(lambda it: it.assigned == kept, "what it had")
    assert first.changes == changes
    again.stop()
    first.stop()


def test_a_member_that_dies_is_missed(server, where, unique):
    """It is gone without a word: its session ends, and the other gets everything."""
    make(where, unique, 2)
    import subprocess
    import sys

    script = (
        "import sys;from confluent_kafka import Consumer;"
        f"c=Consumer({{'bootstrap.servers':'{where}','group.id':'{unique}',"
        "'session.timeout.ms':1000,'heartbeat.interval.ms':200});"
        f"c.subscribe(['{unique}']);\n"
        "while not c.assignment(): c.poll(0.1)\n"
        "print('in',flush=True)\nwhile True: c.poll(0.1)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"in\n"
        first = Member(where, unique, unique)
        first.wait(lambda it: len(it.assigned) == 1, "a half")
    finally:
        other.kill()
        other.wait()
    first.wait(lambda it: it.assigned == {0, 1}, "everything")
    first.stop()


def test_groups_are_listed_described_and_deleted(where, unique):
    make(where, unique, 2)
    fill(where, unique, 2)
    admin = AdminClient({"bootstrap.servers": where})
    reader = Member(where, unique, unique)
    reader.wait(lambda it: len(it.found) == 20, "everything")
    listed = admin.list_consumer_groups().result(PATIENCE)
    assert unique in [each.group_id for each in listed.valid]
    described = admin.describe_consumer_groups([unique])[unique].result(PATIENCE)
    assert described.state.name == "STABLE"
    assert len(described.members) == 1
    assert len(described.members[0].assignment.topic_partitions) == 2
    with pytest.raises(KafkaException) as refused:
        admin.delete_consumer_groups([unique])[unique].result(PATIENCE)
    assert refused.value.args[0].code() == KafkaError.NON_EMPTY_GROUP
    reader.commits = True
    reader.stop()
    described = admin.describe_consumer_groups([unique])[unique].result(PATIENCE)
    assert described.state.name == "EMPTY"
    admin.delete_consumer_groups([unique])[unique].result(PATIENCE)
    listed = admin.list_consumer_groups().result(PATIENCE)
    assert unique not in [each.group_id for each in listed.valid]


def test_positions_are_set_read_and_deleted_from_outside(where, unique):
    make(where, unique, 2)
    fill(where, unique, 2)
    consumer = member(where, unique)
    consumer.commit(
        offsets=[ConfluentPartition(unique, 0, 4), ConfluentPartition(unique, 1, 9)],
        asynchronous=False,
    )
    consumer.close()
    admin = KafkaAdminClient(bootstrap_servers=where)
    found = admin.list_group_offsets([unique])
    text = str(found)
    assert "4" in text and "9" in text
    admin.delete_group_offsets(unique, [TopicPartition(unique, 0)])
    left = member(where, unique)
    offsets = left.committed(
        [ConfluentPartition(unique, 0), ConfluentPartition(unique, 1)], timeout=PATIENCE
    )
    assert [each.offset for each in offsets] == [-1001, 9]
    left.close()
    admin.close()


def test_positions_go_with_the_topic(where, unique):
    make(where, unique, 1)
    consumer = member(where, unique)
    consumer.commit(offsets=[ConfluentPartition(unique, 0, 3)], asynchronous=False)
    admin = AdminClient({"bootstrap.servers": where})
    admin.delete_topics([unique])[unique].result(PATIENCE)
    make(where, unique, 1)
    found = consumer.committed([ConfluentPartition(unique, 0)], timeout=PATIENCE)
    assert found[0].offset == -1001
    consumer.close()


def test_positions_expire(broker, unique):
    """Of a group without members, and not of one that reads the topic."""
    rules = {"kafka": {**PROMPT["kafka"], "offsets_retention_ms": 1_000}}
    where = address(broker("kafka", godwit=rules))
    make(where, unique, 2)
    fill(where, unique, 2)
    place = ConfluentPartition(unique, 0, 5)
    reader = member(where, f"{unique}-r")
    reader.subscribe([unique])
    until(lambda: reader.poll(0.1) or reader.assignment(), "an assignment")
    resting = member(where, f"{unique}-x")
    for each in (reader, resting):
        each.commit(offsets=[place], asynchronous=False)
        assert each.committed([place], PATIENCE)[0].offset == 5

    def is_gone() -> bool:
        reader.poll(0.1)
        return resting.committed([place], PATIENCE)[0].offset < 0

    until(is_gone, "the end of a position that nobody uses")
    assert reader.committed([place], PATIENCE)[0].offset == 5
    for each in (reader, resting):
        each.close()
