"""Transactions whose epoch rises with each, and to which the broker adds what is written (KIP-890),
as Kafka's own client has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient
from confluent_kafka.admin import NewTopic, ResourcePatternType, ResourceType
from godwit_rig.kafka_peer import (
    COMMITTED, PATIENCE, UNCOMMITTED, KafkaWire, contents, until,
)
from godwit_rig.kafka_transactions import RisingProducer
from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse
from kafka.protocol.producer import EndTxnResponse, ProduceResponse

pytestmark = pytest.mark.godwit_only

OUT_OF_ORDER, OLD_EPOCH, WRONG_STATE, WRONG_ID = 45, 47, 48, 49
FENCED, ABORTABLE, NOT_ALLOWED = 90, 120, 53


@pytest.fixture
def producer(server, where, unique) -> Iterator[Callable[..., RisingProducer]]:
    """``producer()``: one that may begin, and a topic of two partitions."""
    wires: list[KafkaWire] = []
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(unique, 2, 1)])[unique].result(PATIENCE)

    def make(name: str = unique, **settings: int) -> RisingProducer:
        wires.append(KafkaWire(server.address("kafka")))
        made = RisingProducer(wires[-1], name, **settings)
        assert made.begin() == 0
        return made

    yield make
    for wire in wires:
        wire.socket.close()


def position(where: str, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": where, "group.id": group} | UNCOMMITTED)
    try:
        return consumer.committed([Place(topic, 0)], timeout=PATIENCE)[0].offset
    finally:
        consumer.close()


@pytest.mark.parametrize("version", [3, 4])
def test_the_feature_is_announced(server, version):
    with KafkaWire(server.address("kafka")) as wire:
        answer = wire.ask(
            ApiVersionsRequest(
                version=version, client_software_name="wire", client_software_version="1"),
            ApiVersionsResponse,
        )
    supported = [(each.name, each.min_version, each.max_version)
                 for each in answer.supported_features or []]
    # Clients of version 3 cannot read a lowest level of 0.
    assert supported == ([("transaction.version", 0, 2)] if version == 4 else [])
    assert [(each.name, each.min_version_level, each.max_version_level)
            for each in answer.finalized_features] == [("transaction.version", 2, 2)]
    assert answer.finalized_features_epoch >= 0
    highest = {each.api_key: each.max_version for each in answer.api_keys}
    assert (highest[0], highest[24], highest[26], highest[28]) == (13, 3, 5, 5)


@pytest.mark.parametrize("version", [12, 13])
def test_what_is_written_becomes_part_of_the_transaction(producer, where, unique, version):
    one = producer()
    wanted: list[bytes] = []
    for number in range(6):
        before = one.now
        values = [b"%d %d" % (number, each) for each in range(3)]
        assert one.send(unique, 0, values[:2], version) == 0
        assert one.send(unique, 0, values[2:], version) == 0
        assert one.send(unique, 1, values, version) == 0
        assert contents(where, unique, COMMITTED) == wanted
        assert one.end(number % 3 != 1) == 0
        assert one.now == (before[0], before[1] + 1)
        if number % 3 != 1:
            wanted += values
        for partition in range(2):
            assert contents(where, unique, COMMITTED, partition) == wanted
    assert len(contents(where, unique, UNCOMMITTED)) == 18


def test_positions_need_no_word_before(producer, where, unique):
    one, group = producer(), f"g-{unique}"
    assert one.send_offset(group, unique, 0, 3) == 0
    assert position(where, group, unique) == -1001
    assert one.end(True) == 0
    assert position(where, group, unique) == 3
    assert one.send(unique, 1, [b"x"]) == 0
    assert one.send_offset(group, unique, 0, 5) == 0
    assert one.end(False) == 0
    assert position(where, group, unique) == 3
    # Of a partition that is not there: nothing has begun.
    assert one.send_offset(group, unique, 7, 5) == 3
    assert one.end(True) == WRONG_STATE


def test_an_end_may_be_repeated(producer, where, unique):
    one = producer()
    first = one.now
    assert one.send(unique, 0, [b"a"]) == 0
    assert one.end(True) == 0
    second = one.now
    assert one.end(True, first) == 0 and one.now == second
    assert one.end(False, first) == WRONG_STATE
    assert one.end(True) == WRONG_STATE
    # There is nothing to abort, but who does not know may ask.
    assert one.end(False) == 0 and one.now == (second[0], second[1] + 1)
    assert one.end(True, first) == FENCED
    assert contents(where, unique, UNCOMMITTED) == [b"a"]


def test_what_comes_late_is_refused(producer, where, unique):
    one = producer()
    late = one.now
    assert one.send(unique, 0, [b"a"]) == 0
    assert one.end(False) == 0
    for partition in range(2):
        assert one.send(unique, partition, [b"late"], producer=late) == OLD_EPOCH
    one.sequences = {}
    # What overtakes what was sent before it is tried again by clients.
    first = one.produce(unique, 0, [b"b"])
    assert one.send(unique, 0, [b"c"]) == OUT_OF_ORDER
    answer = one.wire.ask(first, ProduceResponse)
    assert answer.responses[0].partition_responses[0].error_code == 0
    one.sequences[unique, 0] = 1
    assert one.send(unique, 0, [b"c"]) == 0
    assert one.end(True) == 0
    assert contents(where, unique, COMMITTED) == [b"b", b"c"]


def test_who_takes_over_keeps_out_who_was_there(producer, where, unique):
    zombie = producer()
    assert zombie.send(unique, 0, [b"zombie"]) == 0
    heir = producer()
    assert heir.id == zombie.id and heir.epoch > zombie.epoch
    assert zombie.send(unique, 0, [b"zombie"]) == OLD_EPOCH
    assert zombie.send_offset("g", unique, 0, 1) == OLD_EPOCH
    assert zombie.end(True) == FENCED and zombie.end(False) == FENCED
    assert zombie.begin(goes_on=True) == FENCED
    assert heir.send(unique, 0, [b"heir"]) == 0 and heir.end(True) == 0
    assert contents(where, unique, COMMITTED) == [b"heir"]
    assert contents(where, unique, UNCOMMITTED) == [b"zombie", b"heir"]


def test_who_begins_again_goes_on(producer, where, unique):
    one = producer()
    first = one.now
    assert one.send(unique, 0, [b"lost"]) == 0
    assert one.begin(goes_on=True) == 0 and one.now == (first[0], first[1] + 1)
    assert one.send(unique, 0, [b"a"]) == 0 and one.end(True) == 0
    assert contents(where, unique, COMMITTED) == [b"a"]


def test_a_time_out_can_be_gone_on_from(producer, where, unique):
    one = producer(timeout_ms=1_000)
    first = one.now
    assert one.send(unique, 0, [b"slow"]) == 0
    # The partition's end for readers of what is committed moves when it is aborted.
    until(lambda: one.send(unique, 0, [b"late"]) == OLD_EPOCH, "the time-out")
    assert one.end(True) == WRONG_STATE
    assert one.end(False) == 0 and one.now == (first[0], first[1] + 1)
    assert one.send(unique, 0, [b"a"]) == 0 and one.end(True) == 0
    assert contents(where, unique, COMMITTED) == [b"a"]


def test_older_requests_are_told_that_they_may_abort(producer, unique):
    one = producer()
    assert one.send(unique, 0, [b"a"], version=11) == ABORTABLE
    one.sequences = {}
    assert one.send(unique, 0, [b"a"], version=10) == WRONG_STATE
    assert one.send_offset("g", unique, 0, 1, version=4) == ABORTABLE
    assert one.send_offset("g", unique, 0, 1, version=3) == WRONG_STATE


def test_older_clients_go_on_beside(producer, where, unique):
    one = producer()
    other = Producer(
        {"bootstrap.servers": where, "transactional.id": f"{unique}-old", "linger.ms": 0})
    other.init_transactions(PATIENCE)
    for number in range(4):
        other.begin_transaction()
        assert one.send(unique, 0, [b"new %d" % number]) == 0
        other.produce(unique, b"old %d" % number, partition=0)
        assert other.flush(PATIENCE) == 0
        assert one.end(number % 2 == 0) == 0
        if number < 2:
            other.commit_transaction(PATIENCE)
        else:
            other.abort_transaction(PATIENCE)
    assert sorted(contents(where, unique, COMMITTED)) == [b"new 0", b"new 2", b"old 0", b"old 1"]


def test_who_may_not_have_the_id_adds_nothing(server, where, producer, unique):
    one = producer()
    admin = AdminClient({"bootstrap.servers": where})
    rule = AclBinding(
        ResourceType.TRANSACTIONAL_ID, unique, ResourcePatternType.LITERAL, "User:nobody", "*",
        AclOperation.WRITE, AclPermissionType.ALLOW,
    )
    admin.create_acls([rule])[rule].result(PATIENCE)
    assert one.send(unique, 0, [b"a"]) == NOT_ALLOWED
    assert one.send_offset("g", unique, 0, 1) == NOT_ALLOWED
    answer = one.wire.ask(one.end_request(False), EndTxnResponse)
    assert answer.error_code == NOT_ALLOWED
    assert contents(where, unique, UNCOMMITTED) == []
