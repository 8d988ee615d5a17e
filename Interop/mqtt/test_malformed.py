"""Packets that are wrong: MQTT 5.0 sections 1.5, 2.1, 3 and 4.13.

Each row is the bytes sent on a fresh connection. A 3.x server closes; a 5.0 server says 0x81 or
0x82 first; which of the two is often a matter of reading, so either is taken. `_LENIENT` lists what
Mosquitto 2.0.11 lets pass.
"""

import pytest

from mqtt import wire
from mqtt.client import ConnectionEnded
from mqtt.wire import Kind, P, Reason, V31, V311, V5

EITHER = (Reason.MALFORMED, Reason.PROTOCOL_ERROR)


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


# --- Of every version: not allowed from a client, reserved, or with wrong flags -------------------

ALL = {
    "type 0": "00 00",
    "type 0 with content": "00 02 00 01",
    "CONNACK": "20 02 00 00",
    "SUBACK": "90 03 00 01 00",
    "UNSUBACK": "b0 02 00 01",
    "PINGRESP": "d0 00",
    "PUBLISH QoS 3": "36 07 00 01 61 00 01 00 78",
    "PUBLISH QoS 3 with DUP": "3e 07 00 01 61 00 01 00 78",
    "PUBLISH empty": "30 00",
    "PUBLISH topic length past the end": "30 02 00 05",
    "PUBLISH topic cut short": "30 04 00 05 61 62",
    "PUBLISH QoS 1 without identifier": "32 03 00 01 61",
    "PUBLISH QoS 1 identifier cut short": "32 04 00 01 61 00",
    "PUBLISH QoS 1 identifier 0": "32 06 00 01 61 00 00 00",
    "PUBLISH QoS 2 identifier 0": "34 06 00 01 61 00 00 00",
    "PUBACK empty": "40 00",
    "PUBACK cut short": "40 01 00",
    "PUBREC empty": "50 00",
    "PUBREL empty": "62 00",
    "PUBREL cut short": "62 01 00",
    "PUBCOMP empty": "70 00",
    "SUBSCRIBE empty": "82 00",
    "UNSUBSCRIBE empty": "a2 00",
    "length of five bytes": "30 80 80 80 80 01",
    "length that never ends": "30 ff ff ff ff ff ff",
}

# --- 3.x -----------------------------------------------------------------------------------------

OLD = {
    "AUTH": "f0 00",
    "SUBSCRIBE without filter": "82 02 00 01",
    "SUBSCRIBE identifier 0": "82 06 00 00 00 01 61 00",
    "SUBSCRIBE filter cut short": "82 05 00 01 00 05 61",
    "SUBSCRIBE without QoS": "82 05 00 01 00 01 61",
    "SUBSCRIBE second filter without QoS": "82 09 00 01 00 01 61 00 00 01 62",
    "SUBSCRIBE QoS 3": "82 06 00 01 00 01 61 03",
    "SUBSCRIBE reserved QoS bits": "82 06 00 01 00 01 61 80",
    "SUBSCRIBE options of 5.0": "82 06 00 01 00 01 61 04",
    "UNSUBSCRIBE identifier 0": "a2 05 00 00 00 01 61",
    "UNSUBSCRIBE without filter": "a2 02 00 01",
    "UNSUBSCRIBE filter cut short": "a2 05 00 01 00 05 61",
    "PUBACK too long": "40 03 00 01 00",
    "PUBREL too long": "62 04 00 01 00 00",
}

# In 3.1 the flags of these packets have no meaning or are DUP, and nothing is said of content.
ONLY_311 = {
    "SUBSCRIBE flags 0": "80 06 00 01 00 01 61 00",
    "SUBSCRIBE flags 4": "84 06 00 01 00 01 61 00",
    "SUBSCRIBE flags f": "8f 06 00 01 00 01 61 00",
    "UNSUBSCRIBE flags 0": "a0 05 00 01 00 01 61",
    "UNSUBSCRIBE flags f": "af 05 00 01 00 01 61",
    "PUBREL flags 0": "60 02 00 01",
    "PUBREL flags f": "6f 02 00 01",
    "PUBACK flags": "42 02 00 01",
    "PUBREC flags": "52 02 00 01",
    "PUBCOMP flags": "72 02 00 01",
    "PINGREQ flags": "c1 00",
    "PINGREQ with content": "c0 01 00",
    "DISCONNECT flags": "e1 00",
    "DISCONNECT with content": "e0 01 00",
}

