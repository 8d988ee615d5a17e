"""No peer byte can crash the process: a few million mutated frames at a live broker."""

from __future__ import annotations

import os
import random
import time

import pytest
from godwit_rig import Wire

from hostile import frames
from hostile.mutations import Campaign, Mutator, mqtt_templates, nats_templates

FRAMES = int(os.environ.get("GODWIT_MUTATED_FRAMES") or 2_000_000)
SEED = int(os.environ.get("GODWIT_MUTATION_SEED") or 1)
WILD = 0.02


def nats_greeting(number: int, chance: random.Random) -> bytes:
    line = b'CONNECT {"verbose":false,"headers":true,"echo":false,"name":"m","no_responders":true}'
    if number % 50 == 49:
        mutated = bytearray(line)
        mutated[chance.randrange(len(line))] = chance.randrange(256)
        line = bytes(mutated)
    return line + b"\r\n"


def mqtt_greeting(number: int, chance: random.Random) -> bytes:
    packet = frames.connect(f"m{number}", 4 + number % 2, will=("mut/will", b"w"))
    if number % 50 >= 48:
        mutated = bytearray(packet)
        mutated[chance.randrange(len(packet))] = chance.randrange(256)
        packet = bytes(mutated)
    return packet


def campaign_for(attack) -> Campaign:
    if attack.protocol == "nats":
        return Campaign(
            attack.address, nats_greeting, [Mutator(nats_templates(), SEED, WILD)],
            ask=b"PING\r\n", answer=b"PONG\r\n",
        )  # fmt: skip
    return Campaign(
        attack.address, mqtt_greeting,
        [Mutator(mqtt_templates(version), SEED + version, WILD, sized=True) for version in (4, 5)],
        ask=frames.PINGREQ, answer=frames.PINGRESP,
    )  # fmt: skip


@pytest.mark.slow
def test_mutated_frames(attack, record_property, capsys):
    campaign = campaign_for(attack)
    started = time.monotonic()
    try:
        # In pieces, with the innocent client in between.
        pieces = 20
        for piece in range(1, pieces + 1):
            campaign.run(FRAMES // 2 * piece // pieces)
            attack.innocent.works()
    finally:
        attack.server.check_alive()
    seconds = time.monotonic() - started
    with capsys.disabled():
        print(
            f"\n{attack.protocol}: {campaign.thrown:,} mutated frames over "
            f"{campaign.connections:,} connections in {seconds:.0f} s (seed {SEED}); "
            f"{campaign.ended_by_server:,} ended by the server; {attack.grown():.0f} MiB grown"
        )
    assert campaign.thrown >= FRAMES // 2
    # Both kinds were there: frames that were survived, and frames that ended a connection.
    assert campaign.ended_by_server > campaign.connections // 20
    assert campaign.thrown > campaign.connections * 3
    # Two million frames: a debug build gains 5 to 6 MiB.
    attack.check(24)


def handshake(protocol: str) -> bytes:
    path = "/mqtt" if protocol == "mqtt" else "/"
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    ).encode()


def masked(payload: bytes, first: int, mask: bytes) -> bytes:
    """One frame from a client: final bit and opcode in ``first``."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else bytes([0xFE, size >> 8, size & 255])
    body = bytes(each ^ mask[index % 4] for index, each in enumerate(payload))
    return bytes([first]) + head + mask + body


def good_conversation(address: tuple[str, int], protocol: str) -> Wire:
    """The server has handled what was sent to it before, and still speaks."""
    wire = Wire(address, seconds=30)
    wire.send(handshake(protocol))
    assert wire.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101")
    if protocol == "nats":
        wire.send(masked(b'CONNECT {"verbose":false}\r\nPING\r\n', 0x82, b"abcd"))
        wire.read_until(b"PONG\r\n")
    else:
        wire.send(masked(frames.connect("good"), 0x82, b"abcd"))
        wire.read_until(b"\x20\x02\x00\x00")
    return wire


@pytest.mark.parametrize("protocol", ["nats", "mqtt"])
@pytest.mark.parametrize("level", ["handshake", "websocket", "protocol"])
def test_mutations_below_and_above_websocket(broker, protocol, level):
    """The request's bytes; frames with any head; and the protocol's frames, cut anywhere."""
    server = broker(f"{protocol}-ws", fresh=True)
    address = server.address(f"{protocol}-ws")
    mutator = Mutator(
        nats_templates() if protocol == "nats" else mqtt_templates(5), SEED + 2, 0.2,
        sized=protocol == "mqtt",
    )  # fmt: skip
    chance = mutator.chance
    greeting = nats_greeting if protocol == "nats" else mqtt_greeting
    wires = []
    for number in range(400):
        wire = Wire(address)
        wires.append(wire)
        if level == "handshake":
            parts = [mutator.anywhere(handshake(protocol)), mutator.frame()]
        elif level == "websocket":
            parts = [handshake(protocol)]
            for _ in range(4):
                frame = masked(mutator.frame(), chance.randrange(256), chance.randbytes(4))
                parts.append(mutator.anywhere(frame) if chance.random() < 0.5 else frame)
        else:
            stream = greeting(2 * number + 1, chance)
            stream += b"".join(mutator.frame() for _ in range(20))
            parts = [handshake(protocol)]
            while stream:
                cut = chance.randint(0, 120)
                parts.append(masked(stream[:cut], 0x82, chance.randbytes(4)))
                stream = stream[cut:]
        try:
            wire.send(b"".join(parts))
        except OSError:
            pass
    wires.append(good_conversation(address, protocol))
    for wire in wires:
        wire.close()
    good_conversation(address, protocol).close()
    server.check_alive()
