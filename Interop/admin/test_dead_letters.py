"""Records that groups give up: where they go, how they are looked at, and how they come back."""

from __future__ import annotations

import http.client
import json
import time

import nats
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from godwit_rig.command_line import failed, godwit, succeeded
from godwit_rig.kafka_peer import PATIENCE, PROMPT, Confluent, address, send_all, until
from godwit_rig.paho_peer import PahoPeer
from nats.js.api import ConsumerConfig

pytestmark = pytest.mark.godwit_only

RULES = {
    "dead_letters": {
        "rules": [
            {"topics": ["*.keep.>"], "to": ""},
            {"topics": ["mqtt:+/kafka/#"], "to": "dead-kafka"},
            {"groups": ["dead-*"], "to": "dead.{log}.{group}"},
        ]
    }
}


@pytest.fixture
def server(broker):
    return broker("nats", "mqtt", "kafka", godwit=PROMPT | RULES)


@pytest.fixture
def admin(server) -> list[str]:
    return ["--admin", "{}:{}".format(*server.address("admin"))]


def api(server, method: str, path: str, body: dict | None = None) -> tuple[int, dict]:
    connection = http.client.HTTPConnection(*server.address("admin"), timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body or {}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class Place:
    """A stream with a consumer that is handed each message once, and what became of them."""

    def __init__(self, server, admin: list[str], name: str) -> None:
        self.server = server
        self.admin = admin
        self.name = name
        self.group = f"dead-{name}"

    async def __aenter__(self) -> Place:
        self.connection = await nats.connect(self.server.url("nats"))
        self.stream = self.connection.jetstream()
        await self.stream.add_stream(name=self.name, subjects=[f"{self.name}.>"])
        self.consumer = await self.stream.pull_subscribe(
            "", stream=self.name, durable=self.group,
            config=ConsumerConfig(max_deliver=1, ack_wait=PATIENCE),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def send(self, count: int, **headers: str) -> None:
        for number in range(count):
            await self.stream.publish(
                f"{self.name}.a", b"%d of %s" % (number, self.name.encode()),
                headers={"Trace": f"t{number}", **headers},
            )

    async def give_up(self, count: int) -> None:
        """What was handed out once and is given back is given up."""
        for message in await self.consumer.fetch(count, timeout=PATIENCE):
            await message.nak()
        await self.connection.flush()

    def letters(self, *options: str) -> list[dict]:
        text = succeeded(
            "stream", "read", *self.admin, "DEAD-LETTERS", "--json", "-c", "1000",
            "--topic", f"dead.{self.name}.{self.group}", *options,
        )
        return [json.loads(line) for line in text.splitlines()]

    def resend(self, *options: str) -> dict:
        text = succeeded(
            "stream", "resend", *self.admin, "DEAD-LETTERS", "--yes", "--json",
            "--topic", f"dead.{self.name}.{self.group}", *options,
        )
        return json.loads(text)


@pytest.fixture
def place(server, admin, unique) -> Place:
    return Place(server, admin, unique)


def headers(letter: dict) -> dict[str, str]:
    return dict(letter["headers"])


async def test_a_letter_says_where_it_comes_from(place):
    async with place:
        await place.send(2)
        await place.give_up(2)
        first, second = until(lambda: len(found := place.letters()) == 2 and found, "two letters")
        assert (first["payload"], second["payload"]) == (
            f"0 of {place.name}", f"1 of {place.name}")
        found = headers(second)
        assert found.pop("Godwit-Dead-Time").startswith("20")
        assert found == {
            "Trace": "t1",
            "Godwit-Dead-Reason": "handed out 1 time in vain",
            "Godwit-Dead-Attempts": "1",
            "Godwit-Dead-Topic": f"{place.name}.a",
            "Godwit-Dead-Subscription": place.group,
            "Godwit-Dead-Log": place.name,
            "Godwit-Dead-Offset": "1",
            "Godwit-Dead-Protocol": "nats",
        }
        # JetStream's own clients read them as well.
        kept = await place.stream.get_msg("DEAD-LETTERS", second["offset"] + 1)
        assert (kept.data, kept.headers["Godwit-Dead-Offset"]) == (
            f"1 of {place.name}".encode(), "1")


async def test_what_is_terminated_is_a_letter_with_its_reason(place):
    async with place:
        await place.send(1)
        (message,) = await place.consumer.fetch(1, timeout=PATIENCE)
        await place.connection.publish(message.reply, b"+TERM not an order")
        await place.connection.flush()
        (letter,) = until(place.letters, "a letter")
        assert headers(letter)["Godwit-Dead-Reason"] == "not an order"


async def test_a_rule_may_say_nowhere(place):
    async with place:
        await place.stream.publish(f"{place.name}.keep.a", b"x")
        await place.send(1)
        await place.give_up(2)
        (letter,) = until(place.letters, "a letter")
        assert letter["payload"] == f"0 of {place.name}"


async def test_letters_are_looked_for_shown_and_sent_back(place):
    async with place:
        await place.send(5)
        await place.give_up(5)
        until(lambda: len(place.letters()) == 5, "five letters")
        (found,) = place.letters("--header", "trace=T3")
        assert found["payload"] == f"3 of {place.name}"
        (found,) = place.letters("--text", "2 OF")
        assert headers(found)["Trace"] == "t2"
        # A dry run says what would be sent, and sends nothing.
        planned = place.resend("--dry-run", "--header", "Trace=t3")
        assert (planned["chosen"], planned["sent"]) == (1, 0)
        (example,) = planned["examples"]
        assert example["topic"] == f"{place.name}.a"
        assert (await place.stream.stream_info(place.name)).state.messages == 5
        # One goes back to where it came from, without a letter's headers, and its letter goes.
        sent = place.resend("--header", "Trace=t3", "--remove")
        assert (sent["state"], sent["sent"], sent["removed"]) == ("done", 1, 1)
        (message,) = await place.consumer.fetch(1, timeout=PATIENCE)
        assert (message.subject, message.data) == (
            f"{place.name}.a", f"3 of {place.name}".encode())
        assert message.headers == {"Trace": "t3"}
        await message.ack_sync()
        assert len(place.letters()) == 4
        # And all the others.
        sent = place.resend("--remove")
        assert (sent["sent"], sent["removed"]) == (4, 4)
        assert place.letters() == []
        messages = await place.consumer.fetch(4, timeout=PATIENCE)
        assert sorted(message.headers["Trace"] for message in messages) == ["t0", "t1", "t2", "t4"]


async def test_one_is_edited(place):
    async with place:
        await place.send(1)
        await place.give_up(1)
        (letter,) = until(place.letters, "a letter")
        out = succeeded(
            "stream", "resend", *place.admin, "DEAD-LETTERS", str(letter["offset"]), "--yes",
            "--payload", "mended", "-H", "Fixed=yes", "--to", f"{place.name}.b",
        )
        assert out == "sent 1 record\n"
        (message,) = await place.consumer.fetch(1, timeout=PATIENCE)
        assert (message.subject, message.data, message.headers) == (
            f"{place.name}.b", b"mended", {"Fixed": "yes"})
        assert len(place.letters()) == 1


async def test_they_go_at_a_rate_and_can_be_stopped(place):
    async with place:
        await place.send(30)
        await place.give_up(30)
        until(lambda: len(place.letters()) == 30, "thirty letters")
        pattern = {"pattern": f"dead.{place.name}.{place.group}", "stream": "DEAD-LETTERS"}
        began = time.monotonic()
        done = place.resend("--rate", "50")
        # The first tenth of a second is let through at once.
        assert done["sent"] == 30
        assert time.monotonic() - began >= 0.45
        assert done["ended_at"] - done["started_at"] >= 0.45
        status, job = api(place.server, "POST", "/api/resends", pattern | {"rate": 0.5})
        assert (status, job["state"]) == (202, "running")
        assert 0 < job["progress"] < 1
        out = succeeded("stream", "resends", *place.admin, str(job["id"]), "--cancel")
        assert f"job {job['id']}, cancelled" in out
        status, job = api(place.server, "GET", f"/api/resends/{job['id']}")
        assert (job["state"], job["sent"] < 5) == ("cancelled", True)
        assert f"{job['id']}  DEAD-LETTERS  cancelled" in succeeded(
            "stream", "resends", *place.admin)


async def test_what_does_not_say_where_it_comes_from_needs_a_topic(place):
    async with place:
        await place.send(2)
        command = ["stream", "resend", *place.admin, place.name, "--all", "--yes", "--json"]
        none = json.loads(succeeded(*command))
        assert (none["sent"], none["without_origin"]) == (0, 2)
        some = json.loads(succeeded(*command, "--to", f"nobody.{place.name}", "--remove"))
        # What nobody takes or keeps stays.
        assert (some["sent"], some["unheard"], some["removed"]) == (0, 2, 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "say which records"),
        (["--all", "--payload", "x"], "one record is edited at a time"),
        (["1", "2", "-H", "a=b"], "one record is edited at a time"),
        (["--all", "--rate", "0"], "--rate is greater than 0"),
    ],
)
def test_which_ones_must_be_said(admin, options, sentence):
    run = godwit("stream", "resend", *admin, "DEAD-LETTERS", "--yes", *options)
    assert (run.returncode, sentence in run.stderr.decode()) == (64, True)


