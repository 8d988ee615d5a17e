"""What the registry has answered is there after ``kill -9``, and no id is given twice."""

from __future__ import annotations

import json
import threading

import pytest
from confluent_kafka.schema_registry import Schema

pytestmark = pytest.mark.godwit_only

ROUNDS = 3
WRITERS = 4


def schema(name: str) -> Schema:
    return Schema(json.dumps({"type": "fixed", "name": name, "size": 8}), "AVRO")


@pytest.mark.parametrize("sync", ["always", "interval"])
def test_ids_survive_a_kill_in_the_middle_of_it(durable, sync: str) -> None:
    registry = durable(sync)
    answered: dict[int, str] = {}
    for round_number in range(ROUNDS):
        enough = threading.Barrier(WRITERS + 1)

        def write(writer: int, round_number: int = round_number) -> None:
            client = registry.client()
            for number in range(10_000):
                if number == 5:
                    enough.wait(60)
                name = f"R{round_number}_{writer}_{number}"
                try:
                    found = client.register_schema(f"s{writer}-{name}", schema(name))
                except Exception:  # noqa: BLE001 - the server is gone
                    return
                assert answered.setdefault(found, name) == name

        writers = [threading.Thread(target=write, args=(each,)) for each in range(WRITERS)]
        for each in writers:
            each.start()
        enough.wait(60)
        registry.kill()
        for each in writers:
            each.join()
        client = registry.start()
        for found, name in answered.items():
            assert json.loads(client.get_schema(found).schema_str)["name"] == name
    assert len(answered) >= ROUNDS * WRITERS * 5


def test_settings_and_deletions_last(durable) -> None:
    registry = durable("always")
    client = registry.client()
    client.set_compatibility(level="FULL")
    client.set_compatibility("s", "NONE")
    client.register_schema("s", schema("A"))
    last = client.register_schema("s", schema("B"))
    client.delete_version("s", 1)
    client.register_schema("t", schema("C"))
    client.delete_subject("t")
    client.delete_subject("t", permanent=True)
    client = registry.restart()
    assert client.get_compatibility() == "FULL"
    assert client.get_compatibility("s") == "NONE"
    assert client.get_versions("s") == [2]
    assert client.get_versions("s", deleted=True) == [1, 2]
    assert client.get_subjects(deleted=True) == ["s"]
    # The id of what was deleted for good is not for others.
    assert client.register_schema("u", schema("D")) == last + 2
