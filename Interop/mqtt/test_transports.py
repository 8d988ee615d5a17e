"""TLS, WebSocket and both: MQTT 5.0 sections 4.2, 5.4 and 6."""

import ssl

import pytest

from mqtt import wire
from mqtt.client import Client, ConnectionEnded, TCPTransport
from mqtt.websocket import (
    BINARY, CLOSE, CONTINUATION, HandshakeRefused, PING, PONG, TEXT, WebSocketTransport,
)
from mqtt.wire import Kind, P, V311, V5, Will


def works(client: Client, name: str) -> None:
    """A conversation with all QoS and a large payload."""
    client.connect(name)
    client.subscribe(f"{name}/#", qos=2)
    for qos in (0, 1, 2):
        payload = bytes([qos]) * 10_000
        client.publish(f"{name}/a", payload, qos)
        client.take(payload=payload, qos=qos)
    client.expect_nothing()


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture
def secure(mqtt):
    return mqtt.elsewhere("mqtt-tls", tls=True)


def test_tls(secure, certificates, version, unique):
    address = secure.server.address("mqtt-tls")
    client = secure.adopt(Client(TCPTransport(address, certificates.client_context()), version))
    works(client, unique)
    client.disconnect()


def test_tls_1_2(secure, certificates, unique):
    context = certificates.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    client = secure.adopt(Client(TCPTransport(secure.server.address("mqtt-tls"), context)))
    works(client, unique)


def test_plain_words_to_a_tls_listener(secure):
    client = secure.adopt(Client(TCPTransport(secure.server.address("mqtt-tls")), V311))
    client.send(wire.connect("c", V311))
    while client.transport.receive(5):
        pass


def test_an_authority_that_is_not_trusted_stops_the_client(secure, certificates):
    """A client that knows another authority only says no more, and the next one is served."""
    context = ssl.create_default_context(cafile=str(certificates.directory / "other-ca.pem"))
    with pytest.raises(ssl.SSLCertVerificationError):
        TCPTransport(secure.server.address("mqtt-tls"), context)
    address = secure.server.address("mqtt-tls")
    secure.adopt(Client(TCPTransport(address, certificates.client_context()))).connect("c")


@pytest.fixture
def mutual(mqtt):
    return mqtt.elsewhere("mqtt-tls", tls=True, verify_clients=True)


def test_client_certificate(mutual, certificates, unique):
    context = certificates.client_context("client")
    client = mutual.adopt(Client(TCPTransport(mutual.server.address("mqtt-tls"), context)))
    works(client, unique)


@pytest.mark.parametrize("name", [None, "stranger", "expired"])
def test_client_certificate_missing_expired_or_of_another_authority(mutual, certificates, name):
    """With TLS 1.3 the client learns of it only when it reads."""
    context = certificates.client_context(name)
    with pytest.raises((ssl.SSLError, OSError, ConnectionEnded)):
        client = mutual.adopt(Client(TCPTransport(mutual.server.address("mqtt-tls"), context)))
        client.connect("c")


def test_will_when_a_tls_connection_breaks(secure, certificates, unique):
    address, context = secure.server.address("mqtt-tls"), certificates.client_context()
    watcher = secure.adopt(Client(TCPTransport(address, context)))
    watcher.connect(secure.client_id("w"))
    watcher.subscribe(unique)
    client = secure.adopt(Client(TCPTransport(address, context)))
    client.connect(secure.client_id("c"), will=Will(unique, b"gone"))
    client.abort()
    watcher.take(payload=b"gone")


# --- WebSocket -----------------------------------------------------------------------------------


@pytest.fixture
def web(mqtt):
    return mqtt.elsewhere("mqtt", "mqtt-ws")


def open_web(bench, version: int = V5, **arguments) -> Client:
    transport = WebSocketTransport(bench.server.address("mqtt-ws"), **arguments)
    return bench.adopt(Client(transport, version))


def test_websocket(web, version, unique):
    client = open_web(web, version)
    assert client.transport.headers["sec-websocket-protocol"] == "mqtt"
    works(client, unique)
    client.disconnect()


def test_between_websocket_and_tcp(web, unique):
    one, two = open_web(web), web.connect("tcp")
    one.connect(web.client_id("ws"))
    for client in (one, two):
        client.subscribe(unique, qos=1)
    one.publish(unique, b"from ws", 1)
    two.publish(unique, b"from tcp", 1)
    for client in (one, two):
        assert {client.take().payload, client.take().payload} == {b"from ws", b"from tcp"}


def test_sub_protocol_is_chosen_from_several(web, unique):
    client = open_web(web, protocols="chat, mqtt, other")
    assert client.transport.headers["sec-websocket-protocol"] == "mqtt"
    works(client, unique)


@pytest.mark.parametrize("protocols", [None, "chat"])
def test_no_other_sub_protocol_is_agreed_on(web, protocols):
    """[MQTT-6.0.0-4]: refused, or served without one; the client can tell."""
    try:
        client = open_web(web, protocols=protocols)
    except HandshakeRefused:
        return
    assert "sec-websocket-protocol" not in client.transport.headers


def test_a_packet_may_be_split_over_frames(web, version, unique):
    client = open_web(web, version)
    packets = wire.connect(web.client_id("c"), version) + wire.subscribe(
        1, [(unique, 0)], version=version) + wire.publish(unique, b"x" * 40, version=version)
    for byte in packets:
        client.transport.send_frame(BINARY, bytes([byte]))
    client.expect(Kind.CONNACK, reason=0)
    client.expect(Kind.SUBACK)
    client.take(payload=b"x" * 40)


