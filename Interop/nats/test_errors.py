"""Protocol errors: what is said, and whether the connection ends.

The reference server closes some malformed lines without a word; a server may say ``-ERR`` first.
"""

from __future__ import annotations

import pytest
from godwit_rig import NATSWire

UNKNOWN = "-ERR 'Unknown Protocol Operation'\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"FOO\r\n",
        b"\r\n",
        b"\n",
        b"PIN\r\n",
        b"PUB\r\n",
        b"SUB\r\n",
        b"UNSUB\r\n",
        b"PUBX a 1\r\nx\r\n",
        b"MSG a 1 1\r\nx\r\n",
        b"HMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"A" * 5000,
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
        b"\x00" * 64,
        b"\xff" * 64,
    ],
    ids=repr,
)
def test_an_unknown_operation_closes(broker, line):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send(line)
        assert client.read_to_end().decode() == UNKNOWN


@pytest.mark.parametrize(
    "lines",
    [
        b"PUB a 5\r\nabc\r\nxx\r\n",  # the payload is followed by something else than its end
        b"PUB a 2\r\nabc\r\n",
        b"PUB a 1\r\nx\n",
        b"PUB a 0\r\nx\r\n",
    ],
    ids=repr,
)
def test_a_payload_that_does_not_end_where_it_said_closes(broker, lines):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send(lines + b"PING\r\n")
        assert client.read_to_end().decode() == UNKNOWN


@pytest.mark.parametrize(
    "line",
    [
        b"PUB a\r\n",
        b"PUB a x\r\n",
        b"PUB a -1\r\n",
        b"PUB a 1x\r\n",
        b"PUB a b c 1\r\n",
        b"PUB a 99999999999999999999\r\n",
        b"PUB a 18446744073709551617\r\n",
        b"SUB a\r\n",
        b"SUB a b c d\r\n",
        b"UNSUB 5 1 2\r\n",
        b"HPUB a 12\r\n",
        b"HPUB a 13 12\r\nNATS/1.0\r\n\r\n",
        b"HPUB a x 13\r\n",
        b"HPUB a 12 x\r\n",
        b"HPUB a -1 1\r\nx\r\n",
        b"HPUB a b c 12 13\r\n",
        b"HPUB a 12 99999999999999999999\r\n",
        b"-ERR 'x'\r\n",
    ],
    ids=repr,
)
def test_arguments_that_cannot_be_read_close(broker, line):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(headers=True)
        client.send(line)
        rest = client.read_to_end()
        assert rest == b"" or rest.startswith(b"-ERR '"), rest


def test_headers_without_having_announced_them_close(broker):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(headers=False)
        client.send("HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n")
        rest = client.read_to_end()
        assert rest == b"" or rest.startswith(b"-ERR '"), rest


@pytest.mark.parametrize(
    "subject", ["a..b", "a.", ".a", ".", "a.>.b", ">.a", "..", "a.>."]
)
def test_an_invalid_subscription_is_refused_and_the_connection_stays(broker, unique, subject):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send(f"SUB {subject} 1\r\n")
        client.expect("-ERR 'Invalid Subject'")
        client.subscribe(unique, "2")
        client.publish(unique, "still here")
        assert client.delivery().sid == "2"


@pytest.mark.parametrize("subject", ["a.*", ">", "a.>", "*", "a..b", ".a", "a.", "*.a"])
def test_pedantic_refuses_an_invalid_publish_subject_and_stays(broker, subject):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(pedantic=True)
        client.send(f"PUB {subject} 1\r\nx\r\n")
        client.expect("-ERR 'Invalid Publish Subject'")
        client.silent()


@pytest.mark.parametrize("subject", ["a*", "a>b", "a\u00e9", "\u2603.snow", "$x", "a,b", "a/b"])
def test_pedantic_allows_odd_but_literal_subjects(broker, unique, subject):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(pedantic=True)
        client.subscribe(f"{unique}.{subject}")
        client.publish(f"{unique}.{subject}", "x")
        assert client.delivery().subject == f"{unique}.{subject}"


@pytest.mark.parametrize("subject", ["a.*", ">", "a..b", ".a", "a."])
def test_relaxed_takes_an_invalid_publish_subject_silently(broker, subject):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send(f"PUB {subject} 1\r\nx\r\n")
        client.silent()


def test_verbose_and_pedantic_say_both_the_error_and_ok(broker):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(verbose=True, pedantic=True)
        client.send("PUB a..b 1\r\nx\r\n")
        client.expect("-ERR 'Invalid Publish Subject'")
        client.expect("+OK")
        client.send("SUB a..b 1\r\n")
        client.expect("-ERR 'Invalid Subject'")
        client.silent()


@pytest.mark.parametrize("line", [b"UNSUB 5\r\n", b"UNSUB 5 3\r\n", b"+OK\r\n", b"PONG\r\n"])
def test_harmless_lines_are_ignored(broker, line):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect(pedantic=True)
        client.send(line)
        client.silent()


def test_tabs_lower_case_and_bare_line_feeds(broker, unique):
    with NATSWire(broker("nats").address("nats")) as client:
        client.connect()
        client.send(f"sub\t{unique}  1\nPub\t{unique}\t r \t1\nx\r\nPING\n")
        delivery = client.delivery()
        assert (delivery.payload, delivery.reply) == (b"x", "r")
        client.expect("PONG")


def test_an_error_leaves_other_clients_alone(broker, unique):
    address = broker("nats").address("nats")
    with NATSWire(address) as good, NATSWire(address) as bad:
        good.connect()
        good.subscribe(unique)
        bad.connect()
        bad.send(f"PUB {unique} 1\r\nx\r\nnonsense\r\n")
        bad.read_to_end()
        assert good.delivery().payload == b"x"
        good.silent()
