"""What Kafka's clients, NATS clients, JetStream's and MQTT's see of each other."""

from __future__ import annotations

import asyncio
import contextlib

import nats
import pytest
from confluent_kafka import Producer
from godwit_rig import NATSWire, hpub
from godwit_rig.kafka_peer import PATIENCE, PROMPT, address, read_all, send_all
from godwit_rig.paho_peer import PahoPeer
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from nats.js.api import StreamConfig

pytestmark = pytest.mark.godwit_only

HEADERS = [
    ("content-type", b"text/plain"), ("correlation-data", b"c 1"), ("message-id", b"m1"),
    ("reply-topic", b"answers.here"), ("payload-format-indicator", b"1"),
    ("a", b"1"), ("a", b"2"), ("b", b"x"),
]
RECORD = {
    "key": b"k", "value": b"hello", "headers": HEADERS, "timestamp_ms": 1_600_000_000_123,
}  # fmt: skip


@pytest.fixture
def server(broker):
    return broker("kafka", "nats", "mqtt", godwit=PROMPT)


@pytest.fixture
def topic(server, unique):
    name = f"{unique}.in.levels"
    admin = KafkaAdminClient(bootstrap_servers=address(server))
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    admin.close()
    return name


def headers_of(record) -> list[tuple]:
    return [tuple(each) for each in record.headers]


def test_kafka_to_nats(server, topic):
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        wire.subscribe(topic)
        send_all(address(server), topic, [RECORD])
        message = wire.delivery()
    assert message.payload == b"hello"
    assert message.reply == "answers.here"
    assert message.headers.decode().splitlines() == [
        "NATS/1.0", "Content-Type: text/plain", "Nats-Msg-Id: m1",
        "Correlation-Data: base64:YyAx", "Payload-Format-Indicator: 1", "Godwit-Key: k",
        "Godwit-Time: 1600000000123000000", "a: 1", "a: 2", "b: x", "",
    ]


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
def test_batches_are_opened_for_others(server, topic, compression):
    with NATSWire(server.address("nats")) as wire:
        wire.connect()
        wire.subscribe(topic)
        records = [{"value": b"%d " % number * 20} for number in range(50)]
        send_all(address(server), topic, records, compression_type=compression, linger_ms=20)
        assert [wire.delivery().payload for _ in records] == [each["value"] for each in records]


def test_nats_to_kafka(server, topic):
    with NATSWire(server.address("nats")) as wire:
        wire.connect(headers=True)
        headers = (
            b"NATS/1.0\r\nContent-Type: text/plain\r\nNats-Msg-Id: m1\r\na: 1\r\na: 2\r\n"
            b"Correlation-Data: c1\r\nNats-TTL: 1h\r\n\r\n"
        )
        wire.send(hpub(topic, headers, b"hello", "answers.here"))
        wire.flush()
    record = read_all(address(server), topic, 1)[0]
    assert (record.key, record.value, record.offset) == (None, b"hello", 0)
    fields = headers_of(record)
    assert fields[:2] == [("a", b"1"), ("a", b"2")]
    assert ("content-type", b"text/plain") in fields
    assert ("message-id", b"m1") in fields
    assert ("correlation-data", b"c1") in fields
    assert ("reply-topic", b"answers.here") in fields
    assert [name for name, _ in fields].count("expiry-ms") == 1
    assert record.timestamp > 1_600_000_000_000


def test_kafka_to_mqtt(server, topic):
    with PahoPeer(server.address("mqtt")) as peer:
        peer.subscribe(topic.replace(".", "/"), qos=1)
        send_all(address(server), topic, [RECORD])
        message = peer.next()
    assert message.payload == b"hello"
    properties = message.properties
    assert properties.ContentType == "text/plain"
    assert properties.CorrelationData == b"c 1"
    assert properties.ResponseTopic == "answers/here"
    assert properties.PayloadFormatIndicator == 1
    assert properties.UserProperty == [
        ("a", "1"), ("a", "2"), ("b", "x"), ("message-id", "m1"), ("Godwit-Key", "k"),
        ("Godwit-Time", "1600000000123000000"),
    ]


def test_mqtt_to_kafka(server, topic):
    with PahoPeer(server.address("mqtt")) as peer:
        peer.publish(
            topic.replace(".", "/"), b"hello", qos=1,
            ContentType="text/plain", CorrelationData=b"\x00c", ResponseTopic="answers/here",
            UserProperty=[("a", "1"), ("message-id", "m1"), ("a", "2")],
        )
    record = read_all(address(server), topic, 1)[0]
    assert record.value == b"hello"
    assert headers_of(record) == [
        ("a", b"1"), ("a", b"2"), ("content-type", b"text/plain"), ("correlation-data", b"\x00c"),
        ("message-id", b"m1"), ("reply-topic", b"answers.here"),
    ]


