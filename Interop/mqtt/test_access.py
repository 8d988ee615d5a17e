"""Who may connect, publish and subscribe: MQTT 5.0 sections 3.1.3.5, 3.1.3.6, 4.12 and 5.4."""

import pytest

from godwit_rig import Permissions, User
from mqtt import wire
from mqtt.client import ConnectionEnded, collect, settle
from mqtt.wire import Kind, P, Reason, V31, V311, V5, Will

USERS = [
    User("admin", "top secret"),
    User("ünï", "pässwörd ☃"),
    User("limited", "pw", permissions=Permissions(
        publish_allow=("mqtt:open/#", "mixed.*.in"), publish_deny=("mqtt:open/secret/#",),
        subscribe_allow=("mqtt:open/#", "mqtt:mixed/+/out"),
        subscribe_deny=("mqtt:open/secret/#",),
    )),
]

REFUSED = {
    V31: (4, 5), V311: (4, 5), V5: (Reason.BAD_USER_OR_PASSWORD, Reason.NOT_AUTHORIZED),
}


@pytest.fixture
def guarded(mqtt):
    return mqtt.elsewhere(users=USERS)


@pytest.fixture
def admin(guarded):
    return guarded.connect("admin", user="admin", password=b"top secret")


def limited(bench, version: int, name: str = "limited", **arguments):
    return bench.connect(name, version, user="limited", password=b"pw", **arguments)


# --- Connecting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("user", "password"), [
    ("admin", b"top secret"), ("ünï", "pässwörd ☃".encode()), ("limited", b"pw"),
])
def test_right_password(guarded, version, user, password):
    guarded.connect("c", version, user=user, password=password).expect_nothing()


@pytest.mark.parametrize(("user", "password"), [
    (None, None), ("admin", None), ("admin", b""), ("admin", b"top secre"),
    ("admin", b"top secret "), ("admin", b"TOP SECRET"), ("admin", b"pw"), ("Admin", b"top secret"),
    ("nobody", b"top secret"), ("", b""),
    pytest.param("admin", b"top secret\x00", marks=pytest.mark.godwit_only(
        reason="Mosquitto 2.0 reads a password to its first NUL")),
], ids=repr)
def test_wrong_credentials(guarded, version, user, password):
    client = guarded.open(version)
    client.send(wire.connect("c", version, user=user, password=password))
    connack = client.expect(Kind.CONNACK)
    assert connack.reason in REFUSED[version]
    assert not connack.session_present
    client.expect_end()


def test_refused_clients_disturb_nobody(guarded, admin, version, unique):
    """Not the session of their client id, and their will is not heard."""
    admin.subscribe(f"{unique}/#")
    holder = guarded.connect("held", version, user="admin", password=b"top secret")
    client = guarded.open(version)
    client.send(wire.connect(
        guarded.client_id("held"), version, user="admin", password=b"wrong",
        will=Will(f"{unique}/will", b"x")))
    assert client.expect(Kind.CONNACK).reason in REFUSED[version]
    client.expect_end()
    holder.expect_nothing()
    admin.expect_nothing()


def test_nothing_is_done_before_the_password_is_checked(guarded, admin, version, unique):
    admin.subscribe(unique)
    client = guarded.open(version)
    try:
        client.send(
            wire.connect("c", version, user="admin", password=b"wrong"),
            wire.publish(unique, b"x", version=version),
        )
        client.expect(Kind.CONNACK)
        client.expect_end()
    except OSError:
        pass
    admin.expect_nothing()


# --- Publishing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize(("topic", "allowed"), [
    ("open/{}", True), ("open/{}/a/b", True), ("mixed/{}/in", True), ("mixed/{}/out", False),
    ("open/secret/{}", False), ("closed/{}", False), ("mixed/{}", False), ("mixed/{}/in/x", False),
])
def test_publishing(guarded, admin, version, unique, topic, allowed, qos):
    topic = topic.format(unique)
    admin.subscribe(topic, qos=2)
    client = limited(guarded, version)
    reason = client.publish(topic, b"x", qos)
    if version == V5 and qos and not allowed:
        assert reason == Reason.NOT_AUTHORIZED
    else:
        assert reason == 0
    settle(client) if allowed else settle(client, admin)
    if allowed:
        admin.take(topic=topic, qos=qos)


def test_a_denied_message_is_not_retained(guarded, admin, version, unique):
    client = limited(guarded, version)
    client.publish(f"closed/{unique}", b"x", 1, retain=True)
    admin.subscribe(f"closed/{unique}")
    admin.expect_nothing()


