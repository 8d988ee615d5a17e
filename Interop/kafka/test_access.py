"""Who gets in, and what they may do: SASL, TLS, certificates, permissions."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from godwit_rig import Permissions, User
from godwit_rig.kafka_peer import (
    PATIENCE,
    PROMPT,
    Confluent,
    KafkaWire,
    address,
    read_all,
    send_all,
    until,
)

pytestmark = pytest.mark.godwit_only

USERS = [
    User("ann", "secret, with = signs"),
    User("bob", "b", permissions=Permissions(("only.>",), subscribe_allow=("only.>",))),
    User("eve", "e", tenant="other"),
]
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture
def closed(broker):
    return broker("kafka", users=USERS, godwit=PROMPT)


def rdkafka(where: str, mechanism: str, user: str, password: str) -> dict:
    return {
        "bootstrap.servers": where, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password,
    }


def python(mechanism: str, user: str, password: str) -> dict:
    return {
        "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism,
        "sasl_plain_username": user, "sasl_plain_password": password,
    }


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_who_has_a_password_gets_in(closed, unique, mechanism):
    where = address(closed)
    settings = rdkafka(where, mechanism, "ann", "secret, with = signs")
    Confluent(where, **settings).send(unique, [{"value": b"from librdkafka"}])
    ours = python(mechanism, "ann", "secret, with = signs")
    send_all(where, unique, [{"value": b"from kafka-python"}], **ours)
    found = read_all(where, unique, 2, **ours)
    assert [each.value for each in found] == [b"from librdkafka", b"from kafka-python"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_aiokafka_gets_in(closed, unique, mechanism):
    producer = AIOKafkaProducer(
        bootstrap_servers=address(closed), **python(mechanism, "ann", "secret, with = signs")
    )
    await producer.start()
    try:
        assert (await producer.send_and_wait(unique, b"x")).offset == 0
    finally:
        await producer.stop()


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("nobody", "b"), ("bob", "")])
def test_who_has_none_does_not(closed, mechanism, user, password):
    errors: list = []
    settings = rdkafka(address(closed), mechanism, user, password or "\u00a0")
    producer = Producer(settings | {"error_cb": errors.append})
    until(
        lambda: (
            producer.poll(0.2),
            [each for each in errors if each.code() == KafkaError._AUTHENTICATION],
        )[1],
        "an authentication error",
    )


async def test_who_says_nothing_is_not_served(closed):
    producer = AIOKafkaProducer(bootstrap_servers=address(closed), request_timeout_ms=2000)
    with pytest.raises(KafkaConnectionError):
        try:
            await producer.start()
        finally:
            await producer.stop()


def test_a_mechanism_that_is_not_offered(closed):
    errors: list = []
    settings = rdkafka(address(closed), "OAUTHBEARER", "bob", "b") | {
        "enable.sasl.oauthbearer.unsecure.jwt": True, "sasl.oauthbearer.config": "principal=bob",
    }
    producer = Producer(settings | {"error_cb": errors.append})
    until(lambda: (producer.poll(0.2), errors)[1], "an error")
    with pytest.raises(KafkaException):
        producer.list_topics(timeout=1)


def test_permissions(closed, unique):
    where = address(closed)
    bob = rdkafka(where, "PLAIN", "bob", "b")
    ann = rdkafka(where, "PLAIN", "ann", "secret, with = signs")
    Confluent(where, **ann).send(unique, [{"value": b"x"}])
    Confluent(where, **bob).send(f"only.{unique}", [{"value": b"x"}])
    failures: list = []
    producer = Producer(bob)
    producer.produce(unique, b"y", on_delivery=lambda error, _: failures.append(error.code()))
    producer.flush(PATIENCE)
    assert failures == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    consumer = Consumer(bob | {"group.id": unique, "auto.offset.reset": "earliest"})
    consumer.subscribe([unique])
    message = until(lambda: consumer.poll(1.0), "a refusal")
    assert message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    consumer.close()
    topics = AdminClient(bob).list_topics(timeout=PATIENCE).topics
    assert f"only.{unique}" in topics and unique not in topics
    with pytest.raises(KafkaException):
        AdminClient(bob).delete_topics([unique])[unique].result(PATIENCE)


def test_tenants_do_not_meet(closed, unique):
    where = address(closed)
    ann = rdkafka(where, "PLAIN", "ann", "secret, with = signs")
    eve = rdkafka(where, "PLAIN", "eve", "e")
    Confluent(where, **ann).send(unique, [{"value": b"ann's"}])
    Confluent(where, **eve).send(unique, [{"value": b"eve's"}])
    assert [m.value() for m in Confluent(where, **eve).read(unique, 1)] == [b"eve's"]
    assert [m.value() for m in Confluent(where, **ann).read(unique, 1)] == [b"ann's"]


def test_tls(broker, certificates, unique):
    server = broker("kafka-tls", tls=True, godwit=PROMPT)
    where = address(server, "kafka-tls")
    ca = str(certificates.directory / "ca.pem")
    settings = {"security.protocol": "SSL", "ssl.ca.location": ca}
    Confluent(where, **settings).send(unique, [{"value": b"x"}])
    found = read_all(where, unique, 1, security_protocol="SSL", ssl_cafile=ca)
    assert found[0].value == b"x"


def test_mutual_tls(broker, certificates, unique):
    server = broker("kafka-tls", tls=True, verify_clients=True, godwit=PROMPT)
    where, folder = address(server, "kafka-tls"), certificates.directory
    settings = {"security.protocol": "SSL", "ssl.ca.location": str(folder / "ca.pem")}
    shown = {
        "ssl.certificate.location": str(folder / "client.pem"),
        "ssl.key.location": str(folder / "client.key"),
    }
    Confluent(where, **settings, **shown).send(unique, [{"value": b"x"}])
    errors: list = []
    stranger = Producer({"bootstrap.servers": where, **settings, "error_cb": errors.append})
    until(lambda: (stranger.poll(0.2), errors)[1], "an error")


def test_a_stranger_may_not_send_much(closed):
    """Before it has said who it is, a client is read little from."""
    with KafkaWire(closed.address("kafka")) as wire:
        wire.socket.sendall((1 << 20).to_bytes(4, "big"))
        assert wire.is_closed()


def test_a_stranger_is_asked_nothing_but_who_it_is(closed):
    with KafkaWire(closed.address("kafka")) as wire:
        wire.send(18, 0, b"")
        assert wire.answer()[:2] == b"\0\0"
        wire.send(3, 0, b"\0\0\0\0")
        assert wire.is_closed()


def test_the_time_to_say_who_one_is_ends(broker):
    server = broker(
        "kafka", users=USERS, godwit={"kafka": {"auth_timeout_seconds": 0.2}}
    )
    with KafkaWire(server.address("kafka")) as wire:
        assert wire.is_closed()


def test_an_open_broker_takes_any_password(broker, unique):
    server = broker("kafka", godwit=PROMPT)
    settings = python("PLAIN", "anybody", "anything")
    assert send_all(address(server), unique, [{"value": b"x"}], **settings)[0].offset == 0
