"""What a test asks of a server, and the one place that writes it down for each server.

A test calls ``server_config(max_payload=64, users=[User("a", "secret")])``; the same value is
rendered as Godwit's YAML, nats-server's configuration or Mosquitto's. When the spelling of one
server's settings changes, only its ``render_*`` function here does.
"""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Permissions:
    """Subject patterns in NATS form. ``None`` leaves a side unrestricted."""

    publish_allow: tuple[str, ...] | None = None
    publish_deny: tuple[str, ...] = ()
    subscribe_allow: tuple[str, ...] | None = None
    subscribe_deny: tuple[str, ...] = ()
    allow_responses: bool = False


@dataclass(frozen=True)
class User:
    name: str
    password: str | None = None
    tenant: str | None = None
    nkey: str | None = None
    permissions: Permissions | None = None


@dataclass(frozen=True)
class Settings:
    """Everything optional: ``None`` means the server's own default."""

    max_payload: int | None = None
    max_control_line: int | None = None
    max_subscriptions: int | None = None
    max_connections: int | None = None
    ping_interval_seconds: float | None = None
    ping_max_outstanding: int | None = None
    write_pending_bytes_max: int | None = None
    write_deadline_seconds: float | None = None
    auth_timeout_seconds: float | None = None
    tls_first: bool = False
    tls: bool = False
    verify_clients: bool = False
    users: tuple[User, ...] = ()
    token: str | None = None
    mqtt: tuple[tuple[str, Any], ...] = ()
    """Keys of Godwit's ``mqtt`` section, as they are."""
    mosquitto: tuple[str, ...] = ()
    """Lines for mosquitto.conf that say the same to the reference server."""
    godwit: str = ""
    """JSON of further top-level sections for Godwit alone."""

    @property
    def anonymous(self) -> bool:
        return not self.users and self.token is None


def server_config(**features: Any) -> Settings:
    """Settings from keywords; lists and dictionaries are frozen so that equal settings share a
    running server."""
    for name in ("users", "mosquitto"):
        if name in features:
            features[name] = tuple(features[name])
    if isinstance(features.get("mqtt"), dict):
        features["mqtt"] = tuple(sorted(features["mqtt"].items()))
    if isinstance(features.get("godwit"), dict):
        features["godwit"] = json.dumps(features["godwit"], sort_keys=True)
    return Settings(**features)


# --- Godwit ---------------------------------------------------------------------------------


def render_godwit(settings: Settings, certificates: Path) -> str:
    """Godwit's YAML."""
    document: dict[str, Any] = {}
    nats = {
        key: getattr(settings, key)
        for key in (
            "max_payload",
            "max_control_line",
            "max_subscriptions",
            "max_connections",
            "ping_interval_seconds",
            "ping_max_outstanding",
            "write_pending_bytes_max",
            "write_deadline_seconds",
            "auth_timeout_seconds",
        )
        if getattr(settings, key) is not None
    }
    if settings.tls_first:
        nats["tls_first"] = True
    if nats:
        document["nats"] = nats
    if settings.mqtt:
        document["mqtt"] = dict(settings.mqtt)
    if settings.tls:
        document["tls"] = {
            "certificate": str(certificates / "server.pem"),
            "key": str(certificates / "server.key"),
        }
        if settings.verify_clients:
            document["tls"]["client_ca"] = str(certificates / "ca.pem")
            document["tls"]["verify_clients"] = True
    if not settings.anonymous:
        access: dict[str, Any] = {"anonymous": False}
        if settings.users:
            access["users"] = [_godwit_user(user) for user in settings.users]
        if settings.token is not None:
            access["token"] = settings.token
        document["access"] = access
    if settings.godwit:
        for key, value in json.loads(settings.godwit).items():
            if isinstance(value, dict) and isinstance(document.get(key), dict):
                document[key].update(value)
            else:
                document[key] = value
    return "\n".join(_yaml(document)) + "\n"


def _godwit_user(user: User) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": user.name}
    if user.password is not None:
        entry["password"] = user.password
    if user.tenant is not None:
        entry["tenant"] = user.tenant
    if user.nkey is not None:
        entry["nkey"] = user.nkey
    if user.permissions is not None:
        entry["permissions"] = _permissions(user.permissions, responses="allow_responses")
    return entry


