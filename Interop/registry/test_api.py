"""The registry's REST API, as Confluent's Python client uses it and as it is on the wire."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from registry.conftest import REGISTRY, client_of

pytestmark = pytest.mark.godwit_only

DEADLINE_SECONDS = 10.0
MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


def record(*fields: str, defaults: bool = True) -> Schema:
    described = [
        {"name": name, "type": "int", **({"default": 0} if defaults else {})} for name in fields
    ]
    return Schema(json.dumps({"type": "record", "name": "R", "fields": described}), "AVRO")


def refused(attempt, *arguments: Any, **named: Any) -> tuple[int, int]:
    with pytest.raises(SchemaRegistryError) as caught:
        attempt(*arguments, **named)
    return caught.value.http_status_code, caught.value.error_code


def ask(
    server, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=DEADLINE_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(answer.read())
    finally:
        connection.close()


def test_a_schema_has_one_id_wherever_it_is(client: SchemaRegistryClient, unique: str) -> None:
    first = client.register_schema(f"{unique}-a", record(unique))
    assert client.register_schema(f"{unique}-a", record(unique)) == first
    assert client.register_schema(f"{unique}-b", record(unique)) == first
    found = client.get_schema(first)
    assert json.loads(found.schema_str) == json.loads(record(unique).schema_str)
    assert client.get_subjects_by_schema_id(first) == [f"{unique}-a", f"{unique}-b"]
    assert {(each.subject, each.version) for each in client.get_schema_versions(first)} == {
        (f"{unique}-a", 1), (f"{unique}-b", 1),
    }
    registered = client.lookup_schema(f"{unique}-b", record(unique))
    assert (registered.schema_id, registered.version) == (first, 1)
    by_guid = client.get_schema_by_guid(registered.guid)
    assert json.loads(by_guid.schema_str) == json.loads(found.schema_str)


def test_versions_come_and_go(server, unique: str) -> None:
    client = client_of(server)
    one = client.register_schema(unique, record("a"))
    two = client.register_schema(unique, record("a", "b"))
    assert client.get_versions(unique) == [1, 2]
    assert client.get_latest_version(unique).schema_id == two
    assert client.get_version(unique, 1).schema_id == one
    assert unique in client.get_subjects()
    assert client.delete_version(unique, 1) == 1
    assert client.get_versions(unique) == [2]
    assert client.get_versions(unique, deleted=True) == [1, 2]
    client = client_of(server)
    assert refused(client.get_version, unique, 1) == (404, 40402)
    assert client.get_version(unique, 1, deleted=True).schema_id == one
    assert refused(client.delete_subject, unique, permanent=True) == (404, 40405)
    assert client.delete_subject(unique) == [2]
    assert refused(client.delete_subject, unique) == (404, 40404)
    assert refused(client_of(server).get_latest_version, unique) == (404, 40401)


def test_what_is_deleted_for_good_is_gone(server, unique: str) -> None:
    client = client_of(server)
    number = client.register_schema(unique, record(unique))
    client.delete_subject(unique)
    assert client.delete_subject(unique, permanent=True) == [1]
    client = client_of(server)
    assert unique not in client.get_subjects(deleted=True)
    assert refused(client.get_schema, number) == (404, 40403)
    assert client.register_schema(unique, record(unique)) > number


def test_incompatible_schemas_are_refused(client: SchemaRegistryClient, unique: str) -> None:
    client.register_schema(unique, record("a"))
    other = record("a", "b", defaults=False)
    assert refused(client.register_schema, unique, other) == (409, 40901)
    assert not client.test_compatibility(unique, other)
    assert client.test_compatibility(unique, record("a", "b"))
    client.set_compatibility(unique, "NONE")
    assert client.get_compatibility(unique) == "NONE"
    assert client.test_compatibility(unique, other)
    client.register_schema(unique, other)
    assert refused(client.set_compatibility, unique, "SOMEWHAT") == (422, 42203)
    assert client.get_compatibility() == "BACKWARD"


def test_a_subject_can_be_for_reading_only(client: SchemaRegistryClient, unique: str) -> None:
    client.register_schema(unique, record("a"))
    client.update_mode(unique, "READONLY")
    assert client.get_mode(unique) == "READONLY"
    assert refused(client.register_schema, unique, record("a", "b")) == (422, 42205)
    client.delete_mode(unique)
    assert client.register_schema(unique, record("a", "b")) > 0
    assert client.get_global_mode() == "READWRITE"


def test_schemas_that_are_none_are_refused(client: SchemaRegistryClient, unique: str) -> None:
    for text in ("", "{", '{"type":"record"}', '"strin"', "[" * 5_000):
        assert refused(client.register_schema, unique, Schema(text, "AVRO"))[0] == 422
    assert refused(client.register_schema, unique, Schema("x", "THRIFT")) == (422, 42201)


def test_answers_have_the_registrys_media_type_and_errors(server, unique: str) -> None:
    body = json.dumps({"schema": '"string"'})
    path = f"/subjects/{unique}%2Fvalue/versions"
    status, headers, answer = ask(server, "POST", path, body, {"Content-Type": MEDIA_TYPE})
    assert status == 200 and answer["id"] > 0
    assert headers["content-type"] == MEDIA_TYPE
    status, _, answer = ask(server, "GET", "/subjects")
    assert f"{unique}/value" in answer
    status, headers, answer = ask(server, "GET", "/subjects/nobody/versions")
    assert (status, answer["error_code"]) == (404, 40401)
    assert headers["content-type"] == MEDIA_TYPE
    accept = {"Accept": "application/json"}
    _, headers, _ = ask(server, "GET", "/schemas/types", headers=accept)
    assert headers["content-type"] == accept["Accept"]
    # A form of another site cannot register anything.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(server, "POST", path, body, form)[0] == 415
    foreign = {"Content-Type": MEDIA_TYPE, "Host": "evil.example"}
    assert ask(server, "POST", path, body, foreign)[0] == 403
    assert ask(server, "GET", "/schemas/nothing")[0] == 404
    assert ask(server, "POST", "/schemas/types", "{}", {"Content-Type": MEDIA_TYPE})[0] == 405
    # The admin server's own paths are as they were.
    assert ask(server, "GET", "/healthz")[2] == {"status": "ok"}
    assert ask(server, "POST", "/api/publish", "{}", {"Content-Type": MEDIA_TYPE})[0] == 415


def test_the_log_in_is_the_admin_servers(broker, unique: str) -> None:
    login = {"user": "op", "password": "pass:word"}
    server = broker("kafka", fresh=True, godwit={"admin": {"schema_registry": True, **login}})
    assert refused(client_of(server).get_subjects)[0] == 401
    wrong = client_of(server, **{"basic.auth.user.info": "op:other"})
    assert refused(wrong.get_subjects)[0] == 401
    right = client_of(server, **{"basic.auth.user.info": "op:pass:word"})
    assert right.register_schema(unique, record("a")) == 1
    basic = base64.b64encode(b"op:pass:word").decode()
    credentials = {"Authorization": f"Basic {basic}"}
    assert ask(server, "GET", "/subjects", headers=credentials)[2] == [unique]


def test_without_the_setting_there_is_no_registry(broker) -> None:
    server = broker("kafka", godwit={"admin": {"schema_registry": False}})
    status, _, answer = ask(server, "GET", "/subjects")
    assert status == 404 and "error_code" not in answer
    assert REGISTRY["admin"]["schema_registry"]