# --- 5.0 -----------------------------------------------------------------------------------------

NEW = {
    "CONNACK of 5.0": "20 03 00 00 00",
    "AUTH without method": "f0 00",
    "AUTH re-authenticate without method": "f0 02 19 00",
    "AUTH flags": "f1 00",
    "AUTH unknown reason": "f0 02 7f 00",
    "SUBSCRIBE flags 0": "80 07 00 01 00 00 01 61 00",
    "SUBSCRIBE flags 4": "84 07 00 01 00 00 01 61 00",
    "SUBSCRIBE flags f": "8f 07 00 01 00 00 01 61 00",
    "UNSUBSCRIBE flags 0": "a0 06 00 01 00 00 01 61",
    "UNSUBSCRIBE flags f": "af 06 00 01 00 00 01 61",
    "PUBREL flags 0": "60 02 00 01",
    "PUBREL flags f": "6f 02 00 01",
    "PUBACK flags": "42 02 00 01",
    "PUBREC flags": "52 02 00 01",
    "PUBCOMP flags": "72 02 00 01",
    "PINGREQ flags": "c1 00",
    "PINGREQ with content": "c0 01 00",
    "DISCONNECT flags": "e1 00",
    "PUBLISH without properties": "30 03 00 01 61",
    "PUBLISH QoS 1 without properties": "32 05 00 01 61 00 01",
    "PUBLISH properties past the end": "30 06 00 01 61 05 01 00",
    "PUBLISH property cut short": "30 06 00 01 61 02 02 00",
    "PUBLISH property text past its length": "30 07 00 01 61 03 03 00 09",
    "PUBLISH unknown property": "30 06 00 01 61 02 7f 00",
    "PUBLISH property 0": "30 06 00 01 61 02 00 00",
    "PUBLISH property length of five bytes": "30 09 00 01 61 80 80 80 80 01 00",
    "PUBLISH user property without value": "30 08 00 01 61 04 26 00 01 6b",
    "SUBSCRIBE identifier 0": "82 07 00 00 00 00 01 61 00",
    "SUBSCRIBE without properties": "82 02 00 01",
    "SUBSCRIBE without filter": "82 03 00 01 00",
    "SUBSCRIBE without options": "82 06 00 01 00 00 01 61",
    "SUBSCRIBE second filter without options": "82 0a 00 01 00 00 01 61 00 00 01 62",
    "SUBSCRIBE QoS 3": "82 07 00 01 00 00 01 61 03",
    "SUBSCRIBE retain handling 3": "82 07 00 01 00 00 01 61 30",
    "SUBSCRIBE reserved option bit 6": "82 07 00 01 00 00 01 61 40",
    "SUBSCRIBE reserved option bit 7": "82 07 00 01 00 00 01 61 80",
    "SUBSCRIBE subscription identifier 0": "82 09 00 01 02 0b 00 00 01 61 00",
    "SUBSCRIBE subscription identifier twice": "82 0b 00 01 04 0b 01 0b 02 00 01 61 00",
    "SUBSCRIBE subscription identifier of five bytes":
        "82 0d 00 01 06 0b 80 80 80 80 01 00 01 61 00",
    "SUBSCRIBE property of another packet": "82 0c 00 01 05 11 00 00 00 00 00 01 61 00",
    "UNSUBSCRIBE identifier 0": "a2 06 00 00 00 00 01 61",
    "UNSUBSCRIBE without properties": "a2 02 00 01",
    "UNSUBSCRIBE without filter": "a2 03 00 01 00",
    "UNSUBSCRIBE filter cut short": "a2 06 00 01 00 00 05 61",
    "UNSUBSCRIBE property of another packet": "a2 0b 00 01 05 11 00 00 00 00 00 01 61",
    "PUBACK properties past the end": "40 04 00 01 00 05",
    "PUBACK property of another packet": "40 09 00 01 00 05 11 00 00 00 00",
    "PUBACK unknown reason": "40 03 00 01 7f",
    "PUBACK identifier 0": "40 02 00 00",
    "PUBREC unknown reason": "50 03 00 01 7f",
    "PUBREL unknown reason": "62 03 00 01 10",
    "PUBREL bytes after the properties": "62 05 00 01 00 00 00",
    "PUBCOMP unknown reason": "70 03 00 01 10",
    "PUBACK reason string twice": "40 0c 00 01 00 08 1f 00 01 61 1f 00 01 62",
    "DISCONNECT unknown reason": "e0 02 7f 00",
    "DISCONNECT property of another packet": "e0 04 00 02 01 00",
    "DISCONNECT session expiry twice": "e0 0c 00 0a 11 00 00 00 01 11 00 00 00 01",
}

