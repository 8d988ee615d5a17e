"""CONNECT and CONNACK: MQTT 5.0 sections 3.1 and 3.2, 3.1.1 and 3.1 where they differ."""

import time

import pytest

from mqtt import wire
from mqtt.client import Client, ConnectionEnded
from mqtt.wire import Kind, P, Reason, V31, V311, V5, Will


def bytes_until_end(client: Client) -> bytes:
    """All that the server says before it closes, unparsed."""
    while True:
        data = client.transport.receive(5)
        if not data:
            return bytes(client.buffer)
        client.buffer += data


def refused(client: Client, *reasons: int) -> None:
    """No session came of it: closed at once, or after a CONNACK with one of the reasons."""
    try:
        packet = client.receive()
    except ConnectionEnded:
        return
    assert packet.kind == Kind.CONNACK, packet
    assert packet.reason in reasons, f"{packet.reason:#x}"
    client.expect_end()


def test_is_accepted_and_answers_pings(mqtt, version):
    client = mqtt.connect("c", version)
    assert not client.connack.session_present
    client.expect_nothing()


def test_announces_only_legal_capabilities(mqtt):
    connack = mqtt.connect("c").connack
    assert connack.get(P.MAXIMUM_QOS, 0) in (0, 1)
    assert connack.get(P.RECEIVE_MAXIMUM, 65535) > 0
    assert connack.get(P.MAXIMUM_PACKET_SIZE, 1) > 0
    flags = (P.RETAIN_AVAILABLE, P.WILDCARD_AVAILABLE, P.SUBSCRIPTION_ID_AVAILABLE,
             P.SHARED_AVAILABLE)
    assert all(connack.get(flag, 1) == 1 for flag in flags), "everything is available"


def test_bytes_may_come_one_by_one(mqtt, version):
    client = mqtt.open(version)
    for byte in wire.connect(mqtt.client_id("c"), version, will=Will("w", b"bye")):
        client.send(bytes([byte]))
    client.expect(Kind.CONNACK, reason=0)
    client.expect_nothing()


def test_packets_may_follow_before_the_answer(mqtt, version, unique):
    client = mqtt.open(version)
    client.send(
        wire.connect(mqtt.client_id("c"), version),
        wire.subscribe(7, [(unique, 0)], version=version),
        wire.publish(unique, b"early", version=version),
        wire.PINGREQ,
    )
    client.expect(Kind.CONNACK, reason=0)
    client.expect(Kind.SUBACK, packet_id=7)
    client.expect(Kind.PUBLISH, payload=b"early")
    client.expect(Kind.PINGRESP)


def test_server_closes_after_disconnect(mqtt, version):
    mqtt.connect("c", version).disconnect()


