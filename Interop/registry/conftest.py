"""A broker that is a schema registry, too, and one that can die and come again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from godwit_rig.brokers import Broker, BrokerPool
from godwit_rig.kafka_peer import PROMPT, address
from godwit_rig.settings import server_config

REGISTRY = {"admin": {"schema_registry": True}}


@pytest.fixture
def server(broker):
    return broker("kafka", godwit={**PROMPT, **REGISTRY})


@pytest.fixture
def where(server) -> str:
    return address(server)


@pytest.fixture
def client(server) -> SchemaRegistryClient:
    return client_of(server)


def client_of(server: Broker, **settings: object) -> SchemaRegistryClient:
    """A client that remembers nothing, and does not try again what was refused."""
    return SchemaRegistryClient(
        {"url": server.url("admin"), "cache.capacity": 1, "max.retries": 0, **settings}
    )


class DurableRegistry:
    """One data folder, and the process that has it."""

    def __init__(self, pool: BrokerPool, folder: Path, sync: str) -> None:
        self.pool = pool
        self.folder = folder
        self.sync = sync
        self.broker: Broker | None = None
        self.start()

    def start(self) -> SchemaRegistryClient:
        settings = server_config(godwit={**REGISTRY, "storage": {"sync": self.sync}})
        self.broker = self.pool.start_godwit(settings, ("kafka",), ("--data", str(self.folder)))
        return self.client()

    def client(self) -> SchemaRegistryClient:
        return client_of(self.broker)

    def kill(self) -> None:
        """``kill -9``."""
        self.broker.kill()

    def restart(self) -> SchemaRegistryClient:
        self.kill()
        return self.start()

    def stop(self) -> None:
        self.broker.stop()


@pytest.fixture
def durable(broker_pool: BrokerPool, tmp_path: Path) -> Iterator[Callable[[str], DurableRegistry]]:
    """``durable("always")``: a registry with a data folder."""
    made: list[DurableRegistry] = []

    def make(sync: str) -> DurableRegistry:
        made.append(DurableRegistry(broker_pool, tmp_path / f"data{len(made)}", sync))
        return made[-1]

    yield make
    for each in made:
        if each.broker.process.poll() is None:
            each.stop()