_FROM_SERVER = {"SUBACK", "UNSUBACK", "PINGRESP"}
_TOO_LONG = {"PUBACK too long", "PUBREL too long"}
_UNREAD_FLAGS = {"PUBACK flags", "PUBREC flags", "PUBCOMP flags", "PINGREQ flags",
                 "PINGREQ with content"}
_LENIENT: dict[int, set[str]] = {
    V31: _FROM_SERVER | _TOO_LONG | {"SUBSCRIBE without filter", "UNSUBSCRIBE without filter"},
    V311: _FROM_SERVER | _TOO_LONG | _UNREAD_FLAGS,
    V5: _UNREAD_FLAGS | {
        "PINGRESP", "PUBACK unknown reason", "PUBREC unknown reason", "PUBREL unknown reason",
        "PUBCOMP unknown reason", "PUBREL bytes after the properties",
    },
}


def rows(table: dict, *versions: int) -> list:
    result = []
    for version in versions:
        for name in table:
            marks = []
            if name in _LENIENT[version]:
                marks.append(pytest.mark.godwit_only(reason="Mosquitto 2.0 lets it pass"))
            label = {V31: "3.1", V311: "3.1.1", V5: "5.0"}[version]
            result.append(pytest.param(version, name, table[name], marks=marks,
                                       id=f"{label} {name}"))
    return result


CASES = [
    *rows(ALL, V31, V311, V5), *rows(OLD, V31, V311), *rows(ONLY_311, V311), *rows(NEW, V5),
]


@pytest.mark.parametrize(("version", "name", "data"), CASES)
def test_is_refused(mqtt, version, name, data):
    witness = mqtt.connect("witness")
    witness.subscribe("a")
    client = mqtt.connect("c", version)
    client.send(raw(data))
    client.expect_close(EITHER, oracle_is_silent=True)
    witness.expect_nothing()


@pytest.mark.parametrize("data", ["30", "30 05 00 01", "82 ff", "10 ff ff", "62 02 00"])
def test_half_a_packet_is_waited_for(mqtt, version, data):
    client = mqtt.connect("c", version)
    client.send(raw(data))
    mqtt.connect("other").expect_nothing()
    client.abort()
    mqtt.connect("other", version).expect_nothing()


def test_what_comes_before_the_error_counts(mqtt, version, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    client = mqtt.connect("c", version)
    client.send(
        wire.publish(unique, b"good", version=version), raw("36 00"),
        wire.publish(unique, b"after", version=version),
    )
    watcher.take(payload=b"good")
    client.expect_close(EITHER)
    watcher.expect_nothing()


def test_the_session_survives_the_error(mqtt, unique):
    """A protocol error ends the connection, not the session."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    client = mqtt.connect("c", **keep)
    client.subscribe(unique, qos=1)
    client.send(raw("36 00"))
    client.expect_close(EITHER)
    assert mqtt.connect("c", **keep).connack.session_present


@pytest.mark.parametrize("first", range(0, 256, 16))
def test_every_type_with_garbage_leaves_the_server_up(mqtt, version, first):
    for body in (b"", b"\x00", b"\xff" * 5, b"\x00\x01\x00\xff" * 8, bytes(range(64))):
        for flags in (0, 2, 6, 15):
            client = mqtt.connect("c", version)
            client.send(wire.raw(first | flags, body))
            try:
                client.send(wire.PINGREQ)
                for _ in range(20):
                    if client.receive(2).kind in (Kind.PINGRESP, Kind.DISCONNECT):
                        break
            except (ConnectionEnded, OSError):
                pass
            client.close()
    mqtt.connect("other").expect_nothing()
