"""One description of an MQTT server's settings, written down for Godwit and for Mosquitto.

`mqtt_server(max_inflight=3)` gives the keywords of the rig's `broker` fixture. A setting that
Mosquitto has no word for is refused there, so a test that needs one must be `godwit_only`.
"""

from __future__ import annotations

from typing import Any

from godwit_rig import target

# Our key in the `mqtt` section, and Mosquitto's line for the same.
_LINES = {
    "keep_alive_seconds_max": "max_keepalive {}",
    "packet_bytes_max": "max_packet_size {}",
    "topic_alias_maximum": "max_topic_alias {}",
    "max_inflight": "max_inflight_messages {}",
    "max_queued": "max_queued_messages {}",
    "queued_bytes_max": "max_queued_bytes {}",
    "sys_interval_seconds": "sys_interval {}",
    "max_qos": "max_qos {}",
    "retain_available": "retain_available {}",
}

# Mosquitto announces its window of messages in flight as its Receive Maximum, too,
# and makes no difference between CONNECT and other packets.
_SAME_AS = {"receive_maximum": "max_inflight", "connect_bytes_max": "packet_bytes_max"}

_GODWIT_ONLY = (
    "session_expiry_seconds_max", "connect_timeout_seconds", "automatic_subscriptions", "rewrite",
    "flapping", "slow_subscription", "strict_names", "sessions_max",
)


def mqtt_server(**features: Any) -> dict[str, Any]:
    """Keywords for `broker`; keys that are not of the `mqtt` section are passed through."""
    section = {k: features.pop(k) for k in list(features) if k in (*_LINES, *_SAME_AS)}
    extension = {k: features.pop(k) for k in list(features) if k in _GODWIT_ONLY}
    if extension and target() != "godwit":
        raise ValueError(f"Mosquitto has no setting for {sorted(extension)}")
    lines = ["set_tcp_nodelay true"]
    for key, value in section.items():
        line = _LINES[_SAME_AS.get(key, key)]
        lines.append(line.format(str(value).lower()))
    features["mosquitto"] = lines + list(features.pop("mosquitto", ()))
    if section or extension:
        godwit = dict(features.pop("godwit", {}))
        godwit["mqtt"] = section | extension
        features["godwit"] = godwit
    return features
