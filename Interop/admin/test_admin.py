"""The admin server: probes, metrics, the JSON API, live taps, and who may ask."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from godwit_rig import NATSWire, hpub
from godwit_rig.paho_peer import PahoPeer

pytestmark = pytest.mark.godwit_only

DEADLINE_SECONDS = 5.0
CHANGE = {"Content-Type": "application/json"}


@pytest.fixture
def server(broker):
    return broker("nats", "mqtt")


def ask(
    server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=DEADLINE_SECONDS)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read()
    finally:
        connection.close()


def read(server, path: str) -> Any:
    status, headers, body = ask(server, "GET", path)
    assert status == 200, body
    assert headers["content-type"] == "application/json"
    return json.loads(body)


def publish(server, **order: Any) -> Any:
    status, _, body = ask(server, "POST", "/api/publish", order, CHANGE)
    assert status == 200, body
    return json.loads(body)


def eventually(attempt, wanted: str) -> Any:
    """What ``attempt`` answers once it is true: for what the broker learns in its own time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = attempt()
        if found:
            return found
    raise AssertionError(f"waited in vain for {wanted}")


class Tap:
    """Events of ``/api/tap``."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.answer = answer

    def next(self, name: str) -> Any:
        """The data of the next event of that name."""
        current = ""
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                current = line[7:]
            elif line.startswith("data: ") and current == name:
                return json.loads(line[6:])


@contextmanager
def tap(server, pattern: str, **query: Any) -> Iterator[Tap]:
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=DEADLINE_SECONDS)
    try:
        extra = "".join(f"&{name}={value}" for name, value in query.items())
        connection.request("GET", f"/api/tap?pattern={pattern}{extra}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.getheader("content-type") == "text/event-stream"
        events = Tap(answer)
        assert events.next("open")["pattern"] == pattern
        yield events
    finally:
        connection.close()


# --- Probes ---------------------------------------------------------------------------------


def test_probes(server):
    assert read(server, "/healthz") == {"status": "ok"}
    assert read(server, "/readyz") == {"status": "ok"}


def test_not_ready_while_draining(broker):
    grace = {"nats": {"lame_duck_grace_seconds": 2.0}}
    server = broker("nats", fresh=True, godwit=grace)
    with NATSWire(server.address("nats")) as client:
        client.connect(protocol=1)
        server.drain()
        client.wait_for_info("ldm")
        status, _, body = ask(server, "GET", "/readyz")
        assert (status, json.loads(body)) == (503, {"status": "draining"})
        assert ask(server, "GET", "/healthz")[0] == 200
    assert server.wait() == 0


# --- Metrics --------------------------------------------------------------------------------


def metrics(server) -> dict[str, float]:
    status, headers, body = ask(server, "GET", "/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {}
    for line in body.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            samples[name] = float(value)
    return samples


def test_promtool_has_no_complaints(server, unique):
    hostile = 'cl"ient\\{}'
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), client_id=hostile) as mqtt,
    ):
        nats.connect(name=hostile)
        mqtt.subscribe(unique)
        nats.publish(unique, "x")
        mqtt.next()
        _, _, body = ask(server, "GET", "/metrics")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, timeout=30, check=False
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def test_metrics_count(server, unique):
    def count(name: str) -> float:
        return metrics(server)[name]

    sent = 'godwit_connection_received_messages_total{protocol="nats"}'
    got = 'godwit_connection_sent_messages_total{protocol="mqtt"}'
    before = metrics(server)
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt")) as mqtt,
    ):
        nats.connect()
        mqtt.subscribe(unique)
        for _ in range(3):
            nats.publish(unique, "12345")
            mqtt.next()
        assert count(sent) == before.get(sent, 0) + 3
        assert count(got) == before.get(got, 0) + 3
        assert count('godwit_connections{protocol="nats"}') >= 1
    # Counters never shrink: what is gone still counts.
    eventually(lambda: count('godwit_connections{protocol="mqtt"}') == 0, "the client's end")
    assert count(sent) == before.get(sent, 0) + 3
    assert count("process_resident_memory_bytes") > 1_000_000
    assert count("process_open_fds") > 5
    build = [name for name in metrics(server) if name.startswith("godwit_build_info{")]
    assert len(build) == 1


# --- JSON -----------------------------------------------------------------------------------


def test_every_listed_path_answers(server):
    index = read(server, "/api")
    seen = 0
    for entry in index["paths"]:
        path = entry["path"]
        if entry["method"] != "GET" or path.endswith("…") or path in ("/api/tap", "/api/names"):
            continue
        assert ask(server, "GET", path)[0] == 200, path
        seen += 1
    assert seen >= 12


def test_overview(server):
    found = read(server, "/api/overview")
    assert found["state"] == "serving"
    names = {listener["name"] for listener in found["listeners"]}
    assert {"nats", "mqtt", "admin"} <= names
    assert {protocol["name"] for protocol in found["protocols"]} == {"nats", "mqtt", "kafka"}
    assert found["process"]["resident_bytes"] > 0
    assert found["memory"]["limit"] > found["memory"]["used"]


def test_a_connection_is_shown_and_disconnected(server, unique):
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), client_id=f"{unique}-mqtt") as mqtt,
    ):
        nats.connect(name=f"{unique}-nats")
        found = read(server, f"/api/connections?filter={unique}&sort=id")
        rows = {row["client"]: row for row in found["connections"]}
        assert rows.keys() == {f"{unique}-nats", f"{unique}-mqtt"}
        one = rows[f"{unique}-nats"]
        assert one["protocol"] == "nats"
        assert one["address"] == "127.0.0.1"
        detail = read(server, f"/api/connections/{one['id']}")
        assert detail["client"] == f"{unique}-nats"
        assert isinstance(detail["details"], dict)
        for row in rows.values():
            status, _, body = ask(
                server, "DELETE", f"/api/connections/{row['id']}", headers=CHANGE
            )
            assert (status, json.loads(body)) == (200, {"disconnected": row["id"]})
        nats.expect_closed()
        mqtt._ended.wait(DEADLINE_SECONDS)
        assert mqtt._ended.is_set()
    eventually(
        lambda: read(server, f"/api/connections?filter={unique}")["matching"] == 0,
        "the end of both",
    )
    assert ask(server, "DELETE", f"/api/connections/{one['id']}", headers=CHANGE)[0] == 404


def test_subscriptions_name_their_clients(server, unique):
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt"), client_id=f"{unique}-mqtt") as mqtt,
    ):
        nats.connect(name=f"{unique}-nats")
        nats.subscribe(f"{unique}.>", queue="workers")
        mqtt.subscribe(f"{unique}/+/x")
        rows = read(server, f"/api/subscriptions?filter={unique}")["subscriptions"]
        found = {(row["protocol"], row["pattern"]) for row in rows}
        assert found == {("nats", f"{unique}.>"), ("mqtt", f"{unique}.*.x")}
        assert {row["client"] for row in rows} == {f"{unique}-nats", f"{unique}-mqtt"}
        matching = read(server, f"/api/subscriptions?topic={unique}.a.b")["subscriptions"]
        assert [row["protocol"] for row in matching] == ["nats"]


def test_retained_values_are_shown_and_forgotten(server, unique):
    with PahoPeer(server.address("mqtt")) as mqtt:
        mqtt.publish(f"{unique}/a", b"21.5", qos=1, retain=True)
        mqtt.publish(f"{unique}/b", b"\x00\xff", qos=1, retain=True)
    rows = read(server, f"/api/retained?pattern={unique}.*")["retained"]
    shown = {row["topic"]: (row["payload"], row["encoding"], row["origin"]) for row in rows}
    assert shown == {
        f"{unique}.a": ("21.5", "text", "mqtt"),
        f"{unique}.b": ("00ff", "hex", "mqtt"),
    }
    assert ask(server, "DELETE", f"/api/retained?topic={unique}.a", headers=CHANGE)[0] == 200
    assert len(read(server, f"/api/retained?pattern={unique}.*")["retained"]) == 1


def test_sessions_are_listed(server, unique):
    with PahoPeer(server.address("mqtt"), client_id=f"{unique}-session"):
        status, _, body = ask(server, "GET", "/api/sessions?limit=1000")
        assert status == 200
        assert f"{unique}-session" in body.decode()


def test_a_publish_reaches_both_protocols(server, unique):
    with (
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt")) as mqtt,
    ):
        nats.connect(headers=True)
        nats.subscribe(f"{unique}.>")
        mqtt.subscribe(f"{unique}/#")
        done = publish(
            server,
            topic=f"{unique}.a",
            payload="hello",
            headers={"Colour": "blue"},
            content_type="text/plain",
        )
        assert done["receivers"] == 2
        message = mqtt.next()
        assert (message.topic, message.payload) == (f"{unique}/a", b"hello")
        assert ("Colour", "blue") in message.properties.UserProperty
        delivery = nats.delivery()
        assert (delivery.subject, delivery.payload) == (f"{unique}.a", b"hello")
        assert b"Colour: blue" in (delivery.headers or b"")


def test_a_retained_publish_is_kept(server, unique):
    publish(server, topic=f"{unique}.a", payload="kept", retain=True)
    with PahoPeer(server.address("mqtt")) as mqtt:
        mqtt.subscribe(f"{unique}/a")
        message = mqtt.next()
        assert (message.payload, message.retain) == (b"kept", True)


def test_busiest_topics(server, unique):
    with NATSWire(server.address("nats")) as nats:
        nats.connect()
        for _ in range(50):
            nats.publish(f"{unique}.busy", "x")
        topics = read(server, "/api/topics?limit=256")["topics"]
    found = [row for row in topics if row["topic"] == f"{unique}.busy"]
    assert len(found) == 1
    assert found[0]["messages"] > 0
    assert found[0]["origin"] == "nats"


def test_names_are_explained(server):
    found = read(server, "/api/names?topic=sensors.kitchen.temperature")["names"]
    assert {row["protocol"]: row["name"] for row in found} == {
        "nats": "sensors.kitchen.temperature",
        "mqtt": "sensors/kitchen/temperature",
        "kafka": "sensors.kitchen.temperature",
    }
    dotted = read(server, "/api/names?protocol=mqtt&name=v1.0/a")
    assert dotted["topic"] == "v1//0.a"


# --- Taps -----------------------------------------------------------------------------------


def test_a_tap_shows_both_protocols(server, unique):
    with (
        tap(server, f"{unique}.>") as events,
        NATSWire(server.address("nats")) as nats,
        PahoPeer(server.address("mqtt")) as mqtt,
    ):
        nats.connect(headers=True)
        nats.send(hpub(f"{unique}.n", b"NATS/1.0\r\nA: 1\r\n\r\n", b"from nats"))
        first = events.next("message")
        assert (first["topic"], first["payload"]) == (f"{unique}.n", "from nats")
        assert (first["origin"], first["headers"]) == ("nats", [["A", "1"]])
        mqtt.publish(f"{unique}/m", b"\x01\x02", qos=1, UserProperty=("B", "2"))
        second = events.next("message")
        assert (second["topic"], second["payload"]) == (f"{unique}.m", "0102")
        assert (second["origin"], second["encoding"]) == ("mqtt", "hex")
        assert (second["quality"], second["headers"]) == (1, [["B", "2"]])


def test_a_tap_is_no_responder(server, unique):
    with tap(server, f"{unique}.>"), NATSWire(server.address("nats")) as nats:
        nats.connect(headers=True, no_responders=True)
        nats.subscribe(f"{unique}-inbox")
        nats.send(f"PUB {unique}.a {unique}-inbox 1\r\nx\r\n")
        assert b"503" in (nats.delivery().headers or b"")


def test_a_tap_says_what_it_leaves_out(server, unique):
    with tap(server, f"{unique}.>", rate=5) as events, NATSWire(server.address("nats")) as nats:
        nats.connect()
        nats.send("".join(f"PUB {unique}.a 1\r\nx\r\n" for _ in range(500)))
        nats.flush()
        state = events.next("state")
        assert state["seen"] == 500
        assert state["shown"] < 20
        assert state["over_rate"] == 500 - state["shown"]


# --- Who may ask ----------------------------------------------------------------------------


def test_credentials_are_demanded(broker):
    admin = {"user": "ops", "password": "secret", "token": "for-programs"}
    server = broker("nats", godwit={"admin": admin})
    basic = base64.b64encode(b"ops:secret").decode()
    wrong = base64.b64encode(b"ops:wrong").decode()
    assert ask(server, "GET", "/api/overview")[0] == 401
    assert ask(server, "GET", "/", headers={"Authorization": f"Basic {wrong}"})[0] == 401
    assert ask(server, "GET", "/", headers={"Authorization": f"Basic {basic}"})[0] == 200
    token = {"Authorization": "Bearer for-programs"}
    assert ask(server, "GET", "/api/overview", headers=token)[0] == 200
    assert ask(server, "GET", "/healthz")[0] == 200


def test_foreign_hosts_and_forms_are_refused(server):
    assert ask(server, "GET", "/api/overview", headers={"Host": "evil.example"})[0] == 403
    order = {"topic": "a", "payload": "x"}
    plain = {"Content-Type": "text/plain"}
    assert ask(server, "POST", "/api/publish", order, plain)[0] == 415
    foreign = CHANGE | {"Origin": "http://evil.example"}
    assert ask(server, "POST", "/api/publish", order, foreign)[0] == 403
    status, headers, _ = ask(server, "GET", "/")
    assert status == 200
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_garbage_leaves_the_broker_up(server):
    for garbage in (b"\x16\x03\x01\x00\xff", b"GET\r\n\r\n", b"A" * 100_000, b"\x00" * 1000):
        with socket.create_connection(server.address("admin"), timeout=DEADLINE_SECONDS) as raw:
            try:
                raw.sendall(garbage)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert read(server, "/healthz") == {"status": "ok"}
