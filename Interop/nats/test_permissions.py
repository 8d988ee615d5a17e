"""What a user may publish and subscribe, and accounts that do not see each other."""

from __future__ import annotations

import json

import pytest
from godwit_rig import NATSWire, Permissions, User, pub

USERS = [
    User("root", "pw"),
    User(
        "worker",
        "pw",
        permissions=Permissions(
            publish_allow=("ok.>", "one.*", "exact"),
            publish_deny=("ok.secret", "ok.deep.>"),
            subscribe_allow=("in.>", "jobs q1", "_INBOX.>", "exact"),
            subscribe_deny=("in.secret", "in.*.hidden"),
        ),
    ),
    User(
        "service",
        "pw",
        permissions=Permissions(
            publish_deny=(">",), subscribe_allow=("req.>",), allow_responses=True
        ),
    ),
    User("curious", "pw", permissions=Permissions(publish_allow=("$SYS.REQ.USER.INFO",))),
    User("denied", "pw", permissions=Permissions(publish_deny=("no.>",), subscribe_deny=("no.>",))),
]


@pytest.fixture
def join(broker):
    opened = []

    def enter(name: str, **options) -> NATSWire:
        client = NATSWire(broker("nats", users=USERS).address("nats"))
        opened.append(client)
        return client.connect(user=name, headers=True, **{"pass": "pw"}, **options)

    yield enter
    for client in opened:
        client.close()


@pytest.mark.parametrize("subject", ["ok.x", "ok.x.y", "one.x", "exact", "ok.secret.more"])
def test_publish_allowed(join, subject):
    root, worker = join("root"), join("worker")
    root.subscribe(subject)
    worker.publish(subject, "x")
    assert root.delivery().payload == b"x"


@pytest.mark.parametrize(
    "subject", ["ok.secret", "ok.deep.x", "ok", "one", "one.x.y", "other", "exact.x", "EXACT"]
)
def test_publish_refused_and_the_connection_stays(join, subject):
    root, worker = join("root"), join("worker")
    root.subscribe(subject)
    worker.send(pub(subject, "x"))
    worker.expect(f"-ERR 'Permissions Violation for Publish to \"{subject}\"'")
    worker.silent()
    root.silent()


def test_a_refused_publish_with_headers(join):
    worker = join("worker")
    worker.send("HPUB nope 12 13\r\nNATS/1.0\r\n\r\nx\r\n")
    worker.expect("-ERR 'Permissions Violation for Publish to \"nope\"'")
    worker.silent()


def test_a_refused_publish_when_verbose(join):
    worker = join("worker", verbose=True)
    worker.send(pub("nope", "x"))
    worker.expect("-ERR 'Permissions Violation for Publish to \"nope\"'")
    worker.ping()
    # nats-server says nothing more for this line.
    assert worker.line() == "PONG"


@pytest.mark.parametrize("line", ["SUB in.x 1", "SUB in.> 1", "SUB in.* 1", "SUB jobs q1 1"])
def test_subscribe_allowed(join, line):
    worker = join("worker")
    worker.send(line + "\r\n")
    worker.silent()


@pytest.mark.parametrize("subject", ["in.secret", "in.x.hidden", "in", "other", ">", "*.x", "jobs"])
def test_subscribe_refused_and_the_connection_stays(join, subject):
    worker = join("worker")
    worker.send(f"SUB {subject} 1\r\n")
    worker.expect(f"-ERR 'Permissions Violation for Subscription to \"{subject}\"'")
    worker.silent()


@pytest.mark.parametrize(("subject", "queue"), [("other", "q"), ("jobs", "q2")])
def test_a_refused_queue_subscription_names_its_queue(join, subject, queue):
    worker = join("worker")
    worker.send(f"SUB {subject} {queue} 1\r\n")
    worker.expect(
        f"-ERR 'Permissions Violation for Subscription to \"{subject}\" using queue \"{queue}\"'"
    )
    worker.silent()


def test_a_wide_subscription_does_not_see_what_is_denied(join):
    root, worker = join("root"), join("worker")
    worker.subscribe("in.>")
    for subject in ("in.secret", "in.x.hidden", "in.x"):
        root.publish(subject, subject)
    assert worker.delivery().subject == "in.x"
    worker.silent()


