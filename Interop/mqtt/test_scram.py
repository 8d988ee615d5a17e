"""Enhanced authentication: MQTT 5.0 section 4.12, with SCRAM-SHA-256."""

import pytest

from godwit_rig import User
from mqtt import wire
from mqtt.client import Client, ConnectionEnded
from mqtt.scram import METHOD, ScramClient
from mqtt.wire import Kind, P, Reason, Will

needs_scram = pytest.mark.godwit_only(reason="Mosquitto has no SCRAM without a plug-in")

USERS = [User("ada", "correct horse"), User("a=b,c", "pässwörd")]


@pytest.fixture
def guarded(mqtt):
    return mqtt.elsewhere(users=USERS)


def start(client: Client, scram: ScramClient, client_id: str = "c", **arguments) -> None:
    props = [(P.AUTH_METHOD, METHOD), (P.AUTH_DATA, scram.first()), *arguments.pop("props", [])]
    client.send(wire.connect(client_id, props=props, **arguments))


def challenge(client: Client) -> bytes:
    packet = client.expect(Kind.AUTH, reason=Reason.CONTINUE_AUTHENTICATION)
    assert packet.get(P.AUTH_METHOD) == METHOD, "on every packet of the exchange"
    return packet.get(P.AUTH_DATA)


def answer(client: Client, data: bytes) -> None:
    client.send(wire.auth(Reason.CONTINUE_AUTHENTICATION, [
        (P.AUTH_METHOD, METHOD), (P.AUTH_DATA, data)]))


def authenticate(client: Client, user: str, password: str, client_id: str = "c", **arguments):
    scram = ScramClient(user, password)
    start(client, scram, client_id, **arguments)
    answer(client, scram.final(challenge(client)))
    connack = client.expect(Kind.CONNACK, reason=0)
    assert connack.get(P.AUTH_METHOD) == METHOD
    scram.verify(connack.get(P.AUTH_DATA))
    return connack


