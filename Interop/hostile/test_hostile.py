"""Bad input and bad days: the server stays up, memory stays bounded, others are served."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from godwit_rig import Closed, DeadlinePassed, NATSWire, Wire

from hostile import frames

# What a debug build's allocator may keep back on top of what a test allows.
SLACK = 24


def drop_errors(action) -> None:
    """Runs it; that the server ends the connection meanwhile is to be expected."""
    try:
        action()
    except (OSError, Closed, DeadlinePassed):
        pass


def test_garbage(attack):
    chance = random.Random(7)
    for index in range(400):
        wire = Wire(attack.address)
        data = chance.randbytes(chance.choice([1, 2, 5, 64, 700, 5000, 70_000]))
        drop_errors(lambda: wire.send(data))
        wire.reset() if index % 2 else wire.close()
    attack.check(SLACK)


def test_garbage_after_the_greeting(attack):
    chance = random.Random(8)
    for _ in range(200):
        wire = attack.greeted()
        data = chance.randbytes(chance.choice([2, 16, 300, 9000]))
        drop_errors(lambda: wire.send(data))
        wire.close()
    attack.check(SLACK)


def test_announced_sizes_are_not_believed(attack):
    """Each of fifty connections announces as much as the protocol can say and sends a little."""
    if attack.protocol == "nats":
        claims = [b"PUB a 2147483647\r\n", b"PUB a 1048576\r\n", b"HPUB a 1048000 1048576\r\n"]
    else:
        largest = frames.length(268_435_455)
        claims = [b"\x30" + largest + b"\x00\x01a", b"\x82" + largest + b"\x00\x01",
                  b"\x10" + largest + b"\x00\x04MQTT"]  # fmt: skip
    for claim in claims:
        for _ in range(50):
            wire = attack.greeted()
            drop_errors(lambda: wire.send(claim + b"x" * 20_000))
    attack.check(SLACK + 150 * 20_000 / 1e6 * 4)


def test_endless_lines_and_lengths(attack):
    wire = attack.connection()
    endless = b"CONNECT {" if attack.protocol == "nats" else b"\x10\xff\xff\xff\xff\xff\xff"

    def flood() -> None:
        wire.send(endless)
        for _ in range(1000):
            wire.send(b"a" * 65_536)

    drop_errors(flood)
    drop_errors(wire.read_to_end)
    attack.check(SLACK)


def conversation(attack) -> bytes:
    """A small correct conversation of this protocol."""
    if attack.protocol == "nats":
        return (
            b'CONNECT {"verbose":false,"headers":true}\r\nSUB talk.* q 1\r\nPUB talk.a r 5\r\nhello'
            b"\r\nHPUB talk.a 12 13\r\nNATS/1.0\r\n\r\nx\r\nUNSUB 1 9\r\nPING\r\n"
        )
    return b"".join([
        frames.connect("talker", 5, will=("will", b"w")), frames.subscribe("talk/+", 1, 2, 5),
        frames.publish("talk/a", b"hello", 2, 7, properties=b"\x05\x26\x00\x00\x00\x00"),
        frames.acknowledgement(0x62, 7), frames.unsubscribe("talk/+", 2, 5), frames.PINGREQ,
    ])  # fmt: skip


def test_every_truncation(attack):
    """The connection ends, in peace or by a reset, after each byte of a correct conversation."""
    text = conversation(attack)
    for index in range(1, len(text)):
        for end in (Wire.close, Wire.reset):
            wire = Wire(attack.address)
            wire.send(text[:index])
            end(wire)
    attack.check(SLACK)


def test_one_byte_at_a_time(attack):
    wire = attack.connection()
    wire.send_slowly(conversation(attack))
    wire.read_until(b"PONG\r\n" if attack.protocol == "nats" else frames.PINGRESP)
    attack.check(SLACK)


def test_everything_at_once(attack):
    """Ten thousand operations in one piece, all of them answered in order."""
    wire = attack.greeted()
    batch = b"".join(attack.publish(f"pipe.{index % 97}", b"x" * 20) for index in range(10_000))
    wire.send(attack.subscribe("pipe.5", 1) + batch)
    attack.barrier(wire)
    attack.check(SLACK)


def test_silent_connections(attack):
    """Half of them say nothing, half stop in the middle of their first word."""
    for index in range(500):
        wire = attack.connection()
        if index % 2:
            wire.send(b"CONN" if attack.protocol == "nats" else b"\x10\x20\x00\x04MQ")
    attack.check(SLACK)


def test_two_thousand_connections(attack):
    for _ in range(2000):
        attack.greeted()
    attack.check(SLACK + 2000 * 48 / 1024)
    attack.close_all()
    again = attack.greeted()
    attack.barrier(again)
    attack.check(SLACK + 2000 * 48 / 1024)


def test_connections_that_come_and_go(attack):
    for index in range(3000):
        wire = Wire(attack.address)
        if index % 3 == 0:
            wire.send(b"CONNECT {}\r\n" if attack.protocol == "nats" else frames.connect(""))
        wire.reset() if index % 2 else wire.close()
    attack.check(SLACK)


def test_a_hundred_thousand_subscriptions(attack):
    wire = attack.greeted()
    total, step = 100_000, 5000
    for start in range(0, total, step):
        batch = [
            attack.subscribe(f"s.{index % 300}.{index}.*", index)
            for index in range(start, start + step)
        ]
        wire.send(b"".join(batch))
        if attack.protocol == "nats":
            attack.barrier(wire)
        else:
            wire.read_exactly(5 * step, 60)
    attack.check(SLACK + total * 1500 / 1e6)
    peak = attack.grown()
    wire.close()
    fresh = attack.greeted()
    attack.barrier(fresh)
    attack.check(peak + SLACK)


def test_subscriptions_leave_with_their_connections(attack):
    """Memory stays where it was after the first rounds, whatever comes and goes."""
    grown = []
    for start in range(0, 80_000, 10_000):
        wire = attack.greeted()
        indices = range(start, start + 10_000)
        wire.send(b"".join(attack.subscribe(f"l.{index}", index) for index in indices))
        attack.barrier(wire)
        wire.close()
        after = attack.greeted()  # the end of the other is noticed before
        attack.barrier(after)
        after.close()
        grown.append(attack.grown())
    attack.check(SLACK)
    if attack.server.is_godwit:
        assert grown[-1] - grown[2] < 5, grown


def test_three_hundred_thousand_topics(attack):
    """What is remembered of topics that were only published to is bounded."""
    wire = attack.greeted()
    for start in range(0, 300_000, 5000):
        batch = [attack.publish(f"topic.{index}.{index * 7919}", b"x")
                 for index in range(start, start + 5000)]  # fmt: skip
        wire.send(b"".join(batch))
    attack.barrier(wire)
    attack.check(SLACK + 64)


def test_deep_and_long_topics(attack):
    """Fifteen hundred levels: taken, or refused by the protocol's own means."""
    wire = attack.greeted()
    deep = ".".join(["d"] * 1500)

    def overdo() -> None:
        for index in range(300):
            wire.send(attack.subscribe(f"{deep}.{index}", index))
        for index in range(300):
            wire.send(attack.publish(f"{deep}.{index}", b"x"))
        attack.barrier(wire)

    drop_errors(overdo)
    attack.check(SLACK + 300 * 1500 * 400 / 1e6)


