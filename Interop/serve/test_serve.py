"""The program itself: how it starts, refuses to start, reloads and stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest
from godwit_rig import NATSWire, User, server_config
from godwit_rig.brokers import godwit_binary
from godwit_rig.paho_peer import PahoPeer
from godwit_rig.settings import render_godwit

pytestmark = pytest.mark.godwit_only

LOOPBACK = ("--listen", "nats=127.0.0.1:0", "--admin", "127.0.0.1:0")


def refused(*arguments: str) -> str:
    """Runs ``godwit`` and demands exit code 1, an empty output and one sentence of error."""
    run = subprocess.run(
        [str(godwit_binary()), *arguments], capture_output=True, text=True, timeout=20
    )
    assert (run.returncode, run.stdout) == (1, ""), (run.returncode, run.stdout, run.stderr)
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    return run.stderr


def test_the_ready_line_names_every_listener(broker):
    names = ("nats", "nats-ws", "mqtt", "mqtt-ws")
    server = broker(*names)
    words = server.ready_line.split()
    assert words[:2] == ["godwit", "ready"]
    assert {word.partition("=")[0] for word in words[2:]} == {*names, "admin"}
    for name in (*names, "admin"):
        socket.create_connection(server.address(name), timeout=5).close()


def test_without_listeners_given_the_defaults_are_on_the_loopback(broker_pool, unique):
    """Standard ports may be taken on this machine: then the refusal names one of them."""
    run = subprocess.Popen(
        [str(godwit_binary()), "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stderr is not None
    line = run.stdout.readline().split()
    run.send_signal(signal.SIGTERM)
    _, error = run.communicate(timeout=20)
    if line:
        assert dict(word.split("=") for word in line[2:]) == {
            "nats": "127.0.0.1:4222", "mqtt": "127.0.0.1:1883", "mqtt-ws": "127.0.0.1:8083",
            "nats-ws": "127.0.0.1:8080", "kafka": "127.0.0.1:9092", "admin": "127.0.0.1:8222",
        }  # fmt: skip
        assert run.returncode == 0
    else:
        assert run.returncode == 1
        ports = ("4222", "1883", "8083", "8080", "9092", "8222")
        assert any(port in error for port in ports), error


def test_a_taken_port_is_named(unique):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        error = refused(
            "serve", "--listen", f"nats=127.0.0.1:{port}", "--admin", "127.0.0.1:0"
        )
        assert str(port) in error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nats:\n  max_paylod: 5\n", ["max_paylod"]),
        ("nast:\n  max_payload: 5\n", ["nast"]),
        ("nats:\n  max_payload: many\n", ["max_payload"]),
        ("nats:\n  max_payload: -5\n", ["max_payload"]),
        ("nats: [\n", []),
        ("tls:\n  certificate: /nowhere/cert.pem\n  key: /nowhere/key.pem\n", ["/nowhere/"]),
    ],
    ids=["unknown key", "unknown section", "not a number", "out of range", "no YAML", "no file"],
)
def test_settings_that_cannot_be_are_refused_by_name(tmp_path, text, words):
    path = tmp_path / "godwit.yaml"
    path.write_text(text)
    error = refused(
        "serve", "--listen", "nats-tls=127.0.0.1:0", *LOOPBACK, "--config", str(path)
    )
    for word in words:
        assert word in error


def test_a_certificate_that_is_none_is_refused(tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not a certificate\n")
    path = tmp_path / "godwit.yaml"
    path.write_text(
        f"tls:\n  certificate: {tmp_path / 'cert.pem'}\n  key: {tmp_path / 'key.pem'}\n"
    )
    error = refused(
        "serve", "--listen", "nats-tls=127.0.0.1:0", *LOOPBACK, "--config", str(path)
    )
    assert "cert.pem" in error or "key.pem" in error


def test_a_settings_file_that_is_not_there_is_refused():
    assert "/nowhere.yaml" in refused("serve", *LOOPBACK, "--config", "/nowhere.yaml")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_another_address_needs_authentication(address):
    error = refused("serve", "--listen", f"nats={address}", "--admin", "127.0.0.1:0")
    assert "anonymous" in error


def test_another_address_with_users_is_served(tmp_path):
    path = tmp_path / "godwit.yaml"
    path.write_text(
        render_godwit(server_config(users=[User("a", "pw")]), Path("/nowhere"))
    )
    run = subprocess.Popen(
        [str(godwit_binary()), "serve", "--listen", "nats=0.0.0.0:0", "--admin", "127.0.0.1:0",
         "--config", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdout is not None
    line = run.stdout.readline()
    run.send_signal(signal.SIGTERM)
    _, error = run.communicate(timeout=20)
    assert line.startswith("godwit ready nats=0.0.0.0:"), error
    assert run.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_exits_0(broker, number):
    server = broker("nats", "mqtt", fresh=True)
    with (
        NATSWire(server.address("nats")) as wire,
        PahoPeer(server.address("mqtt"), version=5) as peer,
    ):
        wire.connect(protocol=1)
        peer.subscribe("a")
        server.process.send_signal(number)
        wire.wait_for_info("ldm")
        assert server.wait() == 0


def test_config_check_and_defaults(tmp_path):
    defaults = subprocess.run(
        [str(godwit_binary()), "config", "defaults"], capture_output=True, text=True, timeout=20
    )
    assert defaults.returncode == 0, defaults.stderr
    assert "max_payload" in defaults.stdout
    path = tmp_path / "godwit.yaml"
    path.write_text(defaults.stdout)
    good = subprocess.run(
        [str(godwit_binary()), "config", "check", str(path)],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert good.returncode == 0, good.stderr
    path.write_text("mqtt:\n  no_such_key: 1\n")
    assert "no_such_key" in refused("config", "check", str(path))


def test_reload_lets_new_users_in_and_keeps_connections(broker, unique):
    server = broker("nats", "mqtt", users=[User("old", "pw"), User("gone", "pw")], fresh=True)
    with (
        NATSWire(server.address("nats")) as old,
        NATSWire(server.address("nats")) as gone,
        PahoPeer(server.address("mqtt"), user="old", password="pw") as peer,
    ):
        old.connect(user="old", **{"pass": "pw"})
        gone.connect(user="gone", **{"pass": "pw"})
        peer.subscribe(unique)
        text = render_godwit(
            server_config(users=[User("old", "pw"), User("new", "pw")]), Path("/nowhere")
        )
        (server.directory / "godwit.yaml").write_text(text)
        server.reload()
        # The one who may no longer be here is told and leaves: the new settings hold now.
        assert b"-ERR" in gone.read_to_end(10)
        with NATSWire(server.address("nats")) as new:
            new.connect(user="new", **{"pass": "pw"})
            new.publish(unique, "hello")
        assert peer.next().payload == b"hello"
        old.silent()


def test_a_reload_that_cannot_be_changes_nothing(broker, unique):
    server = broker("nats", users=[User("old", "pw")], fresh=True)
    (server.directory / "godwit.yaml").write_text("nonsense: 1\n")
    server.reload()
    with NATSWire(server.address("nats")) as client:
        client.connect(user="old", **{"pass": "pw"})
        client.silent()
    server.check_alive()


def test_metrics_are_prometheus_text(broker, unique):
    server = broker("nats", "mqtt")
    with (
        NATSWire(server.address("nats")) as wire,
        PahoPeer(server.address("mqtt"), version=5) as peer,
    ):
        wire.connect()
        peer.subscribe(unique)
        wire.publish(unique, "x")
        peer.next()
        with urllib.request.urlopen(server.url("admin") + "/metrics", timeout=5) as response:
            assert response.headers["content-type"].startswith("text/plain")
            text = response.read()
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, timeout=20
    )
    assert checked.returncode == 0, (checked.stdout + checked.stderr).decode()
    names = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")}
    assert any("nats" in name for name in names) and any("mqtt" in name for name in names)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(broker, path):
    with urllib.request.urlopen(broker("nats").url("admin") + path, timeout=5) as response:
        assert response.status == 200
        assert json.load(response)["status"] == "ok"


def test_tls_clients_do_not_hold_up_the_end(broker, certificates):
    """TLS gives a peer five seconds for its last word; ours goes as soon as the peer has gone."""
    server = broker("mqtt-tls", tls=True, fresh=True)
    plain = socket.create_connection(server.address("mqtt-tls"), timeout=10)
    with certificates.client_context().wrap_socket(plain, server_hostname="localhost") as client:
        client.sendall(bytes.fromhex("100d00044d5154540402003c000163"))
        assert client.recv(4) == bytes.fromhex("20020000")
        server.process.send_signal(signal.SIGTERM)
        while client.recv(4096):
            pass
    assert server.process.wait(timeout=4) == 0
