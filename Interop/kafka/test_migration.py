"""Groups whose members come by the classic protocol and by the consumer protocol (KIP-848): rolling
upgrades and downgrades, with librdkafka's members of both kinds, while somebody writes."""

from __future__ import annotations

from collections import defaultdict

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, address, until
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition

pytestmark = pytest.mark.godwit_only

RULES = {
    "group_consumer_heartbeat_interval_ms": 100, "group_initial_rebalance_delay_ms": 0,
    "group_min_session_timeout_ms": 1_000,
}
PARTITIONS = 6


@pytest.fixture
def server(broker):
    return broker("kafka", godwit={"kafka": RULES})


class Ledger:
    """A topic that is written to all the time, who reads what of it, and what was read."""

    def __init__(self, where: str, topic: str) -> None:
        self.where = where
        self.topic = topic
        self.members: list[Member] = []
        self.owners: dict[int, str] = {}
        self.found: dict[int, list[int]] = defaultdict(list)
        self.sent = 0
        admin = AdminClient({"bootstrap.servers": where})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(PATIENCE)
        self.producer = Producer({"bootstrap.servers": where, "linger.ms": 1})

    def join(self, name: str, **settings: object) -> Member:
        member = Member(self, name, settings)
        self.members.append(member)
        return member

    def turn(self) -> None:
        for partition in range(PARTITIONS):
            self.producer.produce(self.topic, b"%d" % self.sent, partition=partition)
        self.sent += 1
        self.producer.poll(0)
        for member in self.members:
            member.poll()

    def settle(self) -> None:
        """Until each partition has a reader, and all that there are read."""

        def is_shared() -> bool:
            self.turn()
            return len(self.owners) == PARTITIONS and set(self.owners.values()) == {
                each.name for each in self.members
            }

        until(is_shared, f"a share for each of {[each.name for each in self.members]}")
        # What was under way is over.
        for _ in range(20):
            self.turn()

    def finish(self) -> None:
        """All that was sent was read once, and in order."""
        assert self.producer.flush(PATIENCE) == 0

        def is_read() -> bool:
            for member in self.members:
                member.poll()
            return all(len(self.found[each]) >= self.sent for each in range(PARTITIONS))

        until(is_read, f"{self.sent} of each partition")
        assert self.sent > 50
        for partition in range(PARTITIONS):
            assert self.found[partition] == list(range(self.sent)), partition

    def kind(self) -> str:
        admin = AdminClient({"bootstrap.servers": self.where})
        listed = admin.list_consumer_groups().result(PATIENCE)
        [found] = [each for each in listed.valid if each.group_id == self.topic]
        return found.type.name


class Member:
    """A reader that commits what it has done before it gives a partition up."""

    def __init__(self, ledger: Ledger, name: str, settings: dict[str, object]) -> None:
        self.ledger = ledger
        self.name = name
        self.done: dict[int, int] = {}
        self.consumer = Consumer(
            {
                "bootstrap.servers": ledger.where, "group.id": ledger.topic, "log_level": 0,
                "auto.offset.reset": "earliest", "enable.auto.commit": False, **settings,
            }
        )
        self.consumer.subscribe(
            [ledger.topic], on_assign=self.take, on_revoke=self.give_up, on_lost=self.lose)

    def take(self, _: Consumer, places: list[Place]) -> None:
        for place in places:
            owner = self.ledger.owners.get(place.partition)
            assert owner is None, f"{place.partition} is {owner}'s, and {self.name} gets it"
            self.ledger.owners[place.partition] = self.name

    def give_up(self, _: Consumer, places: list[Place]) -> None:
        self.commit([each.partition for each in places])
        for place in places:
            assert self.ledger.owners.pop(place.partition) == self.name

    def lose(self, _: Consumer, places: list[Place]) -> None:
        raise AssertionError(f"{self.name} has lost {[each.partition for each in places]}")

    def commit(self, partitions: list[int]) -> None:
        done = [
            Place(self.ledger.topic, each, self.done[each])
            for each in partitions if each in self.done
        ]

        def attempt() -> bool:
            try:
                self.consumer.commit(offsets=done, asynchronous=False)
            except KafkaException as error:
                # Its next heartbeat tells it the epoch that it has by now.
                assert error.args[0].name() == "STALE_MEMBER_EPOCH", error
                return False
            return True

        if done:
            until(attempt, f"the positions of {self.name}")

    def poll(self) -> None:
        for message in self.consumer.consume(100, 0.005):
            assert not message.error(), message.error()
            self.ledger.found[message.partition()].append(message.offset())
            self.done[message.partition()] = message.offset() + 1

    def leave(self) -> None:
        self.ledger.members.remove(self)
        self.consumer.close()


CONSUMER = {"group.protocol": "consumer"}
CLASSIC = {
    name: {"heartbeat.interval.ms": 100, "partition.assignment.strategy": name}
    for name in ("range", "cooperative-sticky")
}


