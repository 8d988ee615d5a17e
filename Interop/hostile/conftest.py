"""An attacked server, and the innocent client that must not notice."""

from __future__ import annotations

import itertools
import resource
import time
from collections.abc import Iterator

import pytest
from godwit_rig import Broker, NATSWire, Wire

from hostile import frames

MIB = 1024 * 1024
_numbers = itertools.count(1)


class Innocent:
    """A well-behaved pair of publisher and subscriber on one connection."""

    def __init__(self, server: Broker, protocol: str) -> None:
        self.protocol = protocol
        self.topic = f"innocent{next(_numbers)}"
        self.count = 0
        if protocol == "nats":
            self.nats = NATSWire(server.address("nats")).connect()
            self.nats.seconds = 30
            self.nats.subscribe(self.topic)
        else:
            self.mqtt = Wire(server.address("mqtt"), seconds=30)
            self.mqtt.send(frames.connect(self.topic) + frames.subscribe(self.topic))
            assert self.mqtt.read_exactly(4) == b"\x20\x02\x00\x00"
            assert self.mqtt.read_exactly(5) == b"\x90\x03\x00\x01\x00"

    def works(self, seconds: float = 10) -> float:
        """Publishes and gets it back, within ``seconds``; says how long it took."""
        started = time.monotonic()
        self.count += 1
        payload = b"%08d" % self.count
        if self.protocol == "nats":
            self.nats.publish(self.topic, payload)
            assert self.nats.delivery(seconds).payload == payload
        else:
            wanted = frames.publish(self.topic, payload)
            self.mqtt.send(wanted)
            assert self.mqtt.read_exactly(len(wanted), seconds) == wanted
        took = time.monotonic() - started
        assert took < seconds, f"{took} s"
        return took

    def close(self) -> None:
        (self.nats if self.protocol == "nats" else self.mqtt).close()


class Attack:
    """One protocol of a running server under attack."""

    def __init__(self, server: Broker, protocol: str) -> None:
        self.server = server
        self.protocol = protocol
        self.address = server.address(protocol)
        self.innocent = Innocent(server, protocol)
        self.before = server.resident_bytes()
        self.open: list[Wire] = []

    def connection(self, **options) -> Wire:
        """A bare connection that the end of the test closes."""
        wire = Wire(self.address, **options)
        self.open.append(wire)
        return wire

    def greeted(self, **options) -> Wire:
        """A connection that is through the protocol's greeting."""
        wire = self.connection(**options)
        if self.protocol == "nats":
            wire.send(b'CONNECT {"verbose":false}\r\nPING\r\n')
            wire.read_until(b"PONG\r\n")
        else:
            wire.send(frames.connect(f"attacker{next(_numbers)}"))
            assert wire.read_exactly(4) == b"\x20\x02\x00\x00"
        return wire

    def publish(self, topic: str, payload: bytes) -> bytes:
        if self.protocol == "nats":
            return f"PUB {topic} {len(payload)}\r\n".encode() + payload + b"\r\n"
        return frames.publish(topic.replace(".", "/"), payload)

    def subscribe(self, topic: str, number: int) -> bytes:
        if self.protocol == "nats":
            return f"SUB {topic} {number}\r\n".encode()
        return frames.subscribe(topic.replace(".", "/"), number % 65_535 + 1)

    def barrier(self, wire: Wire, seconds: float = 60) -> None:
        """The server has handled what this connection sent, and more than it answered waits."""
        ask, answer = (
            (b"PING\r\n", b"PONG\r\n")
            if self.protocol == "nats"
            else (frames.PINGREQ, frames.PINGRESP)
        )
        wire.send(ask)
        wire.read_until(answer, seconds)

    def close_all(self) -> None:
        for wire in self.open:
            wire.close()
        self.open.clear()

    def grown(self) -> float:
        """How much memory the server has gained since the start, in MiB."""
        return (self.server.resident_bytes() - self.before) / MIB

    def check(self, megabytes: float) -> None:
        """The server is up, the innocent client is served, memory is within bounds (Mosquitto
        promises none)."""
        self.server.check_alive()
        self.innocent.works()
        if self.server.kind != "mosquitto":
            assert self.grown() < megabytes, f"{self.grown():.1f} MiB"


@pytest.fixture(scope="session", autouse=True)
def many_descriptors() -> None:
    """Two thousand connections need as many descriptors here and, inherited, in the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@pytest.fixture(params=["nats", "mqtt"])
def attack(request, broker) -> Iterator[Attack]:
    """A fresh server, so that memory is counted from its start; the marker ``features`` gives it
    settings by protocol."""
    marker = request.node.get_closest_marker("features")
    features = marker.kwargs.get(request.param, {}) if marker else {}
    made = Attack(broker(request.param, fresh=True, **features), request.param)
    yield made
    made.close_all()
    made.innocent.close()
