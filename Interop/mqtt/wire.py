"""MQTT 3.1, 3.1.1 and 5.0 packets as bytes: a builder that can also build wrong ones, and a parser
that accepts nothing the specification forbids a server to send.

Properties are ordered lists of `(identifier, value)`, because order and repetition are part of what
is tested. Section numbers are those of the OASIS MQTT 5.0 text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

V31, V311, V5 = 3, 4, 5
ALL_VERSIONS = (V31, V311, V5)


class Kind(IntEnum):
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class P(IntEnum):
    """Property identifiers, section 2.2.2.2."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTH_METHOD = 0x15
    AUTH_DATA = 0x16
    REQUEST_PROBLEM_INFO = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFO = 0x19
    RESPONSE_INFO = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_AVAILABLE = 0x28
    SUBSCRIPTION_ID_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


class Reason(IntEnum):
    """Reason codes, section 2.4."""

    SUCCESS = 0x00
    GRANTED_1 = 0x01
    GRANTED_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    RE_AUTHENTICATE = 0x19
    UNSPECIFIED = 0x80
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC = 0x83
    UNSUPPORTED_VERSION = 0x84
    CLIENT_ID_INVALID = 0x85
    BAD_USER_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTH_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    FILTER_INVALID = 0x8F
    TOPIC_INVALID = 0x90
    PACKET_ID_IN_USE = 0x91
    PACKET_ID_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    SHARED_NOT_SUPPORTED = 0x9E


_BYTE, _TWO, _FOUR, _VARINT, _TEXT, _BINARY, _PAIR = range(7)

_FORM = {
    P.PAYLOAD_FORMAT: _BYTE, P.MESSAGE_EXPIRY: _FOUR, P.CONTENT_TYPE: _TEXT,
    P.RESPONSE_TOPIC: _TEXT, P.CORRELATION_DATA: _BINARY, P.SUBSCRIPTION_ID: _VARINT,
    P.SESSION_EXPIRY: _FOUR, P.ASSIGNED_CLIENT_ID: _TEXT, P.SERVER_KEEP_ALIVE: _TWO,
    P.AUTH_METHOD: _TEXT, P.AUTH_DATA: _BINARY, P.REQUEST_PROBLEM_INFO: _BYTE,
    P.WILL_DELAY: _FOUR, P.REQUEST_RESPONSE_INFO: _BYTE, P.RESPONSE_INFO: _TEXT,
    P.SERVER_REFERENCE: _TEXT, P.REASON_STRING: _TEXT, P.RECEIVE_MAXIMUM: _TWO,
    P.TOPIC_ALIAS_MAXIMUM: _TWO, P.TOPIC_ALIAS: _TWO, P.MAXIMUM_QOS: _BYTE,
    P.RETAIN_AVAILABLE: _BYTE, P.USER_PROPERTY: _PAIR, P.MAXIMUM_PACKET_SIZE: _FOUR,
    P.WILDCARD_AVAILABLE: _BYTE, P.SUBSCRIPTION_ID_AVAILABLE: _BYTE, P.SHARED_AVAILABLE: _BYTE,
}

_ACK_PROPERTIES = {P.REASON_STRING, P.USER_PROPERTY}

# What a server may put on each packet that it sends.
_FROM_SERVER = {
    Kind.CONNACK: {
        P.SESSION_EXPIRY, P.ASSIGNED_CLIENT_ID, P.SERVER_KEEP_ALIVE, P.AUTH_METHOD, P.AUTH_DATA,
        P.RESPONSE_INFO, P.SERVER_REFERENCE, P.REASON_STRING, P.RECEIVE_MAXIMUM,
        P.TOPIC_ALIAS_MAXIMUM, P.MAXIMUM_QOS, P.RETAIN_AVAILABLE, P.USER_PROPERTY,
        P.MAXIMUM_PACKET_SIZE, P.WILDCARD_AVAILABLE, P.SUBSCRIPTION_ID_AVAILABLE,
        P.SHARED_AVAILABLE,
    },
    Kind.PUBLISH: {
        P.PAYLOAD_FORMAT, P.MESSAGE_EXPIRY, P.CONTENT_TYPE, P.RESPONSE_TOPIC, P.CORRELATION_DATA,
        P.SUBSCRIPTION_ID, P.TOPIC_ALIAS, P.USER_PROPERTY,
    },
    Kind.PUBACK: _ACK_PROPERTIES, Kind.PUBREC: _ACK_PROPERTIES, Kind.PUBREL: _ACK_PROPERTIES,
    Kind.PUBCOMP: _ACK_PROPERTIES, Kind.SUBACK: _ACK_PROPERTIES, Kind.UNSUBACK: _ACK_PROPERTIES,
    # Session expiry is the client's to send (3.14.2.2.2).
    Kind.DISCONNECT: {P.SERVER_REFERENCE, P.REASON_STRING, P.USER_PROPERTY},
    Kind.AUTH: {P.AUTH_METHOD, P.AUTH_DATA, P.REASON_STRING, P.USER_PROPERTY},
}


