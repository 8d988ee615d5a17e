"""Share groups (KIP-932), with librdkafka's share consumer and the wire."""

from __future__ import annotations

from collections.abc import Callable

import nats
import pytest
from confluent_kafka import AcknowledgeType, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, KafkaWire, address, configure_group, until
from godwit_rig.kafka_share import ShareWire

pytestmark = pytest.mark.godwit_only

RULES = {"group_share_heartbeat_interval_ms": 100, "group_share_session_timeout_ms": 6_000}


@pytest.fixture
def server(broker):
    return broker("kafka", godwit={"kafka": RULES})


@pytest.fixture
def where(server) -> str:
    return address(server)


def make(where: str, topic: str, partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(PATIENCE)


def send(where: str, topic: str, values: list[bytes], **record: object) -> None:
    producer = Producer({"bootstrap.servers": where})
    for value in values:
        producer.produce(topic, value, **record)
    assert producer.flush(PATIENCE) == 0


class Member:
    def __init__(self, where: str, group: str, topics: list[str], **settings: object) -> None:
        self.found: list = []
        self.consumer = ShareConsumer(
            {"bootstrap.servers": where, "group.id": group, "log_level": 0, **settings}
        )
        self.consumer.subscribe(topics)

    def poll(self, timeout: float = 0.2) -> list:
        messages = self.consumer.poll(timeout)
        for message in messages:
            assert message.error() is None, message.error()
        self.found.extend(messages)
        return messages

    @property
    def values(self) -> list[bytes]:
        return [message.value() for message in self.found]

    def close(self) -> None:
        self.consumer.close()


def together(members: list[Member], done: Callable[[], bool], what: str) -> None:
    def attempt() -> bool:
        for member in members:
            member.poll()
        return done()

    until(attempt, what)


def earliest(where: str, group: str, **more: str) -> None:
    configure_group(where, group, share_auto_offset_reset="earliest", **more)


def test_one_member_reads_all(where, unique):
    make(where, unique, 2)
    wanted = [b"%d" % number for number in range(500)]
    send(where, unique, wanted)
    earliest(where, unique)
    member = Member(where, unique, [unique])
    together([member], lambda: len(member.found) >= 500, "everything")
    member.consumer.commit_sync(PATIENCE)
    member.close()
    assert sorted(member.values) == sorted(wanted)
    # What was acknowledged does not come again; what comes later does.
    send(where, unique, [b"later"])
    again = Member(where, unique, [unique])
    together([again], lambda: bool(again.found), "what came later")
    assert again.values == [b"later"]
    again.close()


def test_members_share_one_partition(where, unique):
    make(where, unique)
    earliest(where, unique)
    members = [Member(where, unique, [unique], **{"max.poll.records": 10}) for _ in range(3)]
    together(members, lambda: described(where, unique) == 3, "three members")
    wanted = [b"%d" % number for number in range(300)]
    for number in range(0, 300, 30):
        send(where, unique, wanted[number : number + 30])
        together(
            members, lambda n=number: sum(len(each.found) for each in members) >= n + 30, "all")
    assert sorted(value for each in members for value in each.values) == sorted(wanted)
    for each in members:
        each.close()


def described(where: str, group: str) -> int:
    host, port = where.split(":")
    with KafkaWire((host, int(port))) as wire:
        return len(ShareWire(wire, group, "m").describe()[3])


def test_what_a_member_gives_back_or_refuses(where, unique):
    make(where, unique)
    send(where, unique, [b"good", b"later", b"bad"])
    earliest(where, unique)
    kinds = {b"good": AcknowledgeType.ACCEPT, b"bad": AcknowledgeType.REJECT}
    member = Member(where, unique, [unique], **{"share.acknowledgement.mode": "explicit"})
    counts: list[bytes] = []

    def attempt() -> bool:
        for message in member.poll():
            counts.append(message.value())
            kind = AcknowledgeType.RELEASE
            if counts.count(b"later") == 3:
                kind = AcknowledgeType.ACCEPT
            member.consumer.acknowledge(message, kinds.get(message.value(), kind))
        return counts.count(b"later") == 3

    until(attempt, "three deliveries")
    outcome = member.consumer.commit_sync(PATIENCE)
    assert all(error is None for error in outcome.values()), outcome
    member.close()
    assert counts.count(b"good") == counts.count(b"bad") == 1
    send(where, unique, [b"end"])
    again = Member(where, unique, [unique])
    together([again], lambda: bool(again.found), "the end")
    assert again.values == [b"end"]
    again.close()


def test_what_a_member_holds_when_it_ends_comes_again(where, unique):
    make(where, unique)
    send(where, unique, [b"%d" % number for number in range(10)])
    earliest(where, unique)
    first = Member(where, unique, [unique], **{"share.acknowledgement.mode": "explicit"})
    together([first], lambda: len(first.found) == 10, "everything")
    first.close()
    second = Member(where, unique, [unique])
    together([second], lambda: len(second.found) == 10, "everything again")
    assert {message.offset() for message in second.found} == set(range(10))
    second.close()


def test_what_is_aborted_is_not_for_readers_of_what_is_committed(where, unique):
    make(where, unique)
    earliest(where, unique, share_isolation_level="read_committed")
    producer = Producer({"bootstrap.servers": where, "transactional.id": unique})
    producer.init_transactions(PATIENCE)
    for number, ends in enumerate([producer.commit_transaction, producer.abort_transaction] * 3):
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(unique, b"%d" % number)
        producer.flush(PATIENCE)
        ends(PATIENCE)
    producer.begin_transaction()
    producer.produce(unique, b"open")
    producer.flush(PATIENCE)
    member = Member(where, unique, [unique])
    together([member], lambda: len(member.found) >= 15, "what is committed")
    assert sorted(member.values) == [b"0"] * 5 + [b"2"] * 5 + [b"4"] * 5
    producer.commit_transaction(PATIENCE)
    together([member], lambda: len(member.found) >= 16, "the last one")
    assert member.values[-1] == b"open"
    member.close()


def test_compressed_batches(where, unique):
    make(where, unique)
    earliest(where, unique)
    for codec in ["gzip", "snappy", "lz4", "zstd"]:
        producer = Producer({"bootstrap.servers": where, "compression.type": codec})
        for number in range(20):
            producer.produce(unique, b"%s %d" % (codec.encode(), number), key=b"k")
        assert producer.flush(PATIENCE) == 0
    member = Member(where, unique, [unique])
    together([member], lambda: len(member.found) >= 80, "everything")
    assert len(set(member.values)) == 80 and {each.key() for each in member.found} == {b"k"}
    member.close()


async def test_messages_of_other_protocols(broker, unique):
    server = broker("kafka", "nats", godwit={"kafka": RULES})
    where = address(server)
    make(where, unique)
    earliest(where, unique)
    connection = await nats.connect(server.url("nats"))
    for number in range(50):
        await connection.publish(unique, b"%d" % number, headers={"n": str(number)})
    await connection.flush()
    await connection.close()
    send(where, unique, [b"kafka"])
    member = Member(where, unique, [unique])
    together([member], lambda: len(member.found) >= 51, "everything")
    assert sorted(member.values) == sorted([b"%d" % number for number in range(50)] + [b"kafka"])
    assert all(
        dict(each.headers() or {}) == ({"n": each.value()} if each.value() != b"kafka" else {})
        for each in member.found
    )
    member.close()
