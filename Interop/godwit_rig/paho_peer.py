"""paho-mqtt with deadlines: every call returns when the broker has answered."""

from __future__ import annotations

import itertools
import queue
import ssl
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

DEADLINE_SECONDS = 5.0
_numbers = itertools.count(1)


def publish_properties(**values: Any) -> Properties:
    """Properties of a PUBLISH: ``publish_properties(ContentType="text/plain")``."""
    properties = Properties(PacketTypes.PUBLISH)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


class PahoPeer:
    """A connected client. ``version`` is 3, 4 or 5 (MQTT 3.1, 3.1.1, 5.0)."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        version: int = 5,
        user: str | None = None,
        password: str | None = None,
        client_id: str | None = None,
        transport: str = "tcp",
        tls: ssl.SSLContext | None = None,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.version = version
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=client_id or f"paho-{next(_numbers)}",
            protocol={3: paho.MQTTv31, 4: paho.MQTTv311, 5: paho.MQTTv5}[version],
            transport=transport,
        )
        self.client.on_connect = lambda *a: self._answers.put(("connect", a[3]))
        self.client.on_subscribe = lambda *a: self._answers.put(("subscribe", a[3]))
        self.client.on_unsubscribe = lambda *a: self._answers.put(("unsubscribe", a[3]))
        self.client.on_publish = lambda *a: self._answers.put(("publish", a[3]))
        self.client.on_disconnect = lambda *a: self._ended.set()
        self.client.on_message = lambda _client, _data, message: self.handle(message)
        self._ended = threading.Event()
        if user is not None:
            self.client.username_pw_set(user, password)
        if tls is not None:
            self.client.tls_set_context(tls)
        if transport == "websockets":
            self.client.ws_set_options(path="/mqtt")
        if will is not None:
            self.client.will_set(*will)
        host, port = address
        self.client.connect("localhost" if tls else host, port, keepalive=60)
        self.client.loop_start()
        reason = self._answer("connect")
        assert not reason.is_failure, reason

    def __enter__(self) -> PahoPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def crash(self) -> None:
        """Ends the connection without DISCONNECT."""
        self.client.loop_stop()
        socket = self.client.socket()
        assert socket is not None
        socket.close()

    def handle(self, message: paho.MQTTMessage) -> None:
        """Runs on paho's thread; a responder replaces it."""
        self.messages.put(message)

    def subscribe(self, pattern: str, qos: int = 0) -> None:
        if self.version == 5:
            self.client.subscribe(pattern, options=SubscribeOptions(qos=qos))
        else:
            self.client.subscribe(pattern, qos)
        codes = self._answer("subscribe")
        assert not any(code.is_failure for code in codes), codes

    def publish(
        self,
        topic: str,
        payload: bytes | str = b"",
        qos: int = 0,
        retain: bool = False,
        **properties: Any,
    ) -> Any:
        """The reason code, once sent (QoS 0) or acknowledged (QoS 1 and 2)."""
        self.client.publish(
            topic,
            payload,
            qos,
            retain,
            properties=publish_properties(**properties) if properties else None,
        )
        return self._answer("publish")

    def next(self, seconds: float = DEADLINE_SECONDS) -> paho.MQTTMessage:
        try:
            return self.messages.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("waited in vain for an MQTT message") from None

    def _answer(self, kind: str) -> Any:
        try:
            found, value = self._answers.get(timeout=DEADLINE_SECONDS)
        except queue.Empty:
            raise AssertionError(f"waited in vain for the answer to {kind}") from None
        assert found == kind, (found, value)
        return value