class WireError(AssertionError):
    """The server sent what the specification forbids."""


# --- Building ------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(data)) + data


def raw_properties(data: bytes) -> bytes:
    return varint(len(data)) + data


def encode_property(identifier: int, value) -> bytes:
    form = _FORM[P(identifier)]
    head = varint(identifier)
    if form == _BYTE:
        return head + bytes([value])
    if form == _TWO:
        return head + struct.pack("!H", value)
    if form == _FOUR:
        return head + struct.pack("!I", value)
    if form == _VARINT:
        return head + varint(value)
    if form == _PAIR:
        return head + text(value[0]) + text(value[1])
    return head + text(value)


def properties(items=()) -> bytes:
    return raw_properties(b"".join(encode_property(i, v) for i, v in items))


def raw(first: int, body: bytes = b"") -> bytes:
    """Any packet at all: the first byte as given, the length fitted to the body."""
    return bytes([first]) + varint(len(body)) + body


@dataclass(frozen=True)
class Will:
    topic: str | bytes
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    properties: tuple = ()


def connect(
    client_id: str | bytes, version: int = V5, clean: bool = True, keep_alive: int = 60,
    will: Will | None = None, user: str | bytes | None = None, password: bytes | None = None,
    props=(), *, name: bytes | None = None, level: int | None = None, flags: int | None = None,
    first: int = 0x10,
) -> bytes:
    """CONNECT; `name`, `level`, `flags` and `first` replace what the version would say."""
    if name is None:
        name = b"MQIsdp" if version == V31 else b"MQTT"
    bits = 0x02 if clean else 0
    if will:
        bits |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
    bits |= (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = text(name) + bytes([version if level is None else level])
    body += bytes([bits if flags is None else flags]) + struct.pack("!H", keep_alive)
    if version == V5:
        body += properties(props)
    body += text(client_id)
    if will:
        if version == V5:
            body += properties(will.properties)
        body += text(will.topic) + text(will.payload)
    if user is not None:
        body += text(user)
    if password is not None:
        body += text(password)
    return raw(first, body)


def publish(
    topic: str | bytes, payload: bytes = b"", qos: int = 0, packet_id: int | None = None,
    retain: bool = False, dup: bool = False, props=(), version: int = V5,
) -> bytes:
    first = 0x30 | (0x08 if dup else 0) | qos << 1 | (1 if retain else 0)
    body = text(topic)
    if packet_id is not None:
        body += struct.pack("!H", packet_id)
    if version == V5:
        body += properties(props)
    return raw(first, body + payload)


def acknowledge(
    kind: Kind, packet_id: int, reason: int | None = None, props=None, first: int | None = None
) -> bytes:
    """PUBACK, PUBREC, PUBREL or PUBCOMP; without `reason` the two-byte form of every version."""
    if first is None:
        first = kind << 4 | (0x02 if kind == Kind.PUBREL else 0)
    body = struct.pack("!H", packet_id)
    if reason is not None:
        body += bytes([reason])
    if props is not None:
        body += properties(props)
    return raw(first, body)


def subscribe(
    packet_id: int, filters, props=(), version: int = V5, first: int = 0x82
) -> bytes:
    """`filters`: pairs of a filter and its option byte (for 3.x the QoS)."""
    body = struct.pack("!H", packet_id)
    if version == V5:
        body += properties(props)
    return raw(first, body + b"".join(text(f) + bytes([o]) for f, o in filters))


def unsubscribe(packet_id: int, filters, props=(), version: int = V5, first: int = 0xA2) -> bytes:
    body = struct.pack("!H", packet_id)
    if version == V5:
        body += properties(props)
    return raw(first, body + b"".join(text(f) for f in filters))


def disconnect(reason: int | None = None, props=None) -> bytes:
    body = b"" if reason is None else bytes([reason])
    if props is not None:
        body += properties(props)
    return raw(0xE0, body)


def auth(reason: int, props=()) -> bytes:
    return raw(0xF0, bytes([reason]) + properties(props))


PINGREQ = b"\xc0\x00"

# Subscription option bits, section 3.8.3.1.
NO_LOCAL = 0x04
RETAIN_AS_PUBLISHED = 0x08


def retain_handling(value: int) -> int:
    return value << 4


# --- Parsing -------------------------------------------------------------------------------------


@dataclass
class Packet:
    """One packet from the server. Fields that its kind does not have keep their defaults."""

    kind: Kind
    flags: int
    packet_id: int | None = None
    reason: int = 0
    reasons: list[int] = field(default_factory=list)
    session_present: bool = False
    topic: str = ""
    payload: bytes = b""
    props: list = field(default_factory=list)
    size: int = 0

    @property
    def qos(self) -> int:
        return self.flags >> 1 & 3

    @property
    def retain(self) -> bool:
        return bool(self.flags & 1)

    @property
    def dup(self) -> bool:
        return bool(self.flags & 8)

    def get(self, identifier: P, default=None):
        return next((v for i, v in self.props if i == identifier), default)

    def all(self, identifier: P) -> list:
        return [v for i, v in self.props if i == identifier]


class _Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if self.left() < count:
            raise WireError(f"packet ends within a field: {self.data.hex(' ')}")
        out = self.data[self.at:self.at + count]
        self.at += count
        return out

    def byte(self) -> int:
        return self.take(1)[0]

    def two(self) -> int:
        return struct.unpack("!H", self.take(2))[0]

    def four(self) -> int:
        return struct.unpack("!I", self.take(4))[0]

    def varint(self) -> int:
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift and not byte:
                    raise WireError("variable byte integer is not the shortest form")
                return value
        raise WireError("variable byte integer longer than four bytes")

    def binary(self) -> bytes:
        return self.take(self.two())

    def text(self) -> str:
        data = self.binary()
        if b"\x00" in data:
            raise WireError("NUL in a UTF-8 string")
        return data.decode("utf-8", "strict")

    def properties(self, kind: Kind) -> list:
        inner = _Reader(self.take(self.varint()))
        found, seen = [], set()
        while inner.left():
            identifier = P(inner.varint())
            if identifier not in _FROM_SERVER[kind]:
                raise WireError(f"{identifier.name} is not allowed on {kind.name} from a server")
            several = (P.USER_PROPERTY, P.SUBSCRIPTION_ID)
            if identifier in seen and identifier not in several:
                raise WireError(f"{identifier.name} twice on {kind.name}")
            seen.add(identifier)
            found.append((identifier, inner.value(_FORM[identifier])))
        return found

    def value(self, form: int):
        if form == _BYTE:
            return self.byte()
        if form == _TWO:
            return self.two()
        if form == _FOUR:
            return self.four()
        if form == _VARINT:
            return self.varint()
        if form == _TEXT:
            return self.text()
        if form == _PAIR:
            return self.text(), self.text()
        return self.binary()


_ACKS = (Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP)


def parse(first: int, body: bytes, version: int) -> Packet:
    """Parses one packet from a server strictly; raises `WireError` at anything not allowed."""
    kind = Kind(first >> 4)
    packet = Packet(kind, first & 0x0F)
    reader = _Reader(body)
    if kind != Kind.PUBLISH and packet.flags != (2 if kind == Kind.PUBREL else 0):
        raise WireError(f"reserved flags of {kind.name} are {packet.flags:#x}")
    if kind == Kind.CONNACK:
        acknowledge_flags = reader.byte()
        if acknowledge_flags & 0xFE:
            raise WireError(f"reserved CONNACK flags {acknowledge_flags:#x}")
        packet.session_present = bool(acknowledge_flags)
        packet.reason = reader.byte()
        if packet.reason and packet.session_present:
            raise WireError("session present on a refused CONNACK")
        if version == V5:
            packet.props = reader.properties(kind)
    elif kind == Kind.PUBLISH:
        _parse_publish(packet, reader, version)
    elif kind in _ACKS:
        packet.packet_id = reader.two()
        if version == V5 and reader.left():
            packet.reason = reader.byte()
            if reader.left():
                packet.props = reader.properties(kind)
    elif kind in (Kind.SUBACK, Kind.UNSUBACK):
        packet.packet_id = reader.two()
        if version == V5:
            packet.props = reader.properties(kind)
        if kind == Kind.SUBACK or version == V5:
            packet.reasons = list(reader.take(reader.left()))
    elif kind in (Kind.DISCONNECT, Kind.AUTH) and version == V5:
        if reader.left():
            packet.reason = reader.byte()
            if reader.left():
                packet.props = reader.properties(kind)
    elif kind != Kind.PINGRESP:
        raise WireError(f"a server must not send {kind.name} to a version {version} client")
    if reader.left():
        raise WireError(f"{reader.left()} bytes left over in {kind.name}: {body.hex(' ')}")
    if packet.packet_id == 0:
        raise WireError(f"packet identifier 0 in {kind.name}")
    return packet


def _parse_publish(packet: Packet, reader: _Reader, version: int) -> None:
    if packet.qos == 3:
        raise WireError("PUBLISH with QoS 3")
    if packet.qos == 0 and packet.dup:
        raise WireError("PUBLISH with DUP at QoS 0")
    packet.topic = reader.text()
    if "+" in packet.topic or "#" in packet.topic:
        raise WireError(f"wildcard in the topic of a PUBLISH: {packet.topic}")
    if packet.qos:
        packet.packet_id = reader.two()
    if version == V5:
        packet.props = reader.properties(Kind.PUBLISH)
        if packet.get(P.TOPIC_ALIAS) == 0 or 0 in packet.all(P.SUBSCRIPTION_ID):
            raise WireError("zero topic alias or subscription identifier")
    if not packet.topic and packet.get(P.TOPIC_ALIAS) is None:
        raise WireError("PUBLISH without topic or alias")
    packet.payload = reader.take(reader.left())
