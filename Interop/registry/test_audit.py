"""Who has changed what in the registry."""

from __future__ import annotations

import base64
import json
import urllib.request

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from godwit_rig.kafka_peer import PATIENCE, PROMPT

pytestmark = pytest.mark.godwit_only

LOGIN = {"user": "ops", "password": "pw"}
ONE = Schema('{"type": "record", "name": "r", "fields": []}', "AVRO")


def entries(server) -> list[dict]:
    request = urllib.request.Request(server.url("admin") + "/api/audit")
    code = base64.b64encode(b"ops:pw").decode()
    request.add_header("Authorization", f"Basic {code}")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())["entries"][::-1]


def test_changes_are_written_down(broker):
    server = broker("kafka", godwit={**PROMPT, "admin": {"schema_registry": True, **LOGIN}})
    client = SchemaRegistryClient(
        {
            "url": server.url("admin"), "basic.auth.user.info": "ops:pw", "cache.capacity": 1,
            "max.retries": 0,
        }
    )
    number = client.register_schema("a b/c", ONE)
    # Nothing is changed by what is there, by a question, or by what is refused.
    assert client.register_schema("a b/c", ONE) == number
    client.lookup_schema("a b/c", ONE)
    client.get_latest_version("a b/c")
    with pytest.raises(SchemaRegistryError):
        client.register_schema("a b/c", Schema('{"type": "wrong"}', "AVRO"))
    client.set_compatibility("a b/c", "FULL")
    client.set_compatibility(level="NONE")
    client.delete_subject("a b/c")
    client.delete_subject("a b/c", permanent=True)

    found = entries(server)
    assert [each["action"].lower().split("?")[0] for each in found] == [
        "post /subjects/a%20b%2fc/versions", "put /config/a%20b%2fc", "put /config",
        "delete /subjects/a%20b%2fc", "delete /subjects/a%20b%2fc",
    ]
    assert {(each["who"], each["from"], each["status"]) for each in found} == {
        ("ops", "127.0.0.1", 200)
    }
    assert found[0]["result"]["id"] == number
    assert found[1]["result"] == {"compatibility": "FULL"}
    assert "permanent=true" in found[4]["action"].lower()