def test_many_wildcards_over_one_topic(attack):
    """Patterns that all have to be tried do not stop the others."""
    wire = attack.greeted()
    star = "*" if attack.protocol == "nats" else "+"
    patterns = [
        ".".join(star if number >> bit & 1 else "w" for bit in range(12)) for number in range(4096)
    ]
    wire.send(b"".join(attack.subscribe(each, index) for index, each in enumerate(patterns)))
    attack.barrier(wire)
    reader = threading.Thread(target=lambda: drop_errors(lambda: wire.read_to_end(20)))
    reader.start()
    publisher = attack.greeted()
    for _ in range(20):
        publisher.send(attack.publish(".".join(["w"] * 12), b"x"))
    attack.barrier(publisher)
    attack.check(SLACK + 32)
    wire.socket.shutdown(2)
    reader.join(25)


@pytest.mark.parametrize("attack", ["mqtt"], indirect=True)
def test_fifty_thousand_retained_messages(attack):
    wire = attack.greeted()
    for start in range(0, 50_000, 5000):
        wire.send(b"".join(
            frames.publish(f"kept/{index}", b"k" * 100, retain=True)
            for index in range(start, start + 5000)
        ))  # fmt: skip
        attack.barrier(wire)
    attack.check(SLACK + 50_000 * 1000 / 1e6)
    # A subscriber that asks for all of them and does not read holds up nobody.
    lazy = attack.greeted(receive_buffer=4096)
    lazy.send(frames.subscribe("kept/#"))
    attack.check(SLACK + 50_000 * 1400 / 1e6)