def test_a_denied_message_cannot_clear_what_is_retained(guarded, admin, version, unique):
    admin.publish(f"closed/{unique}", b"kept", 1, retain=True)
    limited(guarded, version).publish(f"closed/{unique}", b"", 1, retain=True)
    admin.subscribe(f"closed/{unique}")
    admin.take(payload=b"kept", retain=True)


def test_a_denied_qos_2_message_can_be_repeated_and_released(guarded, version, unique):
    """The exchange of 3.x goes on as if nothing were; that of 5.0 ended at PUBREC."""
    client = limited(guarded, version)
    for _ in range(3):
        client.publish(f"closed/{unique}", b"x", 2)
    client.expect_nothing()


def test_denied_with_a_topic_alias(guarded, admin, unique):
    admin.subscribe(f"closed/{unique}")
    client = limited(guarded, V5)
    for topic in (f"closed/{unique}", ""):
        assert client.publish(topic, b"x", 1, props=[(P.TOPIC_ALIAS, 1)]) == Reason.NOT_AUTHORIZED
    admin.expect_nothing()


def test_a_will_that_may_not_be_published_is_not(guarded, admin, version, unique):
    """Refused when connecting, or dropped later."""
    admin.subscribe(f"closed/{unique}", f"open/{unique}")
    client = guarded.open(version)
    client.send(wire.connect(guarded.client_id("c"), version, user="limited", password=b"pw",
                             will=Will(f"closed/{unique}", b"x")))
    try:
        client.receive()
    except ConnectionEnded:
        pass
    client.abort()
    allowed = limited(guarded, version, "other", will=Will(f"open/{unique}", b"x"))
    allowed.abort()
    admin.take(topic=f"open/{unique}")
    admin.expect_nothing()


# --- Subscribing ---------------------------------------------------------------------------------


@pytest.mark.godwit_only(reason="Mosquitto 2.0's list of rules takes every subscription")
@pytest.mark.parametrize("pattern", [
    "closed/a", "#", "+/a", "mixed/#", "mixed/+/in", "open/secret/a", "open/secret/#", "+",
    "$share/g/closed/a",
])
def test_denied_subscriptions_say_so(guarded, version, pattern):
    client = limited(guarded, version)
    codes = client.subscribe("open/ok", pattern, "open/fine")
    assert codes == [0, Reason.NOT_AUTHORIZED if version == V5 else 0x80, 0]
    client.expect_nothing()


def test_only_what_may_be_read_is_delivered(guarded, admin, version, unique):
    client = limited(guarded, version)
    client.subscribe("open/#", "mixed/+/out", "closed/#")
    for topic in (f"closed/{unique}", f"open/secret/{unique}", f"mixed/{unique}/in",
                  f"open/{unique}", f"mixed/{unique}/out"):
        admin.publish(topic, b"x", 1)
    found = [p.topic for p in collect(admin, client)]
    assert found == [f"open/{unique}", f"mixed/{unique}/out"]


def test_retained_messages_are_held_back_too(guarded, admin, version, unique):
    admin.publish(f"open/secret/{unique}", b"x", 1, retain=True)
    admin.publish(f"open/{unique}", b"x", 1, retain=True)
    client = limited(guarded, version)
    client.subscribe("open/#")
    assert f"open/secret/{unique}" not in [p.topic for p in collect(admin, client)]
    for topic in (f"open/secret/{unique}", f"open/{unique}"):
        admin.publish(topic, b"", 1, retain=True)


def test_rules_hold_in_a_shared_group(guarded, admin, unique):
    client = limited(guarded, V5)
    client.subscribe("$share/g/open/#")
    admin.publish(f"open/secret/{unique}", b"x", 1)
    admin.publish(f"open/{unique}", b"x", 1)
    assert [p.topic for p in collect(admin, client)] == [f"open/{unique}"]


def test_a_session_belongs_to_its_client_id(guarded, admin, unique):
    """The next user of a client id does not get what its rules keep from it."""
    keep = {"clean": False, "props": [(P.SESSION_EXPIRY, 60)]}
    first = guarded.connect("c", user="admin", password=b"top secret", **keep)
    first.subscribe("closed/#", qos=1)
    first.disconnect()
    admin.publish(f"closed/{unique}", b"x", 1)
    second = limited(guarded, V5, "c", **keep)
    assert b"x" not in [p.payload for p in collect(admin, second)]
