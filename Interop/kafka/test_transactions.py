"""Transactions: what is committed is seen whole, what is not is not seen, and whose turn is over
is told so."""

from __future__ import annotations

import asyncio
import struct

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AioPartition
from aiokafka.errors import ProducerFenced
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import (
    COMMITTED,
    PATIENCE,
    UNCOMMITTED,
    KafkaWire,
    batch,
    contents,
    read_all,
    send_all,
    until,
)
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

pytestmark = pytest.mark.godwit_only


def transactional(where: str, name: str, **settings: object) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": where, "transactional.id": name, "linger.ms": 0, "log_level": 0,
            **settings,
        }
    )
    producer.init_transactions(PATIENCE)
    return producer


def make(where: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(PATIENCE)


def test_a_transaction_is_seen_when_it_is_committed(where, unique):
    make(where, unique, 2)
    producer = transactional(where, unique)
    for life in range(3):
        producer.begin_transaction()
        for number in range(10):
            producer.produce(unique, b"%d %d" % (life, number), partition=number % 2)
        assert producer.flush(PATIENCE) == 0
        for partition in range(2):
            before = [
                b"%d %d" % (earlier, number) for earlier in range(life) for number in range(10)
                if number % 2 == partition
            ]
            now = before + [b"%d %d" % (life, n) for n in range(10) if n % 2 == partition]
            assert contents(where, unique, COMMITTED, partition) == before
            assert contents(where, unique, UNCOMMITTED, partition) == now
        producer.commit_transaction(PATIENCE)
        for partition in range(2):
            wanted = [
                b"%d %d" % (each, number) for each in range(life + 1) for number in range(10)
                if number % 2 == partition
            ]
            assert contents(where, unique, COMMITTED, partition) == wanted


def test_an_aborted_transaction_is_not_seen(where, unique):
    make(where, unique, 1)
    producer = transactional(where, unique)
    for number in range(20):
        producer.begin_transaction()
        for part in range(3):
            producer.produce(unique, b"%d %d" % (number, part))
        assert producer.flush(PATIENCE) == 0
        if number % 3:
            producer.abort_transaction(PATIENCE)
        else:
            producer.commit_transaction(PATIENCE)
    wanted = [b"%d %d" % (n, part) for n in range(0, 20, 3) for part in range(3)]
    assert contents(where, unique, COMMITTED) == wanted
    everything = [b"%d %d" % (n, part) for n in range(20) for part in range(3)]
    assert contents(where, unique, UNCOMMITTED) == everything
    found = read_all(where, unique, len(wanted), isolation_level="read_committed")
    assert [each.value for each in found] == wanted


def test_two_transactions_at_once_and_records_of_none(where, unique):
    make(where, unique, 1)
    first, second = transactional(where, f"{unique}1"), transactional(where, f"{unique}2")
    plain = Producer({"bootstrap.servers": where})
    first.begin_transaction()
    second.begin_transaction()
    for number in range(4):
        for name, producer in ("a", first), ("b", second), ("plain", plain):
            producer.produce(unique, f"{name} {number}".encode())
            assert producer.flush(PATIENCE) == 0
    assert contents(where, unique, COMMITTED) == []
    first.abort_transaction(PATIENCE)
    # The records of neither are behind what is still open.
    assert contents(where, unique, COMMITTED) == []
    second.commit_transaction(PATIENCE)
    wanted = [f"{name} {number}".encode() for number in range(4) for name in ("b", "plain")]
    assert contents(where, unique, COMMITTED) == wanted


def test_the_end_for_committed_readers_is_before_what_is_open(where, unique):
    make(where, unique, 1)
    send_all(where, unique, [{"value": b"%d" % number} for number in range(5)])
    producer = transactional(where, unique)
    producer.begin_transaction()
    producer.produce(unique, b"open")
    assert producer.flush(PATIENCE) == 0
    place = TopicPartition(unique, 0)

    def end(isolation: str) -> int:
        consumer = KafkaConsumer(bootstrap_servers=where, isolation_level=isolation)
        try:
            return consumer.end_offsets([place])[place]
        finally:
            consumer.close()

    assert (end("read_committed"), end("read_uncommitted")) == (5, 6)
    producer.commit_transaction(PATIENCE)
    # The marker has an offset of its own.
    assert end("read_committed") == end("read_uncommitted") == 7


def test_a_reader_that_waits_is_woken_by_the_commit(where, unique):
    make(where, unique, 1)
    producer = transactional(where, unique)
    producer.begin_transaction()
    producer.produce(unique, b"awaited")
    assert producer.flush(PATIENCE) == 0
    consumer = Consumer(
        {"bootstrap.servers": where, "group.id": unique, "fetch.wait.max.ms": 60_000}
        | {"auto.offset.reset": "earliest", "socket.timeout.ms": 100_000} | COMMITTED
    )
    try:
        consumer.assign([Place(unique, 0, 0)])
        assert consumer.poll(1.0) is None
        producer.commit_transaction(PATIENCE)
        message = consumer.poll(PATIENCE)
        assert message is not None and message.value() == b"awaited"
    finally:
        consumer.close()


def test_positions_are_committed_with_the_transaction(where, unique):
    make(where, unique, 1)
    group = f"g-{unique}"
    send_all(where, unique, [{"value": b"%d" % number} for number in range(10)])
    consumer = Consumer(
        {
            "bootstrap.servers": where, "group.id": group, "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([unique])
    until(lambda: consumer.poll(1.0), "a record")
    producer = transactional(where, unique)

    def committed() -> int:
        return consumer.committed([Place(unique, 0)], timeout=PATIENCE)[0].offset

    metadata = consumer.consumer_group_metadata()
    producer.begin_transaction()
    producer.send_offsets_to_transaction([Place(unique, 0, 4)], metadata, PATIENCE)
    producer.abort_transaction(PATIENCE)
    assert committed() == -1001
    producer.begin_transaction()
    producer.produce(f"{unique}-out", b"result")
    producer.send_offsets_to_transaction([Place(unique, 0, 7)], metadata, PATIENCE)
    producer.commit_transaction(PATIENCE)
    assert committed() == 7
    consumer.close()


def test_positions_that_are_about_to_change_are_waited_for(where, unique):
    """OffsetFetch of a reader of what is committed says so, and the client tries again."""
    make(where, unique, 1)
    group = f"g-{unique}"
    producer = transactional(where, unique)
    reader = Consumer({"bootstrap.servers": where, "group.id": group} | COMMITTED)
    metadata = reader.consumer_group_metadata()
    producer.begin_transaction()
    producer.send_offsets_to_transaction([Place(unique, 0, 3)], metadata, PATIENCE)
    with pytest.raises(KafkaException) as caught:
        reader.committed([Place(unique, 0)], timeout=1.0)
    assert caught.value.args[0].code() in (
        KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT
    )
    producer.commit_transaction(PATIENCE)
    assert reader.committed([Place(unique, 0)], timeout=PATIENCE)[0].offset == 3
    reader.close()


def test_a_zombie_is_fenced(where, unique):
    make(where, unique, 1)
    zombie = transactional(where, unique)
    zombie.begin_transaction()
    zombie.produce(unique, b"zombie")
    assert zombie.flush(PATIENCE) == 0
    heir = transactional(where, unique)
    # What was open is aborted by then.
    heir.begin_transaction()
    heir.produce(unique, b"heir")
    with pytest.raises(KafkaException) as caught:
        zombie.commit_transaction(PATIENCE)
    assert caught.value.args[0].code() == KafkaError._FENCED and caught.value.args[0].fatal()
    heir.commit_transaction(PATIENCE)
    assert contents(where, unique, COMMITTED) == [b"heir"]


def test_a_transaction_that_takes_too_long_is_aborted(where, unique):
    make(where, unique, 1)
    producer = transactional(where, unique, **{"transaction.timeout.ms": 1_000})
    producer.begin_transaction()
    producer.produce(unique, b"too long")
    assert producer.flush(PATIENCE) == 0
    send_all(where, unique, [{"value": b"behind"}])
    found = read_all(where, unique, 1, isolation_level="read_committed")
    assert [each.value for each in found] == [b"behind"]
    with pytest.raises(KafkaException) as caught:
        producer.commit_transaction(PATIENCE)
    assert caught.value.args[0].code() == KafkaError._FENCED


def test_a_time_out_beyond_the_bound_is_refused(where, unique):
    producer = Producer(
        {
            "bootstrap.servers": where, "transactional.id": unique, "log_level": 0,
            "transaction.timeout.ms": 2_000_000,
        }
    )
    with pytest.raises(KafkaException) as caught:
        producer.init_transactions(PATIENCE)
    assert caught.value.args[0].code() == KafkaError.INVALID_TRANSACTION_TIMEOUT


def test_kafka_python_writes_in_transactions(where, unique):
    make(where, unique, 1)
    producer = KafkaProducer(bootstrap_servers=where, transactional_id=unique)
    producer.init_transactions()
    for number in range(4):
        producer.begin_transaction()
        producer.send(unique, b"%d" % number)
        producer.send_offsets_to_transaction(
            {TopicPartition(unique, 0): OffsetAndMetadata(number, "note", -1)}, f"g-{unique}"
        )
        if number % 2:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
    producer.close()
    assert contents(where, unique, COMMITTED) == [b"0", b"2"]
    consumer = KafkaConsumer(bootstrap_servers=where, group_id=f"g-{unique}")
    try:
        assert consumer.committed(TopicPartition(unique, 0)) == 2
    finally:
        consumer.close()


async def test_aiokafka_writes_in_transactions(where, unique):
    make(where, unique, 1)
    producer = AIOKafkaProducer(bootstrap_servers=where, transactional_id=unique)
    await producer.start()
    for number in range(4):
        await producer.begin_transaction()
        await producer.send(unique, b"%d" % number)
        place = AioPartition(unique, 0)
        await producer.send_offsets_to_transaction({place: number}, f"g-{unique}")
        if number % 2:
            await producer.abort_transaction()
        else:
            await producer.commit_transaction()
    heir = AIOKafkaProducer(bootstrap_servers=where, transactional_id=unique)
    await heir.start()
    with pytest.raises(ProducerFenced):
        async with producer.transaction():
            await producer.send_and_wait(unique, b"zombie")
    await heir.stop()
    await producer.stop()
    consumer = AIOKafkaConsumer(
        unique, bootstrap_servers=where, auto_offset_reset="earliest", group_id=f"g-{unique}",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        assert await consumer.committed(AioPartition(unique, 0)) == 2
        assert (await asyncio.wait_for(consumer.getone(), PATIENCE)).value == b"2"
    finally:
        await consumer.stop()


def test_batches_that_belong_to_no_open_transaction_are_refused(server, where, unique):
    make(where, unique, 2)
    name, topic = unique.encode(), unique.encode()

    def text(value: bytes) -> bytes:
        return struct.pack(">h", len(value)) + value

    def produce(partition: int, producer: int, epoch: int, sequence: int, attributes: int) -> int:
        records = batch([b"x"], producer, epoch, sequence, attributes)
        wire.send(
            0, 3,
            text(name) + struct.pack(">hii", -1, 30_000, 1) + text(topic)
            + struct.pack(">iii", 1, partition, len(records)) + records,
        )
        answer = wire.answer()
        return struct.unpack_from(">h", answer, 4 + 2 + len(topic) + 4 + 4)[0]

    def initialise() -> tuple[int, int]:
        wire.send(22, 0, text(name) + struct.pack(">i", 60_000))
        error, producer, epoch = struct.unpack_from(">hqh", wire.answer(), 4)
        assert error == 0
        return producer, epoch

    def add(producer: int, epoch: int) -> int:
        wire.send(
            24, 2, text(name) + struct.pack(">qhi", producer, epoch, 1) + text(topic)
            + struct.pack(">ii", 1, 0),
        )
        return struct.unpack_from(">h", wire.answer(), 4 + 4 + 2 + len(topic) + 4 + 4)[0]

    def end(producer: int, epoch: int, commit: bool) -> int:
        wire.send(26, 2, text(name) + struct.pack(">qh?", producer, epoch, commit))
        return struct.unpack_from(">h", wire.answer(), 4)[0]

    with KafkaWire(server.address("kafka")) as wire:
        producer, epoch = initialise()
        assert epoch == 0
        assert end(producer, epoch, True) == 48  # INVALID_TXN_STATE
        assert produce(0, producer, epoch, 0, 0x10) == 48
        assert add(producer, epoch) == 0
        assert produce(1, producer, epoch, 0, 0x10) == 48
        assert produce(0, producer + 1, epoch, 0, 0x10) == 49  # INVALID_PRODUCER_ID_MAPPING
        assert produce(0, producer, epoch, 0, 0x10) == 0
        assert produce(0, producer, epoch, 1, 0) == 48
        assert produce(0, producer, epoch, 0, 0x20 | 0x10) == 87  # markers are the broker's
        assert end(producer, epoch, True) == 0
        assert end(producer, epoch, True) == 0
        assert end(producer, epoch, False) == 48
        assert produce(0, producer, epoch, 1, 0x10) == 48
        assert initialise() == (producer, 1)
        assert add(producer, 0) == 90  # PRODUCER_FENCED
        assert end(producer, 0, True) == 90
        assert produce(0, producer, 0, 1, 0x10) == 47  # INVALID_PRODUCER_EPOCH
        assert add(producer, 1) == 0
        assert produce(0, producer, 1, 0, 0x10) == 0
        assert end(producer, 1, True) == 0
    assert contents(where, unique, COMMITTED) == [b"x", b"x"]


def test_transactions_are_listed_and_described(where, unique):
    make(where, unique, 2)
    producer = transactional(where, unique)
    producer.begin_transaction()
    producer.produce(unique, b"open", partition=1)
    assert producer.flush(PATIENCE) == 0
    admin = KafkaAdminClient(bootstrap_servers=where)
    try:
        listed = {each.transactional_id: each for each in admin.list_transactions()[1]}
        assert listed[unique].state.value == "Ongoing"
        assert not admin.list_transactions(state_filters=["PrepareAbort"])[1]
        described = admin.describe_transactions([unique])[unique]
        assert described.producer_id == listed[unique].producer_id
        assert described.transaction_timeout_ms == 60_000
        assert described.topic_partitions == {TopicPartition(unique, 1)}
        place = TopicPartition(unique, 1)
        writer = admin.describe_producers([place])[place].active_producers[0]
        assert (writer.producer_id, writer.producer_epoch) == (described.producer_id, 0)
        assert (writer.last_sequence, writer.current_transaction_start_offset) == (0, 0)
    finally:
        admin.close()
    producer.commit_transaction(PATIENCE)
