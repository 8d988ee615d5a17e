"""Shared subscriptions: MQTT 5.0 section 4.8.2."""

import pytest

from mqtt import wire
from mqtt.client import collect, settle
from mqtt.wire import Kind, NO_LOCAL, P, Reason, retain_handling


def test_each_message_goes_to_one_member(mqtt, unique):
    members = [mqtt.connect(f"m{n}") for n in range(3)]
    for member in members:
        assert member.subscribe(f"$share/g/{unique}/#", qos=1) == [1]
    publisher = mqtt.connect("p")
    sent = [b"%d" % n for n in range(60)]
    for payload in sent:
        publisher.publish(f"{unique}/a", payload, 1)
    shares = [[p.payload for p in collect(publisher, member)] for member in members]
    assert sorted(sum(shares, [])) == sorted(sent)
    assert all(shares), "every member gets some"
    for share in shares:
        assert share == sorted(share, key=int), "in order for each member"


def test_topic_name_is_the_messages_own(mqtt, unique):
    member = mqtt.connect("m")
    member.subscribe(f"$share/g/{unique}/+")
    mqtt.connect("p").publish(f"{unique}/a", b"x")
    member.take(topic=f"{unique}/a")


def test_groups_and_ordinary_subscribers_are_independent(mqtt, unique):
    clients = {
        "one": f"$share/one/{unique}", "two": f"$share/two/{unique}", "plain": unique,
        "wild": f"$share/one/{unique}/#",
    }
    for name, pattern in list(clients.items()):
        clients[name] = mqtt.connect(name)
        clients[name].subscribe(pattern, qos=1)
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x", 1)
    for client in clients.values():
        client.take(payload=b"x")
    settle(publisher, *clients.values())


def test_delivery_has_the_members_qos(mqtt, unique):
    member = mqtt.connect("m")
    publisher = mqtt.connect("p")
    for qos in (0, 1, 2):
        member.subscribe(f"$share/g/{unique}", qos=qos)
        publisher.publish(unique, b"x", 2)
        member.take(qos=qos)


def test_identifiers_and_retain_as_published_hold(mqtt, unique):
    member = mqtt.connect("m")
    member.subscribe((f"$share/g/{unique}", 1 | wire.RETAIN_AS_PUBLISHED),
                     props=[(P.SUBSCRIPTION_ID, 8)])
    mqtt.connect("p").publish(unique, b"x", 1, retain=True)
    packet = member.take(payload=b"x", retain=True)
    assert packet.all(P.SUBSCRIPTION_ID) == [8]


def test_shared_and_plain_of_one_client(mqtt, unique):
    client = mqtt.connect("c")
    client.subscribe(unique, f"$share/g/{unique}")
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"x")
    assert len(collect(publisher, client)) == 2
    client.unsubscribe(f"$share/g/{unique}")
    publisher.publish(unique, b"x")
    assert len(collect(publisher, client)) == 1


_SENDS_RETAINED = pytest.mark.godwit_only(
    reason="Mosquitto 2.0 sends retained messages on shared subscriptions; section 4.8.2"
)


@pytest.mark.parametrize("handling", [
    pytest.param(0, marks=_SENDS_RETAINED), pytest.param(1, marks=_SENDS_RETAINED), 2,
])
def test_retained_messages_are_not_sent(mqtt, unique, handling):
    """Section 4.8.2: not on a new shared subscription, whatever the handling."""
    publisher = mqtt.connect("p")
    publisher.publish(unique, b"kept", 1, retain=True)
    member = mqtt.connect("m")
    member.subscribe((f"$share/g/{unique}", 1 | retain_handling(handling)))
    settle(publisher, member)
    publisher.publish(unique, b"live", 1)
    member.take(payload=b"live")


@pytest.mark.godwit_only(reason="Mosquitto 2.0 lets it pass; [MQTT-3.8.3-4]")
def test_no_local_is_a_protocol_error(mqtt, unique):
    member = mqtt.connect("m")
    member.send(wire.subscribe(1, [(f"$share/g/{unique}", NO_LOCAL)]))
    member.expect_close(Reason.PROTOCOL_ERROR)


