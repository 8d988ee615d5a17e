"""ACLs: made, listed and removed by stock clients, and held to by every request."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from godwit_rig import Permissions, User
from godwit_rig.kafka_peer import PATIENCE, PROMPT, Confluent, KafkaWire, address, until
from godwit_rig.kafka_share import ACCEPT, ShareWire
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
)
from kafka.admin import ResourceType as PythonResourceType
from kafka.errors import ClusterAuthorizationFailedError
from kafka.protocol.admin import (
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
)

pytestmark = pytest.mark.godwit_only

USERS = [
    User("ann", "a"),
    User("bob", "b"),
    User("low", "l", permissions=Permissions(("low.>",), subscribe_allow=("low.>",))),
]
TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.BROKER
LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
Op = AclOperation


@pytest.fixture
def closed(broker):
    return broker("kafka", users=USERS, godwit=PROMPT)


def login(where: str, user: str) -> dict:
    return {
        "bootstrap.servers": where, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": user[0],
    }


def admin(where: str, user: str = "ann") -> AdminClient:
    return AdminClient(login(where, user))


def rule(kind, name, user, operation, permission=ALLOW, pattern=LITERAL, host="*") -> AclBinding:
    return AclBinding(kind, name, pattern, f"User:{user}", host, operation, permission)


def create(client: AdminClient, *rules: AclBinding) -> None:
    for future in client.create_acls(list(rules)).values():
        future.result(PATIENCE)


def anything(kind=ResourceType.ANY, name=None, pattern=ResourcePatternType.ANY):
    return AclBindingFilter(kind, name, pattern, None, None, Op.ANY, AclPermissionType.ANY)


def code(attempt) -> int:
    with pytest.raises(KafkaException) as failure:
        attempt()
    return failure.value.args[0].code()


def send(where: str, user: str, topic: str) -> int | None:
    """The error's code, or ``None``."""
    errors: list = []
    producer = Producer(login(where, user) | {"enable.idempotence": False})
    producer.produce(topic, b"x", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(PATIENCE) == 0
    return errors[0].code() if errors[0] else None


def read(where: str, user: str, topic: str) -> int | None:
    """By hand from the beginning: the error's code, or ``None`` for a record."""
    consumer = Consumer(login(where, user) | {"group.id": f"by {user}"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = until(lambda: consumer.poll(1.0), "a record or an error")
        return message.error().code() if message.error() else None
    finally:
        consumer.close()


@pytest.fixture
def topic(closed, unique):
    client = admin(address(closed))
    client.create_topics([NewTopic(unique, 1, 1)])[unique].result(PATIENCE)
    assert send(address(closed), "ann", unique) is None
    yield unique
    for future in client.delete_acls([anything()]).values():
        future.result(PATIENCE)


DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_topic_is_open_until_a_rule_is_about_it(closed, topic):
    where, client = address(closed), admin(address(closed))
    assert send(where, "bob", topic) is None and read(where, "bob", topic) is None
    create(client, rule(TOPIC, topic, "ann", Op.ALL))
    assert send(where, "bob", topic) == DENIED
    assert send(where, "ann", topic) is None and read(where, "ann", topic) is None
    create(client, rule(TOPIC, topic, "bob", Op.READ))
    assert send(where, "bob", topic) == DENIED and read(where, "bob", topic) is None
    create(client, rule(TOPIC, topic[:-1], "bob", Op.WRITE, pattern=PREFIXED))
    assert send(where, "bob", topic) is None
    create(client, rule(TOPIC, "*", "bob", Op.WRITE, DENY))
    assert send(where, "bob", topic) == DENIED
    # What the settings do not allow, no rule allows.
    create(client, rule(TOPIC, topic, "low", Op.ALL))
    assert send(where, "low", topic) == DENIED


def test_the_host_counts(closed, topic):
    where, client = address(closed), admin(address(closed))
    create(client, rule(TOPIC, topic, "ann", Op.ALL))
    create(client, rule(TOPIC, topic, "bob", Op.WRITE, host="10.1.2.3"))
    assert send(where, "bob", topic) == DENIED
    create(client, rule(TOPIC, topic, "bob", Op.WRITE, host="127.0.0.1"))
    assert send(where, "bob", topic) is None


def test_who_may_not_see_a_topic_does_not_see_it(closed, topic):
    where, client = address(closed), admin(address(closed))
    create(client, rule(TOPIC, topic, "ann", Op.ALL), rule(TOPIC, "never", "ann", Op.ALL))
    bob = admin(where, "bob")
    assert topic not in bob.list_topics(timeout=PATIENCE).topics
    # Whether it is there or not.
    for name in (topic, "never"):
        assert bob.list_topics(name, timeout=PATIENCE).topics[name].error.code() == DENIED
        assert code(lambda n=name: bob.delete_topics([n])[n].result(PATIENCE)) == DENIED
    create(client, rule(TOPIC, topic, "bob", Op.DESCRIBE), rule(TOPIC, "never", "bob", Op.DESCRIBE))
    answers = []
    for name in (topic, "never"):
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        with pytest.raises(KafkaException) as failure:
            bob.describe_configs([resource])[resource].result(PATIENCE)
        answers.append((failure.value.args[0].code(), failure.value.args[0].str()))
    assert answers[0][0] == DENIED and answers[0] == answers[1]


def test_changing_a_topic_takes_its_own_rights(closed, topic):
    where, client = address(closed), admin(address(closed))
    bob = admin(where, "bob")
    create(client, rule(TOPIC, topic, "bob", Op.READ), rule(TOPIC, topic, "bob", Op.WRITE))
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, {"retention.ms": "1000"})
    place = TopicPartition(topic, 0, 1)

    def grow():
        bob.create_partitions([NewPartitions(topic, 2)])[topic].result(PATIENCE)

    def configure():
        bob.alter_configs([resource])[resource].result(PATIENCE)

    def describe():
        bob.describe_configs([resource])[resource].result(PATIENCE)

    def trim():
        bob.delete_records([place])[place].result(PATIENCE)

    def delete():
        bob.delete_topics([topic])[topic].result(PATIENCE)

    steps = [
        (Op.ALTER, grow), (Op.DESCRIBE_CONFIGS, describe), (Op.ALTER_CONFIGS, configure),
        (Op.DELETE, trim), (None, delete),
    ]
    for operation, attempt in steps:
        if operation is not None:
            assert code(attempt) == DENIED
            create(client, rule(TOPIC, topic, "bob", operation))
        attempt()


def test_making_a_topic(broker, unique):
    where = address(broker("kafka", fresh=True, users=USERS, godwit=PROMPT))
    client = admin(where)
    bob = admin(where, "bob")
    create(client, rule(TOPIC, unique, "ann", Op.ALL, pattern=PREFIXED))
    name = f"{unique}.x"

    def make(each: str):
        bob.create_topics([NewTopic(each, 1, 1)])[each].result(PATIENCE)

    assert code(lambda: make(name)) == DENIED
    make(f"other.{unique}")
    create(client, rule(TOPIC, name, "bob", Op.CREATE))
    make(name)
    assert code(lambda: make(f"{unique}.y")) == DENIED
    create(client, rule(CLUSTER, "kafka-cluster", "bob", Op.CREATE))
    make(f"{unique}.y")
    # Ann has no right to the cluster any more, since there is a rule about it.
    assert code(lambda: create(client, rule(TOPIC, name, "bob", Op.READ))) == (
        KafkaError.CLUSTER_AUTHORIZATION_FAILED
    )


def test_groups(closed, topic):
    where, client = address(closed), admin(address(closed))
    bob = admin(where, "bob")
    group = f"g-{topic}"
    place = TopicPartition(topic, 0, 1)
    client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [place])])[
        group
    ].result(PATIENCE)
    create(client, rule(GROUP, group, "ann", Op.ALL))
    failed = KafkaError.GROUP_AUTHORIZATION_FAILED

    def positions():
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        bob.list_consumer_group_offsets([wanted])[group].result(PATIENCE)

    def describe():
        bob.describe_consumer_groups([group])[group].result(PATIENCE)

    def delete():
        bob.delete_consumer_groups([group])[group].result(PATIENCE)

    def listed(by: AdminClient) -> list[str]:
        return [each.group_id for each in by.list_consumer_groups().result(PATIENCE).valid]

    for attempt in (positions, describe, delete):
        assert code(attempt) == failed
    assert group in listed(client) and group not in listed(bob)
    consumer = Consumer(login(where, "bob") | {"group.id": group})
    consumer.subscribe([topic])
    message = until(lambda: consumer.poll(1.0), "a refusal")
    assert message.error().code() == failed
    consumer.close()
    create(client, rule(GROUP, group, "bob", Op.READ))
    positions()
    describe()
    assert code(delete) == failed
    create(client, rule(GROUP, group, "bob", Op.DELETE))
    delete()