@pytest.mark.parametrize("attack", ["mqtt"], indirect=True)
def test_topics_of_very_many_levels(attack):
    """A tree of topics must not be as deep as a client likes."""
    deep = "/" * 65_000
    for payload in (b"kept", b"again", b""):
        with Wire(attack.address) as wire:
            wire.send(frames.connect("deep") + frames.publish(deep, payload, retain=True))
            wire.send(frames.subscribe("#") + frames.subscribe(deep))
            wire.read_to_end(10)
    attack.greeted().send(frames.subscribe("#"))
    attack.check(SLACK)


@pytest.mark.godwit_only
def test_many_wishes_for_all_retained_messages_hold_nobody_up(broker):
    """One SUBSCRIBE may name "#" a thousand times, and mean the most that can be asked for."""
    server = broker("mqtt", fresh=True)
    with Wire(server.address("mqtt")) as wire, Wire(server.address("mqtt")) as other:
        for one, name in ((wire, "greedy"), (other, "other")):
            one.send(frames.connect(name))
            assert one.read_exactly(4) == b"\x20\x02\x00\x00"
        for start in range(0, 20_000, 5000):
            wire.send(b"".join(
                frames.publish(f"kept/{index % 100}/{index}", b"k", retain=True)
                for index in range(start, start + 5000)
            ))  # fmt: skip
        wire.send(frames.PINGREQ)
        assert wire.read_exactly(2, 60) == frames.PINGRESP
        filters = b"".join(frames.text("+/" * (n % 100) + "#") + b"\0" for n in range(1024))
        wire.send(frames.packet(0x82, b"\0\1" + filters))
        wire.read_exactly(1)
        started = time.monotonic()
        other.send(frames.PINGREQ)
        assert other.read_exactly(2, 30) == frames.PINGRESP
        assert time.monotonic() - started < 1


@pytest.mark.parametrize("attack", ["mqtt"], indirect=True)
def test_five_hundred_large_wills_at_once(attack):
    watcher = attack.greeted(seconds=60)
    watcher.send(frames.subscribe("wills/#"))
    watcher.read_exactly(5)
    size, count = 30_000, 500
    doomed = []
    for index in range(count):
        wire = Wire(attack.address, seconds=60)
        wire.send(frames.connect(f"doomed{index}", will=(f"wills/{index:03}", b"w" * size)))
        assert wire.read_exactly(4) == b"\x20\x02\x00\x00"
        doomed.append(wire)
    attack.check(SLACK + count * size * 3 / 1e6)
    one = len(frames.publish("wills/000", b"w" * size))
    # Who reads too late of so many is not sent all of them.
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit(watcher.read_exactly, one * count, 120)
        for wire in doomed:
            wire.reset()
        read.result()
    attack.check(SLACK + count * size * 6 / 1e6)


@pytest.mark.features(nats={"write_pending_bytes_max": 2_000_000, "write_deadline_seconds": 2})
def test_clients_that_stop_reading(attack):
    """Twenty subscribers never read while sixty megabytes are published to each."""
    for index in range(20):
        lazy = attack.greeted(receive_buffer=4096)
        lazy.send(attack.subscribe("firehose", index))
        attack.barrier(lazy)
    publisher = attack.greeted(seconds=60)
    payload = attack.publish("firehose", b"x" * 50_000)
    for index in range(1200):
        publisher.send(payload)
        if index % 100 == 0:
            attack.innocent.works()
    attack.barrier(publisher)
    attack.check(SLACK + 20 * 12)


def test_a_reader_that_vanishes_in_the_middle(attack):
    for _ in range(20):
        lazy = Wire(attack.address, receive_buffer=4096)
        if attack.protocol == "nats":
            lazy.send(b"CONNECT {}\r\n")
        else:
            lazy.send(frames.connect(""))
        lazy.send(attack.subscribe("big", 1))
        attack.barrier(lazy)
        publisher = attack.greeted()
        publisher.send(attack.publish("big", b"x" * 900_000))
        lazy.reset()
        attack.barrier(publisher)
        publisher.close()
    attack.check(SLACK + 32)


