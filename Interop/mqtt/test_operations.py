"""What operators do while clients are connected: stop, reload, look, throw out."""

import json
import time
import urllib.parse
import urllib.request

import pytest

from godwit_rig import Permissions, User
from mqtt import wire
from mqtt.client import Client
from mqtt.wire import Kind, P, Reason, V5, Will

DEADLINE = 10


def test_stopping_says_so(mqtt, version):
    """DISCONNECT 0x8B to 5.0, a closed connection to the others."""
    bench = mqtt.elsewhere(fresh=True)
    clients = [bench.connect(f"c{n}", version) for n in range(5)]
    bench.server.stop()
    for client in clients:
        client.expect_close(Reason.SERVER_SHUTTING_DOWN, oracle_is_silent=True)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 stops without a drain")
def test_what_was_acknowledged_before_stopping_was_delivered(mqtt, unique):
    bench = mqtt.elsewhere(fresh=True)
    client, publisher = bench.connect("c"), bench.connect("p")
    client.subscribe(unique, qos=1)
    publisher.send(*(wire.publish(unique, b"%d" % n, 1, n + 1) for n in range(20)))
    for _ in range(20):
        publisher.expect(Kind.PUBACK)
    bench.server.stop()
    for number in range(20):
        assert client.expect(Kind.PUBLISH).payload == b"%d" % number


# --- Reload --------------------------------------------------------------------------------------

USERS = [
    User("ada", "old secret"),
    User("bob", "bob's", permissions=Permissions(subscribe_allow=("mqtt:open/#",))),
]


def until(attempt) -> None:
    """A reload has no answer: tries until it shows."""
    deadline = time.monotonic() + DEADLINE
    while not attempt():
        assert time.monotonic() < deadline, "the new settings do not show"
        time.sleep(0.02)


@pytest.mark.godwit_only(reason="Mosquitto's passwords are hashed by a tool of its own")
def test_reloaded_users_hold_for_new_connections_and_old_ones_stay(mqtt, unique):
    bench = mqtt.elsewhere(fresh=True, users=USERS)
    ada = bench.connect("ada", user="ada", password=b"old secret")
    bob = bench.connect("bob", user="bob", password=b"bob's")
    bob.subscribe("open/a")
    settings = bench.server.directory / "godwit.yaml"
    settings.write_text(settings.read_text().replace("bob's", "bob's new"))
    bench.server.reload()

    def shows() -> bool:
        client = bench.open()
        client.send(wire.connect(bench.client_id("x"), user="bob", password=b"bob's new"))
        return client.expect(Kind.CONNACK).reason == 0

    until(shows)
    ada.publish("open/a", b"still here", 1)
    ada.expect_nothing()
    refused = bench.open()
    refused.send(wire.connect("y", user="bob", password=b"bob's"))
    assert refused.expect(Kind.CONNACK).reason in (
        Reason.BAD_USER_OR_PASSWORD, Reason.NOT_AUTHORIZED)


@pytest.mark.godwit_only(reason="Mosquitto's rules are in a file of its own form")
def test_reloaded_permissions_hold_at_once(mqtt):
    bench = mqtt.elsewhere(fresh=True, users=USERS)
    bob = bench.connect("bob", user="bob", password=b"bob's")
    assert bob.subscribe("open/a", "new/a") == [0, Reason.NOT_AUTHORIZED]
    settings = bench.server.directory / "godwit.yaml"
    settings.write_text(settings.read_text().replace("mqtt:open/#", "mqtt:new/#"))
    bench.server.reload()
    until(lambda: bob.subscribe("new/a") == [0])
    assert bob.subscribe("open/a") == [Reason.NOT_AUTHORIZED]


@pytest.mark.godwit_only(reason="a broken file ends or empties other servers in ways of their own")
def test_a_broken_file_changes_nothing(mqtt):
    bench = mqtt.elsewhere(fresh=True, users=USERS)
    ada = bench.connect("ada", user="ada", password=b"old secret")
    (bench.server.directory / "godwit.yaml").write_text("mqtt: {no_such_setting: 1}\n")
    bench.server.reload()
    until(lambda: "no_such_setting" in bench.server.log())
    ada.expect_nothing()
    bench.connect("again", user="ada", password=b"old secret").expect_nothing()


# --- Admin ---------------------------------------------------------------------------------------


def admin(bench, path: str, method: str = "GET"):
    host, port = bench.server.address("admin")
    request = urllib.request.Request(
        f"http://{host}:{port}{path}", method=method, headers={"X-Godwit-Admin": "1"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.godwit_only(reason="Mosquitto has no admin API")
def test_sessions_are_listed(mqtt, unique):
    here = mqtt.connect("here")
    here.subscribe(f"{unique}/+")
    away = mqtt.connect("away", props=[(P.SESSION_EXPIRY, 60)])
    away.subscribe(unique, qos=1)
    away.disconnect()
    here.publish(unique, b"x", 1)
    sessions = {s["client_id"]: s for s in admin(mqtt, "/api/mqtt/sessions")["sessions"]}
    mine = sessions[mqtt.client_id("here")]
    assert mine["connected"] and mine["subscriptions"] == [f"{unique}/+"]
    other = sessions[mqtt.client_id("away")]
    assert not other["connected"] and other["queued"] == 1 and other["expiry_seconds"] == 60


@pytest.mark.godwit_only(reason="Mosquitto has no admin API")
def test_a_client_is_thrown_out(mqtt, version, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(unique)
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)] if version == V5 else []}
    client = mqtt.connect("c", version, will=Will(unique, b"gone"), **keep)
    path = "/api/mqtt/sessions/" + urllib.parse.quote(mqtt.client_id("c"), safe="")
    admin(mqtt, path, "DELETE")
    client.expect_close(Reason.ADMINISTRATIVE_ACTION)
    watcher.take(payload=b"gone")
    assert not mqtt.connect("c", version, **keep).connack.session_present


@pytest.mark.godwit_only(reason="Mosquitto has no admin API")
def test_figures_are_measured(mqtt, unique):
    host, port = mqtt.server.address("admin")

    def figure(name: str) -> float:
        with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(x.rsplit(" ", 1)[1]) for x in lines
                   if x.split("{")[0].split(" ")[0] == name)

    before = figure("godwit_mqtt_publishes_received_total")
    client: Client = mqtt.connect("c")
    for _ in range(25):
        client.publish(unique, b"x", 1)
    assert figure("godwit_mqtt_publishes_received_total") == before + 25
