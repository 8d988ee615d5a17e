"""TLS after INFO, TLS first, and client certificates."""

from __future__ import annotations

import contextlib
import ssl

import nats
import pytest
from godwit_rig import Closed, DeadlinePassed, NATSWire, Wire


def works(client: NATSWire, subject: str) -> None:
    client.connect()
    client.subscribe(subject)
    client.publish(subject, "x" * 100_000)
    assert len(client.delivery().payload) == 100_000


def refused(action) -> None:
    """The handshake fails, at once or at the first bytes after it (TLS 1.3)."""
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)):
        action()


def test_the_handshake_follows_info(broker, certificates, unique):
    server = broker("nats-tls", tls=True)
    with NATSWire(
        server.address("nats-tls"), upgrade=certificates.client_context()
    ) as client:
        assert client.info["tls_required"] is True
        assert client.socket.version() in ("TLSv1.2", "TLSv1.3")
        works(client, unique)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_2_still_works_and_1_1_does_not(broker, certificates, unique):
    server = broker("nats-tls", tls=True)
    context = certificates.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with NATSWire(server.address("nats-tls"), upgrade=context) as client:
        works(client, unique)
    old = certificates.client_context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    refused(lambda: NATSWire(server.address("nats-tls"), upgrade=old).connect())


def test_a_client_that_speaks_plainly_to_a_tls_listener_is_cut(broker):
    server = broker("nats-tls", tls=True)
    with NATSWire(server.address("nats-tls")) as client:
        with contextlib.suppress(ConnectionError):  # the cut may come between the two
            client.send_connect()
            client.ping()
        rest = client.read_to_end()
        assert b"PONG" not in rest


def test_a_client_that_does_not_know_the_authority_goes_away(broker, unique, certificates):
    server = broker("nats-tls", tls=True)
    refused(
        lambda: NATSWire(server.address("nats-tls"), upgrade=ssl.create_default_context())
    )
    with NATSWire(
        server.address("nats-tls"), upgrade=certificates.client_context()
    ) as client:
        works(client, unique)


def test_mutual_tls(broker, certificates, unique):
    server = broker("nats-tls", tls=True, verify_clients=True)
    with NATSWire(
        server.address("nats-tls"), upgrade=certificates.client_context("client")
    ) as client:
        assert client.info["tls_verify"] is True
        works(client, unique)
    for certificate in (None, "stranger"):
        context = certificates.client_context(certificate)
        refused(lambda: NATSWire(server.address("nats-tls"), upgrade=context).connect())


def test_tls_first(broker, certificates, unique):
    server = broker("nats-tls", tls=True, tls_first=True)
    with NATSWire(server.address("nats-tls"), tls=certificates.client_context()) as client:
        works(client, unique)
    # Nothing is said before the handshake.
    with Wire(server.address("nats-tls")) as plain, pytest.raises((DeadlinePassed, Closed)) as end:
        plain.read_some(0.5)
    assert end.value.rest == b""


async def test_nats_py_over_tls(broker, certificates, unique):
    for features, options in (
        ({}, {}),
        ({"tls_first": True}, {"tls_handshake_first": True}),
        ({"verify_clients": True}, {"tls": certificates.client_context("client")}),
    ):
        server = broker("nats-tls", tls=True, **features)
        connection = await nats.connect(
            server.url("nats-tls"),
            allow_reconnect=False,
            **({"tls": certificates.client_context()} | options),
        )
        subscription = await connection.subscribe(unique)
        await connection.publish(unique, b"x" * 500_000)
        assert len((await subscription.next_msg(timeout=5)).data) == 500_000
        await connection.close()


def test_garbage_instead_of_a_handshake_harms_nobody(broker, certificates, unique):
    server = broker("nats-tls", tls=True)
    with NATSWire(
        server.address("nats-tls"), upgrade=certificates.client_context()
    ) as client:
        client.connect()
        record = b"\x16\x03\x01\xff\xff" + b"x" * 100
        for garbage in (b"\0" * 100, record, b"GET / HTTP/1.1\r\n\r\n"):
            with NATSWire(server.address("nats-tls")) as bad:
                bad.send(garbage)
                bad.read_to_end()
        client.subscribe(unique)
        client.publish(unique, "x")
        assert client.delivery().payload == b"x"
