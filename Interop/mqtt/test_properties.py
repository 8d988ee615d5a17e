"""Properties of a message, and how long it lives: MQTT 5.0 section 3.3.2.3."""

import time

import pytest

from mqtt import wire
from mqtt.client import collect
from mqtt.wire import Kind, P, Reason, V311

FULL = [
    (P.PAYLOAD_FORMAT, 1), (P.CONTENT_TYPE, "text/plain; charset=utf-8"),
    (P.RESPONSE_TOPIC, "answers/to/me"), (P.CORRELATION_DATA, bytes(range(256))),
    (P.USER_PROPERTY, ("b", "1")), (P.USER_PROPERTY, ("a", "")), (P.USER_PROPERTY, ("", "x")),
    (P.USER_PROPERTY, ("b", "1")), (P.USER_PROPERTY, ("ä☃", "🦢")),
]


@pytest.fixture
def subscriber(mqtt, unique):
    client = mqtt.connect("subscriber")
    client.subscribe(unique, qos=2)
    return client


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_all_of_them_arrive(mqtt, subscriber, unique, qos):
    mqtt.connect("p").publish(unique, "grüße".encode(), qos, props=FULL)
    packet = subscriber.take(qos=qos)
    assert sorted(packet.props, key=repr) == sorted(FULL, key=repr)


def test_user_properties_keep_their_order_and_repetition(mqtt, subscriber, unique):
    pairs = [("k%d" % (n * 7 % 5), "v%d" % (n % 3)) for n in range(50)]
    mqtt.connect("p").publish(unique, b"x", 1, props=[(P.USER_PROPERTY, p) for p in pairs])
    assert subscriber.take().all(P.USER_PROPERTY) == pairs


def test_large_properties(mqtt, subscriber, unique):
    props = [(P.USER_PROPERTY, ("k" * 60_000, "v" * 65_535)), (P.CORRELATION_DATA, b"c" * 65_535)]
    mqtt.connect("p").publish(unique, b"x", 1, props=props)
    packet = subscriber.take()
    assert packet.get(P.USER_PROPERTY) == ("k" * 60_000, "v" * 65_535)
    assert packet.get(P.CORRELATION_DATA) == b"c" * 65_535


@pytest.mark.parametrize("single", [
    (P.PAYLOAD_FORMAT, 0), (P.PAYLOAD_FORMAT, 1), (P.CONTENT_TYPE, ""), (P.CORRELATION_DATA, b""),
    (P.CORRELATION_DATA, b"\x00"),
], ids=repr)
def test_boundary_values_are_told_from_absence(mqtt, subscriber, unique, single):
    """An empty content type or correlation is a value; format 0 says no more than none."""
    mqtt.connect("p").publish(unique, b"x", 1, props=[single])
    found = subscriber.take().props
    assert found in ([single], []) if single == (P.PAYLOAD_FORMAT, 0) else found == [single]


def test_none_where_none_were(mqtt, subscriber, unique):
    mqtt.connect("p").publish(unique, b"x", 1)
    assert subscriber.take().props == []


def test_between_versions(mqtt, subscriber, unique):
    """Older clients get the message without, and send it without."""
    old = mqtt.connect("old", V311)
    old.subscribe(unique)
    mqtt.connect("p").publish(unique, b"x", 1, props=FULL)
    old.take(payload=b"x")
    subscriber.take()
    old.publish(unique, b"y", 1)
    assert subscriber.take(payload=b"y").props == []


def test_response_topic_takes_a_request_back(mqtt, unique):
    requester, responder = mqtt.connect("requester"), mqtt.connect("responder")
    requester.subscribe(f"{unique}/answers", qos=1)
    responder.subscribe(f"{unique}/service", qos=1)
    for number in range(5):
        requester.publish(f"{unique}/service", b"q%d" % number, 1, props=[
            (P.RESPONSE_TOPIC, f"{unique}/answers"), (P.CORRELATION_DATA, b"id %d" % number)])
        request = responder.take(payload=b"q%d" % number)
        responder.publish(request.get(P.RESPONSE_TOPIC), b"a%d" % number, 1, props=[
            (P.CORRELATION_DATA, request.get(P.CORRELATION_DATA))])
        answer = requester.take(payload=b"a%d" % number)
        assert answer.get(P.CORRELATION_DATA) == b"id %d" % number


# --- What is not allowed -------------------------------------------------------------------------

_REFUSALS = (Reason.PROTOCOL_ERROR, Reason.MALFORMED, Reason.TOPIC_INVALID)
_LENIENT = pytest.mark.godwit_only(reason="Mosquitto 2.0 does not look into it")


