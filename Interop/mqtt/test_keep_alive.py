"""Keep alive: MQTT 5.0 sections 3.1.2.10, 3.2.2.3.14, 3.12."""

import time

import pytest

from mqtt import wire
from mqtt.wire import ALL_VERSIONS, Kind, P, Reason, V31, V311, V5

# Mosquitto 2.0 looks for silent clients every five seconds.
PATIENCE = 10


def test_silent_clients_are_cut_off_and_others_are_not(mqtt, unique):
    """After one and a half times the interval; any packet counts, none is needed at 0."""
    start = time.monotonic()
    silent = [mqtt.connect(f"s{v}", v, keep_alive=1) for v in ALL_VERSIONS]
    pinging = mqtt.connect("pinging", keep_alive=1)
    publishing = mqtt.connect("publishing", V311, keep_alive=1)
    free = mqtt.connect("free", V31, keep_alive=0)
    acknowledging = mqtt.connect("acknowledging", keep_alive=1)
    acknowledging.subscribe(unique, qos=1)

    last = time.monotonic()
    for client in silent:
        while True:
            try:
                client.expect_close(Reason.KEEP_ALIVE_TIMEOUT, 0.3, oracle_is_silent=True)
                break
            except AssertionError as nothing:
                if "no packet" not in str(nothing):
                    raise
            assert time.monotonic() - start < PATIENCE
            pinging.expect_nothing()
            publishing.publish(unique, b"x", 1)
            acknowledging.take(payload=b"x")
        last = time.monotonic()
    assert last - start >= 1.4, "not before one and a half intervals"
    for client in (pinging, publishing, free, acknowledging):
        client.expect_nothing()


def test_receiving_does_not_keep_a_client_alive(mqtt, unique):
    """[MQTT-3.1.2-22]: what counts is what the client sends."""
    client = mqtt.connect("c", keep_alive=1)
    client.subscribe(unique)
    publisher = mqtt.connect("p")
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE:
        publisher.publish(unique, b"x")
        publisher.ping()
        try:
            packet = client.receive(0.2)
        except AssertionError:
            break
        if packet.kind == Kind.DISCONNECT:
            assert packet.reason == Reason.KEEP_ALIVE_TIMEOUT
            break
        time.sleep(0.1)
    else:
        pytest.fail("still connected")


def test_server_says_its_own_interval(mqtt):
    limited = mqtt.elsewhere(keep_alive_seconds_max=20)
    assert limited.connect("longer", keep_alive=60).connack.get(P.SERVER_KEEP_ALIVE) == 20
    assert limited.connect("endless", keep_alive=0).connack.get(P.SERVER_KEEP_ALIVE) == 20
    assert limited.connect("less", keep_alive=19).connack.get(P.SERVER_KEEP_ALIVE) in (None, 19)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 allows no maximum below ten seconds")
def test_server_holds_to_its_own_interval(mqtt):
    """[MQTT-3.2.2-21], and nothing else than the client's own word binds the older versions."""
    limited = mqtt.elsewhere(keep_alive_seconds_max=1)
    client = limited.connect("c", V5, keep_alive=60)
    client.expect_close(Reason.KEEP_ALIVE_TIMEOUT, PATIENCE, oracle_is_silent=True)


def test_unlimited_server_says_nothing(mqtt):
    assert mqtt.connect("c", keep_alive=65535).connack.get(P.SERVER_KEEP_ALIVE) is None


def test_pings_are_answered_one_for_one(mqtt, version):
    client = mqtt.connect("c", version)
    client.send(wire.PINGREQ * 100)
    for _ in range(100):
        client.expect(Kind.PINGRESP)
    client.expect_nothing()
