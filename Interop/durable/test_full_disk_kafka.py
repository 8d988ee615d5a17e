"""A disk that is full, as Kafka's clients see it: what is refused, that it goes on when there is
room, and that a transaction is whole or not there."""

from __future__ import annotations

import struct

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from godwit_rig.kafka_peer import (
    COMMITTED,
    PATIENCE,
    Confluent,
    KafkaWire,
    address,
    batch,
    contents,
    produce_request,
    until,
)

TOPIC = "ledger"
STORAGE_ERROR = 56
COORDINATOR_NOT_AVAILABLE = 15
CONCURRENT_TRANSACTIONS = 51
BODY = b"x" * 4096


@pytest.fixture
def broker(small_disk, durable):
    broker = durable(folder=small_disk.folder / "data", sync="always", segment_bytes_max=1 << 20)
    admin = AdminClient({"bootstrap.servers": address(broker.broker)})
    admin.create_topics([NewTopic(TOPIC, 3, 1)])[TOPIC].result(PATIENCE)
    return broker


def transactional(broker) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": address(broker.broker), "transactional.id": "teller",
            "linger.ms": 0, "log_level": 0, "retry.backoff.ms": 20,
            "retry.backoff.max.ms": 50,
        }
    )
    producer.init_transactions(PATIENCE)
    return producer


def say(producer: Producer, number: int) -> None:
    for partition in range(3):
        producer.produce(TOPIC, b"%d " % number + BODY, partition=partition)


def found(broker) -> list[list[int]]:
    """What readers of what is committed see, by partition."""
    where = address(broker.broker)
    return [
        [int(each.split()[0]) for each in contents(where, TOPIC, COMMITTED, partition)]
        for partition in range(3)
    ]


def refusal_of(step, seconds: float) -> str | None:
    """What a producer may do where a step of its transaction was refused."""
    try:
        step(seconds)
    except KafkaException as error:
        if error.args[0].txn_requires_abort():
            return "abort"
        assert error.args[0].retriable(), error
        return "again"
    return None


@pytest.mark.parametrize("commits", [True, False])
def test_a_transaction_that_does_not_fit_waits_for_room(broker, small_disk, commits):
    producer = transactional(broker)
    producer.begin_transaction()
    say(producer, 1)
    producer.commit_transaction(PATIENCE)
    producer.begin_transaction()
    small_disk.fill()
    say(producer, 2)
    assert producer.flush(1.0) > 0, "4 KiB fit where there was no room"
    with KafkaWire(broker.broker.address("kafka")) as wire:
        assert wire.produce(produce_request(TOPIC, 0, batch([BODY])))[0] == STORAGE_ERROR
    assert found(broker) == [[1]] * 3
    small_disk.empty()
    if commits:
        producer.commit_transaction(PATIENCE)
    else:
        producer.abort_transaction(PATIENCE)
    producer.begin_transaction()
    say(producer, 3)
    producer.commit_transaction(PATIENCE)
    wanted = [1, 2, 3] if commits else [1, 3]
    assert found(broker) == [wanted] * 3
    broker.restart()
    assert found(broker) == [wanted] * 3


def position(broker, group: str = "books") -> int:
    """What was committed last; -1001 for nothing."""
    settings = {
        # Who reads only what is committed would wait for the end of what is open.
        "isolation.level": "read_uncommitted", "group.id": group, "log_level": 0,
        "bootstrap.servers": address(broker.broker),
    }
    consumer = Consumer(settings)
    try:
        return consumer.committed([Place(TOPIC, 0)], timeout=PATIENCE)[0].offset
    finally:
        consumer.close()


@pytest.mark.parametrize("kills", [False, True])
def test_small_transactions_until_nothing_fits(broker, small_disk, kills):
    """The last bytes of the blocks that files have already take some: each step of a transaction
    may be the first for which there is no room."""
    books = Consumer({"bootstrap.servers": "localhost:1", "group.id": "books", "log_level": 0})
    metadata = books.consumer_group_metadata()
    books.close()
    producer = transactional(broker)
    told: list[int] = []
    number = 0

    def write_position(seconds: float) -> None:
        producer.send_offsets_to_transaction([Place(TOPIC, 0, number)], metadata, seconds)

    while True:
        number += 1
        producer.begin_transaction()
        for partition in range(3):
            producer.produce(TOPIC, b"%d " % number, partition=partition)
        step = write_position
        if refusal := refusal_of(step, 3.0):
            break
        step = producer.commit_transaction
        if refusal := refusal_of(step, 3.0):
            break
        told.append(number)
        if number == 1:
            small_disk.fill()
        assert number < 1_000, "the disk is not full"

    # What was decided holds, but there may be no room to say so in each partition.
    for seen in found(broker):
        assert seen in (told[:-1], told, [*told, number])
    assert position(broker) >= number - 2
    if kills:
        broker.kill()
        small_disk.empty()
        broker.start()
        # Whoever comes with the same id waits for what was decided, and ends what was open.
        transactional(broker)
        seen = found(broker)
        assert seen[0] == seen[1] == seen[2], "half of a transaction"
        assert seen[0] in (told, [*told, number])
        assert position(broker) == seen[0][-1]
        producer.purge()
        return
    small_disk.empty()
    if refusal == "abort":
        producer.abort_transaction(PATIENCE)
    else:
        if step == write_position:
            write_position(PATIENCE)
        producer.commit_transaction(PATIENCE)
        told.append(number)
    for _ in range(2):
        # What was decided is written when there is room again, not in the moment that there is.
        until(lambda: found(broker) == [told] * 3, f"{told} in each partition")
        assert position(broker) == told[-1]
        broker.restart()


