"""Clients of a broker that dies in the middle of their work."""

from __future__ import annotations

import pytest

from mqtt import wire
from mqtt.client import Client, ConnectionEnded, TCPTransport
from mqtt.wire import V5, Kind, P


def open_client(durable, name: str = "", version: int = V5, **arguments) -> Client:
    client = Client(TCPTransport(durable.broker.address("mqtt")), version)
    client.connect(name, **arguments)
    return client


def lasting(durable, name: str, version: int = V5, expiry: int = 600, **arguments) -> Client:
    """A client whose session outlives its connection."""
    props = [(P.SESSION_EXPIRY, expiry)] if version == V5 else []
    return open_client(durable, name, version, clean=False, props=props, **arguments)


class Load:
    """A publisher with many messages under way, whose broker dies in the middle."""

    def __init__(self, durable, name: str, topic: str, qos: int) -> None:
        self.durable, self.name, self.topic, self.qos = durable, name, topic, qos
        self.number = 0
        self.open: dict[int, bytes] = {}
        self.received: set[int] = set()
        self.acknowledged: list[bytes] = []
        self.client = lasting(durable, name)

    def send(self) -> None:
        packet_id = next(i for i in range(1, 1000) if i not in self.open)
        self.number += 1
        body = b"%s %d " % (self.name.encode(), self.number) + b"x" * (self.number * 37 % 700)
        self.open[packet_id] = body
        self.client.send(wire.publish(self.topic, body, self.qos, packet_id))

    def answer(self, packet) -> None:
        if packet.kind == Kind.PUBREC:
            assert packet.reason < 0x80, packet
            self.received.add(packet.packet_id)
            self.client.send(wire.acknowledge(Kind.PUBREL, packet.packet_id))
            return
        assert packet.kind in (Kind.PUBACK, Kind.PUBCOMP), packet
        assert packet.kind == Kind.PUBCOMP or packet.reason < 0x80, packet
        self.received.discard(packet.packet_id)
        self.acknowledged.append(self.open.pop(packet.packet_id))

    def until_killed(self, count: int) -> None:
        """Publishes until so many more were acknowledged, and the broker is dead."""
        wanted = len(self.acknowledged) + count
        while len(self.acknowledged) < wanted:
            while len(self.open) < 64:
                self.send()
            self.answer(self.client.receive(20))
        self.durable.kill()
        with pytest.raises((ConnectionEnded, OSError)):
            while True:
                self.answer(self.client.receive(20))

    def finish(self) -> None:
        """After the restart: takes every exchange to its end, as section 4.4 says."""
        self.client = lasting(self.durable, self.name)
        assert self.client.connack.session_present
        for packet_id, body in self.open.items():
            self.client.send(
                wire.acknowledge(Kind.PUBREL, packet_id)
                if packet_id in self.received
                else wire.publish(self.topic, body, self.qos, packet_id, dup=True)
            )
        while self.open:
            self.answer(self.client.receive(20))


def drain(client: Client, wanted: int) -> list[bytes]:
    """Takes messages until so many different ones were there, and then what else comes."""
    bodies: list[bytes] = []
    while len(set(bodies)) < wanted:
        packet = client.receive(20)
        assert packet.kind == Kind.PUBLISH, packet
        bodies.append(packet.payload)
        client.acknowledge(packet)
    client.send(wire.PINGREQ)
    while (packet := client.receive(20)).kind != Kind.PINGRESP:
        bodies.append(packet.payload)
        client.acknowledge(packet)
    return bodies