def test_this_client_agrees_with_the_example_of_the_standard():
    """RFC 7677 section 3."""
    scram = ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    final = scram.final(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert final == b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


@needs_scram
@pytest.mark.parametrize(("user", "password"), [(u.name, u.password) for u in USERS])
def test_right_password(guarded, unique, user, password):
    client = guarded.open()
    authenticate(client, user, password, guarded.client_id("c"))
    client.subscribe(unique)
    client.publish(unique, b"x", 1)
    client.take(payload=b"x")


@needs_scram
def test_connack_says_what_it_always_says(guarded):
    client = guarded.open()
    props = [(P.SESSION_EXPIRY, 60)]
    authenticate(client, "ada", "correct horse", guarded.client_id("c"), props=props)
    client.disconnect()
    client = guarded.open()
    connack = authenticate(client, "ada", "correct horse", guarded.client_id("c"), clean=False)
    assert connack.session_present


@needs_scram
@pytest.mark.parametrize(("user", "password"), [
    ("ada", "wrong"), ("ada", ""), ("nobody", "correct horse"), ("", ""),
])
def test_wrong_credentials(guarded, user, password):
    """An unknown name may be challenged like a known one; it gets no further."""
    client = guarded.open()
    scram = ScramClient(user, password)
    start(client, scram)
    packet = client.receive()
    if packet.kind == Kind.AUTH:
        answer(client, scram.final(packet.get(P.AUTH_DATA)))
        packet = client.receive()
    assert packet.kind == Kind.CONNACK
    assert packet.reason in (Reason.BAD_USER_OR_PASSWORD, Reason.NOT_AUTHORIZED)
    client.expect_end()


def refused(client: Client) -> None:
    try:
        packet = client.receive()
    except ConnectionEnded:
        return
    assert packet.kind in (Kind.CONNACK, Kind.DISCONNECT), packet
    assert packet.reason >= 0x80, packet
    client.expect_end()


@needs_scram
def test_a_spoiled_nonce(guarded):
    client = guarded.open()
    scram = ScramClient("ada", "correct horse")
    start(client, scram)
    answer(client, scram.final(challenge(client), nonce_suffix="x"))
    refused(client)


@needs_scram
def test_nonces_differ(guarded):
    seen = set()
    for _ in range(3):
        client = guarded.open()
        start(client, ScramClient("ada", "correct horse", nonce="same"))
        seen.add(challenge(client).split(b",")[0])
    assert len(seen) == 3


@needs_scram
@pytest.mark.parametrize("data", [
    b"", b"n", b"n,,", b"y,,n=ada,r=x", b"p=tls-unique,,n=ada,r=x", b"n,,n=ada", b"n,,r=x",
    b"n,,n=ada,r=", b"\xff\xfe", b"n,,m=ext,n=ada,r=x", b"n,,n=a=zz,r=x",
    b"n,,n=ada,r=" + b"x" * 60_000,
], ids=lambda data: repr(data[:30]))
def test_malformed_first_messages(guarded, data):
    """`y,,` is well formed (a client that would bind channels): it may go on."""
    client = guarded.open()
    client.send(wire.connect("c", props=[(P.AUTH_METHOD, METHOD), (P.AUTH_DATA, data)]))
    if data.startswith(b"y,,"):
        assert client.receive().kind in (Kind.AUTH, Kind.CONNACK)
    else:
        packet = client.receive()
        if packet.kind == Kind.AUTH:  # a very long nonce is well formed
            assert len(data) > 1000
            return
        assert packet.kind == Kind.CONNACK and packet.reason >= 0x80
        client.expect_end()


@needs_scram
@pytest.mark.parametrize("data", [
    b"", b"c=biws", b"c=biws,r=wrong,p=AAAA", b"c=biws,r={r},p=!!!!", b"c=eSws,r={r},p=AAAA",
    b"c=biws,r={r}", b"\xff",
], ids=repr)
def test_malformed_final_messages(guarded, data):
    client = guarded.open()
    start(client, ScramClient("ada", "correct horse"))
    nonce = challenge(client).split(b",")[0][2:]
    answer(client, data.replace(b"{r}", nonce))
    refused(client)


@needs_scram
def test_only_auth_may_come_before_the_end(guarded, unique):
    for packet in (wire.PINGREQ, wire.publish(unique, b"x"), wire.subscribe(1, [(unique, 0)]),
                   wire.connect("c")):
        client = guarded.open()
        start(client, ScramClient("ada", "correct horse"))
        challenge(client)
        client.send(packet)
        refused(client)


@needs_scram
def test_the_method_cannot_change_on_the_way(guarded):
    client = guarded.open()
    scram = ScramClient("ada", "correct horse")
    start(client, scram)
    data = scram.final(challenge(client))
    client.send(wire.auth(Reason.CONTINUE_AUTHENTICATION, [
        (P.AUTH_METHOD, "SCRAM-SHA-1"), (P.AUTH_DATA, data)]))
    refused(client)


@needs_scram
def test_a_client_that_gives_up_has_no_will(guarded, unique):
    watcher = guarded.connect("w", user="ada", password=b"correct horse")
    watcher.subscribe(unique)
    client = guarded.open()
    start(client, ScramClient("ada", "correct horse"), will=Will(unique, b"x"))
    challenge(client)
    client.abort()
    watcher.expect_nothing()


def test_unknown_method(mqtt):
    """[MQTT-4.12.0-1]"""
    client = mqtt.open()
    client.connect("c", Reason.BAD_AUTH_METHOD, props=[(P.AUTH_METHOD, "WAX-SEAL")])
    client.expect_end()


@needs_scram
def test_scram_where_nobody_has_a_password(mqtt):
    """A server without users cannot check any."""
    client = mqtt.open()
    start(client, ScramClient("ada", "x"))
    packet = client.receive()
    assert packet.kind == Kind.CONNACK and packet.reason >= 0x80


# --- Again ---------------------------------------------------------------------------------------


def reauthenticate(client: Client, scram: ScramClient, method: str = METHOD) -> None:
    client.send(wire.auth(Reason.RE_AUTHENTICATE, [
        (P.AUTH_METHOD, method), (P.AUTH_DATA, scram.first())]))


@needs_scram
def test_again_on_the_same_connection(guarded, unique):
    client = guarded.open()
    authenticate(client, "ada", "correct horse", guarded.client_id("c"))
    client.subscribe(unique)
    for _ in range(2):
        scram = ScramClient("ada", "correct horse")
        reauthenticate(client, scram)
        data = challenge(client)
        client.publish(unique, b"meanwhile", 1)
        client.take(payload=b"meanwhile")
        answer(client, scram.final(data))
        done = client.expect(Kind.AUTH, reason=0)
        assert done.get(P.AUTH_METHOD) == METHOD
        scram.verify(done.get(P.AUTH_DATA))
    client.publish(unique, b"after", 1)
    client.take(payload=b"after")


@needs_scram
def test_failing_again_ends_the_connection(guarded):
    client = guarded.open()
    authenticate(client, "ada", "correct horse", guarded.client_id("c"))
    scram = ScramClient("ada", "wrong")
    reauthenticate(client, scram)
    answer(client, scram.final(challenge(client)))
    client.expect_close((Reason.NOT_AUTHORIZED, Reason.BAD_USER_OR_PASSWORD))


@needs_scram
def test_again_with_another_method(guarded):
    """[MQTT-4.12.1-1]"""
    client = guarded.open()
    authenticate(client, "ada", "correct horse", guarded.client_id("c"))
    reauthenticate(client, ScramClient("ada", "correct horse"), "SCRAM-SHA-1")
    client.expect_close((Reason.PROTOCOL_ERROR, Reason.BAD_AUTH_METHOD))


def test_again_without_a_first_time(mqtt):
    client = mqtt.connect("c")
    reauthenticate(client, ScramClient("ada", "x"))
    client.expect_close(Reason.PROTOCOL_ERROR, oracle_is_silent=True)
