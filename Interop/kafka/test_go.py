"""Sarama, as Debian ships it (1.22): requests of Kafka 2.2's time. Debian's other client in Go,
kafka-go 0.2, only has message sets of before Kafka 0.11, which no broker of today takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Producer
from godwit_rig import User
from godwit_rig.go_program import build
from godwit_rig.kafka_peer import PATIENCE, PROMPT, Confluent, address, read_all

pytestmark = pytest.mark.godwit_only

SOURCE = Path(__file__).parent / "go" / "main.go"
CODECS = ["none", "gzip", "snappy", "lz4"]
# What the program sends says that it is years old.
KEEPING = {"kafka": PROMPT["kafka"] | {"retention_ms": -1}}
ANN = ["-user", "ann", "-password", "secret, with = signs"]


@pytest.fixture
def where(broker) -> str:
    return address(broker("kafka", godwit=KEEPING))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(SOURCE, tmp_path_factory.mktemp("go"))


def run(program: str, *arguments: str) -> list[str]:
    """The lines before the last one, which must be ``ok``."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert last == "ok", done.stdout
    return lines


def value(number: int) -> bytes:
    """What the program sends."""
    return b"%d " % number * (1 + number % 50)


@pytest.mark.parametrize("codec", CODECS)
def test_what_it_writes_all_read(program, where, unique, codec):
    run(program, "-codec", codec, "both", where, unique)
    found = read_all(where, unique, 500)
    assert [each.value for each in found] == [value(number) for number in range(500)]
    assert [each.key for each in found] == [b"key %d" % number for number in range(500)]
    assert [each.timestamp for each in found] == [
        1_600_000_000_123 + 1000 * number for number in range(500)
    ]
    assert [tuple(each) for each in found[7].headers] == [("n", b"7"), ("n", None)]


@pytest.mark.parametrize("codec", [*CODECS, "zstd"])
def test_it_reads_what_librdkafka_writes(program, where, unique, codec):
    records = [{"value": b"%d" % number * 30} for number in range(300)]
    settings = {"compression.type": codec, "linger.ms": 20, "batch.num.messages": 60}
    Confluent(where, **settings).send(unique, records)
    assert run(program, "read", where, unique, "300") == [
        each["value"].decode() for each in records
    ]


def test_zstandard_is_not_for_requests_of_before_it(program, where, unique):
    """It sends Zstandard in requests of version 3; from 7 on they may have it (KIP-110)."""
    done = subprocess.run(
        [program, "-codec", "zstd", "both", where, unique],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1
    assert "does not support the compression type" in done.stderr


def test_it_reads_what_is_committed(program, where, unique):
    producer = Producer(
        {"bootstrap.servers": where, "transactional.id": unique, "linger.ms": 0}
    )
    producer.init_transactions(PATIENCE)
    for number in range(6):
        producer.begin_transaction()
        for part in range(3):
            producer.produce(unique, b"%d %d" % (number, part), partition=0)
        # What is not sent yet would never be when it is aborted.
        assert producer.flush(PATIENCE) == 0
        (producer.abort_transaction if number % 2 else producer.commit_transaction)(PATIENCE)
    kept = [f"{number} {part}" for number in (0, 2, 4) for part in range(3)]
    assert run(program, "-committed", "read", where, unique, "9") == kept
    everything = [f"{number} {part}" for number in range(6) for part in range(3)]
    assert run(program, "read", where, unique, "18") == everything


@pytest.mark.parametrize("scenario", ["idempotent", "acks", "admin"])
def test_scenario(program, where, unique, scenario):
    assert run(program, scenario, where, unique) == []


@pytest.mark.parametrize("strategy", ["range", "roundrobin"])
def test_members_share_and_take_over(program, where, unique, strategy):
    assert run(program, "group", where, unique, strategy) == []


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_sasl(broker, program, unique, mechanism):
    where = address(broker("kafka", users=[User("ann", "secret, with = signs")], godwit=KEEPING))
    run(program, "-sasl", mechanism, *ANN, "both", where, unique)
    run(program, "-sasl", mechanism, *ANN, "group", where, f"{unique}-group", "range")
    wrong = ["-user", "ann", "-password", "wrong"]
    assert run(program, "-sasl", mechanism, *wrong, "refused", where, unique)


def test_tls(broker, certificates, program, unique):
    folder = certificates.directory
    trust = ["-authority", str(folder / "ca.pem")]
    where = address(broker("kafka-tls", tls=True, godwit=KEEPING), "kafka-tls")
    run(program, *trust, "both", where, unique)
    assert run(program, "-authority", str(folder / "other-ca.pem"), "refused", where, unique)
    mutual = address(
        broker("kafka-tls", tls=True, verify_clients=True, godwit=KEEPING), "kafka-tls"
    )
    run(program, *trust, "-identity", str(folder / "client"), "both", mutual, unique)
    assert run(program, *trust, "refused", mutual, unique)
    stranger = ["-identity", str(folder / "stranger")]
    assert run(program, *trust, *stranger, "refused", mutual, unique)


def test_sasl_in_tls(broker, certificates, program, unique):
    users = [User("ann", "secret, with = signs")]
    server = broker("kafka-tls", tls=True, users=users, godwit=KEEPING)
    trust = ["-authority", str(certificates.directory / "ca.pem")]
    where = address(server, "kafka-tls")
    run(program, *trust, "-sasl", "SCRAM-SHA-256", *ANN, "both", where, unique)
