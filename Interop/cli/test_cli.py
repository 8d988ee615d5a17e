"""The little clients: pub, sub, request, reply, bench and names, run as a user runs them.

They speak to Godwit, and with the target ``oracle`` to nats-server and Mosquitto.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import queue
import re
import select
import signal
import subprocess
import time

import pytest
from godwit_rig import NATSWire
from godwit_rig.brokers import godwit_binary
from godwit_rig.command_line import (
    SECONDS,
    Place,
    Running,
    environment,
    failed,
    godwit,
    running,
    succeeded,
)

# pub and sub.


def test_a_message_arrives(place, unique):
    pattern = place.name(f"{unique}/+")
    with running("sub", *place.options, pattern, "--count", "1") as sub:
        run = godwit("pub", *place.options, place.name(f"{unique}/x"), "21.5")
        assert (run.returncode, run.stdout) == (0, b"")
        assert "published 1 message to " in run.stderr.decode()
        time_of_day, topic, payload = sub.line().split("  ")
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d\d\d", time_of_day)
        assert (topic, payload) == (place.name(f"{unique}/x"), "21.5")
        assert sub.wait() == 0
        assert re.fullmatch(r"1 message in [\d.]+ s", sub.error_line())


def test_json_tells_all(place, unique):
    rich = ("-H", "k=v", "-H", "k=w", "--reply", place.name("re/ply"), "--content-type", "a/b")
    with running("sub", *place.options, place.name(f"{unique}/#"), "--json", "-c", "3") as sub:
        name = place.name(f"{unique}/x")
        succeeded("pub", *place.options, name, 'text "q"\n', *rich, "--expiry", "60")
        succeeded("pub", *place.options, name, "-", stdin=b"\xff\x00")
        succeeded("pub", *place.options, name, "")
        first, second, third = (json.loads(sub.line()) for _ in range(3))
        assert sub.wait() == 0
        assert sub.lines() == []
    assert first.pop("time").endswith("Z")
    assert first.pop("expiry_seconds") in (59, 60)
    assert first == {
        "topic": name,
        "payload": 'text "q"\n',
        "reply": place.name("re/ply"),
        "content_type": "a/b",
        "headers": [{"name": "k", "value": "v"}, {"name": "k", "value": "w"}],
    }
    assert base64.b64decode(second["payload_base64"]) == b"\xff\x00"
    assert "payload" not in second
    assert third["payload"] == ""


def test_raw_is_the_payload_alone(place, unique):
    with running("sub", *place.options, unique, "--raw", "--count", "2") as sub:
        succeeded("pub", *place.options, unique, "one {n}", "--count", "2")
        assert sub.wait() == 0
        assert sub.lines() == ["one 1", "one 2"]
        assert sub.errors() == []


def test_payloads_come_from_files_and_standard_input(place, unique, tmp_path):
    payload = os.urandom(300_000)
    (tmp_path / "payload").write_bytes(payload)
    with running("sub", *place.options, unique, "--json", "--count", "2") as sub:
        succeeded("pub", *place.options, unique, "--file", str(tmp_path / "payload"))
        succeeded("pub", *place.options, unique, stdin=payload)
        for _ in range(2):
            assert base64.b64decode(json.loads(sub.line())["payload_base64"]) == payload


def test_many_messages_in_order(place, unique):
    with running("sub", *place.options, unique, "--raw", "--count", "5000") as sub:
        succeeded("pub", *place.options, unique, "{n}", "--count", "5000")
        assert sub.lines() == [str(number) for number in range(1, 5001)]


def test_a_group_shares(place, unique):
    group = ("sub", *place.options, unique, "--group", "workers", "--raw")
    with running(*group) as one, running(*group) as two:
        succeeded("pub", *place.options, unique, "{n}", "--count", "200")
        # What was written before the end of the connections arrives before their end.
        shares = []
        with running("sub", *place.options, f"{unique}x", "--raw") as witness:
            succeeded("pub", *place.options, f"{unique}x", "end")
            assert witness.line() == "end"
        deadline = time.monotonic() + SECONDS
        seen: list[int] = []
        queues = {one: [], two: []}
        while len(seen) < 200 and time.monotonic() < deadline:
            for sub, mine in queues.items():
                with contextlib.suppress(queue.Empty):
                    line = sub._out.get(timeout=0.05)
                    mine.append(int(line))
                    seen.append(int(line))
        shares = [len(mine) for mine in queues.values()]
        assert sorted(seen) == list(range(1, 201))
        assert min(shares) > 0, shares


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["5", "3.1.1", "3.1"])
def test_mqtt_qos_and_versions(mqtt, unique, qos, version):
    options = (*mqtt.options, "--mqtt-version", version)
    with running("sub", *options, unique, "--json", "--count", "100") as sub:
        succeeded("pub", *options, unique, "x", "--qos", str(qos), "--count", "100")
        messages = [json.loads(line) for line in sub.lines()]
    assert [message.get("qos", 0) for message in messages] == [qos] * 100


def test_retained(mqtt, unique):
    run = godwit("pub", *mqtt.options, unique, "kept", "--retain", "--qos", "1")
    assert run.returncode == 0
    assert "nobody subscribes to it" in run.stderr.decode()
    message = json.loads(succeeded("sub", *mqtt.options, unique, "--json", "--count", "1"))
    assert (message["payload"], message["retain"]) == ("kept", True)
    succeeded("pub", *mqtt.options, unique, "", "--retain")


def test_pub_reports_in_json(place, unique):
    report = json.loads(succeeded("pub", *place.options, unique, "x", "--count", "3", "--json"))
    assert report == {"topic": unique, "published": 3}


def test_an_interval_is_kept(place, unique):
    start = time.monotonic()
    succeeded("pub", *place.options, unique, "x", "--count", "3", "--interval", "0.1")
    assert time.monotonic() - start >= 0.2


# request and reply.


def test_text_echo_and_command_answer(place, unique):
    ways = {
        "--text=pong": "pong",
        "--echo": "ping",
        "--command=tr a-z A-Z; echo $GODWIT_TOPIC": f"PING{unique}\n",
    }
    for way, wanted in ways.items():
        with running("reply", *place.options, unique, way, "--count", "1") as reply:
            run = godwit("request", *place.options, unique, "ping", "--json")
            assert run.returncode == 0, run.stderr.decode()
            assert json.loads(run.stdout)["payload"] == wanted
            assert reply.wait() == 0
            assert reply.errors() == ["answered 1 request"]


def test_raw_answers_and_headers(place, unique):
    with running("reply", *place.options, unique, "--echo", "--quiet") as reply:
        out = succeeded("request", *place.options, unique, "a\tb", "--raw")
        assert out == "a\tb\n"
        answer = json.loads(
            succeeded("request", *place.options, unique, "x", "-H", "k=v", "--json")
        )
        assert answer["headers"] == [{"name": "k", "value": "v"}]
        assert reply.end() == 0
        assert reply.lines() == []


def test_a_command_that_fails_says_so(place, unique):
    with running("reply", *place.options, unique, "--command", "echo no; exit 3"):
        answer = json.loads(succeeded("request", *place.options, unique, "x", "--json"))
        assert answer["payload"] == "no\n"
        assert answer["headers"] == [{"name": "Godwit-Exit-Code", "value": "3"}]


def test_several_answers(place, unique):
    arguments = ("reply", *place.options, unique, "--text")
    with running(*arguments, "one"), running(*arguments, "two"):
        out = succeeded("request", *place.options, unique, "x", "--replies", "2", "--raw")
        assert sorted(out.split()) == ["one", "two"]
        all_in_time = ("--replies", "0", "--timeout", "0.5", "--raw")
        out = succeeded("request", *place.options, unique, "x", *all_in_time)
        assert sorted(out.split()) == ["one", "two"]


def test_nobody_answers(place, unique):
    error = failed("request", *place.options, unique, "x", "--timeout", "10")
    assert error == f"Error: nobody answers `{unique}`\n"


def test_no_answer_in_time(place, unique):
    with running("sub", *place.options, unique):
        error = failed("request", *place.options, unique, "x", "--timeout", "0.2")
        assert error == f"Error: no answer from `{unique}` within 0.20 s\n"


# Across the protocols.


@pytest.mark.godwit_only
def test_across(broker, unique):
    server = broker("nats", "mqtt")
    places = [Place(each, server.address(each)) for each in ("nats", "mqtt")]
    for sender, receiver in (places, places[::-1]):
        pattern = receiver.name(f"{unique}/+")
        with running("sub", *receiver.options, pattern, "--json", "--count", "1") as sub:
            rich = ("-H", "k=v", "--content-type", "t/t", "--reply", sender.name("a/b"))
            succeeded("pub", *sender.options, sender.name(f"{unique}/x"), "hi", *rich)
            message = json.loads(sub.line())
            message.pop("time")
            assert message == {
                "topic": receiver.name(f"{unique}/x"),
                "payload": "hi",
                "reply": receiver.name("a/b"),
                "content_type": "t/t",
                "headers": [{"name": "k", "value": "v"}],
            }
        with running("reply", *receiver.options, receiver.name(f"{unique}/svc"), "--echo"):
            out = succeeded(
                "request", *sender.options, sender.name(f"{unique}/svc"), "ping", "--raw"
            )
            assert out == "ping\n"


# bench.


@pytest.mark.parametrize("options", [(), ("--rate", "2000"), ("--pubs", "2", "--subs", "3")])
def test_bench_pubsub(place, options):
    out = succeeded("bench", "pubsub", *place.options, "--count", "1000", "--json", *options)
    report = json.loads(out)
    subscribers = 3 if "--subs" in options else 1
    assert report["lost"] == 0
    assert report["published"]["count"] == 1000
    assert report["received"]["count"] == 1000 * subscribers
    latency = report["latency_ns"]
    assert latency["count"] == 1000 * subscribers
    assert sum(row["count"] for row in latency["doublings"]) == latency["count"]
    order = [latency[key] for key in ("min", "p50", "p90", "p99", "p99.9", "max")]
    assert order == sorted(order) and order[0] > 0
    if "--rate" in options:
        assert 1500 < report["published"]["messages_per_second"] < 2100


@pytest.mark.parametrize("qos", ["1", "2"])
def test_bench_with_qos(mqtt, qos):
    """Many times what may wait for one client: publishers wait for a subscriber that keeps up."""
    out = succeeded("bench", "pubsub", *mqtt.options, "--count", "5000", "--qos", qos, "--json")
    report = json.loads(out)
    assert (report["lost"], report["received"]["count"]) == (0, 5000)


def test_bench_group(place):
    arguments = ("--count", "600", "--subs", "3", "--group", "g", "--json")
    report = json.loads(succeeded("bench", "pubsub", *place.options, *arguments))
    assert (report["lost"], report["received"]["count"]) == (0, 600)


def test_bench_request(place):
    arguments = ("--count", "600", "--clients", "2", "--in-flight", "4", "--json")
    report = json.loads(succeeded("bench", "request", *place.options, *arguments))
    assert (report["lost"], report["answered"]["count"]) == (0, 600)
    assert report["latency_ns"]["count"] == 600


def test_bench_request_without_anyone(nats):
    error = failed("bench", "request", *nats.options, "--no-responder", "--topic", "void")
    assert error == "Error: nobody answers `void`\n"


def test_bench_pub_and_sub_apart(place, unique):
    sub = Running("bench", "sub", *place.options, "-t", unique, "--count", "500", "--json")
    # A benchmark does not say when it is ready: publish until it has what it wants.
    deadline = time.monotonic() + SECONDS
    while sub.process.poll() is None and time.monotonic() < deadline:
        report = json.loads(
            succeeded("bench", "pub", *place.options, "-t", unique, "--count", "300", "--json")
        )
        assert report["published"]["count"] == 300
    assert sub.wait() == 0
    assert json.loads(sub.line())["received"]["count"] >= 500


def test_bench_for_people(place):
    out = succeeded("bench", "pubsub", *place.options, "--count", "500")
    assert re.search(r"published +500 +[\d,]+ msg/s", out), out
    assert re.search(r"received +500 +[\d,]+ msg/s", out), out
    assert re.search(r"p50 .+ p90 .+ p99 .+ p99\.9 .+ max ", out), out
    assert "█" in out
    assert "\x1b" not in out


# Ends.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_a_summary(place, unique, number):
    with running("sub", *place.options, unique) as sub:
        succeeded("pub", *place.options, unique, "x")
        assert sub.line().endswith("x")
        assert sub.end(number) == 0
        assert re.fullmatch(r"1 message in [\d.]+ s", sub.error_line())


def test_ctrl_c_ends_a_benchmark_with_its_report(place):
    bench = Running("bench", "pubsub", *place.options, "--rate", "100", "--json")
    time.sleep(1)  # There is nothing to wait for: it says nothing until it ends.
    assert bench.end() == 0
    report = json.loads(bench.line())
    assert report["interrupted"] is True
    assert report["lost"] == 0


def test_a_closed_pipe_ends_it_silently(place, unique):
    command = f"'{godwit_binary()}' sub {' '.join(place.options)} {unique} --raw | head -n 1"
    shell = subprocess.Popen(
        ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(),
    )  # fmt: skip
    assert shell.stderr is not None
    assert shell.stderr.readline().startswith(b"listening to ")
    deadline = time.monotonic() + SECONDS
    while shell.poll() is None and time.monotonic() < deadline:
        succeeded("pub", *place.options, unique, "x" * 1000)
    out, error = shell.communicate(timeout=SECONDS)
    assert (shell.returncode, out, error) == (0, b"x" * 1000 + b"\n", b"")


def test_a_terminal_gets_colours_and_progress(place, unique):
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(godwit_binary()), "bench", "pubsub", *place.options, "--count", "3000", "--rate",
         "6000"],
        stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
        env=environment(TERM="xterm-256color", NO_COLOR=""),
    )  # fmt: skip
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):
        while select.select([controller], [], [], SECONDS)[0]:
            part = os.read(controller, 65_536)
            if not part:
                break
            text += part
    os.close(controller)
    assert process.wait(SECONDS) == 0
    assert re.search(rb"\r\x1b\[K  \d+ %  [\d,]+ of 3,000  [\d,]+ msg/s", text), text
    assert b"\x1b[36m" in text


# names.


def explain(*arguments: str) -> dict:
    return json.loads(succeeded("names", "explain", "--json", *arguments))


@pytest.mark.parametrize(
    ("name", "source", "nats", "mqtt", "kafka"),
    [
        ("a/b", "mqtt", "a.b", "a/b", "a.b"),
        ("a.b", "nats", "a.b", "a/b", "a.b"),
        ("sensors/+/t", "mqtt", "sensors.*.t", "sensors/+/t", None),
        ("a.b/c/#", "mqtt", "a//b.c.>", "a.b/c/#", None),
        ("orders.*.>", "nats", "orders.*.>", "orders/+/#", None),
    ],
)
def test_names(name, source, nats, mqtt, kafka):
    found = explain(name)
    assert found["from"] == source
    assert found["protocols"] == {
        "nats": {"name": nats},
        "mqtt": {"name": mqtt},
        "kafka": {"name": kafka} if kafka else {"cannot_say": "the protocol has no patterns"},
    }
    again = explain("--from", "nats", nats)
    assert again["protocols"] == found["protocols"]


def test_names_that_cannot_be_said():
    found = explain("--from", "nats", "a/b")
    assert "cannot_say" in found["protocols"]["mqtt"]
    assert "is no name in NATS" in failed("names", "explain", "--from", "nats", "a..b")


@pytest.mark.godwit_only
def test_names_are_what_the_broker_does(broker, unique):
    server = broker("nats", "mqtt")
    for name in ("/x", "a.b/c", "x/", "a//b", "sp ace", "50%", "*"):
        topic = f"{unique}/{name}"
        subject = explain("--from", "mqtt", topic)["protocols"]["nats"]["name"]
        with NATSWire(server.address("nats")) as wire:
            wire.connect()
            wire.subscribe(subject)
            place = Place("mqtt", server.address("mqtt"))
            succeeded("pub", *place.options, topic, "x")
            assert wire.delivery().payload == b"x"
