"""What Godwit has beyond the specification, as people know it from EMQX and RobustMQ."""

import json
import time
import urllib.request

import pytest

from godwit_rig import User
from godwit_rig.paho_peer import PahoPeer
from mqtt import wire
from mqtt.client import settle
from mqtt.settings import mqtt_server
from mqtt.wire import Kind, P, Reason, V5

pytestmark = pytest.mark.godwit_only(reason="extensions that Mosquitto does not have")


# --- $delayed/<seconds>/<topic> ------------------------------------------------------------------


def test_delayed_publish(mqtt, version, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/#", qos=2)
    client = mqtt.connect("c", version)
    start = time.monotonic()
    assert client.publish(f"$delayed/2/{unique}/a", b"later", 1) < 0x80
    client.publish(f"{unique}/b", b"now", 1)
    watcher.take(topic=f"{unique}/b")
    watcher.expect_nothing()
    watcher.take(topic=f"{unique}/a", payload=b"later", qos=1)
    assert 1.9 <= time.monotonic() - start < 4.5


def test_delayed_messages_keep_properties_and_qos(mqtt, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique, qos=2)
    props = [(P.CONTENT_TYPE, "a/b"), (P.USER_PROPERTY, ("k", "1")), (P.USER_PROPERTY, ("k", "2"))]
    mqtt.connect("c").publish(f"$delayed/1/{unique}", b"x", 2, props=props)
    packet = watcher.take(payload=b"x", qos=2)
    assert packet.get(P.CONTENT_TYPE) == "a/b"
    assert packet.all(P.USER_PROPERTY) == [("k", "1"), ("k", "2")]


def test_delayed_and_retained(mqtt, unique):
    mqtt.connect("c").publish(f"$delayed/2/{unique}", b"x", 1, retain=True)
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    watcher.expect_nothing()
    watcher.take(payload=b"x", retain=False)
    late = mqtt.connect("l")
    late.subscribe(unique)
    late.take(payload=b"x", retain=True)


def test_delays_are_kept_in_order_of_time(mqtt, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/#")
    client = mqtt.connect("c")
    client.publish(f"$delayed/2/{unique}/second", b"x", 1)
    client.publish(f"$delayed/1/{unique}/first", b"x", 1)
    watcher.take(topic=f"{unique}/first")
    watcher.take(topic=f"{unique}/second")


def test_a_delayed_message_outlives_its_publisher(mqtt, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    client = mqtt.connect("c")
    client.publish(f"$delayed/1/{unique}", b"x", 1)
    client.disconnect()
    watcher.take(payload=b"x")


@pytest.mark.parametrize("topic", [
    "$delayed/x/{}", "$delayed/-1/{}", "$delayed//{}", "$delayed/1", "$delayed/1/", "$delayed/{}",
    "$delayed/1.5/{}", "$delayed/9999999999999/{}",
])
def test_delays_that_are_none(mqtt, unique, topic):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique, "$delayed/#")
    client = mqtt.connect("c")
    client.send(wire.publish(topic.format(unique), b"x", 1, 1))
    packet = client.receive()
    assert packet.kind in (Kind.PUBACK, Kind.DISCONNECT)
    assert packet.reason >= 0x80
    watcher.expect_nothing()


# --- $exclusive/<topic> --------------------------------------------------------------------------


def test_exclusive_subscription(mqtt, version, unique):
    refusal = Reason.QUOTA_EXCEEDED if version == V5 else 0x80
    one, two = mqtt.connect("one", version), mqtt.connect("two", version)
    assert one.subscribe(f"$exclusive/{unique}", qos=1) == [1]
    assert two.subscribe(f"$exclusive/{unique}", qos=1) == [refusal]
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", 1)
    one.take(topic=unique, payload=b"x")
    settle(publisher, two)
    assert one.subscribe(f"$exclusive/{unique}", qos=0) == [0], "its holder may subscribe again"
    one.unsubscribe(f"$exclusive/{unique}")
    assert two.subscribe(f"$exclusive/{unique}", qos=1) == [1]
    two.abort()
    three = mqtt.connect("three", version)
    for _ in range(100):
        if three.subscribe(f"$exclusive/{unique}", qos=1) == [1]:
            break
    publisher.publish(unique, b"y", 1)
    three.take(payload=b"y")


def test_exclusive_leaves_plain_subscribers_alone(mqtt, unique):
    one, plain = mqtt.connect("one"), mqtt.connect("plain")
    one.subscribe(f"$exclusive/{unique}")
    assert plain.subscribe(unique) == [0]
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x")
    publisher.ping()
    one.take(topic=unique)
    plain.take(topic=unique)


# --- Automatic subscriptions ---------------------------------------------------------------------


def test_automatic_subscriptions(mqtt, version, unique):
    bench = mqtt.elsewhere(automatic_subscriptions=[
        {"filter": "cmd/%c", "qos": 1}, {"filter": "user/%u/#", "qos": 0},
    ])
    client = bench.connect("c", version, user="ada")
    publisher = bench.connect("p", user="someone")
    publisher.publish(f"cmd/{bench.client_id('c')}", b"do it", 2)
    client.take(payload=b"do it", qos=1)
    publisher.publish("user/ada/x", b"hello", 2)
    client.take(payload=b"hello", qos=0)
    publisher.publish("user/someone/x", b"not for ada", 0)
    publisher.take(payload=b"not for ada")
    settle(publisher, client)


# --- Rewriting -----------------------------------------------------------------------------------

RULES = [
    {"direction": "all", "source": "x/#", "pattern": "^x/(.+)$", "target": "y/$1"},
    {"direction": "publish", "source": "in/#", "pattern": "^in/(.+)/(.+)$",
     "target": "$2/in/$1"},
    {"direction": "subscribe", "source": "out/+", "pattern": "^out/(.+)$", "target": "y/$1"},
]


def test_topics_are_rewritten_when_published(mqtt, version, unique):
    bench = mqtt.elsewhere(rewrite=RULES)
    watcher = bench.connect("w")
    watcher.subscribe("y/#", f"{unique}/#")
    client = bench.connect("c", version)
    client.publish(f"x/{unique}", b"1", 1)
    watcher.take(topic=f"y/{unique}", payload=b"1")
    client.publish(f"in/a/{unique}", b"2", 1)
    watcher.take(topic=f"{unique}/in/a", payload=b"2")
    client.publish(f"out/{unique}", b"3", 1)
    settle(client, watcher)


def test_filters_are_rewritten_when_subscribed(mqtt, version, unique):
    bench = mqtt.elsewhere(rewrite=RULES)
    client = bench.connect("c", version)
    client.subscribe(f"out/{unique}")
    publisher = bench.connect("p")
    publisher.publish(f"y/{unique}", b"1", 1)
    client.take(topic=f"y/{unique}", payload=b"1")
    client.unsubscribe(f"out/{unique}")
    publisher.publish(f"y/{unique}", b"2", 1)
    settle(publisher, client)


def test_both_ways_meet(mqtt, unique):
    bench = mqtt.elsewhere(rewrite=RULES)
    client = bench.connect("c")
    client.subscribe(f"x/{unique}")
    client.publish(f"x/{unique}", b"1", 1)
    client.take(payload=b"1")
    client.publish(f"y/{unique}", b"2", 1)
    client.take(payload=b"2")


def test_a_rule_may_be_for_one_tenant_only(broker, unique):
    rules = [
        {"source": "x/#", "pattern": "^x/(.+)$", "target": "y/$1"},
        {"tenant": "acme", "source": "x/#", "pattern": "^x/(.+)$", "target": "acme/$1"},
    ]
    users = [User("a", "pw", tenant="acme"), User("b", "pw", tenant="birds")]
    server = broker("mqtt", users=users, **mqtt_server(rewrite=rules))
    for user, place in (("a", "acme"), ("b", "y")):
        with (
            PahoPeer(server.address("mqtt"), user=user, password="pw") as watcher,
            PahoPeer(server.address("mqtt"), user=user, password="pw") as client,
        ):
            watcher.subscribe("#")
            client.subscribe(f"x/{unique}")
            client.publish(f"x/{unique}", "1", qos=1)
            assert watcher.next().topic == client.next().topic == f"{place}/{unique}"


# --- Strict names --------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["{}/a b", "{}/*", ">/{}", "{}/a%20b"])
def test_names_that_need_an_escape_are_refused_where_names_are_strict(
    mqtt, version, unique, topic
):
    bench = mqtt.elsewhere(strict_names=True)
    topic = topic.format(unique)
    watcher = bench.connect("w")
    watcher.subscribe("#")
    client = bench.connect("c", version)
    reason = client.subscribe(topic, f"{unique}/plain/a.b")
    assert reason == ([Reason.FILTER_INVALID, 0] if version == V5 else [0x80, 0])
    for qos in (1, 2):
        answer = client.publish(topic, b"x", qos)
        assert answer == (Reason.TOPIC_INVALID if version == V5 else 0)
    client.publish(topic, b"x")
    client.publish(f"{unique}/plain/a.b", b"y", 1)
    client.take(payload=b"y")
    watcher.take(topic=f"{unique}/plain/a.b", payload=b"y")
    settle(client, watcher)


# --- Flapping ------------------------------------------------------------------------------------


def test_a_client_that_keeps_reconnecting_is_banned_for_a_while(mqtt, version, unique):
    bench = mqtt.elsewhere(flapping={
        "enabled": True, "window_seconds": 60, "connects_max": 4, "ban_seconds": 1})
    banned = Reason.BANNED if version == V5 else 5
    for _ in range(10):
        client = bench.open(version)
        client.send(wire.connect(bench.client_id("flapping"), version))
        connack = client.expect(Kind.CONNACK)
        if connack.reason:
            break
        client.disconnect()
    else:
        pytest.fail("never banned")
    assert connack.reason == banned
    client.expect_end()
    bench.connect("another", version).expect_nothing()
    time.sleep(1.3)
    bench.connect("flapping", version).expect_nothing()


# --- Slow subscriptions --------------------------------------------------------------------------


def slow_list(bench) -> list:
    host, port = bench.server.address("admin")
    url = f"http://{host}:{port}/api/mqtt/slow-subscriptions"
    with urllib.request.urlopen(url, timeout=5) as answer:
        body = json.load(answer)
    return body if isinstance(body, list) else next(v for v in body.values() if isinstance(v, list))


def test_slow_subscriptions_are_listed(mqtt, unique):
    """Slow is the time from the message's arrival to its acknowledgement."""
    bench = mqtt.elsewhere(slow_subscription={"threshold_ms": 100, "entries_max": 3})
    quick, slow = bench.connect("quick"), bench.connect("slow")
    for client in (quick, slow):
        client.subscribe(unique, qos=1)
    publisher = bench.connect("p")
    publisher.publish(unique, b"x", 1)
    quick.take()
    held = slow.expect(Kind.PUBLISH)
    time.sleep(0.3)
    slow.acknowledge(held)
    slow.ping()
    text = json.dumps(slow_list(bench))
    assert bench.client_id("slow") in text and unique in text
    assert bench.client_id("quick") not in text


def test_the_list_is_bounded(mqtt, unique):
    bench = mqtt.elsewhere(fresh=True, slow_subscription={"threshold_ms": 50, "entries_max": 3})
    clients = [bench.connect(f"c{n}") for n in range(6)]
    for client in clients:
        client.subscribe(unique, qos=1)
    bench.connect("p").publish(unique, b"x", 1)
    held = [client.expect(Kind.PUBLISH) for client in clients]
    time.sleep(0.2)
    for client, packet in zip(clients, held, strict=True):
        client.acknowledge(packet)
        client.ping()
    assert len(slow_list(bench)) == 3