def test_a_refused_subscription_does_not_exist(join):
    root, worker = join("root"), join("worker")
    worker.send("SUB other 1\r\nUNSUB 1\r\nSUB exact 1\r\n")
    worker.expect("-ERR 'Permissions Violation for Subscription to \"other\"'")
    worker.flush()
    root.publish("other", "x")
    root.publish("exact", "y")
    assert worker.delivery().payload == b"y"
    worker.silent()


def test_deny_alone_leaves_the_rest(join):
    root, denied = join("root"), join("denied")
    denied.subscribe(">")
    root.publish("no.x", "x")
    root.publish("yes.x", "y")
    assert denied.delivery().subject == "yes.x"
    denied.send(pub("no.x", "x"))
    denied.expect("-ERR 'Permissions Violation for Publish to \"no.x\"'")


def test_a_service_may_answer_once(join):
    root, service = join("root"), join("service")
    service.subscribe("req.x")
    root.subscribe("answers.1", "9")
    service.send(pub("answers.1", "too early"))
    service.expect("-ERR 'Permissions Violation for Publish to \"answers.1\"'")
    root.send(pub("req.x", "q", reply="answers.1"))
    assert service.delivery().reply == "answers.1"
    service.send(pub("answers.1", "first") + pub("answers.1", "second") + pub("else", "x"))
    service.expect("-ERR 'Permissions Violation for Publish to \"answers.1\"'")
    service.expect("-ERR 'Permissions Violation for Publish to \"else\"'")
    assert root.delivery().payload == b"first"
    root.silent()


def test_each_request_allows_its_own_answer(join):
    root, service = join("root"), join("service")
    service.subscribe("req.*")
    root.subscribe("answers.*", "9")
    for index in range(20):
        root.send(pub("req.x", "q", reply=f"answers.{index}"))
    replies = [each.reply for each in service.deliveries(20)]
    for reply in reversed(replies):
        service.send(pub(reply, reply))
    service.silent()
    assert [each.subject for each in root.deliveries(20)] == list(reversed(replies))


# Accounts.

TENANTS = [
    User("a1", "pw", tenant="acme"),
    User("a2", "pw", tenant="acme"),
    User("b1", "pw", tenant="birds"),
]


@pytest.fixture
def tenant(broker):
    opened = []

    def enter(name: str) -> NATSWire:
        client = NATSWire(broker("nats", users=TENANTS).address("nats"))
        opened.append(client)
        return client.connect(user=name, headers=True, no_responders=True, **{"pass": "pw"})

    yield enter
    for client in opened:
        client.close()


def test_accounts_share_nothing(tenant, unique):
    a1, a2, b1 = tenant("a1"), tenant("a2"), tenant("b1")
    a2.subscribe(unique)
    b1.subscribe(">")
    a1.publish(unique, "for acme")
    assert a2.delivery().payload == b"for acme"
    b1.silent()
    b1.publish(unique, "for birds")
    assert b1.delivery().payload == b"for birds"
    a2.silent()


def test_queue_groups_are_per_account(tenant, unique):
    a1, a2, b1 = tenant("a1"), tenant("a2"), tenant("b1")
    a2.subscribe(unique, queue="q")
    b1.subscribe(unique, queue="q")
    a1.send(pub(unique, "x") * 20)
    a1.flush()
    assert len(a2.deliveries(20)) == 20
    b1.silent()


def test_a_responder_elsewhere_is_no_responder(tenant, unique):
    a1, b1 = tenant("a1"), tenant("b1")
    b1.subscribe(unique)
    a1.subscribe(f"{unique}.inbox", "9")
    a1.send(pub(unique, "x", reply=f"{unique}.inbox"))
    headers = a1.delivery().headers
    assert headers is not None and headers.startswith(b"NATS/1.0 503")


def test_the_answer_to_user_info_is_the_servers_own_word(join, unique):
    """It may go where its asker may not publish; asking itself needs the permission."""
    root, curious, worker = join("root"), join("curious"), join("worker")
    root.subscribe(unique)
    curious.send(pub(unique, "forged"))
    curious.expect(f"-ERR 'Permissions Violation for Publish to \"{unique}\"'")
    curious.send(pub("$SYS.REQ.USER.INFO", "", reply=unique))
    assert json.loads(root.delivery().payload)["data"]["user"] == "curious"
    worker.send(pub("$SYS.REQ.USER.INFO", "", reply=unique))
    worker.expect("-ERR 'Permissions Violation for Publish to \"$SYS.REQ.USER.INFO\"'")
    root.silent()
