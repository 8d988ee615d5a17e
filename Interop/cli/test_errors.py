"""What the little clients say when something is wrong, and how they prove who they are."""

from __future__ import annotations

import os
import socket

import nkeys
import pytest
from godwit_rig import Permissions, User
from godwit_rig.command_line import failed, godwit, running, succeeded

# What goes wrong.


@pytest.mark.parametrize("scheme", ["nats", "mqtt"])
def test_connection_refused(scheme):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        for command in (["pub", "a", "x"], ["sub", "a"], ["request", "a"], ["bench", "pub"]):
            error = failed(*command, "-s", f"{scheme}://127.0.0.1:{port}")
            assert error == (
                f"Error: cannot connect to 127.0.0.1:{port}: connection refused. "
                "Is `godwit serve` running?\n"
            )


def test_a_server_that_says_nothing():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        error = failed("pub", "a", "x", "-s", address, "--connect-timeout", "0.3")
        reason = "the server did not let us in in time"
        assert error == f"Error: cannot connect to {address}: {reason}\n"


def test_the_wrong_protocol(broker):
    server = broker("mqtt")
    host, port = server.address("mqtt")
    # A server of MQTT waits for our first word, and we for its.
    assert "in time" in failed(
        "pub", "a", "x", "-s", f"nats://{host}:{port}", "--connect-timeout", "0.3"
    )
    host, port = broker("nats").address("nats")
    error = failed("pub", "a", "x", "-s", f"mqtt://{host}:{port}")
    assert "does not speak MQTT" in error


def test_an_unknown_host():
    assert "Error: cannot connect to host.invalid:4222: " in failed(
        "pub", "a", "x", "-s", "nats://host.invalid"
    )


@pytest.mark.parametrize(
    ("scheme", "topic"), [("nats", "a..b"), ("nats", "a b"), ("mqtt", "a/#"), ("mqtt", "")]
)
def test_names_that_are_none(broker, scheme, topic):
    host, port = broker(scheme).address(scheme)
    error = failed("pub", topic, "x", "-s", f"{scheme}://{host}:{port}")
    assert f"`{topic}` is no {scheme.upper()}" in error


def test_usage_errors():
    for arguments in (["pub"], ["sub", "a", "--qos", "7"], ["bench", "fly"], ["reply", "a"]):
        run = godwit(*arguments)
        assert run.returncode == 64
        assert b"Usage: godwit " in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pub", "a", "x", "--count"), "--count takes"),
        (("pub", "a", "x", "--interval"), "--interval takes"),
        (("sub", "a", "--count"), "--count takes"),
        (("request", "a", "x", "--timeout"), "--timeout takes"),
        (("request", "a", "x", "--replies"), "--replies takes"),
        (("bench", "pubsub", "--size"), "--size takes"),
        (("bench", "pubsub", "--rate"), "--rate takes"),
        (("sub", "a", "--connect-timeout"), "--connect-timeout takes"),
    ],
)
def test_a_number_below_zero_is_a_number(arguments, words):
    """Not another option, and not the lack of a value."""
    run = godwit(*arguments, "-1")
    assert run.returncode in (1, 64)
    assert words in run.stderr.decode().splitlines()[0], run.stderr.decode()


def test_an_empty_command_is_none():
    run = godwit("reply", "a", "--command", "")
    assert run.returncode == 64
    assert b"--command is empty" in run.stderr


def test_a_payload_that_is_too_large(broker):
    host, port = broker("nats", max_payload=64).address("nats")
    error = failed("pub", "a", "x" * 65, "-s", f"nats://{host}:{port}")
    assert error == "Error: the message takes 65 bytes and the server allows 64\n"


# Credentials and TLS.