HURRY = {
    "mqtt": {"mqtt": {"connect_timeout_seconds": 0.5}},
    "nats": {"godwit": {"nats": {"tls_timeout_seconds": 0.5}}},
}
HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.godwit_only
@pytest.mark.parametrize(
    ("listener", "half"),
    [
        ("mqtt", b"\x10\x20\x00\x04MQ"),
        ("mqtt-tls", HALF_HELLO),
        ("mqtt-ws", b"GET /mqtt HTTP/1.1\r\nHost"),
        ("mqtt-wss", HALF_HELLO),
        ("nats-tls", HALF_HELLO),
        ("nats-ws", b"GET / HTTP/1.1\r\nHost"),
        ("nats-wss", HALF_HELLO),
    ],
)
def test_who_does_not_get_on_with_the_greeting_is_cut(broker, listener, half):
    """Not a word, half of the first word, and half of it byte by byte, again and again."""
    protocol = listener.partition("-")[0]
    server = broker(listener, tls=True, **HURRY[protocol])
    silent, stuck, slow = (Wire(server.address(listener)) for _ in range(3))
    stuck.send(half)

    def drip() -> None:
        for index in range(200):
            slow.send(half[index : index + 1] or b"x")
            threading.Event().wait(0.05)  # the attack is to be slow

    dripping = threading.Thread(target=lambda: drop_errors(drip))
    dripping.start()
    for wire in (silent, stuck, slow):
        wire.read_to_end(6)
        wire.close()
    dripping.join(15)
    server.check_alive()


@pytest.mark.godwit_only
def test_limits_of_the_whole_server(broker):
    """Beyond its limits the server refuses, and goes on with what it has."""
    limits = {"subscriptions_max": 100, "retained_max": 200, "stored_bytes_max": 1_048_576}
    server = broker("nats", "mqtt", fresh=True, godwit={"limits": limits})
    with Wire(server.address("mqtt")) as mqtt, NATSWire(server.address("nats")) as nats:
        mqtt.send(frames.connect("limits", 5))
        assert mqtt.read_exactly(2)[0] == 0x20
        mqtt.buffer.clear()
        nats.connect()
        nats.send("".join(f"SUB s.{index} {index}\r\n" for index in range(100)))
        nats.send("SUB one.more 100\r\n")
        nats.expect("-ERR 'maximum subscriptions exceeded'")
        nats.send("UNSUB 0\r\n")
        nats.flush()
        wanted = 300
        for index in range(wanted):
            mqtt.send(frames.publish(f"kept/{index}", b"k", 1, index + 1, True, b"\0"))
        attempts = 0
        refused = 0
        while attempts < wanted:
            head = mqtt.read_exactly(2)
            if head[0] != 0x40:
                mqtt.read_exactly(head[1])
                continue
            body = mqtt.read_exactly(head[1])
            attempts += 1
            refused += len(body) > 2 and body[2] == 0x97
        # The server's own topics under $SYS are retained, too, and count.
        assert wanted - 200 <= refused < wanted
        nats.publish("s.5", "still served")
        assert nats.delivery().payload == b"still served"


@pytest.mark.godwit_only
def test_wills_count_against_what_the_server_may_keep(broker):
    server = broker("mqtt", fresh=True, godwit={"limits": {"stored_bytes_max": 1_048_576}})
    answers = []
    with contextlib.ExitStack() as stack:
        for index in range(20):
            wire = stack.enter_context(Wire(server.address("mqtt")))
            wire.send(frames.connect(f"w{index}", 5, will=("will", b"w" * 65_000)))
            head = wire.read_exactly(2)
            assert head[0] == 0x20
            answers.append(wire.read_exactly(2)[1])
    assert answers[0] == 0
    assert answers[-1] == 0x97, "quota exceeded"
    assert set(answers) == {0, 0x97}


@pytest.mark.godwit_only
def test_too_many_connections_are_turned_away_and_room_is_found_again(broker):
    server = broker("nats", "mqtt", fresh=True, godwit={"limits": {"connections_max": 20}})
    wires = []
    with NATSWire(server.address("nats")) as innocent:
        innocent.connect()
        for _ in range(60):
            wires.append(Wire(server.address("mqtt")))
        turned_away = 0
        for wire in wires:
            try:
                wire.send(frames.connect(""))
                wire.read_exactly(4)
            except (OSError, Closed):
                turned_away += 1
        assert turned_away == 60 - 19
        innocent.silent()
        for wire in wires:
            wire.close()
        for _ in range(200):
            with Wire(server.address("mqtt")) as again:
                try:
                    again.send(frames.connect(""))
                    again.read_exactly(4)
                    break
                except (OSError, Closed):
                    continue  # the ends of the others have not all been noticed
        else:
            raise AssertionError("no room after everybody has left")
