"""Random conversations, held against a model that knows nothing of servers.

Clients of 3.1.1 and 5.0 subscribe, unsubscribe, publish, leave and return; after every step each
of them must have what the model says: topics, payloads, QoS and retain flags. A failure names its
seed, and the steps are printed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from godwit_rig import target
from mqtt import wire
from mqtt.client import Client, collect
from mqtt.wire import P, Packet, V311, V5

LEVELS = ["a", "b", "", "ä"]
STEPS = 120


def random_topic(dice: random.Random) -> str:
    while True:
        topic = "/".join(dice.choice(LEVELS) for _ in range(dice.randint(1, 3)))
        if topic:
            return topic


def random_filter(dice: random.Random) -> str:
    levels = [dice.choice([*LEVELS, "+"]) for _ in range(dice.randint(1, 3))]
    if dice.random() < 0.3:
        levels.append("#")
    return "/".join(levels) or "+"


def matches(pattern: str, topic: str) -> bool:
    """Section 4.7, by the book and without cleverness."""
    wanted, levels = pattern.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


@dataclass
class Subscription:
    qos: int
    keeps_retain: bool


@dataclass
class Expected:
    """One publish to one client: a copy for each subscription, or one with the highest QoS."""

    topic: str
    payload: bytes
    copies: list[tuple[int, bool]]
    any_qos: bool = False
    may_be_lost: bool = False

    def taken_from(self, found: list[Packet]) -> bool:
        """Removes from the front what belongs to this publish; whether it was right."""
        mine = []
        while found and (found[0].topic, found[0].payload) == (self.topic, self.payload):
            mine.append(found.pop(0))
        got = sorted((p.qos, p.retain) for p in mine)
        if not got:
            return self.may_be_lost
        if got == sorted(self.copies):
            return True
        if len(got) != 1:
            # Of several copies, those of QoS 0 need not have waited for an absent client.
            return self.may_be_lost or got == sorted(c for c in self.copies if c[0])
        highest = max(qos for qos, _ in self.copies)
        flags = {retain for _, retain in self.copies}
        return got[0][1] in flags and (self.any_qos or got[0][0] == highest)


@dataclass
class Person:
    name: str
    version: int
    client: Client | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    due: list[Expected] = field(default_factory=list)


class World:
    def __init__(self, bench, prefix: str, dice: random.Random):
        self.bench, self.prefix, self.dice = bench, prefix, dice
        self.people = [Person(f"m{n}", V311 if n == 0 else V5) for n in range(3)]
        self.retained: dict[str, tuple[bytes, int]] = {}
        self.count = 0
        self.steps: list[str] = []
        self.witness = bench.connect("witness")
        for person in self.people:
            self.come(person)

    def step(self) -> None:
        person = self.dice.choice(self.people)
        if person.client is None:
            self.come(person)
        else:
            acts = [self.publish] * 6 + [self.subscribe] * 4 + [self.unsubscribe, self.leave]
            self.dice.choice(acts)(person)
        for each in self.people:
            if each.client:
                self.check(each)

    def say(self, *words) -> None:
        self.steps.append(" ".join(str(word) for word in words))

    # --- Steps -----------------------------------------------------------------------------------

    def come(self, person: Person) -> None:
        self.say(person.name, "comes")
        props = [(P.SESSION_EXPIRY, 600)] if person.version == V5 else []
        person.client = self.bench.connect(
            person.name, person.version, clean=False, props=props)

    def leave(self, person: Person) -> None:
        self.say(person.name, "leaves")
        person.client.disconnect()
        person.client = None

    def publish(self, person: Person) -> None:
        topic = f"{self.prefix}/{random_topic(self.dice)}"
        qos, retain = self.dice.randint(0, 2), self.dice.random() < 0.3
        self.count += 1
        clears = retain and self.dice.random() < 0.3
        payload = b"" if clears else b"%d" % self.count
        self.say(person.name, "publishes", topic, payload, "QoS", qos, "retain", retain)
        if retain:
            if clears:
                self.retained.pop(topic, None)
            else:
                self.retained[topic] = (payload, qos)
        for each in self.people:
            copies = [
                (min(qos, s.qos), retain and s.keeps_retain)
                for pattern, s in each.subscriptions.items() if matches(pattern, topic)
            ]
            if copies:
                each.due.append(Expected(
                    topic, payload, copies,
                    any_qos=each.version == V311 and target() == "oracle",
                    may_be_lost=each.client is None and not all(q for q, _ in copies),
                ))
        person.client.publish(topic, payload, qos, retain)
        person.client.ping()

    def subscribe(self, person: Person) -> None:
        pattern = f"{self.prefix}/{random_filter(self.dice)}"
        qos = self.dice.randint(0, 2)
        options, handling = qos, 0
        if person.version == V5:
            handling = self.dice.randint(0, 2)
            if self.dice.random() < 0.5:
                options |= wire.RETAIN_AS_PUBLISHED
        self.say(person.name, "subscribes", pattern, "QoS", qos, "handling", handling)
        known = person.subscriptions.get(pattern)
        keeps_retain = bool(options & wire.RETAIN_AS_PUBLISHED)
        if known and target() == "oracle":  # Mosquitto 2.0 keeps the first retain-as-published
            keeps_retain = known.keeps_retain
        person.subscriptions[pattern] = Subscription(qos, keeps_retain)
        assert person.client.subscribe((pattern, options | wire.retain_handling(handling))) == [qos]
        wanted = []
        if handling == 0 or handling == 1 and known is None:
            wanted = [
                (topic, payload, min(qos, kept))
                for topic, (payload, kept) in self.retained.items() if matches(pattern, topic)
            ]
        found = collect(self.witness, person.client)
        assert all(p.retain for p in found), "retained messages say so"
        assert sorted((p.topic, p.payload, p.qos) for p in found) == sorted(wanted)

    def unsubscribe(self, person: Person) -> None:
        if not person.subscriptions:
            return
        pattern = self.dice.choice(sorted(person.subscriptions))
        self.say(person.name, "unsubscribes", pattern)
        del person.subscriptions[pattern]
        person.client.unsubscribe(pattern)

    # --- Checks ----------------------------------------------------------------------------------

    def check(self, person: Person) -> None:
        found = collect(self.witness, person.client)
        for expected in person.due:
            before = list(found)
            assert expected.taken_from(found), f"{person.name}: {expected} is not in {before[:5]}"
        assert not found, f"{person.name} got more: {found[:5]}"
        person.due = []


@pytest.mark.parametrize("seed", range(20))
def test_conversation(mqtt, unique, seed):
    world = World(mqtt, unique, random.Random(seed))
    try:
        for _ in range(STEPS):
            world.step()
    except AssertionError:
        print("\n".join(world.steps[-25:]))
        raise
    for topic in world.retained:
        world.witness.publish(topic, b"", 1, retain=True)