def test_groups_do_not_tell_of_topics_that_one_may_not_see(closed, topic):
    where, group = address(closed), f"g-{topic}"
    create(admin(where), rule(TOPIC, topic, "ann", Op.ALL))
    bob = admin(where, "bob")
    consumer = Consumer(
        login(where, "ann") | {"group.id": group, "group.protocol": "consumer"})
    consumer.subscribe([topic])
    until(lambda: consumer.poll(0.1) or consumer.assignment(), "partitions")

    def describe(by: AdminClient) -> None:
        by.describe_consumer_groups([group])[group].result(PATIENCE)

    describe(admin(where))
    assert code(lambda: describe(bob)) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    create(admin(where), rule(TOPIC, topic, "bob", Op.DESCRIBE))
    describe(bob)
    consumer.close()


def test_who_may_not_read_a_topic_does_not_delete_its_positions(closed, topic):
    where, client = address(closed), admin(address(closed))
    group = f"g-{topic}"
    place = TopicPartition(topic, 0, 1)
    client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [place])])[
        group
    ].result(PATIENCE)
    low = admin(where, "low")
    assert code(lambda: low.delete_consumer_groups([group])[group].result(PATIENCE)) == (
        KafkaError.GROUP_AUTHORIZATION_FAILED
    )
    client.delete_consumer_groups([group])[group].result(PATIENCE)


