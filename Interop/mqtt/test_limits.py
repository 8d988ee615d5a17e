"""What the server keeps for clients that are away is bounded, and who is over the bound is told."""

import pytest

from mqtt import wire
from mqtt.client import collect
from mqtt.wire import Kind, P, Reason, V31, V311, V5

KEEP = {
    V31: {"clean": False}, V311: {"clean": False},
    V5: {"clean": False, "props": [(P.SESSION_EXPIRY, 300)]},
}


@pytest.mark.godwit_only(reason="Mosquitto has no limit on sessions")
def test_sessions_are_counted_with_and_without_a_connection(mqtt, version):
    """The next one is refused in its version's words, and gets in once another has ended."""
    limited = mqtt.elsewhere(sessions_max=2, fresh=True)
    away = limited.connect("away", version, **KEEP[version])
    away.disconnect()
    there = limited.connect("there", version)
    third = limited.open(version)
    third.send(wire.connect(limited.client_id("third"), version))
    if version == V5:
        third.expect(Kind.CONNACK, reason=Reason.QUOTA_EXCEEDED)
    else:
        third.expect(Kind.CONNACK, reason=3)
    third.expect_end()
    # Those who have a session are let in, whatever the count.
    limited.connect("away", version, **KEEP[version]).disconnect()
    there.ping()
    there.disconnect()
    limited.connect("third", version)


def test_waiting_bytes_are_bounded(mqtt, version, unique):
    """What comes past the bound is dropped, what waited before arrives, and there is room again."""
    limited = mqtt.elsewhere(queued_bytes_max=100_000)
    client = limited.connect("c", version, **KEEP[version])
    client.subscribe(f"{unique}/#", qos=2)
    client.disconnect()
    publisher = limited.connect("p")
    sent = [b"%02d" % number + bytes(9_998) for number in range(30)]
    for payload in sent:
        publisher.publish(f"{unique}/a", payload, 1 + (payload[1] & 1))
    client = limited.connect("c", version, **KEEP[version])
    found = [packet.payload for packet in collect(publisher, client)]
    assert 5 <= len(found) <= 10
    assert found == sent[:len(found)]
    publisher.publish(f"{unique}/a", b"room again", 1)
    client.take(payload=b"room again")


def test_one_full_queue_leaves_others_alone(mqtt, unique):
    limited = mqtt.elsewhere(queued_bytes_max=100_000)
    for name in ("full", "other"):
        client = limited.connect(name, V5, **KEEP[V5])
        client.subscribe(f"{unique}/{name}", qos=1)
        client.disconnect()
    publisher = limited.connect("p")
    for _ in range(20):
        publisher.publish(f"{unique}/full", bytes(10_000), 1)
    publisher.publish(f"{unique}/other", b"kept", 1)
    other = limited.connect("other", V5, **KEEP[V5])
    other.take(payload=b"kept")
