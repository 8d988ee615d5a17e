"""Fetch sessions (KIP-227): what a client reads is remembered from one request to the next."""

from __future__ import annotations

import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, PROMPT, KafkaWire, address, send_all, until
from kafka import KafkaConsumer, TopicPartition
from kafka.protocol.consumer import FetchRequest, FetchResponse

pytestmark = pytest.mark.godwit_only

NOT_FOUND, INVALID_EPOCH = 70, 71


@pytest.fixture
def topic(where, unique) -> str:
    admin = AdminClient({"bootstrap.servers": where})
    admin.create_topics([NewTopic(unique, 3, 1)])[unique].result(PATIENCE)
    return unique


def fetch(
    wire: KafkaWire, topic: str, offsets: dict[int, int], session: int = 0, epoch: int = 0,
    forgotten: tuple[int, ...] = (), wait: int = 0,
):
    named = FetchRequest.FetchTopic
    request = FetchRequest(
        version=11, max_wait_ms=wait, min_bytes=1, session_id=session, session_epoch=epoch,
        topics=[
            named(
                version=11, topic=topic,
                partitions=[
                    named.FetchPartition(
                        version=11, partition=index, fetch_offset=offset,
                        partition_max_bytes=1 << 20,
                    )
                    for index, offset in offsets.items()
                ],
            )
        ] if offsets else [],
        forgotten_topics_data=[
            FetchRequest.ForgottenTopic(version=11, topic=topic, partitions=list(forgotten))
        ] if forgotten else [],
    )
    return wire.ask(request, FetchResponse)


def told(response) -> dict[int, int]:
    """The partitions of a response, and how many bytes of records each has."""
    assert response.error_code == 0, response
    return {
        part.partition_index: len(part.records or b"")
        for topic in response.responses for part in topic.partitions
    }


def test_only_what_has_news_is_answered(server, where, topic):
    with KafkaWire(server.address("kafka")) as wire:
        first = fetch(wire, topic, {0: 0, 1: 0, 2: 0})
        session = first.session_id
        assert session != 0 and told(first) == {0: 0, 1: 0, 2: 0}
        assert told(fetch(wire, topic, {}, session, 1)) == {}
        send_all(where, topic, [{"value": b"x", "partition": 1}])
        second = fetch(wire, topic, {}, session, 2, wait=10_000)
        assert second.session_id == session and list(told(second)) == [1] and told(second)[1] > 0
        # The client moves on, and leaves a partition.
        assert told(fetch(wire, topic, {1: 1}, session, 3, forgotten=(0,))) == {}
        send_all(where, topic, [{"value": b"x", "partition": 0}])
        send_all(where, topic, [{"value": b"x", "partition": 2}])
        assert list(told(fetch(wire, topic, {}, session, 4))) == [2]
        # It goes back to the one that it has left.
        assert sorted(told(fetch(wire, topic, {0: 0, 2: 1}, session, 5))) == [0]


def test_wrong_sessions_and_epochs_are_refused(server, topic):
    with KafkaWire(server.address("kafka")) as wire:
        session = fetch(wire, topic, {0: 0}).session_id
        assert fetch(wire, topic, {}, session, 7).error_code == INVALID_EPOCH
        assert fetch(wire, topic, {}, session ^ 1, 1).error_code == NOT_FOUND
        # A session goes on on another connection, and ends there.
        with KafkaWire(server.address("kafka")) as other:
            assert told(fetch(other, topic, {}, session, 1)) == {}
            assert told(fetch(other, topic, {0: 0}, session, -1)) == {0: 0}
        assert fetch(wire, topic, {}, session, 2).error_code == NOT_FOUND
        # Who wants none gets none.
        assert fetch(wire, topic, {0: 0}, 0, -1).session_id == 0


def test_there_are_no_more_than_are_allowed(broker, unique):
    settings = {"kafka": PROMPT["kafka"] | {"fetch_sessions_max": 1}}
    server = broker("kafka", godwit=settings)
    send_all(address(server), unique, [{"value": b"x"}])
    with KafkaWire(server.address("kafka")) as wire:
        session = fetch(wire, unique, {0: 1}).session_id
        assert session != 0
        assert fetch(wire, unique, {0: 1}).session_id == 0
        assert told(fetch(wire, unique, {}, session, 1)) == {}
        assert told(fetch(wire, unique, {0: 1}, session, -1)) == {0: 0}
        assert fetch(wire, unique, {0: 1}).session_id != 0


def test_an_unknown_topic_is_known_once_it_is_made(server, where, unique):
    with KafkaWire(server.address("kafka")) as wire:
        first = fetch(wire, unique, {0: 0})
        session = first.session_id
        assert first.responses[0].partitions[0].error_code == 3
        send_all(where, unique, [{"value": b"x"}])
        assert told(fetch(wire, unique, {}, session, 1))[0] > 0


@pytest.mark.parametrize("is_incremental", [True, False])
def test_kafka_python_reads_in_a_session(where, topic, is_incremental):
    """Partitions come, pause and go while the consumer reads."""
    consumer = KafkaConsumer(
        bootstrap_servers=where, auto_offset_reset="earliest", enable_auto_commit=False,
        enable_incremental_fetch_sessions=is_incremental, fetch_max_wait_ms=100,
    )
    places = [TopicPartition(topic, index) for index in range(3)]
    found: list[tuple[int, bytes]] = []

    def read(count: int) -> None:
        def attempt() -> bool:
            for records in consumer.poll(timeout_ms=500).values():
                found.extend((each.partition, each.value) for each in records)
            return len(found) >= count

        until(attempt, f"{count} records, have {found}")

    try:
        consumer.assign(places)
        for number in range(4):
            value = b"%d" % number
            send_all(where, topic, [{"value": value, "partition": index} for index in range(3)])
            read(3 * (number + 1))
        consumer.pause(places[0])
        send_all(where, topic, [{"value": b"a", "partition": index} for index in range(3)])
        read(14)
        assert (0, b"a") not in found
        consumer.resume(places[0])
        read(15)
        consumer.assign(places[:1])
        consumer.seek(places[0], 4)
        read(16)
        assert found[-1] == (0, b"a")
    finally:
        consumer.close()


def test_a_session_ends_with_nobody_left(server, topic):
    with KafkaWire(server.address("kafka")) as wire:
        session = fetch(wire, topic, {0: 0}).session_id
        begun = time.monotonic()
        assert told(fetch(wire, topic, {}, session, 1, wait=200)) == {}
        assert time.monotonic() - begun >= 0.15
        # Without a partition it is none, and there is nothing to wait for.
        begun = time.monotonic()
        ended = fetch(wire, topic, {}, session, 2, forgotten=(0,), wait=60_000)
        assert ended.session_id == 0 and told(ended) == {}
        assert time.monotonic() - begun < PATIENCE
        assert fetch(wire, topic, {}, session, 3).error_code == NOT_FOUND


def test_a_session_ends_with_the_connection_that_used_it_last(server, topic):
    with KafkaWire(server.address("kafka")) as other:
        with KafkaWire(server.address("kafka")) as wire:
            kept, gone = (fetch(wire, topic, {0: 0}).session_id for _ in range(2))
            assert told(fetch(other, topic, {}, kept, 1)) == {}

        def is_gone() -> bool:
            # With a wrong epoch, which changes nothing.
            return fetch(other, topic, {}, gone, 7).error_code == NOT_FOUND

        until(is_gone, "the session's end")
        assert told(fetch(other, topic, {}, kept, 2)) == {}