def test_transactions(closed, topic):
    where, client = address(closed), admin(address(closed))
    wanted = login(where, "bob") | {"transactional.id": f"x-{topic}"}
    create(client, rule(ResourceType.TRANSACTIONAL_ID, f"x-{topic}", "ann", Op.ALL))
    producer = Producer(wanted)
    assert code(lambda: producer.init_transactions(PATIENCE)) == (
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    )
    create(client, rule(ResourceType.TRANSACTIONAL_ID, "x-", "bob", Op.WRITE, pattern=PREFIXED))
    producer = Producer(wanted)
    producer.init_transactions(PATIENCE)
    producer.begin_transaction()
    producer.produce(topic, b"in a transaction")
    producer.commit_transaction(PATIENCE)


def test_rules_are_listed_and_removed(closed, topic):
    where, client = address(closed), admin(address(closed))
    rules = [
        rule(TOPIC, topic, "ann", Op.ALL), rule(TOPIC, topic, "bob", Op.READ),
        rule(TOPIC, topic[:2], "bob", Op.WRITE, pattern=PREFIXED, host="10.0.0.1"),
        rule(GROUP, topic, "bob", Op.READ, DENY),
    ]
    create(client, *rules)
    create(client, rules[0])
    found = client.describe_acls(anything()).result(PATIENCE)
    assert sorted(map(repr, found)) == sorted(map(repr, rules))
    matching = anything(TOPIC, topic, ResourcePatternType.MATCH)
    assert len(client.describe_acls(matching).result(PATIENCE)) == 3
    assert len(client.describe_acls(anything(TOPIC, topic, LITERAL)).result(PATIENCE)) == 2
    gone = client.delete_acls([anything(GROUP)])
    assert [len(each.result(PATIENCE)) for each in gone.values()] == [1]
    assert len(client.describe_acls(anything()).result(PATIENCE)) == 3
    denied = KafkaError.CLUSTER_AUTHORIZATION_FAILED
    low = admin(where, "low")
    assert code(lambda: create(low, rules[0])) == denied
    # librdkafka takes a refusal to list for an empty list.
    looking = python(where, "low")
    with pytest.raises(ClusterAuthorizationFailedError):
        looking.describe_acls(python_filter(topic))
    looking.close()
    removal = low.delete_acls([anything()])
    assert [code(lambda e=each: e.result(PATIENCE)) for each in removal.values()] == [denied]


def python(where: str, user: str) -> KafkaAdminClient:
    return KafkaAdminClient(
        bootstrap_servers=where, security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
        sasl_plain_username=user, sasl_plain_password=user[0],
    )


def python_filter(topic: str) -> ACLFilter:
    return ACLFilter(
        None, None, ACLOperation.ANY, ACLPermissionType.ANY,
        ResourcePatternFilter(PythonResourceType.TOPIC, topic, ACLResourcePatternType.ANY),
    )


def test_kafka_python_makes_rules(closed, topic):
    where = address(closed)
    client = python(where, "ann")
    try:
        pattern = ResourcePattern(PythonResourceType.TOPIC, topic, ACLResourcePatternType.LITERAL)
        client.create_acls(
            [ACL("User:ann", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)]
        )
        found, _ = client.describe_acls(python_filter(topic))
        assert len(found) == 1
        assert send(where, "bob", topic) == DENIED
        client.delete_acls([python_filter(topic)])
        assert send(where, "bob", topic) is None
    finally:
        client.close()


def test_closed_unless_a_rule_opens(broker, unique):
    settings = {
        "kafka": PROMPT["kafka"]
        | {"allow_everyone_if_no_acl_found": False, "super_users": ["ann"]}
    }
    server = broker("kafka", users=USERS, godwit=settings)
    where, client = address(server), admin(address(server))
    client.create_topics([NewTopic(unique, 1, 1)])[unique].result(PATIENCE)
    assert send(where, "ann", unique) is None
    assert send(where, "bob", unique) == DENIED
    create(client, rule(TOPIC, unique, "bob", Op.WRITE))
    assert send(where, "bob", unique) is None
    # An idempotent one, too, since it may write something.
    Confluent(where, **login(where, "bob")).send(
        unique, [{"value": b"x"}], **{"enable.idempotence": True}
    )
    bob = admin(where, "bob")
    assert code(lambda: create(bob, rule(TOPIC, unique, "bob", Op.READ))) == (
        KafkaError.CLUSTER_AUTHORIZATION_FAILED
    )


