"""What administrators of Kafka are told is done holds after ``kill -9``."""

from __future__ import annotations

from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from godwit_rig.kafka_peer import PATIENCE, Confluent, KafkaWire, address
from kafka.protocol.admin import (
    AlterClientQuotasRequest,
    AlterClientQuotasResponse,
    DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
)


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


def test_acls_last(durable):
    server = durable()
    client = AdminClient({"bootstrap.servers": address(server.broker)})

    def rule(name: str, user: str) -> AclBinding:
        return AclBinding(
            ResourceType.TOPIC, name, ResourcePatternType.PREFIXED, user, "*",
            AclOperation.ALL, AclPermissionType.ALLOW,
        )

    def everything() -> AclBindingFilter:
        return AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
            AclPermissionType.ANY,
        )

    rules = [rule("a", "User:ann"), rule("b", "User:ANONYMOUS"), rule("gone", "User:ann")]
    for future in client.create_acls(rules).values():
        future.result(PATIENCE)
    gone = AclBindingFilter(
        ResourceType.TOPIC, "gone", ResourcePatternType.ANY, None, None, AclOperation.ANY,
        AclPermissionType.ANY,
    )
    for future in client.delete_acls([gone]).values():
        assert len(future.result(PATIENCE)) == 1
    where = address(server.restart())
    client = AdminClient({"bootstrap.servers": where})
    assert len(client.describe_acls(everything()).result(PATIENCE)) == 2
    codes: dict[str, int | None] = {}
    producer = Producer({"bootstrap.servers": where})
    for topic in ("b", "gone"):
        producer.produce(topic, b"x", on_delivery=lambda error, m: codes.update({m.topic(): error}))
    assert producer.flush(PATIENCE) == 0 and codes == {"b": None, "gone": None}
    producer.produce("a", b"x", on_delivery=lambda error, m: codes.update({m.topic(): error}))
    assert producer.flush(PATIENCE) == 0
    assert codes["a"].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_quotas_last(durable):
    server = durable()
    entry = AlterClientQuotasRequest.EntryData

    def change(
        wire: KafkaWire, user: str, rate: float | None, key: str = "producer_byte_rate"
    ) -> None:
        answer = wire.ask(
            AlterClientQuotasRequest(
                version=1,
                entries=[
                    entry(
                        version=1,
                        entity=[
                            entry.EntityData(version=1, entity_type="user", entity_name=user)
                        ],
                        ops=[
                            entry.OpData(
                                version=1, key=key, value=rate or 0.0,
                                remove=rate is None,
                            )
                        ],
                    )
                ],
            ),
            AlterClientQuotasResponse,
        )
        assert answer.entries[0].error_code == 0

    with KafkaWire(server.broker.address("kafka")) as wire:
        change(wire, "ann", 7.0)
        change(wire, "ann", 0.1, "request_percentage")
        change(wire, "gone", 8.0)
        change(wire, "gone", None)
    with KafkaWire(server.restart().address("kafka")) as wire:
        answer = wire.ask(
            DescribeClientQuotasRequest(version=1, components=[]), DescribeClientQuotasResponse
        )
    found = [
        (each.entity[0].entity_name, {value.key: value.value for value in each.values})
        for each in answer.entries
    ]
    assert found == [("ann", {"producer_byte_rate": 7.0, "request_percentage": 0.1})]


def test_damaged_acls_deny_everything(durable):
    server = durable()
    client = AdminClient({"bootstrap.servers": address(server.broker)})
    rule = AclBinding(
        ResourceType.TOPIC, "secret", ResourcePatternType.LITERAL, "User:ANONYMOUS", "*",
        AclOperation.WRITE, AclPermissionType.DENY,
    )
    client.create_acls([rule])[rule].result(PATIENCE)
    server.kill()
    (journal,) = server.folder.glob("**/kafka%2Eacls.journal")
    journal.write_bytes(journal.read_bytes().replace(b"secret", b"sEcret"))

    def write(where: str) -> int | None:
        errors = []
        producer = Producer({"bootstrap.servers": where, "enable.idempotence": False})
        producer.produce("t", b"x", on_delivery=lambda error, _: errors.append(error))
        assert producer.flush(PATIENCE) == 0
        return errors[0].code() if errors[0] else None

    # Once what was damaged is cut off, too.
    assert write(address(server.start())) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert write(address(server.restart())) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    server.kill()
    journal.unlink()
    assert write(address(server.start())) is None