def test_an_end_that_cannot_be_written_is_refused(broker, small_disk):
    """As it is on the wire: with an error that has clients try again. The other one is for a
    transaction whose end was decided, and cannot be written in each partition yet."""
    with KafkaWire(broker.broker.address("kafka")) as wire:

        def ask(key: int, version: int, body: bytes, place: int) -> tuple[int, bytes]:
            wire.send(key, version, body)
            answer = wire.answer()
            return struct.unpack_from(">h", answer, place)[0], answer

        def text(value: str) -> bytes:
            return struct.pack(">h", len(value)) + value.encode()

        numbers = []
        for each in ("one", "two"):
            error, answer = ask(22, 0, text(each) + struct.pack(">i", 60_000), 4)
            assert error == 0
            numbers.append((each, *struct.unpack_from(">qh", answer, 6)))
        small_disk.fill()
        errors: list[int] = []
        # Whichever request comes first of those that write something down.
        for attempt in range(2_000):
            name, producer, epoch = numbers[attempt % 2]
            start = text(name) + struct.pack(">qh", producer, epoch)
            topics = struct.pack(">i", 1) + text(TOPIC) + struct.pack(">ii", 1, 0)
            error, _ = ask(24, 0, start + topics, 4 + 4 + 2 + len(TOPIC) + 4 + 4)
            if error == 0:
                error, _ = ask(26, 0, start + b"\1", 4)
            errors.append(error)
            if error != 0:
                break
        assert errors[-1] in (COORDINATOR_NOT_AVAILABLE, CONCURRENT_TRANSACTIONS), errors[-3:]


def test_positions_that_do_not_fit_are_refused(broker, small_disk):
    consumer = Consumer(
        {"bootstrap.servers": address(broker.broker), "group.id": "books", "log_level": 0}
    )

    def commit(number: int) -> None:
        consumer.commit(offsets=[Place(TOPIC, 0, number, "x" * 100)], asynchronous=False)

    commit(1)
    small_disk.fill()
    number = 1
    with pytest.raises(KafkaException) as refusal:
        while number < 1_000:
            number += 1
            commit(number)
    assert refusal.value.args[0].code() == COORDINATOR_NOT_AVAILABLE
    # What was refused nobody sees, and nothing that comes later brings it back.
    assert position(broker) == number - 1
    admin = AdminClient({"bootstrap.servers": address(broker.broker)})
    kept = number - 1
    with pytest.raises(KafkaException):
        for _ in range(1_000):
            # Nor does a deletion that is refused take anything away.
            admin.delete_consumer_groups(["books"])["books"].result(PATIENCE)
            kept = -1001
            commit(1)
            kept = 1
    assert position(broker) == kept
    small_disk.empty()
    consumer.commit(offsets=[Place(TOPIC, 1, 7)], asynchronous=False)
    assert position(broker) == kept
    consumer.close()
    broker.restart()
    assert position(broker) == kept


def test_a_kill_on_a_full_disk_takes_back_no_position(broker, small_disk):
    consumer = Consumer(
        {"bootstrap.servers": address(broker.broker), "group.id": "books", "log_level": 0}
    )
    small_disk.fill()
    told = -1001
    for number in range(1, 1_000):
        try:
            consumer.commit(offsets=[Place(TOPIC, 0, number, "x" * 100)], asynchronous=False)
        except KafkaException:
            break
        told = number
    broker.kill()
    small_disk.empty()
    broker.start()
    assert position(broker) in (told, told + 1)
    consumer.close()


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_members_go_on_when_there_is_room(broker, small_disk, protocol):
    where = address(broker.broker)
    sent = [b"%d" % number for number in range(9)]
    Confluent(where).send(TOPIC, [{"value": each, "partition": 0} for each in sent])
    small_disk.fill()
    settings = {
        "bootstrap.servers": where, "group.id": "late", "group.protocol": protocol,
        "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0,
    }
    consumer = Consumer(settings)
    consumer.subscribe([TOPIC])
    got: list[bytes] = []

    def read() -> bool:
        message = consumer.poll(1.0)
        if message is not None and not message.error():
            got.append(message.value())
        return len(got) == len(sent)

    # It has asked before there is room, and may even have what the last block had room for.
    read()
    small_disk.empty()
    until(read, "what was sent")
    assert got == sent
    consumer.commit(asynchronous=False)
    consumer.close()
    broker.restart()
    assert position(broker, "late") == len(sent)


