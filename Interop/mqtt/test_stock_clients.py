"""paho-mqtt and aiomqtt as their users use them."""

import asyncio
import contextlib
import socket
import threading

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from godwit_rig.paho_peer import PahoPeer
from mqtt.wire import V311, V5

DEADLINE = 10
AIOMQTT = {3: aiomqtt.ProtocolVersion.V31, 4: aiomqtt.ProtocolVersion.V311,
           5: aiomqtt.ProtocolVersion.V5}


@pytest.fixture
def address(mqtt):
    return mqtt.server.address("mqtt")


# --- paho-mqtt -----------------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_paho(address, version, unique, qos):
    with PahoPeer(address, version=version) as one, PahoPeer(address, version=version) as two:
        one.subscribe(f"{unique}/#", qos)
        for number in range(50):
            two.publish(f"{unique}/{number % 3}", b"%d" % number, qos)
        found = [one.next() for _ in range(50)]
        assert [int(m.payload) for m in found] == list(range(50))
        assert {m.qos for m in found} == {qos}
        assert not any(m.retain or m.dup for m in found)


def test_paho_in_flight_many(address, version, unique):
    """Hundreds of QoS 2 exchanges at once, as fast as paho lets them go."""
    count = 400
    with PahoPeer(address, version=version) as peer:
        peer.subscribe(unique, 2)
        done = threading.Semaphore(0)
        peer.client.on_publish = lambda *a: done.release()
        for number in range(count):
            peer.client.publish(unique, b"%d" % number, 2)
        for _ in range(count):
            assert done.acquire(timeout=DEADLINE)
        assert [int(peer.next().payload) for _ in range(count)] == list(range(count))


def test_paho_retained(address, version, unique):
    with PahoPeer(address, version=version) as peer:
        peer.publish(unique, b"kept", 1, retain=True)
        peer.subscribe(unique, 1)
        message = peer.next()
        assert message.retain and message.payload == b"kept"
        peer.publish(unique, b"", 1, retain=True)


def test_paho_will(address, version, unique):
    with PahoPeer(address, version=version) as watcher:
        watcher.subscribe(unique)
        PahoPeer(address, version=version, will=(unique, b"gone")).crash()
        assert watcher.next().payload == b"gone"


def test_paho_properties(address, unique):
    with PahoPeer(address) as peer:
        peer.subscribe(unique, 1)
        peer.publish(unique, b"x", 1, ContentType="a/b", ResponseTopic="answers",
                     CorrelationData=b"\x00\xff", MessageExpiryInterval=100,
                     UserProperty=[("b", "1"), ("a", "2"), ("b", "1")])
        found = peer.next().properties
        assert (found.ContentType, found.ResponseTopic) == ("a/b", "answers")
        assert found.CorrelationData == b"\x00\xff"
        assert found.MessageExpiryInterval in range(90, 101)
        assert found.UserProperty == [("b", "1"), ("a", "2"), ("b", "1")]


def test_paho_reconnects_and_resumes(address, mqtt, version, unique):
    """Subscribed in a lasting session, taken away its connection, back by itself."""
    client = paho.Client(
        paho.CallbackAPIVersion.VERSION2, client_id=mqtt.client_id("paho"),
        protocol={3: paho.MQTTv31, 4: paho.MQTTv311, 5: paho.MQTTv5}[version],
        **({} if version == V5 else {"clean_session": False}),
    )
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    connected, got = threading.Semaphore(0), threading.Semaphore(0)
    sessions, payloads = [], []

    def on_connect(_client, _data, flags, _reason, _properties):
        sessions.append(flags.session_present)
        connected.release()

    def on_message(_client, _data, message):
        payloads.append(message.payload)
        got.release()

    client.on_connect, client.on_message = on_connect, on_message
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    options = {}
    if version == V5:
        expiry = Properties(PacketTypes.CONNECT)
        expiry.SessionExpiryInterval = 60
        options = {"clean_start": False, "properties": expiry}
    client.connect(*address, **options)
    client.loop_start()
    try:
        assert connected.acquire(timeout=DEADLINE)
        if version == V5:
            client.subscribe(unique, options=SubscribeOptions(qos=1))
        else:
            client.subscribe(unique, 1)
        assert subscribed.wait(DEADLINE)
        publisher = mqtt.connect("p")
        publisher.publish(unique, b"first", 1)
        assert got.acquire(timeout=DEADLINE)
        client.socket().shutdown(socket.SHUT_RDWR)
        assert connected.acquire(timeout=DEADLINE)
        publisher.publish(unique, b"second", 1)
        while b"second" not in payloads:  # the first may come again, if its PUBACK was lost
            assert got.acquire(timeout=DEADLINE)
        assert set(payloads) == {b"first", b"second"}
        assert sessions == [False, version != 3]
    finally:
        client.disconnect()
        client.loop_stop()


def test_paho_over_websocket(mqtt, version, unique):
    web = mqtt.elsewhere("mqtt", "mqtt-ws").server.address("mqtt-ws")
    with PahoPeer(web, version=version, transport="websockets") as peer:
        peer.subscribe(unique, 1)
        peer.publish(unique, b"x" * 3000, 1)
        assert peer.next().payload == b"x" * 3000


def test_paho_over_tls(mqtt, certificates, version, unique):
    secure = mqtt.elsewhere("mqtt-tls", tls=True).server.address("mqtt-tls")
    with PahoPeer(secure, version=version, tls=certificates.client_context()) as peer:
        peer.subscribe(unique, 1)
        peer.publish(unique, b"x" * 3000, 1)
        assert peer.next().payload == b"x" * 3000


# --- aiomqtt -------------------------------------------------------------------------------------


def aio(address, version: int, **options) -> aiomqtt.Client:
    host, port = address
    return aiomqtt.Client(host, port, protocol=AIOMQTT[version], timeout=DEADLINE, **options)


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_aiomqtt(address, version, unique, qos):
    async with asyncio.timeout(DEADLINE), aio(address, version) as client:
        await client.subscribe(f"{unique}/#", qos)
        for number in range(30):
            await client.publish(f"{unique}/a", str(number), qos)
        found = []
        async for message in client.messages:
            found.append(int(message.payload))
            if len(found) == 30:
                break
        assert found == list(range(30))


async def test_aiomqtt_many_clients(address, unique):
    async def member(number: int) -> bytes:
        async with aio(address, V311, identifier=f"{unique}-{number}") as client:
            await client.subscribe(f"{unique}/{number}")
            await client.publish(f"{unique}/{number}", f"hello {number}")
            async for message in client.messages:
                return message.payload

    async with asyncio.timeout(DEADLINE):
        found = await asyncio.gather(*(member(number) for number in range(30)))
    assert found == [b"hello %d" % number for number in range(30)]


async def test_aiomqtt_will(address, version, unique):
    async with asyncio.timeout(DEADLINE), aio(address, version) as watcher:
        await watcher.subscribe(unique)
        will = aiomqtt.Will(unique, b"gone", qos=1)
        with contextlib.suppress(aiomqtt.MqttError):
            async with aio(address, version, will=will) as client:
                client._client.socket().shutdown(socket.SHUT_RDWR)
                await anext(aiter(client.messages))
        message = await anext(aiter(watcher.messages))
        assert message.payload == b"gone"
