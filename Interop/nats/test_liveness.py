"""Clients that fall silent or do not read, and servers that go away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import urllib.request

import nats
import pytest
from godwit_rig import Closed, NATSWire, pub


def test_the_server_pings_and_cuts_a_client_that_does_not_answer(broker):
    server = broker("nats", ping_interval_seconds=0.4, ping_max_outstanding=2)
    started = time.monotonic()
    with NATSWire(server.address("nats"), answers_pings=False) as client:
        client.connect()
        assert client.read_to_end() == b"PING\r\nPING\r\n-ERR 'Stale Connection'\r\n"
    assert time.monotonic() - started < 4


def test_a_client_that_answers_stays(broker):
    server = broker("nats", ping_interval_seconds=0.4, ping_max_outstanding=2)
    with NATSWire(server.address("nats"), answers_pings=False) as client:
        client.connect()
        for _ in range(5):
            client.expect("PING")
            client.send("PONG\r\n")
        client.silent()


def test_a_client_that_publishes_is_not_stale(broker, unique):
    """Traffic counts as a sign of life, even when no PING is ever answered."""
    server = broker("nats", ping_interval_seconds=0.4, ping_max_outstanding=2)
    until = time.monotonic() + 2
    with NATSWire(server.address("nats"), answers_pings=False) as client:
        client.connect()
        while time.monotonic() < until:
            client.send(pub(unique, "x"))
            client.ping()
            while (line := client.line()) != "PONG":
                assert line == "PING", line


def test_a_client_that_does_not_read_is_cut_and_others_are_not(broker, unique):
    server = broker(
        "nats", write_pending_bytes_max=2_000_000, write_deadline_seconds=2, fresh=True
    )
    address = server.address("nats")
    with (
        NATSWire(address, receive_buffer=4096) as lazy,
        NATSWire(address) as reader,
        NATSWire(address) as publisher,
    ):
        for client in (lazy, reader, publisher):
            client.connect()
        lazy.subscribe(unique)
        reader.subscribe(unique)
        payload = b"x" * 100_000
        count = 200
        received: list[int] = []

        def read() -> None:
            for each in reader.deliveries(count):
                received.append(len(each.payload))

        thread = threading.Thread(target=read)
        thread.start()
        for _ in range(count):
            publisher.publish(unique, payload)
        thread.join(20)
        assert received == [100_000] * count
        # What was in flight can still be read, then the end; never all of it.
        with contextlib.suppress(Closed):
            rest = lazy.read_to_end(10)
            assert len(rest) < count * 100_000
        reader.silent()
    log = server.log()
    assert "slow consumer" in log.lower(), log[-2000:]


def monitored(server, path: str):
    with urllib.request.urlopen(server.url("admin") + path, timeout=5) as response:
        return json.load(response)


@pytest.mark.parametrize("listener", ["nats", "nats-tls"])
def test_a_socket_that_takes_nothing_is_cut_after_the_write_deadline(
    broker, certificates, listener, unique
):
    """Far below the bound on pending bytes: it is the time that counts."""
    encrypts = listener == "nats-tls"
    server = broker(listener, tls=encrypts, write_deadline_seconds=1, fresh=True)
    address = server.address(listener)
    tls = {"upgrade": certificates.client_context()} if encrypts else {}
    with (
        NATSWire(address, receive_buffer=4096, **tls) as lazy,
        NATSWire(address, **tls) as reader,
        NATSWire(address, **tls) as publisher,
    ):
        for client in (lazy, reader, publisher):
            client.connect()
        lazy.subscribe(unique)
        payload = b"x" * 100_000
        for _ in range(150):
            publisher.publish(unique, payload)
        publisher.flush()
        started = time.monotonic()
        while not (closed := monitored(server, "/connz?state=closed")["connections"]):
            assert time.monotonic() - started < 8
            reader.flush()
        assert [each["reason"] for each in closed] == ["Slow Consumer (Write Deadline)"]
        assert closed[0]["cid"] == lazy.info["client_id"]
        totals = monitored(server, "/varz")
        assert totals["slow_consumers"] == totals["slow_consumer_stats"]["clients"] == 1
        assert totals["write_deadline"] == 1_000_000_000
        for client in (reader, publisher):
            client.silent()
    assert "slow consumer" in server.log().lower()


@pytest.mark.godwit_only  # nats-server's deadline is for a whole batch of chunks
def test_a_slow_socket_is_kept_as_long_as_it_takes_something(broker, unique):
    """It takes longer than the deadline to read it all, but never so long to read a little."""
    server = broker("nats", write_deadline_seconds=2, fresh=True)
    address = server.address("nats")
    with NATSWire(address, receive_buffer=65_536) as slow, NATSWire(address) as publisher:
        slow.connect()
        slow.subscribe(unique)
        publisher.connect()
        count = 150
        for _ in range(count):
            publisher.publish(unique, b"x" * 100_000)
        publisher.flush()
        for _ in range(count):
            assert len(slow.delivery().payload) == 100_000
            threading.Event().wait(0.025)  # the reader is to be slow
        slow.silent()


def test_lame_duck_tells_clients_and_closes_in_peace(broker):
    server = broker("nats", fresh=True)
    with (
        NATSWire(server.address("nats")) as told,
        NATSWire(server.address("nats")) as old,
    ):
        told.connect(protocol=1)
        old.connect(protocol=0)
        server.drain()
        info = told.wait_for_info("ldm")
        assert info["server_id"] == told.info["server_id"]
        rest = told.read_to_end(10)
        assert b"-ERR" not in rest, rest
        assert b"INFO" not in old.read_to_end(10)
    assert server.wait() == 0


def test_lame_duck_takes_no_new_clients(broker):
    server = broker("nats", fresh=True)
    with NATSWire(server.address("nats")) as client:
        client.connect(protocol=1)
        server.drain()
        client.wait_for_info("ldm")
        with pytest.raises((ConnectionError, AssertionError)):
            NATSWire(server.address("nats"))


def test_what_was_published_before_the_drain_arrives(broker, unique):
    server = broker("nats", fresh=True)
    with NATSWire(server.address("nats")) as publisher, NATSWire(server.address("nats")) as reader:
        publisher.connect()
        reader.connect()
        reader.subscribe(unique)
        publisher.send(pub(unique, "x" * 1000) * 2000)
        publisher.flush()
        server.drain()
        assert len(reader.deliveries(2000)) == 2000


async def test_nats_py_hears_of_the_lame_duck(broker):
    server = broker("nats", fresh=True)
    heard = asyncio.Event()

    async def lame_duck() -> None:
        heard.set()

    connection = await nats.connect(
        server.url("nats"), lame_duck_mode_cb=lame_duck, allow_reconnect=False
    )
    try:
        server.drain()
        await asyncio.wait_for(heard.wait(), 5)
    finally:
        await connection.close()


def test_a_reset_connection_is_forgotten(broker, unique):
    server = broker("nats")
    with NATSWire(server.address("nats")) as watcher:
        watcher.connect(headers=True, no_responders=True)
        watcher.subscribe(f"{unique}.inbox")
        gone = NATSWire(server.address("nats")).connect()
        gone.subscribe(f"{unique}.service")
        gone.reset()
        deadline = time.monotonic() + 5
        while True:  # until the server knows, requests go to the dead connection
            watcher.publish(f"{unique}.service", "x", reply=f"{unique}.inbox")
            if not watcher.has_waiting():
                assert time.monotonic() < deadline
                continue
            headers = watcher.delivery().headers
            assert headers is not None and headers.startswith(b"NATS/1.0 503")
            break
