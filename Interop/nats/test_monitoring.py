"""The HTTP endpoints that nats-server's tools read: same keys, same kinds of values."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from godwit_rig import NATSWire, User, server_config

# Of nats-server's own making: its system account, its build, JetStream's disk, Go's scheduler.
ELSEWHERE = {
    "system_account", "feature_flags", "config_digest", "disk_io_wait_stats", "git_commit",
    "gomaxprocs",
}  # fmt: skip


def read(server, path: str) -> Any:
    with urllib.request.urlopen(server.url("admin") + path, timeout=5) as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("application/json")
        return json.load(response)


def port(server, listener: str) -> int:
    return server.address(listener)[1]


@pytest.fixture(scope="module")
def reference(broker_pool):
    return broker_pool.start_nats_server(server_config(), ("nats",))


def kinds(document: dict[str, Any]) -> dict[str, str]:
    names = {int: "number", float: "number", bool: "bool", str: "string", list: "list"}
    return {key: names.get(type(value), "object") for key, value in document.items()}


def missing(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, str]:
    """Keys, with their kind, that the reference has and we lack or give another kind."""
    wanted = {key: kind for key, kind in kinds(theirs).items() if key not in ELSEWHERE}
    have = kinds(ours)
    return {key: kind for key, kind in wanted.items() if have.get(key) != kind}


@pytest.mark.parametrize("path", ["/varz", "/connz", "/subsz", "/subsz?subs=1", "/healthz"])
def test_same_keys_and_kinds(broker, reference, path):
    assert missing(read(broker("nats"), path), read(reference, path)) == {}


def named(server, name: str) -> NATSWire:
    return NATSWire(server.address("nats")).connect(
        name=name, lang="raw", version="9.9", headers=True
    )


def entry(server, name: str, query: str = "") -> dict[str, Any]:
    connections = read(server, f"/connz{query}")["connections"]
    found = [each for each in connections if each.get("name") == name]
    assert len(found) == 1, found
    return found[0]


def test_a_connection_has_the_reference_keys_and_kinds(broker, reference, unique):
    with named(broker("nats"), unique) as ours, named(reference, unique) as theirs:
        ours.subscribe(unique)
        theirs.subscribe(unique)
        difference = missing(
            entry(broker("nats"), unique, "?subs=1"), entry(reference, unique, "?subs=1")
        )
        assert difference == {}


def test_a_connection_says_who_it_is_and_counts(broker, unique):
    server = broker("nats")
    with named(server, unique) as client:
        client.subscribe(unique)
        for _ in range(3):
            client.publish(unique, "12345")
        found = entry(server, unique)
        assert found["cid"] == client.info["client_id"]
        assert (found["lang"], found["version"]) == ("raw", "9.9")
        assert found["ip"] == "127.0.0.1"
        assert found["port"] == client.socket.getsockname()[1]
        assert found["subscriptions"] == 1
        counts = {key: found[key] for key in ("in_msgs", "in_bytes", "out_msgs", "out_bytes")}
        assert counts == {"in_msgs": 3, "in_bytes": 15, "out_msgs": 3, "out_bytes": 15}
        assert entry(server, unique, "?subs=1")["subscriptions_list"] == [unique]
        by_id = read(server, f"/connz?cid={client.info['client_id']}")
        assert [each["name"] for each in by_id["connections"]] == [unique]


def test_pages_of_connections(broker):
    server = broker("nats", fresh=True)
    clients = [named(server, f"c{index}") for index in range(5)]
    page = read(server, "/connz?offset=1&limit=2")
    assert (page["num_connections"], page["total"], page["offset"], page["limit"]) == (2, 5, 1, 2)
    names = [each["name"] for each in read(server, "/connz")["connections"]]
    assert names == [f"c{index}" for index in range(5)]  # sorted by cid
    for client in clients:
        client.close()


def test_varz_counts(broker):
    server = broker("nats", fresh=True)
    before = read(server, "/varz")
    with named(server, "one") as client, named(server, "two") as other:
        other.subscribe("a")
        for _ in range(10):
            client.publish("a", "xyz")
        other.flush()
        after = read(server, "/varz")
        grown = {
            key: after[key] - before[key]
            for key in ("connections", "total_connections", "in_msgs", "in_bytes", "out_msgs",
                        "out_bytes", "subscriptions")
        }  # fmt: skip
        assert grown == {
            "connections": 2, "total_connections": 2, "in_msgs": 10, "in_bytes": 30,
            "out_msgs": 10, "out_bytes": 30, "subscriptions": 1,
        }  # fmt: skip
        assert after["mem"] > 1_000_000
        assert after["max_payload"] == 1_048_576
        assert after["server_id"] == client.info["server_id"]


def test_varz_says_where_the_server_listens(broker):
    server = broker("nats", "nats-ws")
    found = read(server, "/varz")
    assert (found["host"], found["port"]) == ("127.0.0.1", port(server, "nats"))
    assert found["http_host"] == "127.0.0.1"
    if server.is_godwit:  # nats-server repeats the -1 of its settings
        assert found["http_port"] == port(server, "admin")
    assert found["websocket"]["port"] == port(server, "nats-ws")
    assert found["websocket"]["no_tls"] is True


def test_subsz_lists_subscriptions(broker, unique):
    server = broker("nats")
    with named(server, unique) as client:
        before = read(server, "/subsz")
        client.send(f"SUB {unique}.a 1\r\nSUB {unique}.> q 2\r\n")
        client.flush()
        after = read(server, "/subsz?subs=1")
        assert after["num_subscriptions"] - before["num_subscriptions"] == 2
        mine = {
            each["sid"]: each
            for each in after["subscriptions_list"]
            if each["cid"] == client.info["client_id"]
        }
        assert mine["1"]["subject"] == f"{unique}.a"
        assert (mine["2"]["subject"], mine["2"]["qgroup"]) == (f"{unique}.>", "q")
        tested = read(server, f"/subsz?subs=1&test={unique}.b")
        assert [each["sid"] for each in tested["subscriptions_list"]
                if each["cid"] == client.info["client_id"]] == ["2"]  # fmt: skip


def test_healthz(broker):
    assert read(broker("nats"), "/healthz")["status"] == "ok"


def test_an_unknown_page_is_not_found(broker):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        read(broker("nats"), "/no-such-page")


def test_the_password_is_nowhere(broker):
    server = broker("nats", users=[User("alice", "hidden-word")])
    with NATSWire(server.address("nats")) as client:
        client.connect(user="alice", **{"pass": "hidden-word"})
        for path in ("/varz", "/connz?auth=1", "/subsz?subs=1"):
            assert "hidden-word" not in json.dumps(read(server, path))
        assert read(server, "/connz?auth=1")["connections"][0]["authorized_user"] == "alice"
