"""Records with schemas over Kafka: stock serializers write them, stock deserializers read them."""

from __future__ import annotations

import itertools
import json

import pytest
from confluent_kafka.schema_registry import (
    Schema, SchemaReference, SchemaRegistryClient, topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from godwit_rig.kafka_peer import Confluent

pytestmark = pytest.mark.godwit_only

ONE = {
    "type": "record", "name": "Reading", "namespace": "sensors",
    "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "celsius", "type": "double"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["IN", "OUT"]}},
    ],
}
TWO = {
    **ONE,
    "fields": [*ONE["fields"], {"name": "room", "type": ["null", "string"], "default": None}],
}


readers = itertools.count()


def by_topic(context: SerializationContext, name: str | None, *more: object) -> str | None:
    return topic_subject_name_strategy(context, name)


def send(where: str, topic: str, serializer, values: list) -> None:
    context = SerializationContext(topic, MessageField.VALUE)
    Confluent(where).send(topic, [{"value": serializer(value, context)} for value in values])


def read(where: str, topic: str, count: int, deserializer) -> list:
    context = SerializationContext(topic, MessageField.VALUE)
    group = {"group.id": f"{topic}-{next(readers)}"}
    messages = Confluent(where).read(topic, count, **group)
    return [deserializer(message.value(), context) for message in messages]


def test_avro_records_are_read_with_the_schema_they_were_written_with(
    client: SchemaRegistryClient, where: str, unique: str
) -> None:
    strategy = {"subject.name.strategy": by_topic}
    old = {"at": 1_700_000_000_000, "celsius": 21.5, "kind": "IN"}
    new = {**old, "room": "kitchen"}
    send(where, unique, AvroSerializer(client, json.dumps(ONE), conf=strategy), [old, old])
    send(where, unique, AvroSerializer(client, json.dumps(TWO), conf=strategy), [new])
    assert client.get_versions(f"{unique}-value") == [1, 2]
    found = read(where, unique, 3, AvroDeserializer(client, json.dumps(TWO), conf=strategy))
    assert [each["room"] for each in found] == [None, None, "kitchen"]
    assert all(each["celsius"] == 21.5 and each["kind"] == "IN" for each in found)
    # A reader of the first schema does not see what it does not know.
    found = read(where, unique, 3, AvroDeserializer(client, json.dumps(ONE), conf=strategy))
    assert all(set(each) == {"at", "celsius", "kind"} for each in found)


def test_avro_schemas_refer_to_each_other(
    client: SchemaRegistryClient, where: str, unique: str
) -> None:
    place = {"type": "record", "name": "Place", "namespace": "n", "fields": [
        {"name": "room", "type": "string"}]}
    client.register_schema(f"{unique}-place", Schema(json.dumps(place), "AVRO"))
    visit = {"type": "record", "name": "Visit", "namespace": "n", "fields": [
        {"name": "to", "type": "n.Place"}, {"name": "from", "type": ["null", "Place"]}]}
    schema = Schema(
        json.dumps(visit), "AVRO", [SchemaReference("n.Place", f"{unique}-place", 1)])
    strategy = {"subject.name.strategy": by_topic}
    value = {"to": {"room": "kitchen"}, "from": {"room": "hall"}}
    send(where, unique, AvroSerializer(client, schema, conf=strategy), [value])
    assert read(where, unique, 1, AvroDeserializer(client, conf=strategy)) == [value]
    number = client.get_latest_version(f"{unique}-value").schema_id
    assert client.get_referenced_by(f"{unique}-place", 1) == [number]


def json_schema(**properties: dict) -> str:
    return json.dumps(
        {
            "$schema": "http://json-schema.org/draft-07/schema#", "title": "Reading",
            "type": "object", "properties": properties, "additionalProperties": False,
        }
    )


def test_json_records_have_schemas(client: SchemaRegistryClient, where: str, unique: str) -> None:
    strategy = {"subject.name.strategy": by_topic}
    one = json_schema(celsius={"type": "integer"})
    two = json_schema(celsius={"type": "number"}, room={"type": "string"})
    send(where, unique, JSONSerializer(one, client, conf=strategy), [{"celsius": 21}])
    send(where, unique, JSONSerializer(two, client, conf=strategy), [{"celsius": 2.5, "room": "x"}])
    assert client.get_versions(f"{unique}-value") == [1, 2]
    deserializer = JSONDeserializer(None, schema_registry_client=client, conf=strategy)
    assert read(where, unique, 2, deserializer) == [{"celsius": 21}, {"celsius": 2.5, "room": "x"}]
    with pytest.raises(SchemaRegistryError) as caught:
        client.register_schema(f"{unique}-value", Schema(one, "JSON"))
        client.register_schema(f"{unique}-value", Schema(json_schema(), "JSON"))
    assert caught.value.http_status_code == 409


def test_json_schemas_refer_to_each_other(
    client: SchemaRegistryClient, where: str, unique: str
) -> None:
    name = "http://example.org/place.json"
    place = {"$id": name, "type": "object", "properties": {"room": {"type": "string"}}}
    client.register_schema(f"{unique}-place", Schema(json.dumps(place), "JSON"))
    visit = {"title": "Visit", "type": "object", "properties": {"to": {"$ref": name}}}
    schema = Schema(
        json.dumps(visit), "JSON", [SchemaReference(name, f"{unique}-place", 1)])
    strategy = {"subject.name.strategy": by_topic}
    value = {"to": {"room": "kitchen"}}
    send(where, unique, JSONSerializer(schema, client, conf=strategy), [value])
    deserializer = JSONDeserializer(None, schema_registry_client=client, conf=strategy)
    assert read(where, unique, 1, deserializer) == [value]
