"""Topics made, changed and deleted by the admin clients of librdkafka and kafka-python."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from godwit_rig.kafka_peer import PATIENCE, read_all, send_all
from kafka import KafkaAdminClient

pytestmark = pytest.mark.godwit_only


@pytest.fixture
def admin(where):
    return AdminClient({"bootstrap.servers": where})


def create(admin, name: str, partitions: int = 1, copies: int = -1, **more) -> None:
    topic = NewTopic(name, num_partitions=partitions, replication_factor=copies, **more)
    admin.create_topics([topic])[name].result(PATIENCE)


def code_of(refused) -> int:
    return refused.value.args[0].code()


def test_a_topic_is_made_grown_and_deleted(admin, unique):
    create(admin, unique, 3)
    topic = admin.list_topics(unique, timeout=PATIENCE).topics[unique]
    assert sorted(topic.partitions) == [0, 1, 2]
    assert all(each.leader == 1 and each.isrs == [1] for each in topic.partitions.values())
    admin.create_partitions([NewPartitions(unique, 5)])[unique].result(PATIENCE)
    topic = admin.list_topics(unique, timeout=PATIENCE).topics[unique]
    assert sorted(topic.partitions) == [0, 1, 2, 3, 4]
    admin.delete_topics([unique])[unique].result(PATIENCE)
    assert unique not in admin.list_topics(timeout=PATIENCE).topics


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"copies": 3}, KafkaError.INVALID_REPLICATION_FACTOR),
        ({"partitions": 0}, KafkaError.INVALID_PARTITIONS),
        ({"partitions": 100_000}, KafkaError.POLICY_VIOLATION),
        ({"config": {"no.such": "1"}}, KafkaError.INVALID_CONFIG),
        ({"config": {"retention.ms": "soon"}}, KafkaError.INVALID_CONFIG),
        ({"config": {"cleanup.policy": "burn"}}, KafkaError.INVALID_CONFIG),
    ],
)
def test_what_cannot_be_made(admin, unique, change, code):
    with pytest.raises(KafkaException) as refused:
        create(admin, unique, **change)
    assert code_of(refused) == code
    assert unique not in admin.list_topics(timeout=PATIENCE).topics


@pytest.mark.parametrize("name", ["a b", "a/b", "x" * 250, "__mine", "é"])
def test_names_that_are_none(admin, name):
    with pytest.raises(KafkaException) as refused:
        create(admin, name)
    assert code_of(refused) == KafkaError.TOPIC_EXCEPTION


def test_a_name_is_taken_once(admin, unique):
    create(admin, f"{unique}.a")
    for name, code in (
        (f"{unique}.a", KafkaError.TOPIC_ALREADY_EXISTS),
        (f"{unique}_a", KafkaError.TOPIC_EXCEPTION),
    ):
        with pytest.raises(KafkaException) as refused:
            create(admin, name)
        assert code_of(refused) == code


def test_settings_of_a_topic(admin, unique):
    create(admin, unique, config={"retention.ms": "60000", "segment.bytes": "1048576"})
    resource = ConfigResource(ResourceType.TOPIC, unique)

    def described() -> dict[str, str]:
        found = admin.describe_configs([resource])[resource].result(PATIENCE)
        return {name: entry.value for name, entry in found.items()}

    before = described()
    assert before["retention.ms"] == "60000"
    assert before["segment.bytes"] == "1048576"
    assert before["cleanup.policy"] == "delete"
    change = ConfigResource(
        ResourceType.TOPIC, unique,
        incremental_configs=[
            ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET),
            ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        ],
    )
    admin.incremental_alter_configs([change])[change].result(PATIENCE)
    after = described()
    assert after["max.message.bytes"] == "2000"
    assert after["retention.ms"] == "604800000"


def test_the_largest_message_of_a_topic(admin, where, unique):
    from kafka.errors import MessageSizeTooLargeError

    create(admin, unique, config={"max.message.bytes": "2000"})
    send_all(where, unique, [{"value": b"x" * 1000}])
    with pytest.raises(MessageSizeTooLargeError):
        send_all(where, unique, [{"value": b"x" * 3000}])


def test_a_topic_that_keeps_the_time_of_arrival(admin, where, unique):
    create(admin, unique, config={"message.timestamp.type": "LogAppendTime"})
    send_all(where, unique, [{"value": b"x", "timestamp_ms": 5}])
    found = read_all(where, unique, 1)[0]
    assert found.timestamp_type == 1
    assert found.timestamp > 1_600_000_000_000


def test_records_are_deleted(admin, where, unique):
    create(admin, unique)
    send_all(where, unique, [{"value": b"%d" % number} for number in range(10)], batch_size=0)
    place = TopicPartition(unique, 0, 6)
    result = admin.delete_records([place])[place].result(PATIENCE)
    assert result.low_watermark == 6
    found = read_all(where, unique, 4)
    assert [(each.offset, each.value) for each in found] == [
        (number, b"%d" % number) for number in range(6, 10)
    ]


def test_offsets_of_a_topic(admin, where, unique):
    create(admin, unique)
    now = int(time.time() * 1000)
    send_all(where, unique, [{"value": b"x", "timestamp_ms": now + n} for n in range(9)])
    place = TopicPartition(unique, 0)
    for spec, offset in (
        (OffsetSpec.earliest(), 0),
        (OffsetSpec.latest(), 9),
        (OffsetSpec.for_timestamp(now + 4), 4),
        (OffsetSpec.max_timestamp(), 8),
    ):
        found = admin.list_offsets({place: spec})[place].result(PATIENCE)
        assert found.offset == offset


def test_the_cluster(admin, server):
    found = admin.describe_cluster().result(PATIENCE)
    host, port = server.address("kafka")
    assert found.cluster_id == "godwit"
    assert [(node.id, node.host, node.port) for node in found.nodes] == [(1, host, port)]


def test_kafka_pythons_admin(where, unique):
    from kafka.admin import NewTopic as Topic

    admin = KafkaAdminClient(bootstrap_servers=where)
    admin.create_topics([Topic(unique, num_partitions=2, replication_factor=1)])
    assert unique in admin.list_topics()
    described = admin.describe_topics([unique])
    assert len(described[0]["partitions"]) == 2
    admin.delete_topics([unique])
    assert unique not in admin.list_topics()
    admin.close()


def test_log_folders(admin, where, unique):
    create(admin, unique, 2)
    send_all(where, unique, [{"value": b"x" * 1_000, "partition": 1}])
    theirs = KafkaAdminClient(bootstrap_servers=where)
    try:
        told = theirs.describe_log_dirs()
    finally:
        theirs.close()
    (folder,) = next(each["log_dirs"] for each in told if each["broker"] == 1)
    topic = next(each for each in folder["topics"] if each["name"] == unique)
    sizes = {each["partition_index"]: each["partition_size"] for each in topic["partitions"]}
    assert sizes[0] == 0 and 1_000 < sizes[1] < 2_000
