"""Just enough of Kafka's protocol to write and read at the disk's speed: batches made beforehand,
many requests on their way."""

from __future__ import annotations

import selectors
import socket
import struct
import time


class KafkaFailed(Exception):
    """An answer that is none, or an error."""


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


def crc32c(data: bytes) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(value: int) -> bytes:
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def batch(count: int, size: int) -> bytes:
    """A record batch of `count` records with values of `size` bytes, uncompressed."""
    records = bytearray()
    for number in range(count):
        record = b"\0" + varint(0) + varint(number) + varint(-1) + varint(size)
        record += bytes(size) + varint(0)
        records += varint(len(record)) + record
    now = int(time.time() * 1000)
    checked = struct.pack(">hiqqqhii", 0, count - 1, now, now, -1, -1, -1, count) + bytes(records)
    tail = struct.pack(">ibI", -1, 2, crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(tail)) + tail


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def request(key: int, version: int, body: bytes) -> bytes:
    frame = struct.pack(">hhi", key, version, 0) + text("bench") + body
    return struct.pack(">i", len(frame)) + frame


class Connection:
    def __init__(self, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, key: int, version: int, body: bytes) -> bytes:
        self.socket.sendall(request(key, version, body))
        return self.answer()

    def answer(self) -> bytes:
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)[4:]

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = self.socket.recv_into(view)
            if not got:
                raise KafkaFailed("the connection has ended")
            view = view[got:]
        return bytes(data)


def make_topic(address: str, name: str) -> None:
    """A topic of one partition that keeps everything."""
    config = text("retention.ms") + text("-1")
    body = struct.pack(">i", 1) + text(name) + struct.pack(">ihi", 1, 1, 0)
    body += struct.pack(">i", 1) + config + struct.pack(">ib", 30_000, 0)
    answer = Connection(address).ask(19, 2, body)
    (error,) = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(name))
    if error:
        raise KafkaFailed(f"CreateTopics: error {error}")


def produce(
    address: str, topic: str, records: bytes, *, connections: int, depth: int,
    seconds: float = 0, count: int = 0,
) -> tuple[int, float]:
    """Sends a batch again and again with acks=all, `depth` requests on their way on each
    connection, for so long or so often.

    Returns how many were acknowledged, and in what time."""
    body = struct.pack(">hhii", -1, -1, 30_000, 1) + text(topic)
    body += struct.pack(">iii", 1, 0, len(records)) + records
    frame = memoryview(request(0, 3, body))
    # Size, correlation, topics, its name, partitions, its number; then the error.
    place = 4 + 4 + 4 + 2 + len(topic) + 4 + 4
    size = place + 2 + 8 + 8 + 4
    selector = selectors.DefaultSelector()
    # Of each: the bytes still to be sent, how many requests are on their way, what was received.
    states = {}
    for _ in range(connections):
        one = Connection(address).socket
        one.setblocking(False)
        states[one] = [memoryview(b""), 0, bytearray()]
        selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
    sent = done = 0
    start = time.perf_counter()
    end = start + seconds if seconds else float("inf")
    count = count or 1 << 62
    while done < count and (now := time.perf_counter()) < end:
        for key, events in selector.select(1.0):
            one = key.fileobj
            state = states[one]
            if events & selectors.EVENT_READ:
                data = one.recv(65536)
                if not data:
                    raise KafkaFailed("the connection has ended")
                state[2] += data
                while len(state[2]) >= size:
                    (error,) = struct.unpack_from(">h", state[2], place)
                    if error:
                        raise KafkaFailed(f"Produce: error {error}")
                    del state[2][:size]
                    state[1] -= 1
                    done += 1
            if not state[0] and state[1] < depth and sent < count:
                state[0] = frame
                state[1] += 1
                sent += 1
            if state[0]:
                try:
                    state[0] = state[0][one.send(state[0]) :]
                except BlockingIOError:
                    pass
            wants = bool(state[0]) or (state[1] < depth and sent < count)
            selector.modify(
                one, selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0)
            )
    elapsed = time.perf_counter() - start
    for one in states:
        one.close()
    return done, elapsed


def read_through(address: str, topic: str, each=None, most: int = 16 << 20) -> int:
    """Fetches a partition from its beginning to its end, `most` bytes at a time; the bytes of its
    batches."""
    connection = Connection(address)
    offset = total = 0
    while True:
        body = struct.pack(">iiiib", -1, 500, 1, most, 0)
        body += struct.pack(">i", 1) + text(topic) + struct.pack(">iiqi", 1, 0, offset, most)
        answer = connection.ask(1, 4, body)
        place = 4 + 4 + 2 + len(topic) + 4 + 4
        error, high, _, aborted = struct.unpack_from(">hqqi", answer, place)
        if error:
            raise KafkaFailed(f"Fetch: error {error}")
        place += 2 + 8 + 8 + 4 + max(0, aborted) * 16
        (size,) = struct.unpack_from(">i", answer, place)
        place += 4
        end = place + size
        while place + 61 <= end:
            base, length = struct.unpack_from(">qi", answer, place)
            if place + 12 + length > end:
                break
            (last,) = struct.unpack_from(">i", answer, place + 23)
            offset = base + last + 1
            total += 12 + length
            place += 12 + length
        if each:
            each(total)
        if offset >= high:
            return total
