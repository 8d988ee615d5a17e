"""Passwords: one form of each, and what happens when many are tried at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import unicodedata
import urllib.request

import pytest
from godwit_rig import NATSWire, User
from godwit_rig.command_line import failed, godwit, succeeded
from mqtt import wire
from mqtt.client import Client, NothingCame, TCPTransport
from mqtt.scram import METHOD, ScramClient
from mqtt.wire import Kind, P, Reason

pytestmark = pytest.mark.godwit_only

COMPOSED = "pässwörd"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
DEADLINE_SECONDS = 30.0


def stored(password: str, iterations: int) -> str:
    """As `godwit user add` prints it."""
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    keys = [
        hmac.new(salted, text, hashlib.sha256).digest() for text in (b"Client Key", b"Server Key")
    ]
    parts = [base64.b64encode(part).decode()
             for part in (salt, hashlib.sha256(keys[0]).digest(), keys[1])]  # fmt: skip
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


# --- SASLprep -------------------------------------------------------------------------------


def added(tmp_path, name: str, password: str) -> str:
    """The hash that `godwit user add` puts into its file."""
    path = tmp_path / "users.yaml"
    succeeded("user", "add", name, "--users-file", str(path), stdin=password.encode() + b"\n")
    return str(path)


def scram(address: tuple[str, int], user: str, password: str) -> None:
    client = Client(TCPTransport(address))
    exchange = ScramClient(user, password)
    client.send(wire.connect("c", props=[(P.AUTH_METHOD, METHOD), (P.AUTH_DATA, exchange.first())]))
    packet = client.expect(Kind.AUTH, reason=Reason.CONTINUE_AUTHENTICATION)
    client.send(wire.auth(Reason.CONTINUE_AUTHENTICATION, [
        (P.AUTH_METHOD, METHOD), (P.AUTH_DATA, exchange.final(packet.get(P.AUTH_DATA)))]))
    exchange.verify(client.expect(Kind.CONNACK, reason=0).get(P.AUTH_DATA))
    client.close()


@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED], ids=["composed", "decomposed"])
def test_one_password_however_it_is_typed(broker, tmp_path, typed):
    path = added(tmp_path, "I\u00adX", typed)
    assert succeeded("user", "list", "--users-file", path) == "IX\n"
    server = broker("nats", "mqtt", godwit={"access": {"users_file": path}}, fresh=True)
    for name in ("IX", "\u2168"):
        for password in (COMPOSED, DECOMPOSED, f"{COMPOSED}\u200d"):
            with NATSWire(server.address("nats")) as client:
                client.connect(user=name, **{"pass": password})
        # The client's side of SCRAM prepares its password; the name may come as it is.
        scram(server.address("mqtt"), name, COMPOSED)


def test_passwords_in_the_settings_are_prepared_too(broker):
    server = broker("nats", users=[User("a", f"{DECOMPOSED}\u00a0x")])
    with NATSWire(server.address("nats")) as client:
        client.connect(user="a", **{"pass": f"{COMPOSED} x"})


def test_one_user_under_two_spellings(tmp_path):
    path = added(tmp_path, "IX", "one")
    run = godwit("user", "add", "\u2168", "--users-file", path, stdin=b"two\n")
    assert run.returncode == 0 and b"has a new password" in run.stderr
    assert succeeded("user", "list", "--users-file", path) == "IX\n"
    assert godwit("user", "remove", "\u2168", "--users-file", path).returncode == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\u0007", "U+0007"), ("\u06271", "right to left"), ("\u00ad", "nothing"),
        ("x" * 4097, "4096"),
    ],
    ids=["prohibited", "direction", "nothing", "long"],
)
def test_what_cannot_be_prepared_is_refused(broker, tmp_path, text, why):
    path = tmp_path / "users.yaml"
    for name, password, what in ((text, "pw", "the name"), ("a", text, "the password")):
        typed = f"{password}\n".encode()
        said = failed("user", "add", name, "--users-file", str(path), stdin=typed)
        assert what in said and why in said
        assert not path.exists()
    # To a server that runs, it is one more wrong log-in.
    server = broker("nats", users=[User("a", "pw")])
    for user, password in ((text, "pw"), ("a", text)):
        with NATSWire(server.address("nats")) as client:
            client.send_connect(user=user[:900], **{"pass": password[:900] + text[-1:]})
            assert client.read_to_end(10) == b"-ERR 'Authorization Violation'\r\n"


def test_a_name_that_cannot_be_is_refused_in_the_settings(tmp_path):
    path = tmp_path / "godwit.yaml"
    path.write_text('access: {users: [{name: "a\\u0007", password: x}]}\n')
    said = failed("config", "check", str(path))
    assert "access.users[0].name: cannot be used: it holds the code point U+0007" in said


# --- Many at once ---------------------------------------------------------------------------


def figures(server) -> tuple[int, int]:
    """Passwords that wait, and how many were turned away."""
    with urllib.request.urlopen(server.url("admin") + "/metrics", timeout=10) as answer:
        lines = dict(
            line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#"
        )
    names = ("godwit_passwords_waiting", "godwit_passwords_turned_away_total")
    waiting, turned_away = (int(float(lines[name])) for name in names)
    return waiting, turned_away


def flooded(server, flood: list[NATSWire], turned_away: int) -> None:
    """Tries passwords until so many were turned away: then no more of them can wait."""
    deadline = time.monotonic() + 4 * DEADLINE_SECONDS
    while figures(server)[1] < turned_away:
        assert time.monotonic() < deadline, f"{len(flood)} tried: {figures(server)}"
        for _ in range(20):
            client = NATSWire(server.address("nats"))
            client.send_connect(user="slow", **{"pass": f"wrong {len(flood)}"})
            flood.append(client)


def is_told_to_come_later(server) -> bool:
    """Whether one more is told that the server is busy; it may find a place that was left."""
    client = Client(TCPTransport(server.address("mqtt")))
    client.send(wire.connect("c", user="slow", password=b"wrong"))
    try:
        client.expect(Kind.CONNACK, reason=Reason.SERVER_BUSY)
    except NothingCame:
        return False
    finally:
        client.close()
    return True


def test_a_flood_of_wrong_passwords_harms_nobody(broker, unique):
    """Checking one takes long: the first holds the thread, the rest waits, but not all of it."""
    users = [User("slow", stored("right", 1_000_000)), User("quick", stored("pw", 4096))]
    server = broker("nats", "mqtt", users=users, fresh=True)
    flood: list[NATSWire] = []
    with NATSWire(server.address("nats")) as bystander:
        bystander.connect(user="quick", **{"pass": "pw"})
        bystander.subscribe(unique)
        resident = server.resident_bytes()
        flooded(server, flood, 100)
        for number in range(20):
            waiting, _ = figures(server)
            assert 0 < waiting <= 513, "the flood is over too early, or nothing bounds it"
            bystander.publish(unique, str(number))
            assert bystander.delivery().payload == str(number).encode()
        # Who was let in before gets in again, past the queue.
        with NATSWire(server.address("nats")) as again:
            again.connect(user="quick", **{"pass": "pw"})
        # One more is told so, in the words of each protocol.
        for _ in range(10):
            flooded(server, flood, figures(server)[1] + 1)
            if is_told_to_come_later(server):
                break
        else:
            pytest.fail("nobody is told that the server is busy")
        assert server.resident_bytes() - resident < 64 << 20
        for client in flood:
            client.close()
        bystander.flush()