def test_packets_may_share_a_frame(web, version, unique):
    """And a frame may end within the next packet [MQTT-6.0.0-2]."""
    client = open_web(web, version)
    packets = wire.connect(web.client_id("c"), version) + wire.subscribe(
        1, [(unique, 0)], version=version) + wire.publish(unique, b"x" * 40, version=version)
    packets += wire.PINGREQ
    client.transport.send_frame(BINARY, packets[:-20])
    client.transport.send_frame(BINARY, packets[-20:])
    client.expect(Kind.CONNACK, reason=0)
    client.expect(Kind.SUBACK)
    client.take(payload=b"x" * 40)
    client.expect(Kind.PINGRESP)


def test_a_message_may_be_fragmented(web, unique):
    client = open_web(web)
    packets = wire.connect(web.client_id("c")) + wire.subscribe(1, [(unique, 0)])
    packets += wire.publish(unique, b"x" * 3000)
    client.transport.send_frame(BINARY, packets[:10], final=False)
    client.transport.send_frame(CONTINUATION, packets[10:60], final=False)
    client.transport.send_frame(PING, b"between the fragments")
    client.transport.send_frame(CONTINUATION, b"", final=False)
    client.transport.send_frame(CONTINUATION, packets[60:], final=True)
    client.expect(Kind.CONNACK, reason=0)
    client.expect(Kind.SUBACK)
    client.take(payload=b"x" * 3000)
    assert (PONG, b"between the fragments") in client.transport.control


def test_all_frames_in_one_segment(web, unique):
    client = open_web(web)
    packets = [wire.connect(web.client_id("c")), wire.subscribe(1, [(unique, 0)])]
    packets += [wire.publish(unique, b"%d" % n) for n in range(200)]
    client.transport.tcp.send(b"".join(client.transport.frame(BINARY, p) for p in packets))
    client.expect(Kind.CONNACK, reason=0)
    client.expect(Kind.SUBACK)
    for number in range(200):
        client.take(payload=b"%d" % number)


@pytest.mark.parametrize("size", [
    1, 125, 126, 127, 4000, *(
        pytest.param(size, marks=pytest.mark.godwit_only(
            reason="Mosquitto 2.0 with libwebsockets is slow or stuck with large packets"))
        for size in (65_535, 65_536, 300_000)
    ),
])
def test_frame_length_steps(web, unique, size):
    client = open_web(web)
    client.connect(web.client_id("c"))
    client.subscribe(unique, qos=1)
    client.publish(unique, b"x" * size, 1)
    client.take(payload=b"x" * size)


@pytest.mark.godwit_only(reason="libwebsockets hands text on as it is; [MQTT-6.0.0-1]")
def test_text_frames_are_refused(web):
    client = open_web(web)
    client.transport.send_frame(TEXT, wire.connect("c"))
    client.expect_end()


def test_ping_is_answered(web):
    client = open_web(web)
    client.connect(web.client_id("c"))
    client.transport.send_frame(PING, b"are you there")
    client.ping()
    assert client.transport.control == [(PONG, b"are you there")]


def test_close_frame_ends_the_connection_and_leaves_the_will(web, unique):
    watcher = web.connect("w")
    watcher.subscribe(unique)
    client = open_web(web)
    client.connect(web.client_id("c"), will=Will(unique, b"gone"))
    client.transport.send_frame(CLOSE, b"\x03\xe8")
    client.expect_end()
    watcher.take(payload=b"gone")


def test_abort_leaves_the_will(web, unique):
    watcher = web.connect("w")
    watcher.subscribe(unique)
    client = open_web(web)
    client.connect(web.client_id("c"), will=Will(unique, b"gone"))
    client.abort()
    watcher.take(payload=b"gone")


@pytest.mark.godwit_only(reason="libwebsockets 4.1 does not insist")
def test_unmasked_frames_are_refused(web):
    client = open_web(web)
    client.transport.send_frame(BINARY, wire.connect("c"), masked=False)
    client.expect_end()


def test_malformed_packet_in_a_frame(web):
    client = open_web(web)
    client.connect(web.client_id("c"))
    client.send(b"\x36\x00")
    client.expect_close((wire.Reason.MALFORMED, wire.Reason.PROTOCOL_ERROR), oracle_is_silent=True)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 does not refuse it over WebSocket")
def test_packet_too_large_in_a_frame(mqtt, unique):
    bench = mqtt.elsewhere("mqtt", "mqtt-ws", packet_bytes_max=1000)
    client = open_web(bench)
    client.connect(bench.client_id("c"))
    client.send(wire.publish(unique, b"x" * 1000))
    client.expect_close(wire.Reason.PACKET_TOO_LARGE)


def test_session_goes_from_tcp_to_websocket(web, unique):
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    first = web.connect("c", **keep)
    first.subscribe(unique, qos=1)
    first.disconnect()
    web.connect("p").publish(unique, b"x", 1)
    second = open_web(web)
    assert second.connect(web.client_id("c"), **keep).session_present
    second.take(payload=b"x")


@pytest.mark.godwit_only(reason="Mosquitto serves MQTT at every path")
def test_another_path_is_not_found(web):
    with pytest.raises(HandshakeRefused):
        open_web(web, path="/elsewhere")


def test_plain_http_is_not_served(web):
    transport = TCPTransport(web.server.address("mqtt-ws"))
    transport.send(b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    data = transport.receive(5)
    transport.close()
    assert not data.startswith(b"HTTP/1.1 2"), data


# --- Secure WebSocket ----------------------------------------------------------------------------


def test_secure_websocket(mqtt, certificates, version, unique):
    bench = mqtt.elsewhere("mqtt", "mqtt-wss", tls=True)
    transport = WebSocketTransport(
        bench.server.address("mqtt-wss"), tls=certificates.client_context())
    client = bench.adopt(Client(transport, version))
    works(client, unique)
    client.disconnect()