@pytest.mark.parametrize("props", [
    pytest.param([(P.RESPONSE_TOPIC, "a/+")], marks=_LENIENT),
    pytest.param([(P.RESPONSE_TOPIC, "a/#")], marks=_LENIENT),
    pytest.param([(P.RESPONSE_TOPIC, "")], marks=_LENIENT),
    pytest.param([(P.PAYLOAD_FORMAT, 2)], marks=_LENIENT),
    [(P.PAYLOAD_FORMAT, 1), (P.PAYLOAD_FORMAT, 1)],
    [(P.MESSAGE_EXPIRY, 1), (P.MESSAGE_EXPIRY, 1)],
    [(P.CONTENT_TYPE, "a"), (P.CONTENT_TYPE, "a")],
    [(P.RESPONSE_TOPIC, "a"), (P.RESPONSE_TOPIC, "a")],
    [(P.CORRELATION_DATA, b"a"), (P.CORRELATION_DATA, b"a")],
    [(P.TOPIC_ALIAS, 1), (P.TOPIC_ALIAS, 1)],
    [(P.SESSION_EXPIRY, 1)],
    [(P.REASON_STRING, "x")],
    [(P.RECEIVE_MAXIMUM, 1)],
    [(P.WILL_DELAY, 1)],
], ids=repr)
def test_properties_that_publish_must_not_have(mqtt, subscriber, unique, props):
    client = mqtt.connect("c")
    client.send(wire.publish(unique, b"x", 1, 1, props=props))
    client.expect_close(_REFUSALS, oracle_is_silent=True)
    subscriber.expect_nothing()


@pytest.mark.parametrize("data", [b"a\x00b", b"\xff", b"\xed\xa0\x80"], ids=repr)
@pytest.mark.parametrize("identifier", [P.CONTENT_TYPE, P.RESPONSE_TOPIC])
def test_ill_formed_text_in_a_property(mqtt, subscriber, unique, identifier, data):
    client = mqtt.connect("c")
    client.send(wire.publish(unique, b"x", 1, 1, props=[(identifier, data)]))
    client.expect_close(_REFUSALS, oracle_is_silent=True)
    subscriber.expect_nothing()


@pytest.mark.parametrize("pair", [(b"\xff", b"v"), (b"k", b"\xff"), (b"k", b"\x00")], ids=repr)
def test_ill_formed_user_property(mqtt, subscriber, unique, pair):
    client = mqtt.connect("c")
    client.send(wire.publish(unique, b"x", 1, 1, props=[(P.USER_PROPERTY, pair)]))
    client.expect_close(_REFUSALS, oracle_is_silent=True)
    subscriber.expect_nothing()


def test_payload_format_is_not_a_reason_to_lose_the_message(mqtt, subscriber, unique):
    """Section 3.3.2.3.2: a receiver may check; a refusal is said with 0x99, not by silence."""
    client = mqtt.connect("c")
    client.send(wire.publish(unique, b"\xff", 1, 1, props=[(P.PAYLOAD_FORMAT, 1)]))
    answer = client.expect(Kind.PUBACK)
    if answer.reason == 0:
        subscriber.take(payload=b"\xff")
    else:
        assert answer.reason == Reason.PAYLOAD_FORMAT_INVALID
        subscriber.expect_nothing()


# --- Expiry --------------------------------------------------------------------------------------


def test_expiry_is_handed_on(mqtt, subscriber, unique):
    mqtt.connect("p").publish(unique, b"x", 1, props=[(P.MESSAGE_EXPIRY, 100)])
    assert subscriber.take().get(P.MESSAGE_EXPIRY) in range(90, 101)
    mqtt.connect("p").publish(unique, b"x", 0, props=[(P.MESSAGE_EXPIRY, 0xFFFFFFFF)])
    assert subscriber.take().get(P.MESSAGE_EXPIRY) in (0xFFFFFFFE, 0xFFFFFFFF)


def test_queued_messages_expire_or_come_with_the_time_that_is_left(mqtt, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    for name, version in (("c", wire.V5), ("old", V311)):
        client = mqtt.connect(name, version, **(keep if version == wire.V5 else {"clean": False}))
        client.subscribe(unique, qos=2)
        client.disconnect()
    publisher = mqtt.connect("p")
    for payload, props in (
        (b"short", [(P.MESSAGE_EXPIRY, 1)]), (b"long", [(P.MESSAGE_EXPIRY, 60)]), (b"never", []),
        (b"short 2", [(P.MESSAGE_EXPIRY, 1)]),
    ):
        publisher.publish(unique, payload, 1, props=props)
    time.sleep(2.1)
    client = mqtt.connect("c", **keep)
    assert client.take(payload=b"long").get(P.MESSAGE_EXPIRY) in range(50, 59)
    assert client.take(payload=b"never").get(P.MESSAGE_EXPIRY) is None
    client.expect_nothing()
    old = mqtt.connect("old", V311, clean=False)
    old.take(payload=b"long")
    old.take(payload=b"never")
    old.expect_nothing()


@pytest.mark.godwit_only(reason="Mosquitto 2.0 counts what is in its own window as delivered")
def test_messages_waiting_behind_a_full_window_expire(mqtt, unique):
    client = mqtt.connect("c", props=[(P.RECEIVE_MAXIMUM, 1)])
    client.subscribe(unique, qos=1)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"first", 1)
    publisher.publish(unique, b"short", 1, props=[(P.MESSAGE_EXPIRY, 1)])
    publisher.publish(unique, b"last", 1)
    held = client.expect(Kind.PUBLISH, payload=b"first")
    time.sleep(2.1)
    client.acknowledge(held)
    client.take(payload=b"last")
    client.expect_nothing()


