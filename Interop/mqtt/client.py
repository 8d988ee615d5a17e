"""A blocking MQTT client that does nothing by itself: a test sees each packet and answers it.

There are no sleeps. `settle` orders two connections: once the publisher has its PINGRESP the server
has read all it wrote, so whatever it caused stands before the receiver's next PINGRESP.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections import deque

from godwit_rig import target
from mqtt import wire
from mqtt.wire import Kind, P, Packet, V5, V31

DEADLINE = 5.0


class ConnectionEnded(AssertionError):
    """The server closed the connection where a packet was expected."""


class NothingCame(AssertionError):
    """No packet within the deadline."""


class TCPTransport:
    """A plain or TLS socket as a stream of bytes."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None):
        self.socket = socket.create_connection(address, timeout=DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, timeout: float) -> bytes:
        """Some bytes, or none at the end; `TimeoutError` past the deadline."""
        self.socket.settimeout(max(timeout, 0.001))
        try:
            return self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def close(self) -> None:
        self.socket.close()

    def abort(self) -> None:
        """Ends the connection with a reset, as a crash of the client's machine would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Client:
    """One connection. `inbox` keeps packets that were read while another was awaited."""

    def __init__(self, transport, version: int = V5):
        self.transport, self.version = transport, version
        self.buffer = bytearray()
        self.inbox: deque[Packet] = deque()
        self.connack: Packet | None = None
        self._next_id = 0

    # --- Bytes -----------------------------------------------------------------------------------

    def send(self, *packets: bytes) -> None:
        self.transport.send(b"".join(packets))

    def receive(self, timeout: float = DEADLINE) -> Packet:
        """The next packet in the order of the wire."""
        return self.inbox.popleft() if self.inbox else self._read(timeout)

    def _read(self, timeout: float) -> Packet:
        deadline = time.monotonic() + timeout
        while True:
            packet = self._parse_buffered()
            if packet:
                return packet
            left = deadline - time.monotonic()
            if left <= 0:
                raise NothingCame(f"no packet within {timeout} s; {len(self.buffer)} bytes waiting")
            try:
                data = self.transport.receive(left)
            except TimeoutError:
                continue
            if not data:
                raise ConnectionEnded("the server closed the connection")
            self.buffer += data

    def _parse_buffered(self) -> Packet | None:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self.buffer):
                return None
            byte = self.buffer[at]
            length |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not byte & 0x80:
                break
            assert shift <= 21, "remaining length of more than four bytes"
        if len(self.buffer) < at + length:
            return None
        packet = wire.parse(self.buffer[0], bytes(self.buffer[at:at + length]), self.version)
        packet.size = at + length
        del self.buffer[:at + length]
        return packet

    # --- Expectations ----------------------------------------------------------------------------

    def expect(self, kind: Kind, timeout: float = DEADLINE, **fields) -> Packet:
        """The very next packet is of this kind and has these fields."""
        packet = self.receive(timeout)
        assert packet.kind == kind, f"expected {kind.name}, got {packet}"
        for name, value in fields.items():
            assert getattr(packet, name) == value, f"{name} is not {value!r} in {packet}"
        return packet

    def await_kind(self, kind: Kind, timeout: float = DEADLINE) -> Packet:
        """The next packet of this kind; others that come before it are kept in order."""
        for index, packet in enumerate(self.inbox):
            if packet.kind == kind:
                del self.inbox[index]
                return packet
        deadline = time.monotonic() + timeout
        while True:
            packet = self._read(max(deadline - time.monotonic(), 0.001))
            if packet.kind == kind:
                return packet
            self.inbox.append(packet)

    def expect_nothing(self) -> None:
        """Nothing stands before the answer to a PINGREQ."""
        self.send(wire.PINGREQ)
        packet = self.receive()
        assert packet.kind == Kind.PINGRESP, f"expected nothing, got {packet}"

    def ping(self) -> None:
        """The server has read everything sent so far."""
        self.send(wire.PINGREQ)
        self.await_kind(Kind.PINGRESP)

    def expect_close(
        self, reason=None, timeout: float = DEADLINE, oracle_is_silent: bool = False
    ) -> Packet | None:
        """The server ends the connection; a 5.0 server may or (with `reason`) must say why.

        `reason` may be a tuple of acceptable ones. Earlier packets are an error. The specification
        says SHOULD of the DISCONNECT, and Godwit always sends it; `oracle_is_silent` marks where
        Mosquitto 2.0.11 does not.
        """
        silent = oracle_is_silent and target() == "oracle"
        try:
            packet = self.receive(timeout)
        except ConnectionEnded:
            assert reason is None or silent or self.version != V5, "closed without DISCONNECT"
            return None
        assert self.version == V5, f"expected the connection to end, got {packet}"
        assert packet.kind == Kind.DISCONNECT, f"expected DISCONNECT, got {packet}"
        if reason is not None:
            reasons = reason if isinstance(reason, tuple) else (reason,)
            assert packet.reason in reasons, f"reason {packet.reason:#x} is not in {reasons}"
        self.expect_end(timeout)
        return packet

    def expect_end(self, timeout: float = DEADLINE) -> None:
        try:
            packet = self.receive(timeout)
        except ConnectionEnded:
            return
        raise AssertionError(f"expected the connection to end, got {packet}")

    # --- Conversations ---------------------------------------------------------------------------

    def packet_id(self) -> int:
        self._next_id = self._next_id % 65535 + 1
        return self._next_id

    def connect(self, client_id: str = "", reason: int = 0, **arguments) -> Packet:
        """CONNECT and its CONNACK, with the reason expected; `wire.connect` says the arguments."""
        self.send(wire.connect(client_id, self.version, **arguments))
        self.connack = self.expect(Kind.CONNACK, reason=reason)
        return self.connack

    def subscribe(self, *filters, qos: int = 0, props=()) -> list[int]:
        """Subscribes to filters, each a text or a pair with its option byte; the SUBACK's codes."""
        pairs = [(f, qos) if isinstance(f, str | bytes) else f for f in filters]
        packet_id = self.packet_id()
        self.send(wire.subscribe(packet_id, pairs, props, self.version))
        suback = self.await_kind(Kind.SUBACK)
        assert suback.packet_id == packet_id
        assert len(suback.reasons) == len(pairs), "one code for each filter"
        return suback.reasons

    def unsubscribe(self, *filters) -> list[int]:
        packet_id = self.packet_id()
        self.send(wire.unsubscribe(packet_id, filters, version=self.version))
        unsuback = self.await_kind(Kind.UNSUBACK)
        assert unsuback.packet_id == packet_id
        assert self.version != V5 or len(unsuback.reasons) == len(filters)
        return unsuback.reasons

    def publish(
        self, topic, payload: bytes = b"", qos: int = 0, retain: bool = False, props=()
    ) -> int:
        """Publishes and goes through the acknowledgements; the reason of PUBACK or PUBREC."""
        packet_id = self.packet_id() if qos else None
        self.send(wire.publish(topic, payload, qos, packet_id, retain, False, props, self.version))
        if qos == 0:
            return 0
        answer = self.await_kind(Kind.PUBACK if qos == 1 else Kind.PUBREC)
        assert answer.packet_id == packet_id
        if qos == 2 and answer.reason < 0x80:
            self.send(wire.acknowledge(Kind.PUBREL, packet_id))
            assert self.await_kind(Kind.PUBCOMP).packet_id == packet_id
        return answer.reason

    def take(self, timeout: float = DEADLINE, **fields) -> Packet:
        """The next PUBLISH, acknowledged to the end."""
        packet = self.expect(Kind.PUBLISH, timeout, **fields)
        self.acknowledge(packet)
        return packet

    def acknowledge(self, packet: Packet) -> None:
        if packet.qos == 1:
            self.send(wire.acknowledge(Kind.PUBACK, packet.packet_id))
        elif packet.qos == 2:
            self.send(wire.acknowledge(Kind.PUBREC, packet.packet_id))
            assert self.await_kind(Kind.PUBREL).packet_id == packet.packet_id
            self.send(wire.acknowledge(Kind.PUBCOMP, packet.packet_id))

    def disconnect(self, reason: int | None = None, props=None) -> None:
        """DISCONNECT, and waits until the server has taken note and closed."""
        self.send(wire.disconnect(reason, props))
        while True:
            try:
                self.receive()
            except ConnectionEnded:
                break
        self.close()

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()


def settle(publisher: Client, *receivers: Client) -> None:
    """Everything that `publisher` caused has been read; nothing (more) came to the receivers."""
    publisher.ping()
    for receiver in receivers:
        receiver.expect_nothing()


def collect(publisher: Client, receiver: Client) -> list[Packet]:
    """All PUBLISH packets that came to `receiver` of what `publisher` did, acknowledged."""
    publisher.ping()
    found = []
    while True:
        receiver.send(wire.PINGREQ)
        quiet = True
        while True:
            packet = receiver.receive()
            if packet.kind == Kind.PINGRESP:
                break
            assert packet.kind == Kind.PUBLISH, f"expected PUBLISH, got {packet}"
            found.append(packet)
            receiver.acknowledge(packet)
            quiet = False
        if quiet:
            return found


__all__ = [
    "Client", "ConnectionEnded", "DEADLINE", "Kind", "NothingCame", "P", "Packet", "TCPTransport",
    "V31", "V5", "collect", "settle",
]
