"""SIGHUP: what holds at once, who stays connected, and what a mistake changes (nothing)."""

from __future__ import annotations

import os
import queue
import ssl
import time
from pathlib import Path

import pytest
from godwit_rig import NATSWire, Permissions, User, server_config
from godwit_rig.certificates import Certificates
from godwit_rig.paho_peer import PahoPeer
from godwit_rig.settings import render_godwit

pytestmark = pytest.mark.godwit_only

DEADLINE_SECONDS = 10.0
TAKEN = "the settings were read again"
KEPT = "the settings stay as they were: "


@pytest.fixture(scope="session")
def renewed(tmp_path_factory) -> Certificates:
    """Other certificates by another authority, under the same names."""
    return Certificates(tmp_path_factory.mktemp("renewed"))


def reload(server, certificates: Path = Path("/nowhere"), **features) -> None:
    """Writes the settings anew and has them read."""
    text = render_godwit(server_config(**features), certificates)
    reload_text(server, text, TAKEN)


def reload_text(server, text: str, outcome: str) -> str:
    """Has ``text`` read as settings; the line of the log that says what came of it."""
    (server.directory / "godwit.yaml").write_text(text)
    return signal_and_wait(server, outcome)


def signal_and_wait(server, outcome: str) -> str:
    known = server.log().count(outcome)
    server.reload()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while server.log().count(outcome) == known:
        server.check_alive()
        assert time.monotonic() < deadline, f"no `{outcome}` in:\n{server.log()}"
    return [line for line in server.log().splitlines() if outcome in line][-1]


def trusted(address: tuple[str, int], context: ssl.SSLContext) -> bool:
    """Whether a new connection shows a certificate that ``context`` trusts."""
    try:
        NATSWire(address, upgrade=context).close()
    except ssl.SSLCertVerificationError:
        return False
    return True


# --- Certificates ---------------------------------------------------------------------------


def test_a_new_certificate_is_shown_to_new_connections(broker, certificates, renewed, unique):
    server = broker("nats-tls", "mqtt-tls", tls=True, fresh=True)
    before, after = certificates.client_context(), renewed.client_context()
    nats, mqtt = server.address("nats-tls"), server.address("mqtt-tls")
    with (
        NATSWire(nats, upgrade=before) as old_nats,
        PahoPeer(mqtt, tls=certificates.client_context()) as old_mqtt,
    ):
        old_nats.connect()
        old_mqtt.subscribe(unique)
        assert not trusted(nats, after)
        reload(server, renewed.directory, tls=True)
        assert trusted(nats, after)
        assert not trusted(nats, before)
        with PahoPeer(mqtt, tls=after) as new_mqtt:
            new_mqtt.publish(unique, b"by the new", qos=1)
            assert old_mqtt.next().payload == b"by the new"
        with pytest.raises(ssl.SSLCertVerificationError):
            PahoPeer(mqtt, tls=certificates.client_context())
        # Those who were there speak on, both ways, with the keys that they have.
        old_nats.publish(unique, "by the old")
        assert old_mqtt.next().payload == b"by the old"
        old_nats.silent()


def test_the_same_path_with_other_contents_is_read_again(broker, certificates, renewed, tmp_path):
    """As `certbot renew` does it: the settings file does not change."""
    names = ("server.pem", "server.key")
    for name in names:
        (tmp_path / name).write_bytes((certificates.directory / name).read_bytes())
    paths = {"certificate": str(tmp_path / names[0]), "key": str(tmp_path / names[1])}
    server = broker("nats-tls", godwit={"tls": paths}, fresh=True)
    assert trusted(server.address("nats-tls"), certificates.client_context())
    for name in names:
        (tmp_path / name).write_bytes((renewed.directory / name).read_bytes())
    signal_and_wait(server, TAKEN)
    assert trusted(server.address("nats-tls"), renewed.client_context())