def test_topics_are_described_page_by_page(server, where, unique):
    client = AdminClient({"bootstrap.servers": where})
    names = [f"{unique}.{each}" for each in "abc"]
    for future in client.create_topics([NewTopic(name, 3, 1) for name in names]).values():
        future.result(PATIENCE)
    named = DescribeTopicPartitionsRequest.TopicRequest
    found: list[tuple[str, int]] = []
    cursor = None
    pages = 0
    with KafkaWire(server.address("kafka")) as wire:
        while True:
            answer = wire.ask(
                DescribeTopicPartitionsRequest(
                    version=0, response_partition_limit=2, cursor=cursor,
                    topics=[named(version=0, name=name) for name in reversed(names)],
                ),
                DescribeTopicPartitionsResponse,
            )
            pages += 1
            found += [
                (each.name, part.partition_index)
                for each in answer.topics for part in each.partitions
            ]
            if answer.next_cursor is None:
                break
            cursor = DescribeTopicPartitionsRequest.Cursor(
                version=0, topic_name=answer.next_cursor.topic_name,
                partition_index=answer.next_cursor.partition_index,
            )
    assert found == [(name, index) for name in names for index in range(3)] and pages == 5
    described = client.describe_topics(TopicCollection(names))
    assert all(len(each.result(PATIENCE).partitions) == 3 for each in described.values())


@contextmanager
def member(broker, user: str, group: str) -> Iterator[ShareWire]:
    """A member of a share group, logged in."""
    with KafkaWire(broker.address("kafka")) as wire:
        wire.send(17, 1, b"\0\5PLAIN")
        wire.answer()
        token = b"\0" + user.encode() + b"\0" + user[:1].encode()
        wire.send(36, 0, struct.pack(">i", len(token)) + token)
        assert wire.answer()[:2] == b"\0\0"
        yield ShareWire(wire, group, f"member of {user}")


def test_share_groups_are_held_to_acls(closed, topic):
    where, group = address(closed), f"g {topic}"
    client = admin(where)
    create(
        client, rule(TOPIC, topic, "ann", Op.ALL), rule(GROUP, group, "ann", Op.ALL),
    )
    topic_failed, group_failed = 29, 30
    with member(closed, "bob", group) as bob, member(closed, "ann", group) as ann:
        assert ann.heartbeat(0, [topic])[0] == 0
        bob.topic = ann.topic
        # Nothing without the group,
        assert bob.heartbeat(0, [topic])[0] == group_failed
        assert bob.fetch([0], 0).error == group_failed
        assert bob.acknowledge({0: [(0, 0, [ACCEPT])]}, 1).error == group_failed
        assert bob.describe()[0] == group_failed
        assert bob.describe_offsets(topic, [0])[0] == group_failed
        assert bob.alter_offsets(topic, {0: 0})[0] == group_failed
        assert bob.delete_offsets(topic)[0] == group_failed
        # nor with it but without the topic.
        create(client, rule(GROUP, group, "bob", Op.READ))
        assert bob.heartbeat(0, [topic])[0] == topic_failed
        assert bob.fetch([0], 0).partitions[0].error == topic_failed
        create(client, rule(TOPIC, topic, "bob", Op.READ))
        assert bob.heartbeat(0, [topic])[0] == 0
        assert send(where, "ann", topic) is None
        found = until(lambda: bob.fetch({0: []}, wait_ms=500).acquired, "a record")
        # Who may read may describe, but not delete.
        assert bob.describe()[0] == 0
        error, places = bob.describe_offsets(topic, [0])
        assert error == 0 and places[0][2] == 0
        assert bob.delete_offsets(topic)[0] == group_failed
        # A right that is taken away is gone for what is held as well.
        narrow = AclBindingFilter(
            TOPIC, topic, LITERAL, "User:bob", "*", Op.READ, AclPermissionType.ANY)
        for future in client.delete_acls([narrow]).values():
            future.result(PATIENCE)
        said = {0: [(found[0][0], found[0][1], [ACCEPT])]}
        assert bob.acknowledge(said).partitions[0].acknowledge_error == topic_failed
        assert bob.fetch({0: []}).partitions[0].error == topic_failed
        create(client, rule(GROUP, group, "bob", Op.READ, DENY))
        assert bob.fetch({0: []}).error == group_failed
