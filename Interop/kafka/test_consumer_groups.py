"""Groups of the consumer protocol (KIP-848), with librdkafka's members."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from godwit_rig.kafka_peer import PATIENCE, address, until

pytestmark = pytest.mark.godwit_only

RULES = {"group_consumer_heartbeat_interval_ms": 100, "group_consumer_session_timeout_ms": 6_000}


@pytest.fixture
def server(broker):
    return broker("kafka", godwit={"kafka": RULES})


@pytest.fixture
def where(server) -> str:
    return address(server)


class Member:
    def __init__(self, where: str, group: str, topics: list[str], **settings: object) -> None:
        self.found: list[tuple[int, int]] = []
        self.revoked: set[int] = set()
        self.errors: list[int] = []
        self.consumer = Consumer(
            {
                "bootstrap.servers": where, "group.id": group, "group.protocol": "consumer",
                "auto.offset.reset": "earliest", "log_level": 0, **settings,
            }
        )
        self.consumer.subscribe(topics, on_revoke=self._on_revoke)

    def _on_revoke(self, _: Consumer, places: list[Place]) -> None:
        self.revoked |= {each.partition for each in places}

    def poll(self) -> None:
        message = self.consumer.poll(0.05)
        if message is not None and not message.error():
            self.found.append((message.partition(), message.offset()))
        elif message is not None:
            self.errors.append(message.error().code())

    @property
    def partitions(self) -> list[int]:
        return sorted(each.partition for each in self.consumer.assignment())

    def close(self) -> None:
        self.consumer.close()


def together(members: list[Member], done: Callable[[], bool], what: str) -> None:
    def attempt() -> bool:
        for member in members:
            member.poll()
        return done()

    until(attempt, what)


def make(where: str, topic: str, partitions: int, each: int = 0) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(PATIENCE)
    producer = Producer({"bootstrap.servers": where})
    for partition in range(partitions):
        for number in range(each):
            producer.produce(topic, b"%d" % number, partition=partition)
    assert producer.flush(PATIENCE) == 0


def described(where: str, group: str):
    admin = AdminClient({"bootstrap.servers": where})
    return admin.describe_consumer_groups([group])[group].result(PATIENCE)


def test_members_share_grow_and_shrink(where, unique):
    make(where, unique, 4, each=5)
    first = Member(where, unique, [unique])
    together([first], lambda: len(first.found) == 20, "everything read")
    assert first.partitions == [0, 1, 2, 3]
    second = Member(where, unique, [unique])
    members = [first, second]
    together(
        members, lambda: len(first.partitions) == len(second.partitions) == 2, "two for each")
    assert sorted(first.partitions + second.partitions) == [0, 1, 2, 3]
    # Nobody lost what it was to keep.
    assert not first.revoked & set(first.partitions) and not second.revoked
    told = described(where, unique)
    assert told.state.name == "STABLE" and told.type.name == "CONSUMER"
    assert told.partition_assignor == "uniform" and len(told.members) == 2
    shares = sorted(
        sorted(place.partition for place in each.assignment.topic_partitions)
        for each in told.members
    )
    assert shares == sorted([first.partitions, second.partitions])
    second.close()
    together([first], lambda: first.partitions == [0, 1, 2, 3], "all for the one that is left")
    first.close()
    admin = AdminClient({"bootstrap.servers": where})
    listed = admin.list_consumer_groups().result(PATIENCE)
    assert [each.state.name for each in listed.valid if each.group_id == unique] == ["EMPTY"]


def test_positions_are_committed_and_found_again(where, unique):
    make(where, unique, 2, each=10)
    first = Member(where, unique, [unique])
    together([first], lambda: len(first.found) == 20, "everything read")
    first.consumer.commit(asynchronous=False)
    first.close()
    second = Member(where, unique, [unique])
    together([second], lambda: second.partitions == [0, 1], "the assignment")
    committed = second.consumer.committed([Place(unique, 0), Place(unique, 1)], PATIENCE)
    assert [each.offset for each in committed] == [10, 10]
    # Who is no member commits nothing while there are some.
    stranger = Consumer({"bootstrap.servers": where, "group.id": unique})
    with pytest.raises(KafkaException) as caught:
        stranger.commit(offsets=[Place(unique, 0, 1)], asynchronous=False)
    assert caught.value.args[0].code() == KafkaError.UNKNOWN_MEMBER_ID
    stranger.close()
    second.close()
    assert second.found == []


def test_a_topic_that_grows_is_noticed(where, unique):
    make(where, unique, 1)
    members = [Member(where, unique, [unique]) for _ in range(2)]
    together(members, lambda: sum(len(each.partitions) for each in members) == 1, "one partition")
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_partitions([NewPartitions(unique, 4)])[unique].result(PATIENCE)
    together(members, lambda: all(len(each.partitions) == 2 for each in members), "two for each")
    for each in members:
        each.close()


def test_the_range_assignor(where, unique):
    names = [f"{unique}-{each}" for each in "ab"]
    for name in names:
        make(where, name, 3)
    remote = {"group.remote.assignor": "range"}
    members = [Member(where, unique, names, **remote) for _ in range(2)]
    together(
        members,
        lambda: sorted(each.partitions for each in members) == [[0, 0, 1, 1], [2, 2]],
        "ranges of both topics",
    )
    assert described(where, unique).partition_assignor == "range"
    for each in members:
        each.close()


def test_an_assignor_that_is_not_offered(where, unique):
    make(where, unique, 1)
    member = Member(where, unique, [unique], **{"group.remote.assignor": "nonsense"})
    together([member], lambda: bool(member.errors), "an error")
    assert member.errors[0] in (KafkaError.UNSUPPORTED_ASSIGNOR, KafkaError._FATAL)
    member.close()


def test_a_static_member_comes_back_to_what_it_had(where, unique):
    make(where, unique, 4)
    name = {"group.instance.id": "a"}
    first, second = Member(where, unique, [unique], **name), Member(where, unique, [unique])
    together(
        [first, second], lambda: len(first.partitions) == len(second.partitions) == 2, "shares")
    before = first.partitions
    first.close()
    again = Member(where, unique, [unique], **name)
    together([again, second], lambda: again.partitions == before, "the same share")
    assert not second.revoked & set(second.partitions)
    again.close()
    second.close()


def test_an_expression_finds_topics_that_come_later(where, unique):
    make(where, f"{unique}-a1", 1, each=2)
    make(where, f"{unique}-b1", 1, each=2)
    member = Member(where, unique, [f"^{unique}-a[0-9]+$"])
    together([member], lambda: len(member.found) == 2, "one topic")
    make(where, f"{unique}-a23", 2, each=2)
    together([member], lambda: len(member.found) == 6, "the other")
    names = {each.topic for each in member.consumer.assignment()}
    assert names == {f"{unique}-a1", f"{unique}-a23"}
    member.close()