@pytest.mark.parametrize("broken", ["garbage", "missing", "another's key", "a pipe", "a folder"])
def test_a_certificate_that_cannot_be_changes_nothing(
    broker, certificates, renewed, tmp_path, broken
):
    for name in ("server.pem", "server.key"):
        (tmp_path / name).write_bytes((certificates.directory / name).read_bytes())
    paths = {name: str(tmp_path / f"server.{end}")
             for name, end in (("certificate", "pem"), ("key", "key"))}  # fmt: skip
    server = broker("nats-tls", godwit={"tls": paths}, fresh=True)
    context = certificates.client_context()
    with NATSWire(server.address("nats-tls"), upgrade=context) as client:
        client.connect()
        key = tmp_path / "server.key"
        key.unlink()
        match broken:
            case "garbage":
                key.write_text("no key\n")
            case "another's key":
                key.write_bytes((renewed.directory / "server.key").read_bytes())
            case "a pipe":
                os.mkfifo(key)
            case "a folder":
                key.mkdir()
        line = signal_and_wait(server, KEPT)
        assert "tls.key" in line and str(key) in line
        client.silent()
        assert trusted(server.address("nats-tls"), context)


# --- Users and permissions ------------------------------------------------------------------


def test_connections_of_both_protocols_stand(broker, unique):
    users = [User("a", "pw"), User("b", "pw")]
    server = broker("nats", "mqtt", users=users, fresh=True)
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), user="b", password="pw") as mqtt,
    ):
        nats.connect(user="a", **{"pass": "pw"})
        nats.subscribe(f"{unique}.x")
        mqtt.subscribe(f"{unique}/y", qos=1)
        for _ in range(3):
            reload(server, users=[*users, User("c", "pw")], max_payload=2048)
            nats.publish(f"{unique}.y", "over")
            assert mqtt.next().payload == b"over"
            mqtt.publish(f"{unique}/x", b"back", qos=1)
            assert nats.delivery().payload == b"back"
        nats.silent()


@pytest.mark.parametrize(("version", "words"), [(5, "Not authorized"), (4, None)])
def test_a_removed_user_is_told_in_the_words_of_the_protocol(broker, unique, version, words):
    server = broker("nats", "mqtt", users=[User("stays", "pw"), User("goes", "pw")], fresh=True)
    ends: queue.Queue = queue.Queue()
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), version=version, user="goes", password="pw") as mqtt,
        PahoPeer(server.address("mqtt"), version=version, user="stays", password="pw") as other,
    ):
        mqtt.client.on_disconnect = lambda *a: ends.put(
            (a[2].is_disconnect_packet_from_server, a[3])
        )
        nats.connect(user="goes", **{"pass": "pw"})
        other.subscribe(unique)
        reload(server, users=[User("stays", "pw")])
        assert nats.read_to_end(10) == b"-ERR 'Authorization Violation'\r\n"
        by_server, reason = ends.get(timeout=10)
        assert by_server == (version == 5)
        if words:
            assert str(reason) == words
        other.publish(unique, b"still here")
        assert other.next().payload == b"still here"


def test_a_changed_way_in_ends_connections(broker, unique):
    """Who came in by a password that holds no longer must come again."""
    users = [User("same", "pw"), User("changes", "old")]
    server = broker("nats", "mqtt", users=users, fresh=True)
    ends: queue.Queue = queue.Queue()
    with (
        NATSWire(server.address("nats")) as nats,
        NATSWire(server.address("nats")) as bystander,
        PahoPeer(server.address("mqtt"), version=5, user="changes", password="old") as mqtt,
    ):
        mqtt.client.on_disconnect = lambda *a: ends.put(str(a[3]))
        nats.connect(user="changes", **{"pass": "old"})
        bystander.connect(user="same", **{"pass": "pw"})
        bystander.subscribe(unique)
        reload(server, users=users)
        nats.publish(unique, "1")
        assert bystander.delivery().payload == b"1"
        reload(server, users=[User("same", "pw"), User("changes", "new")])
        assert nats.read_to_end(10) == b"-ERR 'Authorization Violation'\r\n"
        assert ends.get(timeout=10) == "Not authorized"
        bystander.publish(unique, "2")
        assert bystander.delivery().payload == b"2"
        with NATSWire(server.address("nats")) as again:
            again.connect(user="changes", **{"pass": "new"})