# --- Reason strings ------------------------------------------------------------------------------


def texts(packet) -> list:
    return [p for p in packet.props if p[0] in (P.REASON_STRING, P.USER_PROPERTY)]


def test_no_problem_information_when_not_wanted(mqtt, unique):
    """[MQTT-3.1.2-29]: only PUBLISH, CONNACK and DISCONNECT may carry any then."""
    client = mqtt.connect("c", props=[(P.REQUEST_PROBLEM_INFO, 0)])
    client.send(wire.subscribe(1, [(unique, 0)]))
    assert texts(client.expect(Kind.SUBACK)) == []
    client.send(wire.unsubscribe(2, [f"{unique}/none"]))
    assert texts(client.expect(Kind.UNSUBACK)) == []
    client.send(wire.publish(f"{unique}/nobody", b"x", 1, 3))
    assert texts(client.expect(Kind.PUBACK)) == []
    client.send(wire.publish(f"{unique}/nobody", b"x", 2, 4))
    assert texts(client.expect(Kind.PUBREC)) == []
    client.send(wire.acknowledge(Kind.PUBREL, 99))
    assert texts(client.expect(Kind.PUBCOMP)) == []
    mqtt.connect("p").publish(unique, b"x", props=[(P.USER_PROPERTY, ("k", "v"))])
    assert client.take().all(P.USER_PROPERTY) == [("k", "v")], "PUBLISH is exempt"


@pytest.mark.godwit_only(reason="Mosquitto 2.0 never gives reason strings")
def test_reason_string_says_what_was_wrong(mqtt):
    for props, wanted in (([], True), ([(P.REQUEST_PROBLEM_INFO, 1)], True)):
        client = mqtt.connect("c", props=props)
        client.send(wire.publish("a/#", b"x"))
        packet = client.expect_close((Reason.TOPIC_INVALID, Reason.MALFORMED))
        assert (packet.get(P.REASON_STRING) is not None) == wanted


@pytest.mark.godwit_only(reason="Mosquitto 2.0 never gives reason strings")
def test_reason_strings_on_suback_and_unsuback(mqtt, unique):
    client = mqtt.connect("c")
    client.send(wire.subscribe(1, [(unique, 0)]))
    assert texts(client.expect(Kind.SUBACK)) == []
    other = mqtt.connect("o")
    assert other.subscribe(f"$exclusive/{unique}/x") == [0]
    client.send(wire.subscribe(2, [(f"{unique}/y", 0), (f"$exclusive/{unique}/x", 0)]))
    suback = client.expect(Kind.SUBACK)
    assert suback.reasons == [0, Reason.QUOTA_EXCEEDED]
    assert "another client" in suback.get(P.REASON_STRING)
    client.send(wire.unsubscribe(3, [unique, f"{unique}/none"]))
    unsuback = client.expect(Kind.UNSUBACK)
    assert unsuback.reasons == [0, 0x11]
    assert "no subscription" in unsuback.get(P.REASON_STRING)


def test_acknowledgements_stay_within_the_clients_packet_size(mqtt, unique):
    """[MQTT-3.4.2-2]: reason strings that would not fit are left out."""
    client = mqtt.connect("c", props=[(P.MAXIMUM_PACKET_SIZE, 30)])
    client.send(wire.unsubscribe(2, [f"{unique}/none"]))
    assert client.expect(Kind.UNSUBACK).size <= 30
    client.publish(f"{unique}/nobody", b"x", 1)
    client.send(wire.publish("a/#", b"x"))
    try:
        assert client.receive().size <= 30
    except AssertionError:
        pass


def test_collecting_keeps_every_copy(mqtt, subscriber, unique):
    """Same payload and properties many times: nothing is merged."""
    publisher = mqtt.connect("p")
    for _ in range(20):
        publisher.publish(unique, b"same", 1, props=FULL)
    assert len(collect(publisher, subscriber)) == 20
