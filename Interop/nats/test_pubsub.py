"""PUB, SUB, UNSUB, subjects and wildcards."""

from __future__ import annotations

import pytest
from godwit_rig import NATSWire, pub


@pytest.fixture
def client(broker):
    with NATSWire(broker("nats").address("nats")) as connection:
        yield connection.connect(headers=True)


@pytest.fixture
def other(broker):
    with NATSWire(broker("nats").address("nats")) as connection:
        yield connection.connect(headers=True)


def test_message_line_with_and_without_reply(client, unique):
    client.subscribe(unique, "abc")
    client.send(pub(unique, "one") + pub(unique, "", reply="the.reply"))
    assert client.read_until(b"one\r\n") == f"MSG {unique} abc 3\r\none\r\n".encode()
    wanted = f"MSG {unique} abc the.reply 0\r\n\r\n".encode()
    assert client.read_exactly(len(wanted)) == wanted
    client.silent()


def test_payloads_are_bytes(client, unique):
    client.subscribe(unique)
    for payload in (bytes(range(256)), b"\r\n", b"PUB x 1\r\ny\r\n", b"\0" * 70_000, b""):
        client.publish(unique, payload)
        assert client.delivery().payload == payload


def test_order_from_one_publisher(client, other, unique):
    client.subscribe(f"{unique}.*")
    for index in range(2000):
        other.send(pub(f"{unique}.{index % 7}", str(index)))
    assert [int(each.payload) for each in client.deliveries(2000)] == list(range(2000))


def test_every_matching_subscription_of_one_client_gets_its_copy(client, unique):
    for sid, subject in enumerate([unique, unique, "*", f"{unique}.>", f"{unique}.*", ">"]):
        client.send(f"SUB {subject} {sid}\r\n")
    client.publish(unique, "x")
    got = {client.delivery().sid for _ in range(4)}
    assert got == {"0", "1", "2", "5"}
    client.silent()


def test_sids_are_any_word(client, unique):
    client.subscribe(unique, "a-b_\u00e9.7")
    client.publish(unique, "x")
    assert client.delivery().sid == "a-b_\u00e9.7"
    client.send("UNSUB a-b_\u00e9.7\r\n")
    client.publish(unique, "x")
    client.silent()


def test_a_sid_used_again_keeps_the_first_subscription(client, unique):
    client.subscribe(f"{unique}.a", "1")
    client.subscribe(f"{unique}.b", "1")
    client.publish(f"{unique}.a", "x")
    assert client.delivery().subject == f"{unique}.a"
    client.publish(f"{unique}.b", "x")
    client.silent()


def test_unsub_now(client, unique):
    client.subscribe(unique)
    client.send("UNSUB 1\r\n")
    client.publish(unique, "x")
    client.silent()


@pytest.mark.parametrize(
    ("before", "maximum", "after", "total"),
    [
        (0, 2, 5, 2),  # counts from the first message
        (1, 3, 5, 3),  # messages that came before UNSUB count
        (2, 2, 3, 2),  # reached already: gone at once
        (3, 2, 3, 3),  # passed already: gone at once
        (0, 1, 3, 1),
    ],
)
def test_unsub_after_a_number(client, other, unique, before, maximum, after, total):
    client.subscribe(unique)
    for _ in range(before):
        other.send(pub(unique, "x"))
    other.flush()
    client.send(f"UNSUB 1 {maximum}\r\n")
    client.deliveries(before)
    client.flush()
    for _ in range(after):
        other.send(pub(unique, "y"))
    other.flush()
    client.deliveries(total - before)
    client.silent()


@pytest.mark.parametrize("maximum", ["0", "-1"])
def test_unsub_without_a_positive_number_is_now(client, unique, maximum):
    client.subscribe(unique)
    client.send(f"UNSUB 1 {maximum}\r\n")
    client.publish(unique, "x")
    client.silent()


def test_a_subscription_ended_by_its_maximum_frees_its_sid(client, unique):
    client.send(f"SUB {unique}.a 1\r\nUNSUB 1 1\r\n")
    client.publish(f"{unique}.a", "x")
    client.delivery()
    client.subscribe(f"{unique}.b", "1")
    client.publish(f"{unique}.b", "y")
    assert client.delivery().payload == b"y"