def test_changed_permissions_hold_at_once(broker, unique):
    open_user = User("a", "pw")
    server = broker("nats", "mqtt", users=[open_user], fresh=True)
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), user="a", password="pw") as mqtt,
    ):
        nats.connect(user="a", **{"pass": "pw"})
        nats.subscribe(f"{unique}.closed", "1")
        nats.subscribe(f"{unique}.open", "2")
        assert not mqtt.publish(f"{unique}/closed", b"1", qos=1).is_failure
        assert nats.delivery().sid == "1"
        closed = Permissions(
            publish_deny=(f"{unique}.closed",), subscribe_deny=(f"{unique}.closed",)
        )
        reload(server, users=[User("a", "pw", permissions=closed)])
        nats.expect(f"-ERR 'Permissions Violation for Subscription to \"{unique}.closed\"'")
        nats.send(f"PUB {unique}.closed 0\r\n\r\n")
        nats.expect(f"-ERR 'Permissions Violation for Publish to \"{unique}.closed\"'")
        assert str(mqtt.publish(f"{unique}/closed", b"2", qos=1)) == "Not authorized"
        assert not mqtt.publish(f"{unique}/open", b"3", qos=1).is_failure
        assert nats.delivery().payload == b"3"
        # And back again.
        reload(server, users=[open_user])
        assert not mqtt.publish(f"{unique}/closed", b"4", qos=1).is_failure
        nats.silent()


# --- The rest -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nats: [\n", "not YAML"),
        ("nonsense: 1\n", "nonsense: unknown section"),
        ("nats:\n  max_payload: -1\n", "nats.max_payload: must be from"),
        ("access:\n  users:\n    - {name: a}\n", "needs a password"),
        ("access: {users: [{name: a, password: b}, {name: a, password: c}]}\n", "another user"),
        ("mqtt: {automatic_subscriptions: [{filter: 'a/#/b'}]}\n", "mqtt.automatic_subscriptions"),
    ],
    ids=["no YAML", "section", "bounds", "no password", "twice", "filter"],
)
def test_settings_that_cannot_be_change_nothing(broker, unique, text, words):
    server = broker("nats", "mqtt", users=[User("a", "pw")], fresh=True)
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), user="a", password="pw") as mqtt,
    ):
        nats.connect(user="a", **{"pass": "pw"})
        mqtt.subscribe(unique)
        line = reload_text(server, text, KEPT)
        assert words in line
        nats.publish(unique, "on")
        assert mqtt.next().payload == b"on"
        with NATSWire(server.address("nats")) as another:
            another.connect(user="a", **{"pass": "pw"})


def test_the_log_level_changes(broker):
    quiet, chatty = ({"server": {"log_level": level}} for level in ("error", "info"))
    server = broker("nats", godwit=quiet, fresh=True)
    assert server.log() == ""
    reload(server, godwit=chatty)
    (server.directory / "godwit.yaml").write_text(
        render_godwit(server_config(godwit=quiet, max_payload=2048), Path("/nowhere"))
    )
    with NATSWire(server.address("nats")) as client:
        client.connect(protocol=1)
        said = server.log()
        server.reload()
        while client.read_info()["max_payload"] != 2048:
            pass
        client.silent()
    assert server.log() == said, "what is below the level of today is not said"


def test_the_command_line_s_log_level_stays(broker_pool):
    server = broker_pool.start_godwit(
        server_config(godwit={"server": {"log_level": "info"}}), ("nats",), ("--log-level", "error")
    )
    (server.directory / "godwit.yaml").write_text(
        "server: {log_level: debug}\nnats: {max_payload: 2048}\n"
    )
    with NATSWire(server.address("nats")) as client:
        client.connect(protocol=1)
        server.reload()
        while client.read_info()["max_payload"] != 2048:
            pass
        client.silent()
    assert server.log() == ""
    server.stop()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"server": {"name": "another"}}, "server.name"),
        ({"server": {"join_groups": True}}, "server.join_groups"),
        ({"limits": {"connections_max": 7}}, "limits"),
    ],
)
def test_what_waits_for_a_restart_is_named(broker, change, name):
    server = broker("nats", godwit={"server": {"log_level": "info"}}, fresh=True)
    reload(server, godwit=change)
    notice = "These settings have changed and need a restart: "
    deadline = time.monotonic() + DEADLINE_SECONDS
    while notice not in server.log():
        assert time.monotonic() < deadline, server.log()
    line = next(line for line in server.log().splitlines() if notice in line)
    assert line.endswith(f"{notice}{name}.")
