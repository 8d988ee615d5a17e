"""What administrators of Kafka are told is done holds after ``kill -9``."""

from __future__ import annotations

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from godwit_rig.kafka_peer import PATIENCE, Confluent, address


def alter(client: AdminClient, *changes) -> None:
    for future in client.alter_user_scram_credentials(list(changes)).values():
        future.result(PATIENCE)


def test_users_last(durable):
    server = durable()
    client = AdminClient({"bootstrap.servers": address(server.broker)})
    ways = {"256": ScramMechanism.SCRAM_SHA_256, "512": ScramMechanism.SCRAM_SHA_512}
    for kind, mechanism in ways.items():
        info = ScramCredentialInfo(mechanism, 4096)
        alter(client, UserScramCredentialUpsertion(f"u{kind}", info, kind.encode()))
        alter(client, UserScramCredentialUpsertion(f"gone{kind}", info, b"x"))
        alter(client, UserScramCredentialDeletion(f"gone{kind}", mechanism))
    where = address(server.restart())
    for kind in ways:
        settings = {
            "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": f"SCRAM-SHA-{kind}",
            "sasl.username": f"u{kind}", "sasl.password": kind,
        }
        Confluent(where, **settings).send("t", [{"value": b"x"}])
    client = AdminClient({"bootstrap.servers": where})
    assert sorted(client.describe_user_scram_credentials().result(PATIENCE)) == ["u256", "u512"]
