"""Quotas: set, listed and removed, and clients held back for as long as they are told."""

from __future__ import annotations

import time

import pytest
from confluent_kafka import Producer
from godwit_rig import Permissions, User
from godwit_rig.kafka_peer import PATIENCE, PROMPT, KafkaWire, address, send_all
from kafka import KafkaConsumer, TopicPartition
from kafka.protocol.admin import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)
from kafka.protocol.consumer import FetchRequest, FetchResponse

pytestmark = pytest.mark.godwit_only

SETTINGS = {"kafka": PROMPT["kafka"] | {"quota_window_seconds": 1}}
INVALID_REQUEST = 42
THROTTLING_QUOTA_EXCEEDED = 89


@pytest.fixture
def prompt(broker):
    return broker("kafka", fresh=True, godwit=SETTINGS)


def alter(
    wire: KafkaWire, entity: dict[str, str | None], rates: dict[str, float | None],
    validate: bool = False,
) -> int:
    """Sets rates, or removes those that are ``None``; the error's code."""
    entry = AlterClientQuotasRequest.EntryData
    answer = wire.ask(
        AlterClientQuotasRequest(
            version=1, validate_only=validate,
            entries=[
                entry(
                    version=1,
                    entity=[
                        entry.EntityData(version=1, entity_type=kind, entity_name=name)
                        for kind, name in entity.items()
                    ],
                    ops=[
                        entry.OpData(version=1, key=key, value=rate or 0.0, remove=rate is None)
                        for key, rate in rates.items()
                    ],
                )
            ],
        ),
        AlterClientQuotasResponse,
    )
    return answer.entries[0].error_code


def listed(wire: KafkaWire, *components: tuple[str, int, str | None], strict: bool = False):
    part = DescribeClientQuotasRequest.ComponentData
    answer = wire.ask(
        DescribeClientQuotasRequest(
            version=1, strict=strict,
            components=[
                part(version=1, entity_type=kind, match_type=way, match=name)
                for kind, way, name in components
            ],
        ),
        DescribeClientQuotasResponse,
    )
    assert answer.error_code == 0, answer
    return {
        tuple((each.entity_type, each.entity_name) for each in entry.entity): {
            each.key: each.value for each in entry.values
        }
        for entry in answer.entries
    }


def test_quotas_are_set_listed_and_removed(prompt):
    with KafkaWire(prompt.address("kafka")) as wire:
        both = {"producer_byte_rate": 1000.0, "consumer_byte_rate": 2000.0}
        assert alter(wire, {"user": "ann"}, both) == 0
        assert alter(wire, {"user": "ann", "client-id": None}, {"producer_byte_rate": 5.0}) == 0
        assert alter(wire, {"client-id": "c"}, {"producer_byte_rate": 6.0}, validate=True) == 0
        assert listed(wire) == {
            (("user", "ann"),): both,
            (("user", "ann"), ("client-id", None)): {"producer_byte_rate": 5.0},
        }
        assert list(listed(wire, ("user", 0, "ann"), strict=True)) == [(("user", "ann"),)]
        assert len(listed(wire, ("client-id", 1, None))) == 1
        assert listed(wire, ("client-id", 0, "c")) == {}
        assert alter(wire, {"user": "ann"}, {"producer_byte_rate": None}) == 0
        assert listed(wire)[(("user", "ann"),)] == {"consumer_byte_rate": 2000.0}
        assert alter(wire, {"user": "ann"}, {"consumer_byte_rate": None}) == 0
        assert len(listed(wire)) == 1
        kinds = {"request_percentage": 0.1, "controller_mutation_rate": 0.25}
        assert alter(wire, {"client-id": "d"}, kinds) == 0
        assert alter(wire, {"ip": None}, {"connection_creation_rate": 9.0}) == 0
        assert listed(wire, ("client-id", 0, "d")) == {(("client-id", "d"),): kinds}
        assert listed(wire, ("ip", 2, None)) == {
            (("ip", None),): {"connection_creation_rate": 9.0}
        }
        for entity, rates in [
            ({"user": "ann"}, {"request_percentage": 0.0}),
            ({"user": "ann"}, {"connection_creation_rate": 50.0}),
            ({"user": "ann"}, {"producer_byte_rate": 0.5}),
            ({"user": "ann"}, {"producer_byte_rate": -1.0}),
            ({"user": "ann"}, {"producer_byte_rate": float("nan")}),
            ({"ip": "127.0.0.1"}, {"producer_byte_rate": 1.0}),
            ({"ip": "127.0.0.1", "user": "ann"}, {"connection_creation_rate": 1.0}),
            ({}, {"producer_byte_rate": 1.0}),
        ]:
            assert alter(wire, entity, rates) == INVALID_REQUEST, (entity, rates)


def test_a_producer_is_held_back(prompt, unique):
    where = address(prompt)
    with KafkaWire(prompt.address("kafka")) as wire:
        assert alter(wire, {"client-id": "slow"}, {"producer_byte_rate": 30_000.0}) == 0

    def produce(client: str) -> tuple[float, list]:
        throttled: list = []
        producer = Producer(
            {
                "bootstrap.servers": where, "client.id": client, "batch.num.messages": 1,
                "throttle_cb": throttled.append,
            }
        )
        begun = time.monotonic()
        for _ in range(12):
            producer.produce(unique, b"x" * 10_000)
        assert producer.flush(PATIENCE) == 0
        return time.monotonic() - begun, throttled

    # The last request waits until all before it but a second's worth are made up for.
    seconds, throttled = produce("slow")
    assert seconds >= 2.0 and throttled and throttled[0].throttle_time > 0
    _, throttled = produce("fast")
    assert throttled == []
    with KafkaWire(prompt.address("kafka")) as wire:
        assert alter(wire, {"client-id": "slow"}, {"producer_byte_rate": None}) == 0
    _, throttled = produce("slow")
    assert throttled == []


