"""Retained messages: MQTT 5.0 sections 3.3.1.3 and 3.8.3.1, 3.1.1 section 3.3.1.3."""

import time

import pytest

from mqtt import wire
from mqtt.client import collect, settle
from mqtt.wire import NO_LOCAL, P, RETAIN_AS_PUBLISHED, V5, retain_handling


@pytest.fixture
def publisher(mqtt):
    return mqtt.connect("publisher")


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_waits_for_a_subscriber(mqtt, publisher, version, unique, qos):
    publisher.publish(unique, b"kept", qos, retain=True)
    publisher.ping()
    for granted in (0, 1, 2):
        client = mqtt.connect(f"c{granted}", version)
        client.subscribe(unique, qos=granted)
        client.take(payload=b"kept", topic=unique, retain=True, dup=False, qos=min(qos, granted))
        client.expect_nothing()


def test_from_every_version_to_every_version(mqtt, version, unique):
    mqtt.connect("p", version).publish(unique, b"kept", 1, retain=True)
    for other in (3, 4, 5):
        client = mqtt.connect(f"c{other}", other)
        client.subscribe(unique)
        client.take(payload=b"kept", retain=True)


def test_live_delivery_is_not_marked(mqtt, publisher, version, unique):
    client = mqtt.connect("c", version)
    client.subscribe(unique)
    publisher.publish(unique, b"kept", 1, retain=True)
    client.take(payload=b"kept", retain=False)


def test_the_last_one_counts(mqtt, publisher, version, unique):
    for payload in (b"1", b"2", b"3"):
        publisher.publish(unique, payload, 1, retain=True)
    publisher.publish(unique, b"4, not retained", 1)
    client = mqtt.connect("c", version)
    client.subscribe(unique)
    client.take(payload=b"3", retain=True)
    client.expect_nothing()


def test_qos_0_replaces_qos_2(mqtt, publisher, version, unique):
    publisher.publish(unique, b"1", 2, retain=True)
    publisher.publish(unique, b"2", 0, retain=True)
    publisher.ping()
    client = mqtt.connect("c", version)
    client.subscribe(unique, qos=2)
    client.take(payload=b"2", qos=0, retain=True)
    client.expect_nothing()


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_an_empty_payload_clears(mqtt, version, unique, qos):
    publisher = mqtt.connect("p", version)
    publisher.publish(unique, b"kept", qos, retain=True)
    watcher = mqtt.connect("w", version)
    watcher.subscribe(unique)
    watcher.take(retain=True)
    publisher.publish(unique, b"", qos, retain=True)
    watcher.take(payload=b"", retain=False)
    late = mqtt.connect("late", version)
    late.subscribe(unique)
    settle(publisher, late)


def test_clearing_what_is_not_there(mqtt, publisher, unique):
    client = mqtt.connect("c")
    client.subscribe(unique)
    publisher.publish(unique, b"", 1, retain=True)
    client.take(payload=b"", retain=False)
    publisher.publish(unique, b"", 1, retain=True)
    client.take(payload=b"", retain=False)


def test_an_empty_payload_without_retain_clears_nothing(mqtt, publisher, version, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    publisher.publish(unique, b"", 1)
    client = mqtt.connect("c", version)
    client.subscribe(unique)
    client.take(payload=b"kept", retain=True)


def test_survives_its_publisher(mqtt, version, unique):
    publisher = mqtt.connect("p", version, clean=True)
    publisher.publish(unique, b"kept", 1, retain=True)
    publisher.abort()
    client = mqtt.connect("c", version)
    client.subscribe(unique)
    client.take(payload=b"kept", retain=True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{}/#", {"{}", "{}/a", "{}/a/b", "{}/a/c", "{}/b", "{}//x", "{}/"}),
        ("{}/+", {"{}/a", "{}/b", "{}/"}),
        ("{}/+/+", {"{}/a/b", "{}/a/c", "{}//x"}),
        ("{}/a/#", {"{}/a", "{}/a/b", "{}/a/c"}),
        ("{}/+/b", {"{}/a/b"}),
        ("+/a/+", {"{}/a/b", "{}/a/c"}),
        ("{}/a/b", {"{}/a/b"}),
        ("{}/a/b/c", set()),
    ],
)
def test_wildcards_find_them(mqtt, publisher, version, unique, pattern, expected):
    kept = ["{}", "{}/a", "{}/a/b", "{}/a/c", "{}/b", "{}//x", "{}/"]
    topics = {name.format(unique) for name in kept}
    for topic in topics:
        publisher.publish(topic, topic.encode(), 1, retain=True)
    client = mqtt.connect("c", version)
    client.subscribe(pattern.format(unique), qos=1)
    found = collect(publisher, client)
    for topic in topics:
        publisher.publish(topic, b"", 1, retain=True)
    assert all(p.retain and p.payload == p.topic.encode() for p in found)
    mine = [p.topic for p in found if p.topic.startswith(unique)]
    assert sorted(mine) == sorted(name.format(unique) for name in expected)