def test_what_is_not_there_is_not_sent(admin):
    assert "no such stream" in failed("stream", "resend", *admin, "NONE", "--all", "--yes")


async def test_a_kafka_topic_keeps_letters(server, admin, place):
    """A message of MQTT dies in a JetStream consumer, Kafka's clients see it, and it comes back."""
    where = address(server)
    made = AdminClient({"bootstrap.servers": where})
    known = made.list_topics(timeout=PATIENCE).topics
    if "dead-kafka" not in known:
        future = made.create_topics([NewTopic("dead-kafka", num_partitions=1)])["dead-kafka"]
        future.result(PATIENCE)
    async with place:
        topic = f"{place.name}/kafka/a"
        with PahoPeer(server.address("mqtt")) as peer:
            peer.publish(topic, b"from mqtt", qos=1)
            await place.give_up(1)
            letter = until(
                lambda: next(
                    (
                        message
                        for message in Confluent(where).read("dead-kafka", 1)
                        if message.value() == b"from mqtt"
                    ), None,
                ),
                "a letter in Kafka's topic",
            )
            assert dict(letter.headers())["Godwit-Dead-Protocol"] == b"mqtt"
            peer.subscribe(topic, qos=1)
            done = json.loads(succeeded(
                "stream", "resend", *admin, "dead-kafka", str(letter.offset()), "--yes", "--json",
                "--remove"))
            assert (done["sent"], done["removed"]) == (1, 1)
            message = peer.next(PATIENCE)
            assert (message.topic, message.payload) == (topic, b"from mqtt")


