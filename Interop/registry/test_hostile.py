"""Schemas that are written to hurt: each is answered in time, and the broker stands."""

from __future__ import annotations

import json
import time

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

pytestmark = pytest.mark.godwit_only

# A debug build on a slow machine; what has no bound would take hours.
DEADLINE_SECONDS = 60.0


def records(count: int, turned: bool) -> str:
    """A chain of records, each of which has the one before it."""
    chain = [
        {"type": "record", "name": f"R{each}",
         "fields": [{"name": "f", "type": f"R{each - 1}"}] if each else []}
        for each in range(count)
    ]
    fields = [{"name": "u", "type": chain}, {"name": "last", "type": f"R{count - 1}"}]
    fields[0]["name"] = "w" if turned else "u"
    fields[0]["default"] = {}
    return json.dumps({"type": "record", "name": "All", "fields": fields})


def definitions(count: int, kind: str) -> str:
    links = {
        f"l{each}": {"properties": {"p": {"$ref": f"#/definitions/l{each + 1}"}}}
        for each in range(count)
    }
    links[f"l{count}"] = {"type": kind}
    return json.dumps({"$ref": "#/definitions/l0", "definitions": links})


def exponential(kind: str) -> str:
    levels = {
        f"l{each}": {"not": {"oneOf": [
            {"$ref": f"#/definitions/l{each + 1}"}, {"not": {"$ref": f"#/definitions/l{each + 1}"}},
            {"title": kind}]}}
        for each in range(40)
    }
    levels["l40"] = {"type": kind}
    return json.dumps({"$ref": "#/definitions/l0", "definitions": levels})


def wide(first: int, count: int = 3_000) -> str:
    return json.dumps({"oneOf": [{"const": each} for each in range(first, first + count)]})


def union(prefix: str, count: int = 3_000) -> str:
    return json.dumps([{"type": "fixed", "name": f"{prefix}{each}", "size": 1}
                       for each in range(count)])


def messages(count: int, kind: str) -> str:
    return 'syntax = "proto3";' + "".join(
        f"message M{each} {{ M{max(0, each - 1)} a = 1; {kind} b = 2; }}" for each in range(count)
    )


PAIRS = {
    "avro chain": ("AVRO", records(200, False), records(200, True)),
    "avro long chain": ("AVRO", records(2_000, False), records(2_000, True)),
    "avro union": ("AVRO", union("A"), union("B")),
    "avro deep": ("AVRO", '{"type":"array","items":' * 90 + '"int"' + "}" * 90, '"int"'),
    "json chain": ("JSON", definitions(250, "string"), definitions(250, "number")),
    "json long chain": ("JSON", definitions(3_000, "string"), definitions(3_000, "number")),
    "json exponential": ("JSON", exponential("string"), exponential("number")),
    "json wide": ("JSON", wide(0), wide(3_000)),
    "json deep": ("JSON", '{"items":' * 90 + "{}" + "}" * 90, '{"type":"array"}'),
    "protobuf chain": ("PROTOBUF", messages(5_000, "int32"), messages(5_000, "string")),
    "protobuf deep": ("PROTOBUF", "message M {" * 90 + "}" * 90, "message M { }"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_comparing_ends(client: SchemaRegistryClient, server, unique: str, name: str) -> None:
    kind, one, two = PAIRS[name]
    client.register_schema(unique, Schema(one, kind))
    began = time.monotonic()
    try:
        client.register_schema(unique, Schema(two, kind))
    except SchemaRegistryError as refused:
        assert refused.error_code in (40901, 42209), refused
    assert time.monotonic() - began < DEADLINE_SECONDS
    assert unique in client.get_subjects()
    server.check_alive()


@pytest.mark.parametrize("kind", ["AVRO", "JSON", "PROTOBUF"])
@pytest.mark.parametrize("unit", ["[", '{"a":', "message M {", '{"type":"array","items":', "/*"])
def test_nesting_is_refused(
    client: SchemaRegistryClient, server, unique: str, kind: str, unit: str
) -> None:
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(unique, Schema(unit * (500_000 // len(unit)), kind))
    assert caught.value.error_code in (42201, 42209)
    server.check_alive()


LONG_NAMES = {
    "protobuf levels": ("PROTOBUF", "", 'syntax="proto3";package a' + ".a" * 50_000 + ";message M{"
                        + "".join(f"M m{each}={each};" for each in range(1, 2_000)) + "}"),
    "protobuf one level": ("PROTOBUF", "?normalize=true", 'syntax="proto3";package ' + "a" * 50_000
                           + ";message M{"
                           + "".join(f"M m{each}={each};" for each in range(1, 1_500)) + "}"),
    "protobuf outer message": ("PROTOBUF", "?normalize=true",
                               'syntax="proto3";message ' + "a" * 90_000 + "{"
                               + "".join(f"message M{each}{{}}" for each in range(9_000)) + "}"),
    "avro levels": ("AVRO", "", json.dumps({
        "type": "record", "name": "R", "namespace": "a" + ".a" * 60_000, "fields": [
            {"name": f"f{each}", "type": {"type": "fixed", "name": f"F{each}", "size": 1}}
            for each in range(5_000)]})),
}


@pytest.mark.parametrize("name", LONG_NAMES)
def test_long_names_are_refused(
    client: SchemaRegistryClient, server, unique: str, name: str
) -> None:
    """Names are written in full in many places, so a long one makes much of little."""
    kind, query, text = LONG_NAMES[name]
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(unique, Schema(text, kind), normalize_schemas="normalize" in query)
    assert caught.value.error_code == 42209
    server.check_alive()


def test_what_grows_when_it_is_normalized_is_bounded(
    client: SchemaRegistryClient, server, unique: str
) -> None:
    package = "a" * 1_000
    fields = "".join(f"M m{each}={each};" for each in range(1, 1_500))
    text = f'syntax="proto3";package {package};message M{{{fields}}}'
    client.register_schema(unique, Schema(text, "PROTOBUF"))
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(unique + "-n", Schema(text, "PROTOBUF"), normalize_schemas=True)
    assert caught.value.error_code == 42209
    server.check_alive()