def test_a_consumer_is_held_back(prompt, unique):
    where = address(prompt)
    send_all(where, unique, [{"value": b"x" * 1000} for _ in range(100)], batch_size=0)
    with KafkaWire(prompt.address("kafka")) as wire:
        assert alter(wire, {"user": None}, {"consumer_byte_rate": 20_000.0}) == 0
        named = FetchRequest.FetchTopic

        def fetch(offset: int):
            return wire.ask(
                FetchRequest(
                    version=11, min_bytes=1,
                    topics=[
                        named(
                            version=11, topic=unique,
                            partitions=[
                                named.FetchPartition(
                                    version=11, partition=0, fetch_offset=offset,
                                    partition_max_bytes=1 << 20,
                                )
                            ],
                        )
                    ],
                ),
                FetchResponse,
            )

        # A window's worth at once, and then nothing but the time for which to wait.
        first = fetch(0)
        assert 0 < len(first.responses[0].partitions[0].records) <= 20_000
        assert first.throttle_time_ms == 0
        begun = time.monotonic()
        second = fetch(0)
        throttle = second.throttle_time_ms
        assert second.responses == [] and second.error_code == 0 and throttle > 0
        # Whatever comes next is answered when the time is over.
        wire.send(18, 0, b"")
        wire.answer()
        assert time.monotonic() - begun >= throttle / 1000 * 0.9
    consumer = KafkaConsumer(
        bootstrap_servers=where, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        consumer.assign([TopicPartition(unique, 0)])
        found = 0
        begun = time.monotonic()
        while found < 100:
            assert time.monotonic() - begun < PATIENCE
            found += sum(len(each) for each in consumer.poll(timeout_ms=1000).values())
    finally:
        consumer.close()


def make(wire: KafkaWire, name: str, partitions: int, version: int):
    topic = CreateTopicsRequest.CreatableTopic
    return wire.ask(
        CreateTopicsRequest(
            version=version, timeout_ms=1000, validate_only=False,
            topics=[
                topic(
                    version=version, name=name, num_partitions=partitions, replication_factor=1,
                    assignments=[], configs=[],
                )
            ],
        ),
        CreateTopicsResponse,
    )


def test_changes_are_refused_or_waited_for(prompt, unique):
    with KafkaWire(prompt.address("kafka")) as wire, KafkaWire(prompt.address("kafka")) as other:
        assert alter(wire, {"user": None}, {"controller_mutation_rate": 5.0}) == 0
        # Six partitions at a rate of five: done, as nothing was before it.
        done = make(wire, f"{unique}a", 6, 6)
        assert done.topics[0].error_code == 0 and done.throttle_time_ms == 0
        refused = make(wire, f"{unique}b", 1, 6)
        assert refused.topics[0].error_code == THROTTLING_QUOTA_EXCEEDED
        assert refused.throttle_time_ms > 0
        begun = time.monotonic()
        # The connection was held back for as long as it was told: now there is room again.
        assert make(wire, f"{unique}b", 11, 6).topics[0].error_code == 0
        assert time.monotonic() - begun >= refused.throttle_time_ms / 1000 * 0.9
        # One of before KIP-599 is not refused but held back.
        held = make(other, f"{unique}c", 1, 5)
        assert held.topics[0].error_code == 0 and held.throttle_time_ms > 0


def test_the_time_of_requests_is_counted(prompt, unique):
    with KafkaWire(prompt.address("kafka")) as wire:
        assert alter(wire, {"user": None}, {"request_percentage": 0.01}) == 0
        held = [make(wire, f"{unique}{n}", 4, 6).throttle_time_ms for n in range(3)]
        assert 0 < max(held) <= 1000
        begun = time.monotonic()
        assert alter(wire, {"user": None}, {"request_percentage": None}) == 0
        assert time.monotonic() - begun >= held[-1] / 1000 * 0.9
        assert make(wire, f"{unique}z", 1, 6).throttle_time_ms == 0


def test_connections_of_an_address_are_counted(prompt):
    with KafkaWire(prompt.address("kafka")) as wire:
        assert alter(wire, {"ip": "127.0.0.1"}, {"connection_creation_rate": 2.0}) == 0
        peers = [KafkaWire(prompt.address("kafka")) for _ in range(3)]
        try:
            for peer in peers:
                peer.send(18, 0, b"")
            assert peers[0].answer() and peers[1].answer()
            # One too many: it is closed, and not at once.
            begun = time.monotonic()
            assert peers[2].is_closed() and time.monotonic() - begun > 0.2
        finally:
            for peer in peers:
                peer.socket.close()
        assert alter(wire, {"ip": "127.0.0.1"}, {"connection_creation_rate": None}) == 0
    with KafkaWire(prompt.address("kafka")) as wire:
        assert listed(wire) == {}


def test_who_may_not_change_quotas(broker):
    limited = Permissions(("low.>",), subscribe_allow=("low.>",))
    server = broker("kafka", users=[User("low", "l", permissions=limited)], godwit=SETTINGS)
    with KafkaWire(server.address("kafka")) as wire:
        wire.send(17, 1, b"\0\5PLAIN")
        wire.answer()
        wire.send(36, 0, b"\0\0\0\6\0low\0l")
        assert wire.answer()[:2] == b"\0\0"
        assert alter(wire, {"user": "low"}, {"producer_byte_rate": 1e9}) == 31