def _permissions(permissions: Permissions, responses: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for side in ("publish", "subscribe"):
        allow = getattr(permissions, f"{side}_allow")
        deny = getattr(permissions, f"{side}_deny")
        rules: dict[str, Any] = {}
        if allow is not None:
            rules["allow"] = list(allow)
        if deny:
            rules["deny"] = list(deny)
        if rules:
            result[side] = rules
    if permissions.allow_responses:
        result[responses] = True
    return result


def _yaml(value: Any, indent: int = 0) -> list[str]:
    """Block YAML; scalars are written as JSON, which YAML reads the same way."""
    pad = "  " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines.append(f"{pad}{key}:")
                lines += _yaml(item, indent + 1)
            else:
                lines.append(f"{pad}{key}: {json.dumps(item, ensure_ascii=False)}")
    else:
        for item in value:
            if isinstance(item, dict) and item:
                block = _yaml(item, indent + 1)
                lines.append(f"{pad}- {block[0].lstrip()}")
                lines += block[1:]
            else:
                lines.append(f"{pad}- {json.dumps(item, ensure_ascii=False)}")
    return lines


# --- nats-server ----------------------------------------------------------------------------


def render_nats_server(
    settings: Settings, listeners: tuple[str, ...], certificates: Path, ports: Path
) -> str:
    """nats-server's configuration; every port is picked by the server."""
    document: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": -1,
        "http": "127.0.0.1:-1",
        "server_name": "oracle",
        "ports_file_dir": str(ports),
        # The shortest allowed: connections are then closed one a second after the grace period.
        "lame_duck_duration": "30s",
        "lame_duck_grace_period": "100ms",
    }
    names = {
        "max_payload": "max_payload",
        "max_control_line": "max_control_line",
        "max_subscriptions": "max_subscriptions",
        "max_connections": "max_connections",
        "ping_max_outstanding": "ping_max",
        "write_pending_bytes_max": "max_pending",
    }
    for ours, theirs in names.items():
        if getattr(settings, ours) is not None:
            document[theirs] = getattr(settings, ours)
    if settings.ping_interval_seconds is not None:
        document["ping_interval"] = _milliseconds(settings.ping_interval_seconds)
    if settings.write_deadline_seconds is not None:
        document["write_deadline"] = _milliseconds(settings.write_deadline_seconds)
    tls = {
        "cert_file": str(certificates / "server.pem"),
        "key_file": str(certificates / "server.key"),
        "timeout": 5,
    }
    if settings.verify_clients:
        tls |= {"ca_file": str(certificates / "ca.pem"), "verify": True}
    if "nats-tls" in listeners:
        document["tls"] = tls | ({"handshake_first": True} if settings.tls_first else {})
    if "nats-wss" in listeners:
        document["websocket"] = {"host": "127.0.0.1", "port": -1, "tls": tls}
    elif "nats-ws" in listeners:
        document["websocket"] = {"host": "127.0.0.1", "port": -1, "no_tls": True}
    authorization: dict[str, Any] = {}
    if settings.auth_timeout_seconds is not None:
        authorization["timeout"] = settings.auth_timeout_seconds
    if settings.token is not None:
        authorization["token"] = settings.token
    accounts: dict[str, Any] = {}
    for user in settings.users:
        entry: dict[str, Any] = (
            {"nkey": user.nkey}
            if user.nkey is not None
            else {"user": user.name, "password": user.password or ""}
        )
        if user.permissions is not None:
            entry["permissions"] = _permissions(user.permissions, responses="allow_responses")
        if user.tenant is None:
            authorization.setdefault("users", []).append(entry)
        else:
            accounts.setdefault(user.tenant, {"users": []})["users"].append(entry)
    if authorization:
        document["authorization"] = authorization
    if accounts:
        document["accounts"] = accounts
    else:
        document["jetstream"] = {"store_dir": str(ports / "jetstream")}
    # nats-server reads JSON as a dialect of its configuration language.
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _milliseconds(seconds: float) -> str:
    return f"{int(seconds * 1000)}ms"


# --- Mosquitto ------------------------------------------------------------------------------


def render_mosquitto(
    settings: Settings, ports: dict[str, int], certificates: Path, passwords: Path, rules: Path
) -> str:
    """Mosquitto's configuration for the given listener names and chosen ports. ``rules`` is where
    what ``render_mosquitto_rules`` gives is kept."""
    # A fresh directory of the test belongs to the one who runs it, so the server keeps that user.
    lines = ["per_listener_settings false", f"user {_user_name()}"]
    for name, port in ports.items():
        lines.append(f"listener {port} 127.0.0.1")
        lines.append(f"protocol {'websockets' if name.startswith('mqtt-ws') else 'mqtt'}")
        if name in ("mqtt-tls", "mqtt-wss"):
            lines.append(f"certfile {certificates / 'server.pem'}")
            lines.append(f"keyfile {certificates / 'server.key'}")
            if settings.verify_clients:
                lines.append(f"cafile {certificates / 'ca.pem'}")
                lines.append("require_certificate true")
    if settings.users:
        lines += ["allow_anonymous false", f"password_file {passwords}"]
        if any(user.permissions for user in settings.users):
            lines.append(f"acl_file {rules}")
    else:
        lines.append("allow_anonymous true")
    lines += settings.mosquitto
    return "\n".join(lines) + "\n"


def render_mosquitto_rules(settings: Settings) -> str:
    """Mosquitto's list of who may do what. It cannot deny one direction alone, and looks at
    messages only: any subscription is taken, and what may not be read does not come."""
    lines = []
    for user in settings.users:
        lines.append(f"user {user.name}")
        permissions = user.permissions or Permissions()
        if permissions.publish_deny != permissions.subscribe_deny:
            raise ValueError("Mosquitto denies both directions or none")
        lines += [f"topic deny {_mqtt_filter(each)}" for each in permissions.publish_deny]
        for word, allowed in (
            ("write", permissions.publish_allow),
            ("read", permissions.subscribe_allow),
        ):
            filters = ["#"] if allowed is None else [_mqtt_filter(each) for each in allowed]
            lines += [f"topic {word} {each}" for each in filters]
    return "\n".join(lines) + "\n"


def _mqtt_filter(pattern: str) -> str:
    """A permission pattern as an MQTT filter: it is one after ``mqtt:``, else in NATS form."""
    if pattern.startswith("mqtt:"):
        return pattern.removeprefix("mqtt:")
    return pattern.replace(".", "/").replace("*", "+").replace(">", "#")


def _user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
