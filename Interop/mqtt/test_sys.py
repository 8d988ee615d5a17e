"""What the server says about itself under `$SYS/broker/`, with Mosquitto's names."""

import time

import pytest

from mqtt.client import Client, NothingCame
from mqtt.wire import Kind

COUNTERS = [
    "bytes/received", "bytes/sent", "messages/received", "messages/sent",
    "publish/bytes/received", "publish/bytes/sent", "publish/messages/dropped",
    "publish/messages/received", "publish/messages/sent", "clients/connected", "clients/total",
    "clients/maximum", "clients/disconnected", "clients/active", "clients/inactive",
    "clients/expired", "retained messages/count", "subscriptions/count", "store/messages/count",
    "store/messages/bytes",
]

LOADS = [
    f"load/{kind}/{span}"
    for kind in ("messages/received", "messages/sent", "bytes/received", "bytes/sent",
                 "publish/received", "publish/sent", "connections", "sockets")
    for span in ("1min", "5min", "15min")
]


@pytest.fixture
def reporting(mqtt):
    return mqtt.elsewhere(sys_interval_seconds=1)


def until(client: Client, wanted, seconds: float = 8) -> dict[str, str]:
    """Collects `$SYS/broker/` until `wanted` of what is there; it is written once a second."""
    found: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while not wanted(found):
        try:
            packet = client.expect(Kind.PUBLISH, max(deadline - time.monotonic(), 0.01))
        except NothingCame:
            return found
        assert packet.topic.startswith("$SYS/broker/")
        found[packet.topic.removeprefix("$SYS/broker/")] = packet.payload.decode()
    return found


def busy(bench, unique) -> None:
    """Something of everything, so that each figure has a reason to be written."""
    one = bench.connect("one")
    one.subscribe(f"{unique}/#")
    for qos in (0, 1, 2):
        one.publish(f"{unique}/a", b"x" * 100, qos, retain=True)
        one.take()
    bench.connect("two").disconnect()


def test_mosquittos_names_are_there(reporting, version, unique):
    busy(reporting, unique)
    client = reporting.connect("c", version)
    client.subscribe("$SYS/broker/#")
    wanted = {"version", "uptime", *COUNTERS, *LOADS}
    found = until(client, lambda found: wanted <= set(found))
    assert wanted <= set(found), f"missing: {sorted(wanted - set(found))}"
    assert found["uptime"].split()[0].isdigit() and found["uptime"].endswith("seconds")
    assert all(found[name].isdigit() for name in COUNTERS), found
    assert all(float(found[name]) >= 0 for name in LOADS)


def test_figures_move(reporting, unique):
    watcher = reporting.connect("w")
    watcher.subscribe("$SYS/broker/publish/messages/received", "$SYS/broker/clients/connected")
    first = until(watcher, lambda found: len(found) == 2)
    clients = [reporting.connect(f"c{n}") for n in range(3)]
    for client in clients:
        for _ in range(50):
            client.publish(unique, b"x", 1)

    def moved(found):
        return (
            int(found.get("publish/messages/received", 0))
            >= int(first["publish/messages/received"]) + 150
            and int(found.get("clients/connected", 0)) >= 4
        )

    assert moved(until(watcher, moved))


def test_they_are_retained(reporting, unique):
    busy(reporting, unique)
    client = reporting.connect("c")
    client.subscribe("$SYS/broker/version")
    assert client.expect(Kind.PUBLISH).retain


def test_a_wildcard_at_the_front_does_not_see_them(reporting, unique):
    client = reporting.connect("c")
    client.subscribe("#", "+/broker/#", "+/+/version")
    witness = reporting.connect("w")
    witness.subscribe("$SYS/broker/uptime")
    until(witness, lambda found: "uptime" in found)
    client.ping()
    assert not [p for p in client.inbox if p.topic.startswith("$SYS")]


@pytest.mark.godwit_only(reason="Mosquitto 2.0 has no setting that switches its own interval off")
def test_they_can_be_switched_off(mqtt):
    quiet = mqtt.elsewhere(sys_interval_seconds=0)
    client = quiet.connect("c")
    client.subscribe("$SYS/#")
    time.sleep(1.5)
    client.expect_nothing()