@contextlib.asynccontextmanager
async def jetstream(server, topic):
    client = await nats.connect(server.url("nats"), connect_timeout=10)
    try:
        stream = client.jetstream(timeout=10)
        await stream.add_stream(
            StreamConfig(name=topic.replace(".", "-"), subjects=[f"{topic.split('.')[0]}.>"])
        )
        yield stream
    finally:
        await client.close()


async def test_kafka_to_jetstream(server, topic):
    async with jetstream(server, topic) as stream:
        await asyncio.to_thread(
            send_all, address(server), topic,
            [{"value": b"%d" % number, "headers": [("n", b"%d" % number)]} for number in range(30)],
        )
        # Acknowledged means that the stream has it, too.
        state = (await stream.stream_info(topic.replace(".", "-"))).state
        assert state.messages == 30
        for number in range(30):
            message = await stream.get_msg(topic.replace(".", "-"), number + 1)
            assert (message.subject, message.data) == (topic, b"%d" % number)
            assert message.headers["n"] == str(number)


async def test_jetstream_to_kafka(server, topic):
    async with jetstream(server, topic) as stream:
        for number in range(20):
            ack = await stream.publish(topic, b"%d" % number, headers={"n": str(number)})
            assert ack.seq == number + 1
    found = await asyncio.to_thread(read_all, address(server), topic, 20)
    assert [each.value for each in found] == [b"%d" % number for number in range(20)]
    assert headers_of(found[7])[0] == ("n", b"7")


def test_one_log_for_all(server, topic):
    """Records of three protocols, in the order in which they were acknowledged."""
    where = address(server)
    with NATSWire(server.address("nats")) as wire, PahoPeer(server.address("mqtt")) as peer:
        wire.connect()
        for number in range(5):
            send_all(where, topic, [{"value": b"kafka %d" % number}])
            wire.publish(topic, b"nats %d" % number)
            peer.publish(topic.replace(".", "/"), b"mqtt %d" % number, qos=1)
    found = read_all(where, topic, 15)
    assert [each.offset for each in found] == list(range(15))
    assert [each.value for each in found] == [
        b"%s %d" % (name, number)
        for number in range(5)
        for name in (b"kafka", b"nats", b"mqtt")
    ]


def test_a_record_of_kafka_comes_to_a_topic_once(server, topic):
    """What is told to others does not come back."""
    send_all(address(server), topic, [{"value": b"one"}])
    with NATSWire(server.address("nats")) as wire:
        wire.connect()
        wire.subscribe(topic)
        send_all(address(server), topic, [{"value": b"two"}])
        assert wire.delivery().payload == b"two"
    send_all(address(server), topic, [{"value": b"three"}])
    found = read_all(address(server), topic, 3)
    assert [(each.offset, each.value) for each in found] == [
        (0, b"one"), (1, b"two"), (2, b"three"),
    ]


def test_other_protocols_see_what_is_committed(server, topic):
    producer = Producer(
        {"bootstrap.servers": address(server), "transactional.id": topic, "linger.ms": 0}
    )
    producer.init_transactions(PATIENCE)
    with NATSWire(server.address("nats")) as wire, PahoPeer(server.address("mqtt")) as peer:
        wire.connect()
        wire.subscribe(topic)
        peer.subscribe(topic.replace(".", "/"), qos=1)
        for end in producer.abort_transaction, producer.commit_transaction:
            producer.begin_transaction()
            for number in range(3):
                producer.produce(topic, f"{end.__name__} {number}".encode())
            assert producer.flush(PATIENCE) == 0
            # Nobody has heard of it: this comes first.
            wire.send(b"PUB %s 7\r\nbetween\r\n" % topic.encode())
            assert wire.delivery().payload == b"between"
            assert peer.next().payload == b"between"
            end(PATIENCE)
        wanted = [b"commit_transaction %d" % number for number in range(3)]
        assert [wire.delivery().payload for _ in wanted] == wanted
        assert [peer.next().payload for _ in wanted] == wanted


async def test_streams_capture_what_is_committed(server, topic):
    client = await nats.connect(server.url("nats"))
    stream = client.jetstream()
    await stream.add_stream(StreamConfig(name="transactions", subjects=[topic]))
    producer = Producer(
        {"bootstrap.servers": address(server), "transactional.id": topic, "linger.ms": 0}
    )
    producer.init_transactions(PATIENCE)
    for number in range(4):
        producer.begin_transaction()
        producer.produce(topic, b"%d" % number)
        (producer.commit_transaction if number % 2 else producer.abort_transaction)(PATIENCE)
    found = [(await stream.get_msg("transactions", number)).data for number in (1, 2)]
    assert found == [b"1", b"3"]
    assert (await stream.stream_info("transactions")).state.messages == 2
    await client.close()
