"""Protocol Buffers: what Confluent's serializers register and read, and what the schemas become."""

from __future__ import annotations

import base64

import pytest
from confluent_kafka.schema_registry import (
    Schema, SchemaReference, SchemaRegistryClient, topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from registry.conftest import client_of
from registry.test_records import read, send

pytestmark = pytest.mark.godwit_only

TEXT = """
syntax = "proto3";
package %s;
message Reading {
  double celsius = 1;
  Place place = 2;
  map<string, int64> counts = 3;
  optional string note = 4;
  oneof origin { string sensor = 5; int32 person = 6; }
  repeated Kind kinds = 7;
  message Place { string room = 1; }
  enum Kind { IN = 0; OUT = 1; }
}
"""


def by_topic(context, name, *more):
    return topic_subject_name_strategy(context, name)


def compiled(client: SchemaRegistryClient, number: int, name: str):
    """A class for the first message of a schema, from the descriptor that the registry makes."""
    text = client.get_schema(number, fmt="serialized").schema_str
    described = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
    described.name = f"{name}.proto"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(described)
    first = f"{described.package}.{described.message_type[0].name}"
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(first))


def test_what_was_registered_as_text_can_be_compiled_sent_and_read(
    server, client: SchemaRegistryClient, where: str, unique: str
) -> None:
    text = TEXT % unique
    number = client.register_schema(f"{unique}-text", Schema(text, "PROTOBUF"))
    Reading = compiled(client_of(server), number, unique)
    value = Reading(celsius=21.5, note="", sensor="x", counts={"a": 1}, kinds=[1, 0])
    value.place.room = "kitchen"
    settings = {"use.deprecated.format": False, "subject.name.strategy": by_topic}
    send(where, unique, ProtobufSerializer(Reading, client, settings), [value])
    assert client.get_versions(f"{unique}-value") == [1]
    found = client_of(server).get_latest_version(f"{unique}-value")
    assert "map<string, int64> counts = 3;" in found.schema.schema_str
    assert "optional string note = 4;" in found.schema.schema_str
    reader = ProtobufDeserializer(Reading, settings, client_of(server))
    assert read(where, unique, 1, reader) == [value]
    assert value.HasField("note") and value.WhichOneof("origin") == "sensor"


def test_text_and_descriptor_are_one_schema(
    client: SchemaRegistryClient, server, unique: str
) -> None:
    number = client.register_schema(unique, Schema(TEXT % unique, "PROTOBUF"), True)
    descriptor = client_of(server).get_schema(number, fmt="serialized").schema_str
    assert client.register_schema(f"{unique}-b", Schema(descriptor, "PROTOBUF"), True) == number
    spaced = (TEXT % unique).replace("\n", "\n\n// a comment\n")
    assert client.register_schema(unique, Schema(spaced, "PROTOBUF"), True) == number


def test_fields_are_their_numbers(client: SchemaRegistryClient, unique: str) -> None:
    text = 'syntax = "proto3"; message M { int32 a = 1; string b = 2; }'
    client.register_schema(unique, Schema(text, "PROTOBUF"))
    renamed = Schema(text.replace("int32 a", "int64 other"), "PROTOBUF")
    assert client.test_compatibility(unique, renamed)
    retyped = Schema(text.replace("int32 a", "string a"), "PROTOBUF")
    assert not client.test_compatibility(unique, retyped)
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(unique, retyped)
    assert caught.value.http_status_code == 409


def test_files_import_each_other(client: SchemaRegistryClient, server, unique: str) -> None:
    place = f'syntax = "proto3"; package {unique}; message Place {{ string room = 1; }}'
    client.register_schema(f"{unique}-place", Schema(place, "PROTOBUF"))
    visit = (
        f'syntax = "proto3"; package {unique}; import "place.proto"; '
        'import "google/protobuf/timestamp.proto"; '
        "message Visit { Place to = 1; google.protobuf.Timestamp at = 2; }"
    )
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(f"{unique}-visit", Schema(visit, "PROTOBUF"))
    assert caught.value.error_code == 42201
    references = [SchemaReference("place.proto", f"{unique}-place", 1)]
    number = client.register_schema(
        f"{unique}-visit", Schema(visit, "PROTOBUF", references))
    text = client_of(server).get_schema(number, fmt="serialized").schema_str
    described = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
    assert described.message_type[0].field[0].type_name == f".{unique}.Place"
    assert described.message_type[0].field[1].type_name == ".google.protobuf.Timestamp"
    assert client.get_referenced_by(f"{unique}-place", 1) == [number]