def test_many_of_them(mqtt, publisher, version, unique):
    """More than any window of messages in flight."""
    count = 250
    topics = [f"{unique}/{number}" for number in range(count)]
    publisher.send(*(wire.publish(t, t.encode(), retain=True) for t in topics))
    publisher.ping()
    client = mqtt.connect("c", version)
    client.subscribe(f"{unique}/#", qos=1)
    assert {p.topic for p in collect(publisher, client)} == set(topics)
    publisher.send(*(wire.publish(t, b"", retain=True) for t in topics))
    publisher.ping()
    assert mqtt.connect("d", version).subscribe(f"{unique}/#") == [0]


def test_subscribing_again_brings_them_again(mqtt, publisher, version, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    client = mqtt.connect("c", version)
    for _ in range(3):
        client.subscribe(unique, qos=1)
        client.take(payload=b"kept", retain=True)


def test_resuming_a_session_does_not_bring_them_again(mqtt, publisher, version, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)] if version == V5 else []}
    first = mqtt.connect("c", version, **keep)
    first.subscribe(unique, qos=1)
    first.take(payload=b"kept", retain=True)
    first.disconnect()
    mqtt.connect("c", version, **keep).expect_nothing()


def test_each_filter_of_a_subscribe_brings_its_own(mqtt, publisher, version, unique):
    publisher.publish(f"{unique}/a", b"a", 1, retain=True)
    publisher.publish(f"{unique}/b", b"b", 1, retain=True)
    client = mqtt.connect("c", version)
    client.subscribe(f"{unique}/b", f"{unique}/a", qos=1)
    assert sorted(p.payload for p in collect(publisher, client)) == [b"a", b"b"]


# --- 5.0: options --------------------------------------------------------------------------------


