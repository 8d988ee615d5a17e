"""User and password, token, nkey, and those who say nothing."""

from __future__ import annotations

import base64
import os
import time

import nats
import nkeys
import pytest
from godwit_rig import NATSWire, User

VIOLATION = b"-ERR 'Authorization Violation'\r\n"
USERS = [User("alice", "pw-a"), User("bob", "pw b \u00e9")]


def key_pair() -> tuple[str, str]:
    """Public key and seed of a new user."""
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    return nkeys.from_seed(bytearray(seed)).public_key.decode(), seed.decode()


KEY, SEED = key_pair()


@pytest.fixture
def guarded(broker):
    return broker("nats", users=USERS, auth_timeout_seconds=0.5)


def test_info_says_that_authentication_is_required(guarded):
    with NATSWire(guarded.address("nats")) as client:
        assert client.info["auth_required"] is True


@pytest.mark.parametrize(("name", "password"), [("alice", "pw-a"), ("bob", "pw b \u00e9")])
def test_right_password(guarded, unique, name, password):
    with NATSWire(guarded.address("nats")) as client:
        client.connect(user=name, **{"pass": password})
        client.subscribe(unique)
        client.publish(unique, "x")
        assert client.delivery().payload == b"x"


@pytest.mark.parametrize(
    "credentials",
    [
        {"user": "alice", "pass": "pw-b"},
        {"user": "alice", "pass": ""},
        {"user": "alice"},
        {"user": "carol", "pass": "pw-a"},
        {"user": "", "pass": "pw-a"},
        {"pass": "pw-a"},
        {"auth_token": "pw-a"},
        {"nkey": KEY, "sig": "AAAA"},
        {},
    ],
    ids=str,
)
def test_wrong_credentials_end_the_connection(guarded, credentials):
    with NATSWire(guarded.address("nats")) as client:
        client.send_connect(**credentials)
        client.ping()
        assert client.read_to_end() == VIOLATION


@pytest.mark.parametrize("line", [b"PING\r\n", b"PUB a 1\r\nx\r\n", b"SUB > 1\r\n"])
def test_nothing_is_served_before_connect(guarded, line):
    with NATSWire(guarded.address("nats")) as client:
        client.send(line)
        assert client.read_to_end() == VIOLATION


def test_silence_ends_in_an_authentication_timeout(guarded):
    started = time.monotonic()
    with NATSWire(guarded.address("nats")) as client:
        assert client.read_to_end() == b"-ERR 'Authentication Timeout'\r\n"
    assert 0.3 < time.monotonic() - started < 3


def test_half_a_connect_ends_in_an_authentication_timeout(guarded):
    with NATSWire(guarded.address("nats")) as client:
        client.send('CONNECT {"user":"alice"')
        assert client.read_to_end() == b"-ERR 'Authentication Timeout'\r\n"


def test_the_timeout_does_not_touch_those_who_are_in(guarded):
    with NATSWire(guarded.address("nats")) as inside, NATSWire(guarded.address("nats")) as late:
        inside.connect(user="alice", **{"pass": "pw-a"})
        late.read_to_end()
        inside.silent()


def test_token(broker):
    server = broker("nats", token="s3cr3t")
    with NATSWire(server.address("nats")) as client:
        assert client.info["auth_required"] is True
        client.connect(auth_token="s3cr3t")
    for credentials in ({"auth_token": "wrong"}, {"user": "s3cr3t"}, {}):
        with NATSWire(server.address("nats")) as client:
            client.send_connect(**credentials)
            client.ping()
            assert client.read_to_end() == VIOLATION


@pytest.fixture
def keyed(broker):
    return broker("nats", users=[User("signer", nkey=KEY), User("alice", "pw-a")])


def signature(nonce: str, seed: str = SEED) -> bytes:
    return nkeys.from_seed(bytearray(seed.encode())).sign(nonce.encode())


@pytest.mark.parametrize(
    "encode",
    [
        lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="),
        lambda raw: base64.b64encode(raw).decode(),
    ],
    ids=["url", "standard"],
)
def test_nkey_signature_over_the_nonce(keyed, encode):
    with NATSWire(keyed.address("nats")) as client:
        assert len(client.info["nonce"]) >= 11
        client.connect(nkey=KEY, sig=encode(signature(client.info["nonce"])))


def test_nonces_differ(keyed):
    with NATSWire(keyed.address("nats")) as one, NATSWire(keyed.address("nats")) as two:
        assert one.info["nonce"] != two.info["nonce"]


@pytest.mark.parametrize(
    "make",
    [
        lambda nonce: {"nkey": KEY, "sig": base64.b64encode(b"\0" * 64).decode()},
        lambda nonce: {"nkey": KEY, "sig": base64.b64encode(signature(nonce + "x")).decode()},
        lambda nonce: {"nkey": KEY, "sig": base64.b64encode(signature(nonce)[:63]).decode()},
        lambda nonce: {"nkey": KEY, "sig": "not base64 !"},
        lambda nonce: {"nkey": KEY},
        lambda nonce: {"nkey": KEY[:-1], "sig": base64.b64encode(signature(nonce)).decode()},
        lambda nonce: {"nkey": "", "sig": base64.b64encode(signature(nonce)).decode()},
    ],
    ids=["zeroes", "other nonce", "short", "no base64", "no signature", "short key", "no key"],
)
def test_a_wrong_signature_is_a_violation(keyed, make):
    with NATSWire(keyed.address("nats")) as client:
        client.send_connect(**make(client.info["nonce"]))
        client.ping()
        assert client.read_to_end() == VIOLATION


def test_an_unknown_key_with_its_own_good_signature_is_a_violation(keyed):
    public, seed = key_pair()
    with NATSWire(keyed.address("nats")) as client:
        encoded = base64.b64encode(signature(client.info["nonce"], seed)).decode()
        client.send_connect(nkey=public, sig=encoded)
        client.ping()
        assert client.read_to_end() == VIOLATION


def test_a_password_user_beside_an_nkey_user(keyed):
    with NATSWire(keyed.address("nats")) as client:
        client.connect(user="alice", **{"pass": "pw-a"})


async def test_nats_py_with_each_kind(broker, keyed, unique):
    token = broker("nats", token="s3cr3t")
    for url, options in (
        (keyed.url("nats"), {"user": "alice", "password": "pw-a"}),
        (keyed.url("nats"), {"nkeys_seed_str": SEED}),
        (token.url("nats"), {"token": "s3cr3t"}),
        (keyed.url("nats").replace("nats://", "nats://alice:pw-a@"), {}),
    ):
        connection = await nats.connect(url, allow_reconnect=False, **options)
        subscription = await connection.subscribe(unique)
        await connection.publish(unique, b"x")
        assert (await subscription.next_msg(timeout=5)).data == b"x"
        await connection.close()


async def test_nats_py_is_refused(guarded):
    with pytest.raises(nats.errors.Error, match="(?i)authorization violation"):
        await nats.connect(
            guarded.url("nats"), user="alice", password="no", allow_reconnect=False
        )
