"""Share groups (KIP-932) as bytes: sessions, acknowledgements, limits, offsets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, ShareConsumer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from godwit_rig import Permissions, User
from godwit_rig.kafka_peer import PATIENCE, KafkaWire, address, configure_group, until
from godwit_rig.kafka_share import (
    ACCEPT, REJECT, RELEASE, RENEW, Reader, ShareWire, array, text,
)
from kafka import KafkaAdminClient

pytestmark = pytest.mark.godwit_only

RULES = {"group_share_max_share_sessions": 3, "group_share_session_timeout_ms": 120_000}
INVALID_REQUEST, UNKNOWN_MEMBER, INVALID_STATE = 42, 25, 121
NO_SESSION, WRONG_EPOCH, TOO_MANY_SESSIONS = 122, 123, 133
NOT_FOUND, NOT_EMPTY, UNKNOWN_PLACE, UNKNOWN_TOPIC_ID = 69, 68, 3, 100


@pytest.fixture
def server(broker):
    return broker("kafka", fresh=True, godwit={"kafka": RULES})


@pytest.fixture
def where(server) -> str:
    return address(server)


@pytest.fixture
def member(server, where, unique) -> Iterator[Callable[..., ShareWire]]:
    """``member("a")``: one that has joined the group, which begins with the first record."""
    wires: list[KafkaWire] = []
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(unique, 1, 1)])[unique].result(PATIENCE)
    configure_group(where, unique, **{"share.auto.offset.reset": "earliest"})

    def make(name: str, joins: bool = True) -> ShareWire:
        wires.append(KafkaWire(server.address("kafka")))
        made = ShareWire(wires[-1], unique, name)
        if joins:
            error, epoch, partitions = made.heartbeat(0, [unique])
            assert error == 0 and epoch > 0 and partitions == [0]
        return made

    yield make
    for wire in wires:
        wire.socket.close()


def send(where: str, topic: str, count: int, **settings: object) -> None:
    """So many messages, in one batch: who flushes does not linger."""
    producer = Producer({"bootstrap.servers": where, "linger.ms": 60_000, **settings})
    for number in range(count):
        producer.produce(topic, b"%d" % number)
    assert producer.flush(PATIENCE) == 0


def test_records_are_lent_and_acknowledged(member, where, unique):
    one = member("a")
    send(where, unique, 10)
    found = one.fetch([0], wait_ms=10_000)
    assert found.acquired == [(0, 9, 1)] and found.lock_ms == 30_000
    assert found.partitions[0].records[:8] == b"\0" * 8, "the batch as it was sent"
    # With the next fetch: gaps, one kind for all, one for each.
    said = {0: [(0, 3, [ACCEPT]), (4, 6, [RELEASE, REJECT, 0])]}
    found = one.fetch(said, wait_ms=10_000)
    assert found.partitions[0].acknowledge_error == 0
    assert found.acquired == [(4, 4, 2)]
    answer = one.acknowledge({0: [(4, 4, [ACCEPT]), (7, 8, [ACCEPT])]})
    assert answer.partitions[0].acknowledge_error == 0 and answer.error == 0
    error, places = one.describe_offsets(None, [])
    assert error == 0 and places == {0: (9, 1, 0)}
    # What is done with, or was never lent, cannot be acknowledged; then all of it does not count.
    for said in ([(9, 9, [ACCEPT]), (10, 10, [ACCEPT])], [(8, 8, [ACCEPT])]):
        assert one.acknowledge({0: said}).partitions[0].acknowledge_error == INVALID_STATE
    assert one.acknowledge({0: [(9, 9, [ACCEPT])]}).partitions[0].acknowledge_error == 0
    assert one.describe_offsets(unique, [0, 5])[1] == {0: (10, 0, 0), 5: (-1, -1, UNKNOWN_PLACE)}


def test_a_fetch_waits_and_is_woken(member, where, unique):
    one, other = member("a"), member("b")
    one.send_fetch([0], wait_ms=120_000, records=100)
    send(where, unique, 1)
    assert one.fetched().acquired == [(0, 0, 1)]
    # By what another gives back, when it is asked to, and when it is gone.
    other.send_fetch([0], wait_ms=120_000, records=100)
    one.acknowledge({0: [(0, 0, [RELEASE])]})
    assert other.fetched().acquired == [(0, 0, 2)]
    one.send_fetch([0], wait_ms=120_000, records=100)
    other.wire.socket.close()
    assert one.fetched().acquired == [(0, 0, 3)]


def test_a_lock_ends(member, where, unique):
    configure_group(
        where, unique,
        **{"share.record.lock.duration.ms": "100", "share.delivery.count.limit": "3"})
    one, other = member("a"), member("b")
    send(where, unique, 2)
    assert one.fetch([0], wait_ms=10_000).acquired == [(0, 1, 1)]
    assert other.fetch([0], wait_ms=60_000).acquired == [(0, 1, 2)]
    assert one.acknowledge({0: [(0, 0, [ACCEPT])]}).partitions[0].acknowledge_error == INVALID_STATE
    assert one.fetch([0], wait_ms=60_000).acquired == [(0, 1, 3)]
    # Then they are done with.
    until(lambda: one.describe_offsets(None, [])[1] == {0: (2, 0, 0)}, "the end of the last lock")


def test_a_lock_is_prolonged(member, where, unique):
    one, other = member("a"), member("b")
    send(where, unique, 1)
    assert one.fetch([0], wait_ms=10_000).acquired == [(0, 0, 1)]
    configure_group(where, unique, **{"share.record.lock.duration.ms": "3600000"})
    answer = one.acknowledge({0: [(0, 0, [RENEW])]}, renews=True)
    assert answer.partitions[0].acknowledge_error == 0 and answer.lock_ms == 3_600_000
    found = one.fetch({0: [(0, 0, [RENEW])]}, renews=True, records=0, size=0)
    assert found.partitions[0].acknowledge_error == 0 and not found.acquired
    # Not together with records, and only where it is announced.
    answer = one.fetch({0: [(0, 0, [RENEW])]}, renews=True)
    assert answer.error == INVALID_REQUEST
    for version in (1, 2):
        found = one.acknowledge({0: [(0, 0, [RENEW])]}, version=version)
        assert found.partitions[0].acknowledge_error == INVALID_REQUEST
    assert other.fetch([0]).acquired == []
    assert one.acknowledge({0: [(0, 0, [ACCEPT])]}).partitions[0].acknowledge_error == 0


def test_how_many_are_lent(member, where, unique):
    one = member("a")
    for _ in range(3):
        send(where, unique, 10)
    # Whole batches, or not one record too many.
    assert one.fetch([0], wait_ms=10_000, records=5).acquired == [(0, 9, 1)]
    assert one.fetch([0], records=5, mode=1).acquired == [(10, 14, 1)]
    assert one.fetch([0], records=0).acquired == []
    configure_group(where, unique, **{"share.partition.max.record.locks": "18"})
    assert one.fetch([0]).acquired == [(15, 17, 1)]
    assert one.fetch([0]).acquired == []
    assert one.fetch({0: [(0, 3, [ACCEPT])]}).acquired == [(18, 21, 1)]
    configure_group(where, unique, **{"share.partition.max.record.locks": "2000"})
    assert one.fetch([0], size=1).acquired == [(22, 29, 1)]


def test_sessions(member, where, unique):
    one = member("a")
    send(where, unique, 4)
    assert one.fetch([0], epoch=3).error == NO_SESSION
    assert one.acknowledge({}, epoch=0).error == WRONG_EPOCH
    assert one.acknowledge({}, epoch=1).error == NO_SESSION
    assert one.fetch({0: [(0, 0, [ACCEPT])]}, epoch=0).error == INVALID_REQUEST
    assert one.fetch([0], wait_ms=10_000).acquired == [(0, 3, 1)]
    assert one.fetch([0], epoch=9).error == WRONG_EPOCH
    assert one.fetch([0], forgotten=[0], epoch=-1).error == INVALID_REQUEST
    # The partition is known; it is forgotten; it is not.
    assert one.fetch({0: [(0, 0, [RELEASE])]}).acquired == [(0, 0, 2)]
    found = one.fetch({0: [(0, 0, [RELEASE])]}, forgotten=[0])
    assert found.acquired == [] and found.partitions[0].acknowledge_error == 0
    assert one.fetch([]).acquired == []
    assert one.fetch([0]).acquired == [(0, 0, 3)]
    assert one.fetch([7]).partitions[7].error == UNKNOWN_PLACE
    # The last request acknowledges, and the rest comes back as if nobody had had it.
    found = one.fetch({0: [(0, 0, [ACCEPT])]}, epoch=-1)
    assert found.error == 0 and found.partitions[0].acknowledge_error == 0
    assert one.acknowledge({}, epoch=-1).error == NO_SESSION
    other = member("b")
    assert other.fetch([0], wait_ms=10_000).acquired == [(1, 3, 1)]
    answer = other.acknowledge({0: [(1, 3, [ACCEPT])]}, epoch=-1)
    assert answer.error == 0 and answer.partitions[0].acknowledge_error == 0


def test_there_are_so_many_sessions(member):
    members = [member(name) for name in "abcd"]
    assert [each.fetch([0]).error for each in members] == [0, 0, 0, TOO_MANY_SESSIONS]
    assert members[0].fetch([], epoch=-1).error == 0
    assert members[3].fetch([0]).error == 0
    # A connection that is gone leaves its place.
    members[1].wire.socket.close()
    until(lambda: members[0].fetch([0], epoch=0).error == 0, "room for another")


def test_wrong_acknowledgements(member, where, unique):
    one = member("a")
    send(where, unique, 4)
    assert one.fetch([0], wait_ms=10_000).acquired == [(0, 3, 1)]
    for said in (
        [(1, 0, [ACCEPT])], [(0, 0, [])], [(0, 3, [ACCEPT] * 3)], [(0, 0, [9])],
        [(0, 1, [ACCEPT]), (1, 2, [ACCEPT])], [(-5, 0, [ACCEPT])], [(0, 2**63 - 1, [ACCEPT])],
    ):
        answer = one.acknowledge({0: said})
        assert answer.error == 0 and answer.partitions[0].acknowledge_error == INVALID_REQUEST
    assert one.acknowledge({4: [(0, 0, [1])]}).partitions[4].acknowledge_error == UNKNOWN_PLACE
    assert one.fetch([0], mode=2).error == INVALID_REQUEST
    stranger = member("b", joins=False)
    stranger.topic = b"\7" * 16
    assert stranger.fetch([0]).partitions[0].error == UNKNOWN_TOPIC_ID
    assert stranger.heartbeat(5)[0] == UNKNOWN_MEMBER
    assert stranger.heartbeat(0)[0] == INVALID_REQUEST


def test_offsets_are_altered_and_deleted(member, where, unique):
    one = member("a")
    send(where, unique, 8)
    assert one.fetch([0], wait_ms=10_000).acquired == [(0, 7, 1)]
    assert one.acknowledge({0: [(0, 7, [ACCEPT])]}).partitions[0].acknowledge_error == 0
    assert one.alter_offsets(unique, {0: 2})[0] == NOT_EMPTY
    assert one.delete_offsets(unique)[0] == NOT_EMPTY
    assert one.heartbeat(-1)[:2] == (0, -1)
    assert one.alter_offsets(unique, {0: 2, 3: 1}) == (0, {0: 0, 3: UNKNOWN_PLACE})
    assert one.describe_offsets(unique, [0])[1] == {0: (2, 6, 0)}
    assert one.heartbeat(0, [unique])[0] == 0
    one.epoch = 0
    assert one.fetch([0], wait_ms=10_000).acquired == [(2, 7, 1)]
    assert one.heartbeat(-1)[0] == 0
    assert one.delete_offsets(unique) == (0, [0])
    assert one.delete_offsets("nothing")[0] == NOT_FOUND
    nobody = ShareWire(one.wire, "nobody", "m")
    assert nobody.describe_offsets(unique, [0]) == (NOT_FOUND, {})
    # One that is not there is made.
    assert nobody.alter_offsets(unique, {0: 5}) == (0, {0: 0})
    assert nobody.describe_offsets(None, [])[1] == {0: (5, 3, 0)}


def test_groups_are_listed_described_and_deleted(member, where, unique):
    one, other = member("a"), member("b")
    error, state, assignor, members = one.describe()
    assert (error, state, assignor) == (0, "Stable", "simple")
    assert members == {"a": [0], "b": [0]}
    admin = KafkaAdminClient(bootstrap_servers=where)
    listed = admin.list_groups(types_filter=["share"])
    assert [each["group_id"] for each in listed] == [unique]
    assert listed[0]["group_type"] == "share" and listed[0]["group_state"] == "Stable"
    assert admin.list_groups(types_filter=["consumer", "classic"]) == []
    librdkafka = AdminClient({"bootstrap.servers": where})
    with pytest.raises(Exception, match="NON_EMPTY_GROUP|not empty"):
        librdkafka.delete_consumer_groups([unique])[unique].result(PATIENCE)
    for each in (one, other):
        assert each.heartbeat(-1)[0] == 0
    assert one.describe()[1:] == ("Empty", "simple", {})
    librdkafka.delete_consumer_groups([unique])[unique].result(PATIENCE)
    assert one.describe()[0] == NOT_FOUND
    admin.close()


def test_who_coordinates(member, where, unique):
    one = member("a")
    key = f"{unique}:AAAAAAAAAAAAAAAAAAAAAA:0"
    for version, error in ((5, INVALID_REQUEST), (6, 0)):
        one.wire.send(10, version, b"\2" + array([text(key)]) + b"\0", flexible=True)
        answer = Reader(one.wire.answer())
        answer.tags()
        answer.number("i")
        assert answer.unsigned() == 2 and answer.text() == key
        answer.number("i")
        answer.text()
        answer.number("i")
        assert answer.number("h") == error


def test_names_have_a_length(member, unique):
    one = member("a")
    wrong = ShareWire(one.wire, unique, "m" * 37)
    assert wrong.heartbeat(0, [unique])[0] == INVALID_REQUEST
    assert wrong.fetch([0]).error == INVALID_REQUEST
    wrong = ShareWire(one.wire, "g" * 1_025, "m")
    assert wrong.heartbeat(0, [unique])[0] == INVALID_REQUEST
    assert wrong.alter_offsets(unique, {0: 0})[0] == INVALID_REQUEST


def test_positions_are_for_other_groups(member, where, unique):
    member("a")
    consumer = Consumer({"bootstrap.servers": where, "group.id": unique})
    with pytest.raises(KafkaException) as caught:
        consumer.commit(offsets=[Place(unique, 0, 1)], asynchronous=False)
    assert caught.value.args[0].code() == NOT_FOUND
    consumer.close()


def test_settings_of_a_group(member, where, unique):
    librdkafka = AdminClient({"bootstrap.servers": where})
    resource = ConfigResource(ResourceType.GROUP, unique)
    found = next(iter(librdkafka.describe_configs([resource]).values())).result(PATIENCE)
    assert found["share.auto.offset.reset"].value == "earliest"
    assert found["share.delivery.count.limit"].value == "5"
    assert found["share.delivery.count.limit"].is_default
    for name, value in [("share.isolation.level", "dirty"), ("share.nonsense", "1")]:
        with pytest.raises(Exception, match="INVALID_CONFIG|nvalid|nknown"):
            configure_group(where, unique, **{name: value})


def test_groups_of_different_kinds_do_not_mix(member, where, unique):
    member("a")
    for protocol in ("classic", "consumer"):
        consumer = Consumer(
            {
                "bootstrap.servers": where, "group.id": unique, "group.protocol": protocol,
                "log_level": 0,
            }
        )
        consumer.subscribe([unique])

        def refused(consumer=consumer) -> bool:
            message = consumer.poll(0.2)
            return message is not None and message.error() is not None

        until(refused, "a refusal")
        consumer.close()
    consumer = Consumer({"bootstrap.servers": where, "group.id": f"{unique}-other"})
    consumer.subscribe([unique])
    until(lambda: consumer.poll(0.2) is None and consumer.assignment(), "a classic group")
    assert member("a", joins=False).heartbeat(0, [unique])[0] in (0, INVALID_REQUEST)
    wrong = member("b", joins=False)
    wrong.group = f"{unique}-other"
    assert wrong.heartbeat(0, [unique])[0] == NOT_FOUND
    consumer.close()


def test_who_may_not_read_a_topic(broker, unique):
    users = [User("ann", "a"), User("bob", "b", permissions=Permissions((), subscribe_allow=()))]
    where = address(broker("kafka", users=users, godwit={"kafka": RULES}))
    sasl = {
        "bootstrap.servers": where, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
    }
    admin = AdminClient(sasl | {"sasl.username": "ann", "sasl.password": "a"})
    admin.create_topics([NewTopic(unique, 1, 1)])[unique].result(PATIENCE)
    consumer = ShareConsumer(
        sasl | {"sasl.username": "bob", "sasl.password": "b", "group.id": unique, "log_level": 0}
    )
    consumer.subscribe([unique])
    codes: list[str] = []

    def attempt() -> bool:
        try:
            codes.extend(each.error().name() for each in consumer.poll(0.5) if each.error())
        except Exception as error:  # noqa: BLE001 - a preview: it raises what it is told
            codes.append(str(error))
        return bool(codes)

    until(attempt, "a refusal")
    assert "TOPIC_AUTHORIZATION_FAILED" in codes[0]
    consumer.close()
