"""Queue groups."""

from __future__ import annotations

import contextlib

import pytest
from godwit_rig import NATSWire, pub


@pytest.fixture
def clients(broker):
    with contextlib.ExitStack() as stack:

        def make(count: int) -> list[NATSWire]:
            address = broker("nats").address("nats")
            return [
                stack.enter_context(NATSWire(address)).connect(headers=True)
                for _ in range(count)
            ]

        yield make


def received(client: NATSWire) -> list[bytes]:
    """Everything the server has sent so far."""
    client.ping()
    payloads = []
    while (line := client.line()) != "PONG":
        payloads.append(client.parse_delivery(line).payload)
    return payloads


def test_each_message_goes_to_one_member_and_all_take_part(clients, unique):
    publisher, *members = clients(4)
    for member in members:
        member.subscribe(unique, queue="workers")
    publisher.send(b"".join(pub(unique, str(index)) for index in range(600)))
    publisher.flush()
    shares = [received(member) for member in members]
    assert sorted(int(each) for share in shares for each in share) == list(range(600))
    assert all(len(share) > 60 for share in shares), [len(share) for share in shares]


def test_groups_and_plain_subscriptions_do_not_disturb_each_other(clients, unique):
    publisher, plain, a1, a2, b1, b2 = clients(6)
    plain.subscribe(unique)
    for member in (a1, a2):
        member.subscribe(unique, queue="a")
    for member in (b1, b2):
        member.subscribe(unique, queue="b")
    publisher.send(b"".join(pub(unique, str(index)) for index in range(100)))
    publisher.flush()
    everything = [str(index).encode() for index in range(100)]
    assert received(plain) == everything
    assert sorted(received(a1) + received(a2)) == sorted(everything)
    assert sorted(received(b1) + received(b2)) == sorted(everything)


def test_one_group_across_patterns_is_one_group_per_pattern(clients, unique):
    """nats-server chooses one member for each subject pattern of a group."""
    publisher, exact, star, full = clients(4)
    exact.subscribe(f"{unique}.a", queue="q")
    star.subscribe(f"{unique}.*", queue="q")
    full.subscribe(f"{unique}.>", queue="q")
    publisher.send(b"".join(pub(f"{unique}.a", str(index)) for index in range(90)))
    publisher.flush()
    shares = [received(client) for client in (exact, star, full)]
    assert sorted(int(each) for share in shares for each in share) == list(range(90))


def test_a_group_within_one_client(clients, unique):
    publisher, member = clients(2)
    for sid in ("1", "2", "3"):
        member.subscribe(unique, sid, queue="q")
    publisher.send(pub(unique, "x") * 300)
    publisher.flush()
    member.ping()
    sids = [delivery.sid for delivery in member.deliveries(300)]
    member.expect("PONG")
    assert all(sids.count(sid) > 30 for sid in ("1", "2", "3"))


def test_a_member_that_leaves_leaves_the_others_all_messages(clients, unique):
    publisher, stays, goes = clients(3)
    stays.subscribe(unique, queue="q")
    goes.subscribe(unique, queue="q")
    goes.send("UNSUB 1\r\n")
    goes.flush()
    publisher.send(pub(unique, "x") * 50)
    publisher.flush()
    assert len(received(stays)) == 50
    assert received(goes) == []


def test_maximum_counts_what_the_member_got(clients, unique):
    publisher, limited, rest = clients(3)
    limited.subscribe(unique, queue="q")
    limited.send("UNSUB 1 5\r\n")
    limited.flush()
    rest.subscribe(unique, queue="q")
    publisher.send(pub(unique, "x") * 100)
    publisher.flush()
    assert len(received(limited)) == 5
    assert len(received(rest)) == 95


def test_group_names_are_case_sensitive_words(clients, unique):
    publisher, lower, upper = clients(3)
    lower.subscribe(unique, queue="q")
    upper.subscribe(unique, queue="Q")
    publisher.publish(unique, "x")
    assert received(lower) == [b"x"]
    assert received(upper) == [b"x"]
