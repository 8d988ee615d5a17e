"""Users that clients make (KIP-554), and the two kinds of SCRAM."""

from __future__ import annotations

import contextlib
import json

import nats
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from godwit_rig import Permissions, User
from godwit_rig.kafka_peer import PATIENCE, PROMPT, Confluent, address, read_all, send_all, until
from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion as PythonUpsertion
from kafka.errors import ClusterAuthorizationFailedError

pytestmark = pytest.mark.godwit_only

USERS = [
    User("ann", "secret"),
    User("bob", "b", permissions=Permissions(("only.>",), subscribe_allow=("only.>",))),
    User("eve", "e", tenant="other"),
]
SHA256, SHA512 = ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512


@pytest.fixture
def closed(broker):
    return broker("kafka", "nats", users=USERS, godwit=PROMPT)


def login(where: str, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> dict:
    return {
        "bootstrap.servers": where, "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password,
    }


def python(user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> dict:
    return {
        "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": mechanism,
        "sasl_plain_username": user, "sasl_plain_password": password,
    }


def admin(where: str, user: str = "ann", password: str = "secret") -> AdminClient:
    return AdminClient(login(where, user, password))


def alter(client: AdminClient, *changes) -> None:
    for future in client.alter_user_scram_credentials(list(changes)).values():
        future.result(PATIENCE)


def upsert(user: str, mechanism, password: bytes, iterations: int = 4096):
    return UserScramCredentialUpsertion(user, ScramCredentialInfo(mechanism, iterations), password)


def is_refused(settings: dict) -> bool:
    errors: list = []
    producer = Producer(settings | {"error_cb": errors.append})
    until(
        lambda: (
            producer.poll(0.2),
            [each for each in errors if each.code() == KafkaError._AUTHENTICATION],
        )[1],
        "an authentication error",
    )
    return True


def may_come(where: str, user: str, password: str, mechanism: str, topic: str) -> None:
    Confluent(where, **login(where, user, password, mechanism)).send(topic, [{"value": b"x"}])


async def test_a_user_of_the_settings_comes_by_sha_512(closed, unique):
    where = address(closed)
    may_come(where, "ann", "secret", "SCRAM-SHA-512", unique)
    send_all(where, unique, [{"value": b"x"}], **python("ann", "secret"))
    producer = AIOKafkaProducer(bootstrap_servers=where, **python("ann", "secret"))
    await producer.start()
    try:
        assert (await producer.send_and_wait(unique, b"x")).offset == 2
    finally:
        await producer.stop()
    assert is_refused(login(where, "ann", "wrong"))
    assert is_refused(login(where, "nobody", "wrong"))


@pytest.mark.parametrize(("mechanism", "kind"), [(SHA256, "256"), (SHA512, "512")])
def test_who_is_made_comes_in(closed, unique, mechanism, kind):
    where, user = address(closed), f"cas {unique}"
    alter(admin(where), upsert(user, mechanism, b"of cas", 8192))
    own = f"SCRAM-SHA-{kind}"
    other = "SCRAM-SHA-512" if kind == "256" else "SCRAM-SHA-256"
    for way in (own, "PLAIN"):
        may_come(where, user, "of cas", way, unique)
        send_all(where, unique, [{"value": b"x"}], **python(user, "of cas", way))
        assert is_refused(login(where, user, "of Cas", way))
    assert is_refused(login(where, user, "of cas", other))
    client = admin(where)
    found = client.describe_user_scram_credentials([user])[user].result(PATIENCE)
    assert [(each.mechanism, each.iterations) for each in found.scram_credential_infos] == [
        (mechanism, 8192)
    ]


def test_passwords_change_and_users_go(closed, unique):
    where, client = address(closed), admin(address(closed))
    alter(client, upsert(unique, SHA256, b"old"))
    alter(client, upsert(unique, SHA512, b"other"))
    may_come(where, unique, "old", "PLAIN", unique)
    may_come(where, unique, "old", "SCRAM-SHA-256", unique)
    may_come(where, unique, "other", "SCRAM-SHA-512", unique)
    alter(client, upsert(unique, SHA256, b"new"))
    for way in ("PLAIN", "SCRAM-SHA-256"):
        assert is_refused(login(where, unique, "old", way))
        may_come(where, unique, "new", way, unique)
    alter(client, UserScramCredentialDeletion(unique, SHA256))
    assert is_refused(login(where, unique, "new", "SCRAM-SHA-256"))
    may_come(where, unique, "other", "SCRAM-SHA-512", unique)
    alter(client, UserScramCredentialDeletion(unique, SHA512))
    assert is_refused(login(where, unique, "other", "SCRAM-SHA-512"))
    with pytest.raises(KafkaException) as failure:
        alter(client, UserScramCredentialDeletion(unique, SHA512))
    assert failure.value.args[0].code() == KafkaError.RESOURCE_NOT_FOUND
    with pytest.raises(KafkaException) as failure:
        client.describe_user_scram_credentials([unique])[unique].result(PATIENCE)
    assert failure.value.args[0].code() == KafkaError.RESOURCE_NOT_FOUND


def code(attempt) -> int:
    with pytest.raises(KafkaException) as failure:
        attempt()
    return failure.value.args[0].code()


def test_who_may_not_make_users(closed, unique):
    where = address(closed)
    bob, eve = admin(where, "bob", "b"), admin(where, "eve", "e")
    denied = KafkaError.CLUSTER_AUTHORIZATION_FAILED
    assert code(lambda: alter(bob, upsert(unique, SHA256, b"x"))) == denied
    # librdkafka's own describing ends the process when it is refused.
    looking = KafkaAdminClient(bootstrap_servers=where, **python("bob", "b"))
    with pytest.raises(ClusterAuthorizationFailedError):
        looking.describe_user_scram_credentials()
    looking.close()
    # Nor who was made in this way.
    ann = admin(where)
    alter(ann, upsert(unique, SHA512, b"x"))
    made = admin(where, unique, "x")
    assert code(lambda: alter(made, upsert(f"{unique}2", SHA256, b"x"))) == denied
    # The users of the settings are the settings', and another tenant's are another tenant's.
    taken = KafkaError.POLICY_VIOLATION
    assert code(lambda: alter(ann, upsert("bob", SHA256, b"x"))) == taken
    assert code(lambda: alter(eve, upsert(unique, SHA256, b"x"))) == taken
    assert unique not in eve.describe_user_scram_credentials().result(PATIENCE)
    assert unique in ann.describe_user_scram_credentials().result(PATIENCE)
    assert code(lambda: alter(ann, upsert("x", SHA256, b"x", 100))) == (
        KafkaError.UNACCEPTABLE_CREDENTIAL
    )


def test_kafka_python_makes_users(closed, unique):
    where = address(closed)
    client = KafkaAdminClient(bootstrap_servers=where, **python("ann", "secret"))
    try:
        client.alter_user_scram_credentials(
            [PythonUpsertion(unique, "SCRAM-SHA-512", "of python")]
        )
        assert unique in json.dumps(client.describe_user_scram_credentials([unique]), default=str)
    finally:
        client.close()
    send_all(where, unique, [{"value": b"x"}], **python(unique, "of python"))
    assert len(read_all(where, unique, 1, **python(unique, "of python"))) == 1


@pytest.mark.parametrize("is_allowed", [False, True])
@pytest.mark.parametrize("mechanism", [SHA256, SHA512])
async def test_who_is_made_comes_by_other_protocols_only_if_told(
    broker, unique, is_allowed, mechanism
):
    settings = {"kafka": PROMPT["kafka"] | {"users_elsewhere": is_allowed}}
    server = broker("kafka", "nats", users=USERS, godwit=settings)
    alter(admin(address(server)), upsert(unique, mechanism, b"of cas"))
    may_come(address(server), unique, "of cas", "PLAIN", unique)

    async def connect(password: str) -> nats.NATS:
        return await nats.connect(
            server.url("nats"), user=unique, password=password, allow_reconnect=False,
            max_reconnect_attempts=0,
        )

    with contextlib.suppress(nats.errors.Error):
        await connect("wrong")
        pytest.fail("a wrong password opens")
    if is_allowed:
        client = await connect("of cas")
        await client.close()
    else:
        with contextlib.suppress(nats.errors.Error):
            await connect("of cas")
            pytest.fail("the user came by NATS")


def test_on_an_open_broker_a_user_needs_the_password_all_the_same(broker, unique):
    server = broker("kafka", fresh=True, godwit=PROMPT)
    where = address(server)
    client = AdminClient({"bootstrap.servers": where})
    alter(client, upsert(unique, SHA256, b"right"))
    may_come(where, unique, "right", "PLAIN", unique)
    may_come(where, unique, "right", "SCRAM-SHA-256", unique)
    assert is_refused(login(where, unique, "wrong", "PLAIN"))
    # Whom nobody has made is nobody in particular, as before.
    may_come(where, "somebody", "anything", "PLAIN", unique)
