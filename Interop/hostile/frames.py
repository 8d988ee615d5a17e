"""MQTT packets as bytes, only as many kinds as hostile clients need."""

from __future__ import annotations

import struct


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def length(value: int) -> bytes:
    """The variable byte integer."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


def connect(
    client_id: str,
    version: int = 4,
    will: tuple[str, bytes] | None = None,
    keep_alive: int = 600,
) -> bytes:
    flags = 0x02 | (0x04 if will else 0)
    properties = b"\0" if version == 5 else b""
    body = text("MQTT") + bytes([version, flags]) + struct.pack(">H", keep_alive) + properties
    body += text(client_id)
    if will:
        body += properties + text(will[0]) + text(will[1])
    return packet(0x10, body)


def publish(
    topic: str | bytes,
    payload: bytes = b"",
    qos: int = 0,
    packet_id: int = 1,
    retain: bool = False,
    properties: bytes | None = None,
) -> bytes:
    """``properties`` (of version 5) come with their length."""
    body = text(topic) + (struct.pack(">H", packet_id) if qos else b"")
    return packet(0x30 | qos << 1 | retain, body + (properties or b"") + payload)


def subscribe(
    topic: str | bytes, packet_id: int = 1, qos: int = 0, version: int = 4
) -> bytes:
    properties = b"\0" if version == 5 else b""
    return packet(0x82, struct.pack(">H", packet_id) + properties + text(topic) + bytes([qos]))


def unsubscribe(topic: str | bytes, packet_id: int = 1, version: int = 4) -> bytes:
    properties = b"\0" if version == 5 else b""
    return packet(0xA2, struct.pack(">H", packet_id) + properties + text(topic))


def acknowledgement(kind: int, packet_id: int) -> bytes:
    return packet(kind, struct.pack(">H", packet_id))


PINGREQ = b"\xc0\x00"
PINGRESP = b"\xd0\x00"
DISCONNECT = b"\xe0\x00"
