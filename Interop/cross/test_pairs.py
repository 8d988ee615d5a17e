"""Every protocol to every other: what each message says arrives as the tables of docs/names.md have
it, or is left out and counted."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
import urllib.request
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.kafka_peer import PATIENCE, PROMPT, address
from godwit_rig.voices import VOICES, Header, Message

pytestmark = pytest.mark.godwit_only

PAIRS = [(one, other) for one in VOICES for other in VOICES]
LIFE = 600.0
INBOX = "_INBOX."

MESSAGES = {
    "binary": Message(bytes(range(256))),
    "empty": Message(b""),
    "no value": Message(None),
    "line ends": Message(b"\r\n\r\n"),
    "large": Message(bytes(range(251)) * 3600),
    "repeated": Message(headers=(("a", b"1"), ("b", b"x"), ("a", b"2"))),
    "many": Message(headers=tuple((f"h{n}", b"%d" % n) for n in range(200))),
    "case": Message(headers=(("CaSe", b"x"), ("case", b"y"))),
    "blanks inside": Message(headers=(("words", b"two words"),)),
    "empty header": Message(headers=(("empty", b""), ("after", b"1"))),
    "no ASCII": Message(headers=(("snow", "\u2603 \u00e9 \U0001f426".encode()),)),
    "name without ASCII": Message(headers=(("n\u00e9", b"1"), ("after", b"1"))),
    "name with a blank": Message(headers=(("a b", b"1"), ("after", b"1"))),
    "name with a colon": Message(headers=(("a:b", b"1"), ("after", b"1"))),
    "line ends in a header": Message(headers=(("x", b"1\r\nEvil: yes"), ("after", b"1"))),
    "bytes in a header": Message(headers=(("x", b"\xff\xfe"), ("after", b"1"))),
    "header without a value": Message(headers=(("x", None), ("after", b"1"))),
    "content type": Message(b"{}", content_type="application/json; charset=utf-8"),
    "id": Message(id="an id-7"),
    "correlation": Message(correlation=b"plain-text-7"),
    "binary correlation": Message(correlation=bytes(range(256))),
    "reply": Message(reply="answers.here.7"),
    "text": Message("\u2603".encode(), is_text=True),
    "bytes": Message(b"\xff", is_text=False),
    "expiry": Message(expires_in=LIFE),
    "everything": Message(
        b"all of it", (("a", b"1"), ("Content-Length", b"9"), ("a", b"2")), id="id-8",
        content_type="text/plain", correlation=b"\0c", reply="answers.there", is_text=True,
        expires_in=LIFE,
    ),
}  # fmt: skip

MADE = 1_600_000_000_123
KEYED = {
    "text": Message(key=b"order-7", time_ms=MADE),
    "binary": Message(key=bytes(range(256)), time_ms=MADE + 1),
    "empty": Message(key=b"", time_ms=MADE + 2),
    "none": Message(headers=(("a", b"1"),), time_ms=MADE + 3),
    "long ago": Message(key=b"k", time_ms=1),
}

# NATS' two forms are one protocol.
FAMILY = {"nats": "nats", "jetstream": "nats", "mqtt": "mqtt", "kafka": "kafka"}


def can_say_header(family: str, header: Header, receives: bool) -> bool:
    """Whether a protocol has words for it; a receiver of NATS cuts blanks."""
    name, value = header
    if family == "kafka":
        # nats-py and paho have no header without a value.
        return value is not None or not receives
    if value is None:
        return False
    if family == "mqtt":
        try:
            return "\0" not in value.decode()
        except UnicodeDecodeError:
            return False
    if not re.fullmatch(r"[!-9;-~]+", name):
        return False
    # nats-py writes text; the protocol has any bytes but line ends and NUL.
    return not set(value) & {0, 10, 13} and (receives or value.isascii() or is_text(value))


def is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def said_by(sender: str, message: Message) -> Message | None:
    """The message as a sender can say it at all; ``None`` when not."""
    if message.payload is None and sender != "kafka":
        return None
    if not all(can_say_header(FAMILY[sender], each, False) for each in message.headers):
        return None
    if sender == "kafka":
        # How long a record lives there is the topic's matter.
        message = replace(message, expires_in=None)
    elif sender == "jetstream":
        # The reply subject is where the publisher is acknowledged.
        message = replace(message, reply=None)
    return None if message == Message() else message


def heard_by(sender: str, receiver: str, message: Message) -> Message:
    """What the tables promise."""
    if sender == receiver == "kafka":
        return message
    if receiver == "jetstream":
        # What a stream hands out has the server's own reply subject; the sender's is not kept.
        message = replace(message, reply=None)
    elif sender == "jetstream":
        message = replace(message, reply=INBOX)
    headers = tuple(
        each for each in message.headers if can_say_header(FAMILY[receiver], each, True)
    )
    return replace(message, headers=headers, payload=message.payload or b"")


def dropped(server) -> int:
    """What the server has counted so far."""
    with urllib.request.urlopen(server.url("admin") + "/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return int(re.search(r"^godwit_dropped_properties_total (\d+)", text, re.MULTILINE)[1])


def differences(wanted: Message, got: Message) -> dict[str, tuple[str, str]]:
    def is_same(name: str, one: Any, other: Any) -> bool:
        match name:
            case "expires_in" if one is not None and other is not None:
                return one - 120 < other <= one + 1
            case "reply" if one == INBOX:
                return (other or "").startswith(INBOX)
        return one == other

    pairs = {
        field.name: (getattr(wanted, field.name), getattr(got, field.name))
        for field in dataclasses.fields(Message)
    }
    return {
        name: (f"{one!r:.200}", f"{other!r:.200}")
        for name, (one, other) in pairs.items()
        if not is_same(name, one, other)
    }


@pytest.fixture
def server(broker):
    return broker("kafka", "nats", "mqtt", godwit=PROMPT)


@pytest.fixture
def topic(server, unique) -> str:
    return f"{unique}.pair"


def make_topic(server, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": address(server)})
    # Records may say that they are years old.
    new = NewTopic(topic, 1, 1, config={"retention.ms": "-1"})
    admin.create_topics([new])[topic].result(PATIENCE)


async def exchange(
    server, topic: str, sender: str, receiver: str, said: dict[str, Message]
) -> dict[str, Message]:
    """What the receiver hears, by the names of what the sender says."""
    if "kafka" in (sender, receiver):
        await asyncio.to_thread(make_topic, server, topic)
    async with VOICES[receiver](server, topic).listen() as listener:
        await VOICES[sender](server, topic).say(list(said.values()))
        heard = await listener.hear(len(said))
        if receiver == "mqtt":
            # Core NATS promises no more.
            assert listener.qualities == {0 if FAMILY[sender] == "nats" else 1}
    return dict(zip(said, heard, strict=True))


def complain(wanted: dict[str, Message], heard: dict[str, Message]) -> None:
    wrong = {name: differences(wanted[name], got) for name, got in heard.items()}
    complaint = "\n".join(f"{name}: {what}" for name, what in wrong.items() if what)
    assert not complaint, complaint


@pytest.mark.parametrize(("sender", "receiver"), PAIRS, ids=str)
async def test_what_is_said_is_heard(server, topic, sender, receiver):
    said = {name: said_by(sender, message) for name, message in MESSAGES.items()}
    said = {name: message for name, message in said.items() if message is not None}
    counted = dropped(server)
    started = time.time() * 1000
    heard = await exchange(server, topic, sender, receiver, said)
    if "kafka" in (sender, receiver):
        # When it came in; a server's clock may stand for as long as it is busy with one thing.
        times = [each.time_ms for each in heard.values() if each.time_ms is not None]
        assert all(started - 10_000 <= each <= time.time() * 1000 + 1 for each in times)
        assert receiver != "kafka" or len(times) == len(said)
        heard = {name: replace(each, time_ms=None) for name, each in heard.items()}
    wanted = {name: heard_by(sender, receiver, each) for name, each in said.items()}
    complain(wanted, heard)
    left_out = sum(len(said[name].headers) - len(wanted[name].headers) for name in said)
    if receiver != "jetstream":
        assert dropped(server) - counted == left_out


@pytest.mark.parametrize(("sender", "receiver"), PAIRS, ids=str)
async def test_keys_and_times(server, topic, sender, receiver):
    heard = await exchange(server, topic, sender, receiver, KEYED)
    if sender == "jetstream":
        heard = {name: replace(each, reply=None) for name, each in heard.items()}
    complain(KEYED, heard)