@pytest.mark.parametrize("scheme", ["nats", "mqtt"])
def test_users_and_passwords(broker, scheme, tmp_path, unique):
    host, port = broker(scheme, users=[User("me", "secret")]).address(scheme)
    url = f"{scheme}://{host}:{port}"
    file = tmp_path / "password"
    file.write_text("secret\n")
    for arguments, variables in [
        (("-s", f"{scheme}://me:secret@{host}:{port}"), {}),
        (("-s", url, "--user", "me", "--password-file", str(file)), {}),
        (("-s", url), {"GODWIT_USER": "me", "GODWIT_PASSWORD": "secret"}),
        ((), {"GODWIT_SERVER": f"{scheme}://me:secret@{host}:{port}"}),
    ]:
        succeeded("pub", unique, "x", *arguments, **variables)
    for arguments in [(), ("--user", "me"), ("--user", "you", "--password-file", str(file))]:
        error = failed("pub", unique, "x", "-s", url, *arguments)
        assert "refused" in error and "secret" not in error


def test_a_token(broker, tmp_path, unique):
    host, port = broker("nats", token="word").address("nats")
    file = tmp_path / "token"
    file.write_text("word")
    succeeded("pub", unique, "x", "-s", f"nats://word@{host}:{port}")
    succeeded("pub", unique, "x", "-s", f"nats://{host}:{port}", "--token-file", str(file))
    succeeded("pub", unique, "x", "-s", f"nats://{host}:{port}", GODWIT_TOKEN="word")
    assert "refused the credentials" in failed("pub", unique, "x", "-s", f"nats://{host}:{port}")


def test_an_nkey(broker, tmp_path, unique):
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    host, port = broker("nats", users=[User("keyed", nkey=public)]).address("nats")
    file = tmp_path / "seed"
    file.write_bytes(b"-----BEGIN USER NKEY SEED-----\n" + seed + b"\n")
    options = ("-s", f"nats://{host}:{port}", "--nkey-file", str(file))
    succeeded("pub", unique, "x", *options)
    file.write_bytes(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))
    assert "refused the credentials" in failed("pub", unique, "x", *options)
    file.write_text("nothing")
    assert "holds no seed" in failed("pub", unique, "x", *options)


@pytest.mark.parametrize(("listener", "scheme"), [("nats-tls", "tls"), ("mqtt-tls", "mqtts")])
def test_tls(broker, certificates, listener, scheme, unique):
    host, port = broker(listener, tls=True).address(listener)
    trusted = ("--ca", str(certificates.directory / "ca.pem"))
    for name in (host, "localhost"):
        succeeded("pub", unique, "x", "-s", f"{scheme}://{name}:{port}", *trusted)
    command = ("pub", unique, "x", "-s", f"{scheme}://{host}:{port}")
    assert "certificate is not trusted" in failed(*command)
    assert "cannot be read as certificates" in failed(*command, "--ca", "nowhere.pem")


@pytest.mark.parametrize(("listener", "scheme"), [("nats-tls", "tls"), ("mqtt-tls", "mqtts")])
def test_mutual_tls(broker, certificates, listener, scheme, unique):
    host, port = broker(listener, tls=True, verify_clients=True).address(listener)
    directory = certificates.directory
    options = ("-s", f"{scheme}://{host}:{port}", "--ca", str(directory / "ca.pem"))
    own = ("--cert", str(directory / "client.pem"), "--key", str(directory / "client.key"))
    succeeded("pub", unique, "x", *options, *own)
    error = failed("pub", unique, "x", *options)
    assert "cannot connect to " in error


def test_permissions_are_reported(broker, unique):
    user = User("me", "pw", permissions=Permissions(
        publish_allow=("open.>",), subscribe_allow=("open.>", "_INBOX.>")))  # fmt: skip
    host, port = broker("nats", users=[user]).address("nats")
    options = ("-s", f"nats://me:pw@{host}:{port}")
    run = godwit("pub", "closed", "x", *options)
    assert run.returncode == 1
    assert b'does not let us publish to "closed"' in run.stderr
    error = failed("sub", "closed", *options)
    assert error == 'Error: the server does not let us subscribe to "closed"\n'
    succeeded("pub", "open.a", "x", *options)


def test_the_server_goes_away(broker, unique):
    server = broker("nats", fresh=True)
    host, port = server.address("nats")
    with running("sub", unique, "-s", f"nats://{host}:{port}") as sub:
        server.stop()
        assert sub.wait() == 1
        assert sub.error_line().startswith("Error: the server closed the connection")
