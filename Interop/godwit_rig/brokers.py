"""Starts, watches and stops server processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from godwit_rig.certificates import Certificates
from godwit_rig.settings import (
    Settings,
    render_godwit,
    render_mosquitto,
    render_mosquitto_rules,
    render_nats_server,
    server_config,
)

START_SECONDS = 20.0
STOP_SECONDS = 15.0

NATS_LISTENERS = ("nats", "nats-tls", "nats-ws", "nats-wss")
MQTT_LISTENERS = ("mqtt", "mqtt-tls", "mqtt-ws", "mqtt-wss")


def target() -> str:
    """``godwit`` or ``oracle``: which server this run is about."""
    value = os.environ.get("GODWIT_INTEROP_TARGET", "godwit")
    if value not in ("godwit", "oracle"):
        raise ValueError(f"GODWIT_INTEROP_TARGET is {value!r}; say godwit or oracle")
    return value


def godwit_binary() -> Path:
    default = Path(__file__).resolve().parents[2] / ".build" / "debug" / "godwit"
    return Path(os.environ.get("GODWIT_BIN") or default).resolve()


def nats_server_binary() -> str:
    """The one beside this Python (a current release), never the older one of the system."""
    return str(Path(sys.executable).parent / "nats-server")


class BrokerFailed(AssertionError):
    """The process did not start, died, or did not stop cleanly; says what it wrote."""


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Broker:
    """One running server process."""

    def __init__(self, kind: str, process: subprocess.Popen[bytes], directory: Path) -> None:
        self.kind = kind  # godwit, nats-server, mosquitto
        self.process = process
        self.directory = directory
        self.addresses: dict[str, Address] = {}
        self.ready_line = ""
        self.settings = server_config()
        self._was_killed = False

    # What tests ask.

    def address(self, listener: str) -> tuple[str, int]:
        """Host and port of a listener, or of ``admin``."""
        try:
            found = self.addresses[listener]
        except KeyError:
            raise BrokerFailed(f"no listener {listener} among {self.addresses}") from None
        return found.host, found.port

    def url(self, listener: str = "nats") -> str:
        schemes = {"nats-tls": "tls", "nats-ws": "ws", "nats-wss": "wss", "admin": "http"}
        host, port = self.address(listener)
        if listener in ("nats-tls", "nats-wss"):
            host = "localhost"
        return f"{schemes.get(listener, 'nats')}://{host}:{port}"

    @property
    def is_godwit(self) -> bool:
        return self.kind == "godwit"

    @property
    def pid(self) -> int:
        return self.process.pid

    def resident_bytes(self) -> int:
        """VmRSS of the process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise BrokerFailed(f"process {self.pid} has no VmRSS")

    def log(self) -> str:
        """What the server wrote to standard error (and Mosquitto and nats-server to output)."""
        path = self.directory / "stderr.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def check_alive(self) -> None:
        code = self.process.poll()
        if code is not None:
            raise BrokerFailed(f"{self.kind} died with exit code {code}:\n{self.log()[-8000:]}")

    # Signals.

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def drain(self) -> None:
        """Starts lame-duck mode: Godwit on SIGTERM, nats-server on SIGUSR2."""
        self.process.send_signal(signal.SIGTERM if self.is_godwit else signal.SIGUSR2)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once the process has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BrokerFailed(
                f"{self.kind} still runs after {seconds} s:\n{self.log()[-8000:]}"
            ) from None

    def kill(self) -> None:
        """SIGKILL: nothing is said, written or closed any more."""
        self._was_killed = True
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM and, for Godwit, the demand that it exits 0."""
        if self._was_killed:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.wait()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        if self.is_godwit and code != 0:
            raise BrokerFailed(f"godwit exited {code} on SIGTERM:\n{self.log()[-8000:]}")


class BrokerPool:
    """Starts servers for tests; equal settings share one server unless a test wants its own."""

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        self.directory = directory
        self.certificates = certificates
        self._shared: dict[tuple[Settings, tuple[str, ...], str], Broker] = {}
        self._own: list[Broker] = []
        self._count = 0

    def shared(self, settings: Settings, listeners: tuple[str, ...]) -> Broker:
        key = (settings, listeners, target())
        broker = self._shared.get(key)
        if broker is None:
            broker = self._shared[key] = self.start(settings, listeners)
        broker.check_alive()
        return broker

    def forget(self, broker: Broker) -> None:
        """No later test gets this server: it died, or a test made it unfit."""
        self._shared = {key: each for key, each in self._shared.items() if each is not broker}

    def start(self, settings: Settings, listeners: tuple[str, ...]) -> Broker:
        """A new server of the run's target with these listeners, ready to be talked to."""
        known = len(self._own)
        try:
            return self._start(settings, listeners)
        except BrokerFailed:
            # It has been reported now; the end of the run need not report it again.
            for broker in self._own[known:]:
                broker.process.kill()
                broker.process.wait()
            del self._own[known:]
            raise

    def _start(self, settings: Settings, listeners: tuple[str, ...]) -> Broker:
        if target() == "godwit":
            return self.start_godwit(settings, listeners)
        if any(name in MQTT_LISTENERS for name in listeners):
            if any(name in NATS_LISTENERS for name in listeners):
                raise BrokerFailed(f"no reference server has all of {listeners}")
            return self.start_mosquitto(settings, listeners)
        return self.start_nats_server(settings, listeners)

    def close(self) -> None:
        """Stops what still runs; raises the first failure after stopping all."""
        failures = []
        for broker in [*self._shared.values(), *self._own]:
            try:
                broker.stop()
            except BrokerFailed as failure:
                failures.append(failure)
        self._shared.clear()
        self._own.clear()
        if failures:
            raise failures[0]

    # Each server.

    def start_godwit(
        self,
        settings: Settings,
        listeners: tuple[str, ...],
        arguments: tuple[str, ...] = (),
    ) -> Broker:
        binary = godwit_binary()
        if not binary.exists():
            raise BrokerFailed(f"{binary} is not there: build it, or set GODWIT_BIN")
        directory = self._new_directory("godwit")
        command = [str(binary), "serve", "--admin", "127.0.0.1:0"]
        for name in listeners:
            command += ["--listen", f"{name}=127.0.0.1:0"]
        text = render_godwit(settings, self.certificates.directory)
        if text.strip():
            (directory / "godwit.yaml").write_text(text)
            command += ["--config", str(directory / "godwit.yaml")]
        broker = self._spawn("godwit", [*command, *arguments], directory, stdout=subprocess.PIPE)
        broker.settings = settings
        broker.ready_line = self._first_line(broker)
        words = broker.ready_line.split()
        if words[:2] != ["godwit", "ready"]:
            broker.process.kill()
            raise BrokerFailed(f"not a ready line: {broker.ready_line!r}\n{broker.log()}")
        for word in words[2:]:
            name, _, address = word.partition("=")
            host, _, port = address.rpartition(":")
            broker.addresses[name] = Address(host.strip("[]"), int(port))
        missing = set(listeners) - broker.addresses.keys()
        if missing:
            broker.process.kill()
            raise BrokerFailed(f"no address of {missing} in {broker.ready_line!r}")
        return broker

    def start_nats_server(self, settings: Settings, listeners: tuple[str, ...]) -> Broker:
        directory = self._new_directory("nats-server")
        text = render_nats_server(settings, listeners, self.certificates.directory, directory)
        (directory / "server.conf").write_text(text)
        broker = self._spawn(
            "nats-server", [nats_server_binary(), "-c", str(directory / "server.conf")], directory
        )
        broker.settings = settings
        ports_file = directory / f"nats-server_{broker.pid}.ports"

        def ports() -> dict[str, list[str]] | None:
            try:
                return json.loads(ports_file.read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        found = self._poll(broker, ports)
        for name, key in (("nats", "nats"), ("admin", "monitoring"), ("nats-ws", "websocket")):
            if found.get(key):
                port = int(found[key][0].rpartition(":")[2])
                broker.addresses[name] = Address("127.0.0.1", port)
        broker.addresses["nats-tls"] = broker.addresses["nats"]
        if "nats-ws" in broker.addresses:
            broker.addresses["nats-wss"] = broker.addresses["nats-ws"]
        return broker

    def start_mosquitto(self, settings: Settings, listeners: tuple[str, ...]) -> Broker:
        directory = self._new_directory("mosquitto")
        passwords = directory / "passwords"
        passwords.touch(mode=0o600)
        for user in settings.users:
            subprocess.run(
                ["mosquitto_passwd", "-b", str(passwords), user.name, user.password or ""],
                check=True,
                capture_output=True,
            )
        if all(name.startswith("mqtt-ws") for name in listeners):
            listeners = (*listeners, "mqtt")  # Mosquitto 2.0 does not start on WebSocket alone
        ports = {name: _free_port() for name in listeners}
        rules = directory / "rules"
        rules.write_text(render_mosquitto_rules(settings))
        text = render_mosquitto(settings, ports, self.certificates.directory, passwords, rules)
        (directory / "mosquitto.conf").write_text(text)
        binary = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if binary is None:
            raise BrokerFailed("mosquitto is not installed")
        broker = self._spawn(
            "mosquitto", [binary, "-c", str(directory / "mosquitto.conf")], directory
        )
        broker.settings = settings
        for name, port in ports.items():
            broker.addresses[name] = Address("127.0.0.1", port)
            self._poll(broker, lambda port=port: _accepts(port) or None)
        return broker

    # Processes.

    def _new_directory(self, kind: str) -> Path:
        self._count += 1
        directory = self.directory / f"{kind}-{self._count}"
        directory.mkdir()
        return directory

    def _spawn(
        self, kind: str, command: list[str], directory: Path, stdout: int | None = None
    ) -> Broker:
        with (directory / "stderr.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=stdout if stdout is not None else log,
                stderr=log,
            )
        broker = Broker(kind, process, directory)
        self._own.append(broker)
        return broker

    def _first_line(self, broker: Broker) -> str:
        """The first line of standard output; the rest is read and thrown away."""
        lines: list[str] = []
        arrived = threading.Event()
        stream = broker.process.stdout
        assert stream is not None

        def read() -> None:
            with stream:
                lines.append(stream.readline().decode(errors="replace").rstrip("\n"))
                arrived.set()
                while stream.read(65536):
                    pass

        threading.Thread(target=read, daemon=True).start()
        if not arrived.wait(START_SECONDS) or not lines[0]:
            broker.process.kill()
            code = broker.process.wait()
            raise BrokerFailed(f"godwit said no ready line (exit {code}):\n{broker.log()}")
        return lines[0]

    def _poll(self, broker: Broker, attempt):  # noqa: ANN001, ANN202
        """Only for servers that have no ready line of their own."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            broker.check_alive()
            result = attempt()
            if result is not None:
                return result
            time.sleep(0.01)
        broker.process.kill()
        raise BrokerFailed(f"{broker.kind} did not start:\n{broker.log()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