def test_subscriptions_end_with_their_connection(broker, client, unique):
    server = broker("nats")
    with NATSWire(server.address("nats")) as leaving:
        leaving.connect()
        leaving.subscribe(unique, queue="q")
        leaving.send("nonsense\r\n")
        leaving.read_to_end()  # the server has dropped it now, and its subscription before
    client.subscribe(unique, queue="q")
    client.publish(unique, "x")
    assert client.delivery().payload == b"x"


# Patterns, subjects they match, subjects they do not.
WILDCARDS = [
    ("a", ["a"], ["b", "a.b", "A", "aa"]),
    ("a.b", ["a.b"], ["a", "a.b.c", "b.a"]),
    ("*", ["a", "b", "*"], ["a.b"]),
    ("a.*", ["a.b", "a.c", "a.*"], ["a", "a.b.c", "b.b"]),
    ("*.b", ["a.b", "b.b"], ["b", "a.b.b", "a.c"]),
    ("a.*.c", ["a.b.c", "a.x.c"], ["a.c", "a.b.b", "a.b.c.d", "a.b.x.c"]),
    ("*.*", ["a.b"], ["a", "a.b.c"]),
    (">", ["a", "a.b", "a.b.c.d.e.f.g"], []),
    ("a.>", ["a.b", "a.b.c", "a.b.c.d"], ["a", "b.a", "ab.c"]),
    ("*.>", ["a.b", "a.b.c"], ["a"]),
    ("a.*.>", ["a.b.c", "a.b.c.d"], ["a.b", "a"]),
    ("*.*.*", ["a.b.c"], ["a.b", "a.b.c.d"]),
    # A wildcard character inside a token is no wildcard.
    ("a*", ["a*"], ["ab", "a"]),
    ("a.b*", ["a.b*"], ["a.bc"]),
    ("a>", ["a>"], ["a.b", "ab"]),
    ("a.>b", ["a.>b"], ["a.b"]),
    ("**", ["**"], ["ab"]),
    ("\u00e9.*", ["\u00e9.\u2603"], ["e.x"]),
]


@pytest.mark.parametrize(("pattern", "hits", "misses"), WILDCARDS, ids=lambda value: str(value))
def test_wildcards(client, unique, pattern, hits, misses):
    client.subscribe(f"{unique}.{pattern}")
    for subject in misses:
        client.send(pub(f"{unique}.{subject}", subject))
    for subject in hits:
        client.send(pub(f"{unique}.{subject}", subject))
    client.ping()
    got = [delivery.payload.decode() for delivery in client.deliveries(len(hits))]
    assert got == hits
    client.expect("PONG")


@pytest.mark.parametrize(("pattern", "hits", "misses"), WILDCARDS, ids=lambda value: str(value))
def test_wildcards_after_the_subject_was_published_to(client, unique, pattern, hits, misses):
    """What was matched before (and perhaps remembered) is matched anew after SUB and UNSUB."""
    everything = b"".join(pub(f"{unique}.{subject}", subject) for subject in hits + misses)
    client.send(everything)
    client.silent()
    client.subscribe(f"{unique}.{pattern}")
    client.send(everything)
    client.ping()
    assert [each.payload.decode() for each in client.deliveries(len(hits))] == hits
    client.expect("PONG")
    client.send("UNSUB 1\r\n")
    client.send(everything)
    client.silent()


def test_deep_and_long_subjects(client, unique):
    deep = ".".join([unique] + [str(level) for level in range(200)])
    long = f"{unique}." + "x" * 3000
    client.subscribe(f"{unique}.>")
    client.publish(deep, "deep")
    client.publish(long, "long")
    first, second = client.deliveries(2)
    assert (first.subject, second.subject) == (deep, long)


def test_many_subscriptions_and_their_end(client, other, unique):
    count = 5000
    client.send("".join(f"SUB {unique}.{index} {index}\r\n" for index in range(count)))
    client.flush()
    for index in range(0, count, 500):
        other.publish(f"{unique}.{index}", "x")
    assert [int(each.sid) for each in client.deliveries(10)] == list(range(0, count, 500))
    client.send("".join(f"UNSUB {index}\r\n" for index in range(count)))
    client.flush()
    other.publish(f"{unique}.0", "x")
    client.silent()


def test_reserved_system_subjects_never_come_from_the_catch_all(client, other, unique):
    """``>`` does not see what the server says to itself in ``$SYS``."""
    client.subscribe(">")
    with_traffic = f"{unique}.x"
    other.publish(with_traffic, "x")
    delivery = client.delivery()
    while delivery.subject != with_traffic:
        assert not delivery.subject.startswith("$SYS"), delivery
        delivery = client.delivery()