def test_members_get_their_own_messages(mqtt, unique):
    member = mqtt.connect("m")
    member.subscribe(f"$share/g/{unique}")
    member.publish(unique, b"x")
    member.take(payload=b"x")


_TAKEN = pytest.mark.godwit_only(reason="Mosquitto 2.0 takes it for a topic; [MQTT-4.8.2-1]")


@pytest.mark.parametrize("pattern", [
    "$share/g+/a", "$share/g#/a", "$share/#/a", "$share/g/a#",
    *(pytest.param(each, marks=_TAKEN) for each in (
        "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/#")),
])
def test_bad_shared_filters(mqtt, pattern):
    client = mqtt.connect("c")
    client.send(wire.subscribe(1, [(pattern, 0)]))
    packet = client.receive()
    refusals = (Reason.MALFORMED, Reason.PROTOCOL_ERROR, Reason.FILTER_INVALID)
    if packet.kind == Kind.SUBACK:
        assert packet.reasons[0] in refusals
    else:
        assert packet.kind == Kind.DISCONNECT and packet.reason in refusals, packet


def test_leaving_members_get_no_more(mqtt, unique):
    one, two = mqtt.connect("one"), mqtt.connect("two")
    publisher = mqtt.connect("p")
    for member in (one, two):
        member.subscribe(f"$share/g/{unique}", qos=1)
    assert one.unsubscribe(f"$share/g/{unique}") == [0]
    assert one.unsubscribe(f"$share/g/{unique}") == [Reason.NO_SUBSCRIPTION_EXISTED]
    for _ in range(4):
        publisher.publish(unique, b"x", 1)
    settle(publisher, one)
    assert len(collect(publisher, two)) == 4
    two.disconnect()
    assert publisher.publish(unique, b"x", 1) == Reason.NO_MATCHING_SUBSCRIBERS


def test_a_vanished_member_is_passed_over(mqtt, unique):
    watcher = mqtt.connect("w")
    watcher.subscribe(f"{unique}/gone")
    one = mqtt.connect("one", will=wire.Will(f"{unique}/gone", b"gone"))
    two = mqtt.connect("two")
    for member in (one, two):
        member.subscribe(f"$share/g/{unique}", qos=1)
    one.abort()
    watcher.take(payload=b"gone")
    publisher = mqtt.connect("p")
    for _ in range(4):
        publisher.publish(unique, b"x", 1)
    assert len(collect(publisher, two)) == 4


def test_messages_wait_for_a_group_that_is_away(mqtt, unique):
    """All members offline with sessions that last: the messages wait in one of them."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    names = ("one", "two")
    for name in names:
        member = mqtt.connect(name, **keep)
        member.subscribe(f"$share/g/{unique}", qos=1)
        member.disconnect()
    publisher = mqtt.connect("p")
    sent = [b"%d" % n for n in range(10)]
    for payload in sent:
        publisher.publish(unique, payload, 1)
    found = []
    for name in names:
        found += [p.payload for p in collect(publisher, mqtt.connect(name, **keep))]
    assert sorted(found) == sorted(sent)


@pytest.mark.godwit_only(reason="Mosquitto 2.0 takes turns without looking who is there; 4.8.2 "
                         "leaves the choice open")
def test_a_member_that_is_there_comes_before_one_that_is_away(mqtt, unique):
    away = mqtt.connect("away", clean=False, props=[(P.SESSION_EXPIRY, 60)])
    here = mqtt.connect("here")
    for member in (away, here):
        member.subscribe(f"$share/g/{unique}", qos=1)
    away.disconnect()
    publisher = mqtt.connect("p")
    for _ in range(6):
        publisher.publish(unique, b"x", 1)
    assert len(collect(publisher, here)) == 6


@pytest.mark.parametrize("old", [3, 4])
def test_older_versions_share_too(mqtt, unique, old):
    """An extension there, which Mosquitto has."""
    members = [mqtt.connect("m5"), mqtt.connect("m", old)]
    for member in members:
        member.subscribe(f"$share/g/{unique}", qos=1)
    publisher = mqtt.connect("p")
    for _ in range(10):
        publisher.publish(unique, b"x", 1)
    assert sum(len(collect(publisher, member)) for member in members) == 10
