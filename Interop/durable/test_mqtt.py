"""What MQTT was acknowledged outlives ``kill -9``: retained messages, sessions, queues, wills,
delayed messages. On the wire, with a client that can stop half-way through an exchange."""

from __future__ import annotations

import json
import os
import time
import urllib.request

import pytest
from godwit_rig.paho_peer import PahoPeer

from mqtt import wire
from mqtt.client import Client, ConnectionEnded
from mqtt.load import Load, drain, lasting, open_client
from mqtt.wire import ALL_VERSIONS, V5, V311, Kind, P, Will


def sessions(durable) -> dict[str, dict]:
    address = durable.broker.address("admin")
    url = f"http://{address[0]}:{address[1]}/api/mqtt/sessions?limit=1000"
    with urllib.request.urlopen(url, timeout=10) as answer:
        body = json.load(answer)
    return {each["client_id"]: each for each in body["sessions"]}


def eventually(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.parametrize("sync", ["always", "interval", "never"])
@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_acknowledged_is_lost_and_nothing_of_qos_2_comes_twice(durable, sync, qos):
    broker = durable(sync=sync, segment_bytes_max=1 << 16)
    names = ["one", "two", "old"]
    versions = {"one": V5, "two": V5, "old": V311}
    for name in names:
        client = lasting(broker, name, versions[name])
        client.subscribe("load/#", qos=qos)
        client.disconnect()
    load = Load(broker, "publisher", "load/x", qos)
    for _ in range(2):
        load.until_killed(150)
        broker.start()
        load.finish()
    # What was acknowledged is sent in order, so it is there in order.
    for name in names:
        client = lasting(broker, name, versions[name])
        assert client.connack.session_present
        bodies = drain(client, len(load.acknowledged))
        assert set(bodies) == set(load.acknowledged)
        if qos == 2:
            assert len(bodies) == len(set(bodies)), "a message of QoS 2 came twice"
        client.disconnect()


def test_subscribers_under_load_lose_nothing(durable):
    """Subscribers are connected, and in the middle of exchanges, when the broker dies."""
    broker = durable(sync="interval")
    reader = lasting(broker, "reader")
    reader.subscribe("load/#", qos=2)
    load = Load(broker, "publisher", "load/x", 2)
    completed: list[bytes] = []
    held: dict[int, bytes] = {}

    def take(client: Client, packet) -> None:
        if packet.kind == Kind.PUBLISH:
            if packet.packet_id not in held:
                held[packet.packet_id] = packet.payload
            assert held[packet.packet_id] == packet.payload, "one identifier, two messages"
            client.send(wire.acknowledge(Kind.PUBREC, packet.packet_id))
        elif packet.kind == Kind.PUBREL:
            if packet.packet_id in held:
                completed.append(held.pop(packet.packet_id))
            client.send(wire.acknowledge(Kind.PUBCOMP, packet.packet_id))

    for _ in range(40):
        load.send()
    while len(completed) < 10:
        take(reader, reader.receive(20))
    load.until_killed(40)
    with pytest.raises((ConnectionEnded, OSError)):
        while True:
            take(reader, reader.receive(20))
    broker.start()
    reader = lasting(broker, "reader")
    assert reader.connack.session_present
    load.finish()
    while len(completed) < len(load.acknowledged):
        take(reader, reader.receive(20))
    assert sorted(completed) == sorted(load.acknowledged)


@pytest.mark.parametrize("version", ALL_VERSIONS)
def test_retained_messages(durable, version):
    broker = durable(sync="always")
    client = open_client(broker, "p", version)
    for number in range(20):
        client.publish(f"kept/{number}", b"first %d" % number, 1, retain=True)
    for number in range(0, 20, 2):
        client.publish(f"kept/{number}", b"second %d" % number, 2, retain=True)
    for number in range(0, 20, 5):
        client.publish(f"kept/{number}", b"", 1, retain=True)
    for _ in range(2):
        broker.restart()
        reader = open_client(broker, "r", version)
        reader.subscribe("kept/#", qos=1)
        reader.send(wire.PINGREQ)
        found = {}
        while (packet := reader.receive(20)).kind != Kind.PINGRESP:
            assert packet.retain
            found[packet.topic] = packet.payload
            reader.acknowledge(packet)
        assert found == {
            f"kept/{number}": b"%s %d" % (b"first" if number % 2 else b"second", number)
            for number in range(20)
            if number % 5
        }


def test_what_is_under_way_comes_again_as_it_was(durable):
    broker = durable(sync="never")
    client = lasting(broker, "c")
    client.subscribe("t", qos=2)
    publisher = open_client(broker, "p")
    for number in range(5):
        publisher.publish("t", b"%d" % number, 1 + number % 2)
    flight = [client.expect(Kind.PUBLISH, dup=False) for _ in range(5)]
    client.acknowledge(flight[0])
    client.send(wire.acknowledge(Kind.PUBREC, flight[1].packet_id))
    client.expect(Kind.PUBREL, packet_id=flight[1].packet_id)
    client.ping()
    for _ in range(2):
        broker.restart()
        client = lasting(broker, "c")
        assert client.connack.session_present
        again = [client.receive() for _ in range(4)]
        assert again[0].kind == Kind.PUBREL
        assert [p.packet_id for p in again] == [p.packet_id for p in flight[1:]]
        assert [p.payload for p in again[1:]] == [b"2", b"3", b"4"]
        assert all(p.dup for p in again[1:])
        client.expect_nothing()
    client.send(wire.acknowledge(Kind.PUBCOMP, again[0].packet_id))
    for packet in again[1:]:
        client.acknowledge(packet)
    client.ping()
    publisher = open_client(broker, "p")
    publisher.publish("t", b"new", 2)
    new = client.expect(Kind.PUBLISH, dup=False, payload=b"new")
    assert new.packet_id not in [p.packet_id for p in flight]
    broker.restart()
    client = lasting(broker, "c")
    client.take(payload=b"new", dup=True)
    client.expect_nothing()


def test_a_received_identifier_is_known_until_it_is_released(durable):
    broker = durable(sync="always")
    reader = lasting(broker, "r")
    reader.subscribe("t", qos=1)
    client = lasting(broker, "c")
    for packet_id in (1, 2):
        client.send(wire.publish("t", b"%d" % packet_id, 2, packet_id))
        client.expect(Kind.PUBREC, packet_id=packet_id)
    client.send(wire.acknowledge(Kind.PUBREL, 2))
    client.expect(Kind.PUBCOMP, packet_id=2)
    broker.restart()
    client = lasting(broker, "c")
    # The first comes again, and is no new message; the second identifier is free.
    client.send(wire.publish("t", b"1", 2, 1, dup=True))
    client.expect(Kind.PUBREC, packet_id=1)
    client.send(wire.publish("t", b"new 2", 2, 2))
    client.expect(Kind.PUBREC, packet_id=2)
    for packet_id in (1, 2):
        client.send(wire.acknowledge(Kind.PUBREL, packet_id))
        client.expect(Kind.PUBCOMP, packet_id=packet_id, reason=0)
    reader = lasting(broker, "r")
    assert drain(reader, 3) == [b"1", b"2", b"new 2"]


def test_subscriptions_with_their_options(durable):
    broker = durable(sync="always")
    client = lasting(broker, "c")
    client.subscribe(("a/#", 1 | 0x08), ("own", 1 | 0x04), props=[(P.SUBSCRIPTION_ID, 77)])
    client.subscribe("gone", "$share/group/s", qos=1)
    client.unsubscribe("gone")
    broker.restart()
    publisher = open_client(broker, "p")
    publisher.publish("gone", b"no", 1)
    publisher.publish("a/b", b"yes", 1, retain=True)
    publisher.publish("s", b"shared", 1)
    client = lasting(broker, "c")
    assert client.connack.session_present
    packet = client.take(topic="a/b", payload=b"yes", retain=True)
    assert packet.get(P.SUBSCRIPTION_ID) == 77
    client.take(topic="s", payload=b"shared")
    client.publish("own", b"not back", 1)
    client.expect_nothing()
    assert client.unsubscribe("a/#", "own", "gone") == [0, 0, 0x11]


def test_a_session_that_was_ended_is_not_there_again(durable):
    broker = durable(sync="always")
    for name in ("clean", "short"):
        client = lasting(broker, name)
        client.subscribe("t", qos=1)
        client.disconnect()
    open_client(broker, "clean", clean=True).disconnect()
    client = lasting(broker, "short")
    client.disconnect(0, [(P.SESSION_EXPIRY, 0)])
    # Nothing acknowledges a DISCONNECT: what the server says later stands for it.
    eventually(lambda: "short" not in sessions(broker))
    broker.restart()
    assert not sessions(broker)
    for name in ("clean", "short"):
        assert not lasting(broker, name).connack.session_present


def test_the_expiry_of_a_session_counts_on(durable):
    broker = durable(sync="always")
    for name, expiry in (("short", 2), ("long", 600)):
        client = lasting(broker, name, expiry=expiry)
        client.subscribe("t", qos=1)
        client.disconnect()
    broker.restart()
    eventually(lambda: set(sessions(broker)) == {"long"})
    assert lasting(broker, "long").connack.session_present
    broker.restart()
    assert set(sessions(broker)) == {"long"}


def test_wills(durable):
    broker = durable(sync="always")
    watcher = lasting(broker, "w")
    watcher.subscribe("will/#", qos=1)
    watcher.disconnect()
    connected = lasting(broker, "connected", will=Will("will/connected", b"died", 1))
    late = Will("will/gone", b"late", 1, properties=((P.WILL_DELAY, 3),))
    gone = lasting(broker, "gone", will=late)
    gone.abort()
    eventually(lambda: sessions(broker)["gone"]["connected"] is False)
    broker.restart()
    watcher = lasting(broker, "w")
    watcher.take(topic="will/connected", payload=b"died")
    watcher.take(20, topic="will/gone", payload=b"late")
    watcher.ping()
    broker.restart()
    watcher = lasting(broker, "w")
    watcher.expect_nothing()
    connected.close()


def test_delayed_messages(durable):
    broker = durable(sync="always")
    reader = lasting(broker, "r")
    reader.subscribe("later/#", qos=1)
    reader.disconnect()
    publisher = open_client(broker, "p")
    publisher.publish("$delayed/3/later/a", b"in time", 1)
    publisher.publish("$delayed/1/later/b", b"while nobody is there", 2, retain=True)
    publisher.publish("$delayed/600/later/c", b"much later", 1)
    broker.restart()
    reader = lasting(broker, "r")
    found = {reader.take(20).payload for _ in range(2)}
    assert found == {b"in time", b"while nobody is there"}
    reader.ping()
    broker.restart()
    reader = lasting(broker, "r")
    reader.expect_nothing()
    late = open_client(broker, "late")
    late.subscribe("later/b", qos=1)
    late.take(payload=b"while nobody is there", retain=True)


def test_an_orderly_stop_keeps_all_of_it(durable):
    broker = durable(sync="never")
    client = lasting(broker, "c")
    client.subscribe("t", qos=1)
    publisher = open_client(broker, "p")
    publisher.publish("t", b"one", 1, retain=True)
    client.expect(Kind.PUBLISH, payload=b"one")
    broker.stop()
    broker.start()
    client = lasting(broker, "c")
    client.take(payload=b"one", dup=True)
    client.expect_nothing()


def test_a_stock_client_finds_its_session_again(durable):
    """paho, with its own idea of what is under way."""
    broker = durable(sync="always")
    with PahoPeer(broker.broker.address("mqtt"), version=4, client_id="stock") as peer:
        # The peer's sessions are clean; one that is not is made with paho itself.
        peer.publish("hello", b"x", qos=2, retain=True)
    import paho.mqtt.client as paho

    def make() -> tuple[paho.Client, list[bytes], list[bool]]:
        got: list[bytes] = []
        present: list[bool] = []
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id="away",
            protocol=paho.MQTTv311,
            clean_session=False,
        )
        client.on_connect = lambda c, u, flags, *_: present.append(flags.session_present)
        client.on_message = lambda c, u, message: got.append(message.payload)
        client.connect(*broker.broker.address("mqtt"))
        client.loop_start()
        eventually(lambda: present)
        return client, got, present

    client, got, present = make()
    assert present == [False]
    client.subscribe("t/#", qos=2)
    # Answers come in order: this one says that the subscription was answered.
    client.subscribe("hello", qos=1)
    eventually(lambda: got == [b"x"])
    client.disconnect()
    client.loop_stop()
    with PahoPeer(broker.broker.address("mqtt")) as peer:
        bodies = [os.urandom(20) for _ in range(30)]
        for body in bodies:
            peer.publish("t/x", body, qos=2)
    broker.restart()
    client, got, present = make()
    assert present == [True]
    eventually(lambda: len(got) >= 30)
    assert got == bodies
    client.disconnect()
    client.loop_stop()