def test_letters_of_kafkas_clients_go_back(server, admin, unique):
    """A framework's dead letters, in compressed batches, with the headers of this broker's kind."""
    where = address(server)
    made = AdminClient({"bootstrap.servers": where})
    names = [unique, f"{unique}-dlq"]
    for future in made.create_topics([NewTopic(name, num_partitions=1) for name in names]).values():
        future.result(PATIENCE)
    records = [
        {
            "value": b"%d" % number, "key": b"k",
            "headers": [("Godwit-Dead-Topic", unique.encode()), ("N", b"%d" % number)],
        }
        for number in range(4)
    ]
    send_all(where, names[1], records, compression_type="lz4")
    done = json.loads(succeeded(
        "stream", "resend", *admin, names[1], "--header", "N", "--yes", "--json"))
    assert (done["sent"], done["unreadable"]) == (4, 0)
    back = Confluent(where).read(unique, 4)
    assert [message.value() for message in back] == [b"0", b"1", b"2", b"3"]
    assert {message.key() for message in back} == {b"k"}
    assert back[2].headers() == [("N", b"2")]


async def test_all_of_it_is_written_down(server, admin, place):
    async with place:
        await place.send(1)
        await place.give_up(1)
        until(place.letters, "a letter")
        place.resend("--remove")
        succeeded("stream", "purge", *admin, place.name, "--yes")
    rows = [json.loads(line) for line in succeeded(
        "audit", *admin, "--json", "-c", "20").splitlines()]
    actions = [row["action"] for row in rows[-3:]]
    assert actions.count("POST /api/resends") == 1
    assert actions.count("resend ended") == 1
    assert actions[-1] == f"POST /api/streams/{place.name}/purge"
    ended = next(row for row in rows[-3:] if row["action"] == "resend ended")
    assert (ended["result"]["sent"], ended["result"]["removed"]) == (1, 1)
    assert (rows[-1]["status"], rows[-1]["from"]) == (200, "127.0.0.1")
    assert rows[-1]["result"]["purged"] == 2
    text = succeeded("audit", *admin, "-c", "1")
    assert text.count("\n") == 1
    assert f"POST /api/streams/{place.name}/purge" in text