def test_a_refused_change_of_acls_leaves_nothing(broker, small_disk):
    client = AdminClient({"bootstrap.servers": address(broker.broker)})
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
        AclPermissionType.ANY,
    )

    def names() -> set[str]:
        return {each.name for each in client.describe_acls(everything).result(PATIENCE)}

    def create(name: str) -> None:
        rule = AclBinding(
            ResourceType.TOPIC, name, ResourcePatternType.LITERAL, "User:eve", "*",
            AclOperation.ALL, AclPermissionType.DENY,
        )
        client.create_acls([rule])[rule].result(PATIENCE)

    # Its removal takes more room than what will be refused.
    denied = "denied" * 30
    create(denied)
    small_disk.fill()
    kept = {denied}
    with pytest.raises(KafkaException) as refusal:
        for number in range(1_000):
            create(f"r{number}")
            kept.add(f"r{number}")
    assert refusal.value.args[0].code() == STORAGE_ERROR
    refused = f"r{number}"
    with pytest.raises(KafkaException):
        client.delete_acls([everything])[everything].result(PATIENCE)
    assert names() == kept
    small_disk.empty()
    # The same again is answered, and is there for good.
    create(refused)
    kept.add(refused)
    client = AdminClient({"bootstrap.servers": address(broker.restart())})
    assert names() == kept


def until_refused(step) -> int:
    """Does a step with 0, 1, and so on, until there is no room; says which was refused."""
    for number in range(1_000):
        try:
            step(number)
        except KafkaException as error:
            assert error.args[0].code() == STORAGE_ERROR, error
            return number
    raise AssertionError("the disk is not full")


def test_refused_changes_of_topics_leave_nothing(broker, small_disk):
    client = AdminClient({"bootstrap.servers": address(broker.broker)})
    resource = ConfigResource(ResourceType.TOPIC, TOPIC)
    told = {"names": {TOPIC}, "partitions": 3, "age": "604800000"}

    def seen(client: AdminClient) -> dict:
        topics = client.list_topics(timeout=PATIENCE).topics
        settings = client.describe_configs([resource])[resource].result(PATIENCE)
        return {
            "names": set(topics), "partitions": len(topics[TOPIC].partitions),
            "age": settings["retention.ms"].value,
        }

    def create(number: int) -> None:
        name = f"t{number}"
        client.create_topics([NewTopic(name, 1, 1)])[name].result(PATIENCE)
        told["names"].add(name)

    def alter(number: int) -> None:
        age = str(10_000_000 + number)
        entry = ConfigEntry(
            "retention.ms", age, incremental_operation=AlterConfigOpType.SET)
        change = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[entry])
        client.incremental_alter_configs([change])[change].result(PATIENCE)
        told["age"] = age

    def grow(_: int) -> None:
        count = told["partitions"] + 1
        client.create_partitions([NewPartitions(TOPIC, count)])[TOPIC].result(PATIENCE)
        told["partitions"] = count

    def delete(_: int) -> None:
        name = max(told["names"] - {TOPIC}, default=TOPIC)
        client.delete_topics([name])[name].result(PATIENCE)
        told["names"].remove(name)

    told["age"] = seen(client)["age"]
    for number in range(100, 250):
        create(number)
    small_disk.fill()
    refused = f"t{until_refused(create)}"
    until_refused(alter)
    until_refused(grow)
    until_refused(delete)
    assert seen(client) == told
    wire = KafkaWire(broker.broker.address("kafka"))
    with wire:
        # Nothing is kept for what is not there.
        assert wire.produce(produce_request(refused, 0, batch([b"x"])))[0] != 0
    small_disk.empty()
    assert seen(client) == told
    client = AdminClient({"bootstrap.servers": address(broker.restart())})
    assert seen(client) == told
    alter(500)
    grow(0)
    delete(0)
    assert seen(client) == told
    client = AdminClient({"bootstrap.servers": address(broker.restart())})
    assert seen(client) == told