def test_retain_handling(mqtt, publisher, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    client = mqtt.connect("c")

    def subscribed(handling: int) -> list[bytes]:
        client.subscribe((unique, 1 | retain_handling(handling)))
        return [p.payload for p in collect(publisher, client)]

    assert subscribed(2) == [], "2: never"
    assert subscribed(1) == [], "1: only if there was no subscription"
    assert subscribed(0) == [b"kept"], "0: always"
    assert subscribed(0) == [b"kept"]
    client.unsubscribe(unique)
    assert subscribed(1) == [b"kept"]
    assert subscribed(1) == []
    client.unsubscribe(unique)
    assert subscribed(2) == []


def test_retain_handling_in_a_resumed_session(mqtt, publisher, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    first = mqtt.connect("c", **keep)
    first.subscribe((unique, 1 | retain_handling(1)))
    first.take(payload=b"kept")
    first.disconnect()
    second = mqtt.connect("c", **keep)
    second.subscribe((unique, 1 | retain_handling(1)))
    second.expect_nothing()
    second.subscribe((unique, 1 | retain_handling(0)))
    second.take(payload=b"kept")


def test_retain_as_published(mqtt, publisher, unique):
    plain, faithful = mqtt.connect("plain"), mqtt.connect("faithful")
    plain.subscribe((unique, 1))
    faithful.subscribe((unique, 1 | RETAIN_AS_PUBLISHED))
    publisher.publish(unique, b"kept", 1, retain=True)
    publisher.publish(unique, b"not kept", 1)
    plain.take(payload=b"kept", retain=False)
    plain.take(payload=b"not kept", retain=False)
    faithful.take(payload=b"kept", retain=True)
    faithful.take(payload=b"not kept", retain=False)


def test_retained_on_subscribe_is_marked_with_either_option(mqtt, publisher, unique):
    publisher.publish(unique, b"kept", 1, retain=True)
    for options in (0, RETAIN_AS_PUBLISHED):
        client = mqtt.connect(f"c{options}")
        client.subscribe((unique, options))
        client.take(payload=b"kept", retain=True)


def test_retain_as_published_for_the_offline(mqtt, publisher, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    for options, retain in ((1, False), (1 | RETAIN_AS_PUBLISHED, True)):
        client = mqtt.connect(f"c{options}", **keep)
        client.subscribe((unique, options))
        client.disconnect()
        publisher.publish(unique, b"kept", 1, retain=True)
        mqtt.connect(f"c{options}", **keep).take(payload=b"kept", retain=retain)
        publisher.publish(unique, b"", 1, retain=True)


def test_no_local_and_ones_own_retained_message(mqtt, unique):
    """No-local is about forwarding what is published; [MQTT-3.8.3-3]. Servers differ on retained
    messages that the subscriber itself published; what is certain is that others get them."""
    client, other = mqtt.connect("c"), mqtt.connect("o")
    client.publish(unique, b"kept", 1, retain=True)
    other.subscribe((unique, 1 | NO_LOCAL))
    other.take(payload=b"kept", retain=True)
    client.subscribe((unique, 1 | NO_LOCAL))
    client.publish(unique, b"live", 1, retain=True)
    assert b"live" not in [p.payload for p in collect(other, client)]


def test_keeps_its_properties(mqtt, publisher, unique):
    props = [
        (P.PAYLOAD_FORMAT, 1), (P.CONTENT_TYPE, "text/plain"), (P.RESPONSE_TOPIC, "answers"),
        (P.CORRELATION_DATA, b"\x00\xff"), (P.USER_PROPERTY, ("b", "1")),
        (P.USER_PROPERTY, ("a", "2")), (P.USER_PROPERTY, ("b", "1")),
    ]
    publisher.publish(unique, b"kept", 1, retain=True, props=props)
    for name in ("one", "two"):
        client = mqtt.connect(name)
        client.subscribe(unique)
        packet = client.take(payload=b"kept", retain=True)
        assert [p for p in packet.props if p[0] == P.USER_PROPERTY] == props[4:]
        assert all(packet.get(i) == v for i, v in props[:4])


def test_does_not_keep_the_topic_alias_or_subscription_identifiers(mqtt, unique):
    publisher = mqtt.connect("p")
    assert publisher.connack.get(P.TOPIC_ALIAS_MAXIMUM, 0) >= 1
    publisher.publish(unique, b"kept", 1, retain=True, props=[(P.TOPIC_ALIAS, 1)])
    one, two = mqtt.connect("one"), mqtt.connect("two")
    one.subscribe(unique, props=[(P.SUBSCRIPTION_ID, 42)])
    packet = one.take(payload=b"kept", retain=True, topic=unique)
    assert packet.all(P.SUBSCRIPTION_ID) == [42]
    two.subscribe(unique)
    packet = two.take(payload=b"kept", retain=True, topic=unique)
    assert packet.props == []


def test_expires(mqtt, publisher, unique):
    publisher.publish(f"{unique}/1", b"short", 1, retain=True, props=[(P.MESSAGE_EXPIRY, 2)])
    publisher.publish(f"{unique}/2", b"long", 1, retain=True, props=[(P.MESSAGE_EXPIRY, 60)])
    client = mqtt.connect("c")
    client.subscribe(f"{unique}/1")
    assert client.take(payload=b"short").get(P.MESSAGE_EXPIRY) in (1, 2)
    time.sleep(3.1)
    client.subscribe(f"{unique}/#")
    assert client.take(payload=b"long").get(P.MESSAGE_EXPIRY) in range(50, 58)
    client.expect_nothing()
    old = mqtt.connect("old", wire.V311)
    old.subscribe(f"{unique}/#")
    old.take(payload=b"long")
    old.expect_nothing()


def test_server_without_retain_refuses_it(mqtt, unique):
    limited = mqtt.elsewhere(max_qos=1, retain_available=False)
    client = limited.connect("c")
    client.send(wire.publish(unique, b"kept", 1, 1, retain=True))
    client.expect_close(wire.Reason.RETAIN_NOT_SUPPORTED)
