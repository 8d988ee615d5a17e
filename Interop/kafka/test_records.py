"""What producers send is what consumers get: kafka-python, librdkafka, aiokafka and kcat."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as ConfluentPartition
from godwit_rig.kafka_peer import PATIENCE, Confluent, read_all, send_all, until
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import MessageSizeTooLargeError

pytestmark = pytest.mark.godwit_only

COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"]


def sample(count: int = 120) -> list[dict]:
    return [
        {
            "key": None if number % 3 == 0 else b"key %d" % (number % 7),
            "value": b"%d " % number + b"text " * (number % 40),
            "headers": [("h", b"%d" % number), ("h", b""), ("other", b"\xff\x00")],
        }
        for number in range(count)
    ]


def seen(record) -> tuple:
    return record.key, record.value, [tuple(header) for header in record.headers]


def wanted(record: dict) -> tuple:
    return record["key"], record["value"], [tuple(header) for header in record["headers"]]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_kafka_python_reads_what_it_wrote(where, unique, compression):
    records = sample()
    given = send_all(
        where, unique, records, compression_type=None if compression == "none" else compression
    )
    assert [each.offset for each in given] == list(range(len(records)))
    found = read_all(where, unique, len(records))
    assert [seen(each) for each in found] == [wanted(each) for each in records]
    assert [each.offset for each in found] == list(range(len(records)))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_librdkafka_writes_and_all_read(where, confluent, unique, compression):
    records = sample()
    sent = confluent.send(unique, records, **{"compression.type": compression})
    assert sorted(each.offset() for each in sent) == list(range(len(records)))
    found = confluent.read(unique, len(records))
    assert [(each.key(), each.value(), each.headers()) for each in found] == [
        wanted(each) for each in records
    ]
    theirs = read_all(where, unique, len(records))
    assert [seen(each) for each in theirs] == [wanted(each) for each in records]


@pytest.mark.parametrize("compression", COMPRESSIONS)
async def test_aiokafka_reads_what_it_wrote(where, unique, compression):
    records = sample()
    producer = AIOKafkaProducer(
        bootstrap_servers=where, compression_type=None if compression == "none" else compression
    )
    await producer.start()
    try:
        for record in records:
            await producer.send_and_wait(unique, **record)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(unique, bootstrap_servers=where, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = [
            await asyncio.wait_for(consumer.getone(), PATIENCE) for _ in range(len(records))
        ]
    finally:
        await consumer.stop()
    assert [seen(each) for each in found] == [wanted(each) for each in records]


def test_kcat_writes_reads_and_lists(where, unique):
    def kcat(*arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["kcat", "-b", where, *arguments], input=stdin, capture_output=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    kcat("-P", "-t", unique, "-K", ":", "-H", "a=b", stdin=b"one:1\ntwo:2\n")
    text = kcat("-C", "-t", unique, "-e", "-o", "beginning", "-f", "%o %k %s %h\n")
    assert text.splitlines() == ["0 one 1 a=b", "1 two 2 a=b"]
    assert f'topic "{unique}" with 1 partitions' in kcat("-L", "-t", unique)


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_kind_of_acknowledgement(where, unique, acks):
    given = send_all(
        where, unique, [{"value": b"%d" % number} for number in range(20)],
        acks=acks, enable_idempotence=False,
    )
    assert acks == 0 or [each.offset for each in given] == list(range(20))
    found = read_all(where, unique, 20)
    assert [each.value for each in found] == [b"%d" % number for number in range(20)]


def test_an_idempotent_producer(confluent, unique):
    sent = confluent.send(unique, sample(500), **{"enable.idempotence": True, "linger.ms": 1})
    assert sorted(each.offset() for each in sent) == list(range(500))
    values = [each.value() for each in confluent.read(unique, 500)]
    assert values == [each["value"] for each in sample(500)]


def test_a_tombstone_is_null_and_an_empty_value_is_not(where, unique):
    send_all(where, unique, [{"key": b"k", "value": None}, {"key": b"k", "value": b""}])
    assert [each.value for each in read_all(where, unique, 2)] == [None, b""]


def test_times_are_kept_and_found(where, unique):
    start = int(time.time() * 1000) - 100_000
    times = [start + 1_000 * number for number in range(50)]
    send_all(where, unique, [{"value": b"x", "timestamp_ms": time} for time in times])
    assert [each.timestamp for each in read_all(where, unique, 50)] == times
    consumer = KafkaConsumer(bootstrap_servers=where)
    try:
        place = TopicPartition(unique, 0)
        for asked, offset in ((0, 0), (times[20], 20), (times[20] + 1, 21), (times[49], 49)):
            assert consumer.offsets_for_times({place: asked})[place].offset == offset
        assert consumer.offsets_for_times({place: times[49] + 1})[place] is None
        assert consumer.beginning_offsets([place])[place] == 0
        assert consumer.end_offsets([place])[place] == 50
    finally:
        consumer.close()


def test_a_reader_that_waits_is_woken(where, unique):
    """The wait is far longer than the test's patience, so only the append can end it."""
    send_all(where, unique, [{"value": b"first"}])
    consumer = Consumer(
        {
            "bootstrap.servers": where, "group.id": unique, "fetch.wait.max.ms": 200_000,
            "socket.timeout.ms": 300_000,
        }
    )
    try:
        consumer.assign([ConfluentPartition(unique, 0, 0)])
        first = until(lambda: consumer.poll(1.0), "the first record")
        assert first.value() == b"first"
        thread = threading.Thread(target=send_all, args=(where, unique, [{"value": b"second"}]))
        thread.start()
        assert until(lambda: consumer.poll(1.0), "the second").value() == b"second"
        thread.join()
    finally:
        consumer.close()