def test_nothing_counts_after_disconnect(mqtt, version, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    client = mqtt.connect("c", version)
    client.send(wire.disconnect(), wire.publish(unique, b"too late", version=version))
    client.expect_end()
    watcher.expect_nothing()


# --- Protocol name and level ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [b"", b"MQ", b"MQTX", b"mqtt", b"MQTTT", b"HTTP", b"MQIsdq"])
@pytest.mark.parametrize("level", [V31, V311, V5])
def test_wrong_protocol_name(mqtt, name, level):
    client = mqtt.open()
    client.send(wire.connect("c", V5 if level == V5 else V311, name=name, level=level))
    answer = bytes_until_end(client)
    assert answer == b"" or answer[0] == 0x20 and answer[3] in (1, 0x84), answer


@pytest.mark.parametrize(
    ("name", "level"),
    [(b"MQTT", 0), (b"MQTT", 2), (b"MQTT", 3), (b"MQTT", 6), (b"MQTT", 127), (b"MQIsdp", 0),
     (b"MQIsdp", 2), (b"MQIsdp", 4), (b"MQIsdp", 6)],
)
def test_unsupported_level_is_said(mqtt, name, level):
    """3.1.1 section 3.1.2.2: answered with 0x01 and closed; 5.0 has 0x84 for it."""
    client = mqtt.open()
    client.send(wire.connect("c", V311, name=name, level=level))
    answer = bytes_until_end(client)
    assert answer[:1] == b"\x20", "says why"
    assert answer[2:4] in (b"\x00\x01", b"\x00\x84"), answer


# --- Client identifiers --------------------------------------------------------------------------


def test_empty_client_id_in_3_1_is_rejected(mqtt):
    client = mqtt.open(V31)
    client.send(wire.connect("", V31))
    refused(client, 2)


def test_empty_client_id_in_3_1_1_needs_a_clean_session(mqtt):
    client = mqtt.open(V311)
    client.connect("")
    client.expect_nothing()
    client = mqtt.open(V311)
    client.send(wire.connect("", V311, clean=False))
    client.expect(Kind.CONNACK, reason=2)
    client.expect_end()


@pytest.mark.parametrize("clean", [True, False])
def test_empty_client_id_in_5_0_is_assigned_one(mqtt, clean):
    one, two = mqtt.open(), mqtt.open()
    ids = [c.connect("", clean=clean).get(P.ASSIGNED_CLIENT_ID) for c in (one, two)]
    assert ids[0] and ids[1] and ids[0] != ids[1]
    one.expect_nothing()


def test_assigned_client_id_can_be_used_again(mqtt):
    first = mqtt.open()
    assigned = first.connect("", props=[(P.SESSION_EXPIRY, 60)]).get(P.ASSIGNED_CLIENT_ID)
    first.disconnect()
    second = mqtt.open()
    connack = second.connect(assigned, clean=False)
    assert connack.session_present
    assert connack.get(P.ASSIGNED_CLIENT_ID) is None, "only for one that was empty"


@pytest.mark.parametrize("client_id", ["x" * 23, "x" * 24, "x" * 300, "träumerei/☃+#$ 1"])
def test_client_ids_that_are_accepted(mqtt, version, client_id):
    client = mqtt.connect(client_id, version)
    client.expect_nothing()


@pytest.mark.parametrize(
    "client_id", [b"a\xff", b"a\xc0\xaf", b"a\xed\xa0\x80", b"a\x00"],
    ids=["not UTF-8", "overlong", "surrogate", "NUL"],
)
@pytest.mark.parametrize("level", [V311, V5])
def test_ill_formed_client_id(mqtt, level, client_id):
    client = mqtt.open(level)
    client.send(wire.connect(client_id, level))
    refused(client, 2, Reason.MALFORMED, Reason.CLIENT_ID_INVALID)


# --- Order ---------------------------------------------------------------------------------------


def test_second_connect_is_a_protocol_error(mqtt, version):
    client = mqtt.connect("c", version)
    client.send(wire.connect(mqtt.client_id("c"), version))
    client.expect_close(Reason.PROTOCOL_ERROR, oracle_is_silent=True)


@pytest.mark.parametrize("first", [f"{kind << 4:02x}" for kind in (0, *range(2, 16))])
def test_first_packet_must_be_connect(mqtt, first):
    client = mqtt.open(V311)
    client.send(wire.raw(int(first, 16), b"\x00\x01"))
    assert bytes_until_end(client) == b""


@pytest.mark.godwit_only(reason="Mosquitto 2.0 waits for a CONNECT as long as it waits for data")
def test_silence_before_connect_is_ended(mqtt):
    elsewhere = mqtt.elsewhere(connect_timeout_seconds=1)
    silent, slow = elsewhere.open(), elsewhere.open()
    slow.send(wire.connect("c")[:5])
    assert bytes_until_end(silent) == b""
    assert bytes_until_end(slow) == b""


# --- Flags and what they announce ----------------------------------------------------------------

_HEAD = b"\x00\x04MQTT"
_ID = b"\x00\x01p"

_BAD_FLAGS = {
    "reserved bit": (0x03, _ID),
    "will QoS without will": (0x0A, _ID),
    "will retain without will": (0x22, _ID),
    "will QoS 3": (0x1E, _ID + b"\x00\x01t\x00\x01p"),
    "will without topic and message": (0x06, _ID),
    "will without message": (0x06, _ID + b"\x00\x01t"),
    "user name announced, absent": (0x82, _ID),
    "password announced, absent": (0xC2, _ID + b"\x00\x01u"),
    "bytes after the payload": (0x02, _ID + b"\x00"),
    "client id missing": (0x02, b""),
    "client id cut short": (0x02, b"\x00\x05p"),
}


@pytest.mark.parametrize("case", _BAD_FLAGS)
@pytest.mark.parametrize("level", [V311, V5])
def test_flags_that_contradict_the_payload(mqtt, level, case):
    flags, payload = _BAD_FLAGS[case]
    if level == V5:
        will = flags & 0x04 and len(payload) > len(_ID)
        payload = b"\x00" + (payload.replace(_ID, _ID + b"\x00", 1) if will else payload)
    client = mqtt.open(level)
    client.send(wire.raw(0x10, _HEAD + bytes([level, flags]) + b"\x00\x0a" + payload))
    refused(client, Reason.MALFORMED, Reason.PROTOCOL_ERROR)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_reserved_bits_of_the_fixed_header(mqtt, bits):
    client = mqtt.open(V311)
    client.send(wire.connect("c", V311, first=0x10 | bits))
    assert bytes_until_end(client) == b""


def test_password_without_user_name(mqtt):
    """Forbidden in 3.1.1 [MQTT-3.1.2-22], allowed in 5.0."""
    client = mqtt.open(V311)
    client.send(wire.connect("c", V311, password=b"secret"))
    refused(client, 4, 5)
    mqtt.connect("c", V5, password=b"\x00\xff").expect_nothing()


def test_anonymous_server_takes_any_user(mqtt, version):
    mqtt.connect("c", version, user="someone", password=b"\x00\xffbinary").expect_nothing()


def test_remaining_length_of_five_bytes(mqtt):
    client = mqtt.open(V311)
    client.send(b"\x10\xff\xff\xff\xff\x7f" + b"\x00\x04MQTT")
    assert bytes_until_end(client) == b""


def cases(table: dict, lenient: dict) -> list:
    """The names of a table as parameters; `lenient` says what Mosquitto lets pass, and why."""
    return [
        pytest.param(name, marks=pytest.mark.godwit_only(reason=lenient[name]))
        if name in lenient else name
        for name in table
    ]


_BAD_PROPERTIES = {
    "receive maximum 0": [(P.RECEIVE_MAXIMUM, 0)],
    "maximum packet size 0": [(P.MAXIMUM_PACKET_SIZE, 0)],
    "request problem information 2": [(P.REQUEST_PROBLEM_INFO, 2)],
    "request response information 2": [(P.REQUEST_RESPONSE_INFO, 2)],
    "session expiry twice": [(P.SESSION_EXPIRY, 1), (P.SESSION_EXPIRY, 1)],
    "receive maximum twice": [(P.RECEIVE_MAXIMUM, 1), (P.RECEIVE_MAXIMUM, 1)],
    "authentication data without method": [(P.AUTH_DATA, b"x")],
    "a property of PUBLISH": [(P.MESSAGE_EXPIRY, 1)],
    "a property of the will": [(P.WILL_DELAY, 1)],
    "a property of the server": [(P.ASSIGNED_CLIENT_ID, "x")],
}


_LENIENT = {"authentication data without method": "Mosquitto 2.0 ignores it; section 3.1.2.11.10"}


@pytest.mark.parametrize("case", cases(_BAD_PROPERTIES, _LENIENT))
def test_bad_connect_properties(mqtt, case):
    client = mqtt.open()
    client.send(wire.connect("c", props=_BAD_PROPERTIES[case]))
    refused(client, Reason.PROTOCOL_ERROR, Reason.MALFORMED)


_BAD_WILL_PROPERTIES = {
    "payload format 2": [(P.PAYLOAD_FORMAT, 2)],
    "delay twice": [(P.WILL_DELAY, 1), (P.WILL_DELAY, 2)],
    "topic alias": [(P.TOPIC_ALIAS, 1)],
    "session expiry": [(P.SESSION_EXPIRY, 1)],
}


_LENIENT_WILL = {"payload format 2": "Mosquitto 2.0 does not look; section 3.3.2.3.2"}


@pytest.mark.parametrize("case", cases(_BAD_WILL_PROPERTIES, _LENIENT_WILL))
def test_bad_will_properties(mqtt, case):
    client = mqtt.open()
    will = Will("t", b"x", properties=tuple(_BAD_WILL_PROPERTIES[case]))
    client.send(wire.connect("c", will=will))
    refused(client, Reason.PROTOCOL_ERROR, Reason.MALFORMED)


@pytest.mark.parametrize("topic", ["", "a/#", "+/b", b"a\x00b", b"\xff"])
@pytest.mark.parametrize("level", [V311, V5])
def test_bad_will_topic(mqtt, level, topic):
    client = mqtt.open(level)
    client.send(wire.connect("c", level, will=Will(topic, b"x")))
    refused(client, Reason.MALFORMED, Reason.PROTOCOL_ERROR, Reason.TOPIC_INVALID)


def test_will_beyond_the_servers_capabilities(mqtt):
    limited = mqtt.elsewhere(max_qos=1, retain_available=False)
    assert limited.connect("c").connack.get(P.MAXIMUM_QOS) == 1
    assert limited.connect("c").connack.get(P.RETAIN_AVAILABLE) == 0
    for will, reason in (
        (Will("t", b"x", qos=2), Reason.QOS_NOT_SUPPORTED),
        (Will("t", b"x", retain=True), Reason.RETAIN_NOT_SUPPORTED),
    ):
        client = limited.open()
        client.connect("c", reason, will=will)
        client.expect_end()


# --- Requests about the answers ------------------------------------------------------------------


def test_response_information_only_on_request(mqtt):
    """Section 3.2.2.3.15: optional even then, and never unasked."""
    assert mqtt.connect("a").connack.get(P.RESPONSE_INFO) is None
    unasked = mqtt.connect("b", props=[(P.REQUEST_RESPONSE_INFO, 0)]).connack
    assert unasked.get(P.RESPONSE_INFO) is None


@pytest.mark.godwit_only(reason="Mosquitto has no response information")
def test_response_information_is_a_usable_topic(mqtt):
    asked = mqtt.connect("a", props=[(P.REQUEST_RESPONSE_INFO, 1)])
    other = mqtt.connect("b", props=[(P.REQUEST_RESPONSE_INFO, 1)])
    prefix, second = (c.connack.get(P.RESPONSE_INFO) for c in (asked, other))
    assert prefix and second and prefix != second
    asked.subscribe(f"{prefix}/x")
    other.publish(f"{prefix}/x", b"answer")
    asked.take(payload=b"answer", topic=f"{prefix}/x")


def test_user_properties_of_connect_are_taken(mqtt):
    props = [(P.USER_PROPERTY, ("k", "v")), (P.USER_PROPERTY, ("k", "v"))]
    mqtt.connect("c", props=props).expect_nothing()


def test_many_user_properties_in_connect_are_quick(mqtt):
    """Five thousand of them are read about as fast as as many bytes of client identifier."""
    props = [(P.USER_PROPERTY, ("key", "value"))] * 5_000
    began = time.monotonic()
    mqtt.connect("plain", props=props).ping()
    mqtt.connect("with will", will=Will("t", b"x", properties=tuple(props))).ping()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("topic", ["$SYS/broker/version", "$SYS"])
@pytest.mark.godwit_only(reason="Mosquitto 2.0 refuses $CONTROL only")
def test_will_on_the_servers_own_topics_is_refused(mqtt, version, topic):
    client = mqtt.open(version)
    client.send(wire.connect("c", version, will=Will(topic, b"forged")))
    refused(client, *((Reason.NOT_AUTHORIZED,) if version == V5 else (5,)))
