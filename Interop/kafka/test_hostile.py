"""What no client sends: the broker stays up, within its bounds, and serves the others."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from pathlib import Path

import pytest
from godwit_rig.kafka_peer import (
    PROMPT,
    KafkaWire,
    address,
    batch,
    produce_request,
    read_all,
    send_all,
    until,
)

pytestmark = pytest.mark.godwit_only

VECTORS = Path(__file__).resolve().parents[2] / "Protocols" / "Kafka" / "Vectors" / "messages.txt"
KEYS = {
    "Produce": (0, 9), "Fetch": (1, 12), "ListOffsets": (2, 6), "Metadata": (3, 9),
    "OffsetCommit": (8, 8), "OffsetFetch": (9, 6), "FindCoordinator": (10, 3),
    "JoinGroup": (11, 6), "Heartbeat": (12, 4), "LeaveGroup": (13, 4), "SyncGroup": (14, 4),
    "DescribeGroups": (15, 5), "ListGroups": (16, 3), "SaslHandshake": (17, 99),
    "APIVersions": (18, 3), "CreateTopics": (19, 5), "DeleteTopics": (20, 4),
    "DeleteRecords": (21, 2), "InitProducerID": (22, 2), "OffsetForLeaderEpoch": (23, 4),
    "DescribeConfigs": (32, 4), "AlterConfigs": (33, 2), "SaslAuthenticate": (36, 2),
    "CreatePartitions": (37, 2), "DeleteGroups": (42, 2), "IncrementalAlterConfigs": (44, 1),
    "OffsetDelete": (47, 99), "DescribeCluster": (60, 0), "ShareGroupHeartbeat": (76, 0),
    "ShareGroupDescribe": (77, 0), "ShareFetch": (78, 0), "ShareAcknowledge": (79, 0),
    "DescribeShareGroupOffsets": (90, 0), "AlterShareGroupOffsets": (91, 0),
    "DeleteShareGroupOffsets": (92, 0),
    "DescribeUserScramCredentials": (50, 0), "AlterUserScramCredentials": (51, 0),
    "DescribeACLs": (29, 2), "CreateACLs": (30, 2), "DeleteACLs": (31, 2),
    "DescribeTopicPartitions": (75, 0), "DescribeClientQuotas": (48, 1),
    "AlterClientQuotas": (49, 1),
}
FRAMES = int(os.environ.get("GODWIT_MUTATED_FRAMES") or 2_000_000) // 50
SEED = int(os.environ.get("GODWIT_MUTATION_SEED") or 1)


def templates() -> list[bytes]:
    """Whole frames of every request that is served, from the golden messages."""
    found = []
    for line in VECTORS.read_text().splitlines():
        words = line.split(" ")
        if line.startswith("#") or len(words) < 4 or words[1] != "request" or words[0] not in KEYS:
            continue
        key, flexible = KEYS[words[0]]
        version = int(words[2])
        head = struct.pack(">hhih", key, version, 7, 1) + b"h"
        body = head + (b"\0" if version >= flexible else b"") + bytes.fromhex(words[-1])
        found.append(struct.pack(">i", len(body)) + body)
    assert len(found) > 50, "the vectors' form has changed"
    return found


def mutated(frame: bytes, chance: random.Random) -> bytes:
    data = bytearray(frame)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        place = chance.randrange(8, len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[place] = chance.randrange(256)
        elif kind == 1:
            data[place : place + 4] = chance.choice((b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0" * 4))
        elif kind == 2:
            del data[place : place + chance.randrange(1, 5)]
            if len(data) <= 9:
                return frame
        else:
            data[place:place] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 5)))
    if chance.random() < 0.98:
        data[:4] = struct.pack(">i", len(data) - 4)
    return bytes(data)


@pytest.mark.slow
def test_no_mutated_frame_ends_the_broker(broker, unique):
    server = broker("kafka", fresh=True, godwit=PROMPT)
    known, chance = templates(), random.Random(SEED)
    before = server.resident_bytes()
    thrown = ended = 0
    while thrown < FRAMES:
        with socket.create_connection(server.address("kafka"), timeout=30) as link:
            link.settimeout(30)
            try:
                # Some wait for an answer that takes its time, so none is waited for.
                for _ in range(200):
                    link.sendall(mutated(chance.choice(known), chance))
                    thrown += 1
                link.shutdown(socket.SHUT_WR)
                while link.recv(1 << 16):
                    pass
            except OSError:
                ended += 1
        if thrown % 10_000 < 200:
            server.check_alive()
    server.check_alive()
    send_all(address(server), unique, [{"value": b"still here"}])
    assert read_all(address(server), unique, 1)[0].value == b"still here"
    assert (server.resident_bytes() - before) >> 20 < 200


def test_a_request_of_the_future_is_told_what_there_is(server):
    with KafkaWire(server.address("kafka")) as wire:
        wire.send(18, 99, b"", flexible=True)
        answer = wire.answer()
        assert struct.unpack(">hi", answer[:6]) == (35, len(answer[6:]) // 6)
        wire.send(18, 0, b"")
        assert struct.unpack(">h", wire.answer()[:2]) == (0,)


@pytest.mark.parametrize(
    ("key", "version"), [(0, 0), (0, 2), (1, 3), (4, 0), (24, 4), (999, 0), (-1, 0), (76, 0)]
)
def test_what_is_not_announced_ends_the_connection(server, key, version):
    with KafkaWire(server.address("kafka")) as wire:
        wire.send(key, version, b"\0" * 20)
        assert wire.is_closed()


@pytest.mark.parametrize("size", [-1, 1 << 30, 0x7FFFFFFF])
def test_sizes_that_no_request_has(server, size):
    with KafkaWire(server.address("kafka")) as wire:
        wire.socket.sendall(struct.pack(">i", size))
        assert wire.is_closed()


def make(wire: KafkaWire, topic: str) -> None:
    name = topic.encode()
    wire.send(3, 1, struct.pack(">ih", 1, len(name)) + name)
    wire.answer()


def test_wrong_batches_are_refused(server, unique):
    good = batch([b"x"])
    with KafkaWire(server.address("kafka")) as wire:
        make(wire, unique)
        for records, code in (
            (good[:-1] + b"?", 2),  # the checksum
            (good[:16] + b"\1" + good[17:], 87),  # an old form
            (good + good, 87),  # two batches
            (good[:40], 2),  # half a batch
            (batch([b"x"], attributes=0x20), 87),  # a control batch
            (batch([b"x"], attributes=5), 76),  # a compression that is none
            (batch([b"x"], attributes=0x10), 87),  # a transaction of nobody
            (b"", 87),
        ):
            assert wire.produce(produce_request(unique, 0, records))[0] == code, records
        assert wire.produce(produce_request(unique, 0, good)) == (0, 0)
        assert wire.produce(produce_request(unique, 1, good))[0] == 3
        assert wire.produce(produce_request(unique, 0, good, acks=7))[0] == 21


def test_what_a_producer_repeats_is_there_once(server, unique):
    def numbered(sequence: int, epoch: int = 0) -> bytes:
        return produce_request(unique, 0, batch([b"a", b"b"], 5, epoch, sequence))

    with KafkaWire(server.address("kafka")) as wire:
        make(wire, unique)
        assert wire.produce(numbered(0)) == (0, 0)
        assert wire.produce(numbered(0)) == (0, 0)
        assert wire.produce(numbered(2)) == (0, 2)
        assert wire.produce(numbered(6))[0] == 45
        assert wire.produce(numbered(0)) == (0, 0)
        assert wire.produce(numbered(0, epoch=1)) == (0, 4)
        assert wire.produce(numbered(4))[0] == 47
    assert len(read_all(address(server), unique, 6)) == 6


def test_answers_come_in_the_order_of_the_requests(server, unique):
    """Many at once, of different kinds, without a wait in between."""
    with KafkaWire(server.address("kafka")) as wire:
        make(wire, unique)
        first = wire.number
        kinds = []
        for number in range(60):
            if number % 3 == 2:
                wire.send(18, 0, b"")
                kinds.append("versions")
            else:
                wire.send(0, 3, produce_request(unique, 0, batch([b"%d" % number])))
                kinds.append("produce")
        for number, _ in enumerate(kinds):
            frame = wire.frame()
            assert frame is not None
            assert struct.unpack(">i", frame[:4])[0] == first + number + 1
    values = [each.value for each in read_all(address(server), unique, 40)]
    assert values == [b"%d" % number for number in range(60) if number % 3 != 2]


def test_nothing_is_answered_to_acks_0(server, unique):
    with KafkaWire(server.address("kafka")) as wire:
        make(wire, unique)
        wire.send(0, 3, produce_request(unique, 0, batch([b"x"]), acks=0))
        wire.send(18, 0, b"")
        assert struct.unpack(">h", wire.answer()[:2]) == (0,)
        # A failure can only be seen by the end of the connection.
        wire.send(0, 3, produce_request(unique, 9, batch([b"x"]), acks=0))
        assert wire.is_closed()


def fetch_request(topic: str, offset: int = 0, wait: int = 100_000, least: int = 1) -> bytes:
    """The body of a Fetch request of version 4 that takes whatever there is."""
    name = topic.encode()
    return (
        struct.pack(">iiiib", -1, wait, least, 1 << 30, 0) + struct.pack(">ih", 1, len(name)) + name
        + struct.pack(">iiqi", 1, 0, offset, 1 << 30)
    )


def fill(server, topic: str, megabytes: int) -> None:
    send_all(address(server), topic, [{"value": bytes(900_000)}] * megabytes)


def open_files(server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


def test_a_request_behind_an_answer_that_is_read_late(server, unique):
    """It waits until there is room, and is not forgotten."""
    fill(server, unique, 12)
    with KafkaWire(server.address("kafka")) as wire:
        # No kernel keeps so much: a part of the answer stays with the broker.
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        wire.send(1, 4, fetch_request(unique))
        wire.send(18, 0, b"")
        first, second = wire.frame(), wire.frame()
    assert first is not None and len(first) > 10_000_000
    assert second is not None and struct.unpack(">i", second[:4])[0] == wire.number


def test_a_request_behind_an_answer_that_the_kernel_takes_whole(server, unique):
    """As soon as that has happened its turn has come."""
    fill(server, unique, 2)
    for _ in range(50):
        with KafkaWire(server.address("kafka")) as wire:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            for _ in range(3):
                wire.send(1, 4, fetch_request(unique))
                wire.send(18, 0, b"")
                first, second = wire.frame(), wire.frame()
                assert first is not None and len(first) > 1_800_000
                assert second is not None, "the connection was closed"
                assert struct.unpack(">i", second[:4])[0] == wire.number


def test_who_breaks_off_in_the_middle_of_an_answer(server, unique):
    fill(server, unique, 16)
    for _ in range(60):
        with KafkaWire(server.address("kafka")) as wire:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.send(1, 4, fetch_request(unique))
            wire.send(18, 0, b"")
    server.check_alive()
    assert len(read_all(address(server), unique, 16)) == 16


def test_readers_that_do_not_read_share_what_there_is(broker, unique):
    server = broker("kafka", fresh=True, godwit={"kafka": {"fetch_memory_max": 32 << 20}})
    fill(server, unique, 20)
    before = server.resident_bytes()
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            wire = stack.enter_context(KafkaWire(server.address("kafka")))
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            wire.send(1, 4, fetch_request(unique))
            # Answered, or at least begun.
            assert wire.socket.recv(1)
        # Sixty times sixteen MiB are not here.
        assert (server.resident_bytes() - before) >> 20 < 400
        # Who reads gets on, in small steps.
        assert len(read_all(address(server), unique, 20)) == 20


def test_halves_of_large_requests_have_a_bound(broker):
    server = broker("kafka", fresh=True, godwit={"kafka": {"request_memory_max": 32 << 20}})
    half = struct.pack(">i", 8 << 20) + struct.pack(">hhih", 0, 3, 1, 0) + bytes(7 << 20)
    ended = 0
    with contextlib.ExitStack() as stack:
        links = []
        for _ in range(12):
            link = socket.create_connection(server.address("kafka"), timeout=30)
            links.append(stack.enter_context(link))
            try:
                link.sendall(half)
            except OSError:
                ended += 1
        for link in links[7:]:
            # With the eighth at the latest it is more than 32 MiB: what came is counted by the MiB.
            try:
                ended += not link.recv(1)
            except ConnectionError:
                ended += 1
            except TimeoutError:
                pass
        assert ended >= 5, ended
    server.check_alive()


def named(count: int) -> bytes:
    """DescribeConfigs of this broker, named so often; version 1."""
    one = struct.pack(">bh", 4, 1) + b"1" + struct.pack(">i", -1)
    return struct.pack(">i", count) + one * count + b"\0"


def test_what_asks_for_much_is_answered_whole(server):
    with KafkaWire(server.address("kafka")) as wire:
        wire.send(32, 1, named(2_000))
        answer = wire.answer()
        # A time to wait, and how many are answered for; then the first, which has no error.
        assert struct.unpack(">iih", answer[:10]) == (0, 2_000, 0)
        assert answer.count(b"log.retention.bytes") == 2_000


def test_more_than_a_request_may_name_ends_the_connection(server):
    with KafkaWire(server.address("kafka")) as wire:
        wire.send(32, 1, named(20_001))
        assert wire.frame() is None


def test_who_goes_with_requests_behind_a_fetch_is_seen_to_go(server, unique):
    send_all(address(server), unique, [{"value": b"x"}])
    before = open_files(server)
    for _ in range(50):
        with KafkaWire(server.address("kafka")) as wire:
            for _ in range(3):
                wire.send(1, 4, fetch_request(unique, 1, wait=250_000))
    until(lambda: open_files(server) <= before + 5, "they are gone")


def test_who_goes_while_a_fetch_waits_leaves_nothing(server, unique):
    send_all(address(server), unique, [{"value": b"x"}])
    name = unique.encode()
    fetch = (
        struct.pack(">iiiib", -1, 100_000, 1, 1 << 20, 0) + struct.pack(">ih", 1, len(name)) + name
        + struct.pack(">iiqi", 1, 0, 1, 1 << 20)
    )
    for _ in range(200):
        with KafkaWire(server.address("kafka")) as wire:
            wire.send(1, 4, fetch)
    send_all(address(server), unique, [{"value": b"y"}])
    assert [each.value for each in read_all(address(server), unique, 2)] == [b"x", b"y"]