def test_bounds_of_a_fetch_hold(where, unique):
    records = [{"value": bytes([number]) * 50_000} for number in range(40)]
    send_all(where, unique, records, batch_size=0)
    found = read_all(where, unique, 40, max_partition_fetch_bytes=60_000, fetch_max_bytes=120_000)
    assert [each.value for each in found] == [each["value"] for each in records]


def test_what_is_too_large_is_refused(where, unique):
    with pytest.raises(MessageSizeTooLargeError):
        send_all(where, unique, [{"value": b"x" * 1_500_000}], max_request_size=4_000_000)
    assert send_all(where, unique, [{"value": b"small"}])[0].offset == 0


def test_keys_go_where_kafka_puts_them(where, confluent, unique):
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=where)
    admin.create_topics([NewTopic(unique, num_partitions=5, replication_factor=1)])
    admin.close()
    keys = [b"k%d" % number for number in range(40)]
    ours = {
        each.key(): each.partition()
        for each in confluent.send(
            unique, [{"key": key, "value": b""} for key in keys], partitioner="murmur2"
        )
    }
    theirs = send_all(where, unique, [{"key": key, "value": b""} for key in keys])
    assert [ours[key] for key in keys] == [each.partition for each in theirs]
    assert len(set(ours.values())) == 5


def test_an_offset_that_is_not_there(where, unique):
    send_all(where, unique, [{"value": b"x"}])
    consumer = Consumer(
        {"bootstrap.servers": where, "group.id": unique, "auto.offset.reset": "error"}
    )
    try:
        consumer.assign([ConfluentPartition(unique, 0, 77)])
        message = until(lambda: consumer.poll(1.0), "an error")
        assert "OUT_OF_RANGE" in message.error().name() or "OFFSET" in message.error().name()
    finally:
        consumer.close()


def test_no_topic_is_made_where_that_is_off(broker, unique):
    server = broker("kafka", godwit={"kafka": {"auto_create_topics": False}})
    host, port = server.address("kafka")
    producer = Producer({"bootstrap.servers": f"{host}:{port}", "message.timeout.ms": 3000})
    failures: list = []
    producer.produce(unique, b"x", on_delivery=lambda error, _: failures.append(error))
    producer.flush(PATIENCE)
    assert failures[0].name() in ("_UNKNOWN_TOPIC", "_MSG_TIMED_OUT", "UNKNOWN_TOPIC_OR_PART")
    with pytest.raises(KafkaException):
        consumer = Consumer({"bootstrap.servers": f"{host}:{port}", "group.id": unique})
        try:
            consumer.get_watermark_offsets(ConfluentPartition(unique, 0), timeout=5)
        finally:
            consumer.close()


def test_the_advertised_address(broker, unique):
    server = broker(
        "kafka", godwit={"kafka": {"advertised_host": "localhost", "cluster_id": "mine"}}
    )
    host, port = server.address("kafka")
    found = Confluent(f"{host}:{port}")
    metadata = Producer(found.settings).list_topics(timeout=PATIENCE)
    assert metadata.cluster_id == "mine"
    assert [(each.host, each.port) for each in metadata.brokers.values()] == [("localhost", port)]


def test_many_producers_at_once(where, unique):
    producers = [KafkaProducer(bootstrap_servers=where) for _ in range(8)]
    futures = []
    for number in range(400):
        futures.append(producers[number % 8].send(unique, b"%d" % number))
    offsets = sorted(each.get(PATIENCE).offset for each in futures)
    assert offsets == list(range(400))
    for producer in producers:
        producer.close()
    values = {each.value for each in read_all(where, unique, 400)}
    assert values == {b"%d" % number for number in range(400)}