@pytest.mark.parametrize("assignor", CLASSIC)
def test_a_group_is_upgraded_and_downgraded(server, unique, assignor):
    ledger = Ledger(address(server), unique)
    classic = CLASSIC[assignor]
    old = [ledger.join("classic 1", **classic), ledger.join("classic 2", **classic)]
    ledger.settle()
    assert ledger.kind() == "CLASSIC"
    new = []
    for number, each in enumerate(old):
        new.append(ledger.join(f"new {number}", **CONSUMER))
        ledger.settle()
        assert ledger.kind() == "CONSUMER"
        each.leave()
        ledger.settle()
    assert ledger.kind() == "CONSUMER"
    for number, each in enumerate(new):
        ledger.join(f"classic {3 + number}", **classic)
        ledger.settle()
        assert ledger.kind() == "CONSUMER"
        each.leave()
        ledger.settle()
    assert ledger.kind() == "CLASSIC"
    ledger.finish()
    for each in list(ledger.members):
        each.leave()


def test_a_group_is_of_the_other_kind_when_nobody_is_in_it(server, unique):
    ledger = Ledger(address(server), unique)
    for name, settings in {"a": CLASSIC["range"], "b": CONSUMER, "c": CLASSIC["range"]}.items():
        member = ledger.join(name, **settings)
        ledger.settle()
        assert ledger.kind() == ("CONSUMER" if name == "b" else "CLASSIC")
        if name != "c":
            member.leave()
    ledger.finish()
    ledger.members[0].leave()


def test_a_policy_may_forbid_it(broker, unique):
    rules = {**RULES, "group_consumer_migration_policy": "disabled"}
    ledger = Ledger(address(broker("kafka", godwit={"kafka": rules})), unique)
    old = ledger.join("old", **CLASSIC["range"])
    ledger.settle()
    refused = Consumer(
        {"bootstrap.servers": ledger.where, "group.id": unique, "log_level": 0, **CONSUMER}
    )
    refused.subscribe([unique])

    def refusal() -> str | None:
        ledger.turn()
        message = refused.poll(0.05)
        return message.error().str() if message is not None else None

    assert "group id does not exist" in until(refusal, "a refusal")
    refused.close()
    ledger.settle()
    assert ledger.kind() == "CLASSIC"
    old.leave()
    # The other way nobody is kept out, but the group stays what it is.
    new = ledger.join("new", **CONSUMER)
    ledger.settle()
    ledger.join("late", **CLASSIC["range"])
    ledger.settle()
    new.leave()
    ledger.settle()
    assert ledger.kind() == "CONSUMER"
    ledger.finish()
    ledger.members[0].leave()


def test_static_members_are_moved_one_by_one(server, unique):
    """Each comes back by the other protocol before anybody has missed it, to what it had."""
    ledger = Ledger(address(server), unique)
    classic = CLASSIC["cooperative-sticky"]
    names = ["x", "y"]
    for name in names:
        ledger.join(name, **{"group.instance.id": name}, **classic)
    ledger.settle()
    for settings in (CONSUMER, classic):
        for name in names:
            [member] = [each for each in ledger.members if each.name == name]
            member.leave()
            ledger.join(name, **{"group.instance.id": name}, **settings)
            ledger.settle()
    assert ledger.kind() == "CLASSIC"
    ledger.finish()
    for each in list(ledger.members):
        each.leave()


def test_a_member_of_another_library_is_carried_along(server, unique):
    """kafka-python gives everything up when it joins, and knows nothing of the other protocol."""
    ledger = Ledger(address(server), unique)
    places = [TopicPartition(unique, each) for each in range(PARTITIONS)]
    old = KafkaConsumer(
        unique, bootstrap_servers=ledger.where, group_id=unique, auto_offset_reset="earliest",
        enable_auto_commit=False, heartbeat_interval_ms=100,
    )
    new = Consumer(
        {"bootstrap.servers": ledger.where, "group.id": unique, "log_level": 0, **CONSUMER}
    )

    def shares() -> tuple[set[int], set[int]]:
        old.poll(50)
        new.poll(0.05)
        return {each.partition for each in old.assignment()}, {
            each.partition for each in new.assignment()
        }

    until(lambda: len(shares()[0]) == PARTITIONS, "all for the one that is there")
    old.commit({places[0]: OffsetAndMetadata(3, "", -1)})
    new.subscribe([unique])
    until(lambda: [len(each) for each in shares()] == [3, 3], "a half for each")
    mine, others = shares()
    assert not mine & others and ledger.kind() == "CONSUMER"
    kept = [each for each in places if each.partition in mine]
    old.commit({each: OffsetAndMetadata(4, "", -1) for each in kept})
    new.close()
    until(
        lambda: old.poll(50) is not None and len(old.assignment()) == PARTITIONS, "all of it again")
    assert ledger.kind() == "CLASSIC"
    assert [each for each in places if old.committed(each) == 4] == kept
    old.close()
