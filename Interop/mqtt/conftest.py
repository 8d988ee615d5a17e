"""Fixtures of the MQTT suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from godwit_rig import Broker
from mqtt.client import Client, TCPTransport
from mqtt.settings import mqtt_server
from mqtt.wire import ALL_VERSIONS, V31, V311, V5

_NAMES = {V31: "3.1", V311: "3.1.1", V5: "5.0"}


class Bench:
    """Opens connections to one server and drops them when the test ends."""

    def __init__(self, broker: Callable[..., Broker], server: Broker, prefix: str):
        self._broker, self.server, self._prefix = broker, server, prefix
        self._open: list[Client] = []
        self._others: list[Bench] = []

    def client_id(self, name: str) -> str:
        """A client identifier that no other test uses."""
        return f"{self._prefix}-{name}"

    def open(self, version: int = V5) -> Client:
        """A connection on which nothing has been sent."""
        return self.adopt(Client(TCPTransport(self.server.address("mqtt")), version))

    def adopt(self, client: Client) -> Client:
        self._open.append(client)
        return client

    def connect(self, name: str | None = None, version: int = V5, **arguments) -> Client:
        """A connected client; `name` is made unique, without one the client is anonymous."""
        client = self.open(version)
        if name is None:
            name = f"anonymous{len(self._open)}"
        client.connect(self.client_id(name), **arguments)
        return client

    def elsewhere(self, *listeners: str, **features: Any) -> Bench:
        """The same for a server with other settings, see `mqtt_server`."""
        fresh = features.pop("fresh", False)
        server = self._broker(*(listeners or ("mqtt",)), fresh=fresh, **mqtt_server(**features))
        other = Bench(self._broker, server, self._prefix)
        self._others.append(other)
        return other

    def close(self) -> None:
        for client in self._open:
            client.close()
        for other in self._others:
            other.close()


@pytest.fixture
def mqtt(broker: Callable[..., Broker], unique: str) -> Iterator[Bench]:
    """The server with the settings it has by itself."""
    bench = Bench(broker, broker("mqtt", **mqtt_server()), unique)
    yield bench
    bench.close()


@pytest.fixture(params=ALL_VERSIONS, ids=[_NAMES[v] for v in ALL_VERSIONS])
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=(V31, V311), ids=["3.1", "3.1.1"])
def old_version(request: pytest.FixtureRequest) -> int:
    return request.param
