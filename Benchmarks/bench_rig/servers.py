"""Godwit and its peers as processes on the loopback, each pinned to the server's core."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
START_SECONDS = 20.0

MOSQUITTO = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 100
max_queued_messages 0
set_tcp_nodelay {nodelay}
log_type error
"""


class ServerFailed(Exception):
    """A server is missing or did not start."""


def godwit_binary() -> Path:
    binary = Path(os.environ.get("GODWIT_BIN") or ROOT / ".build/release/godwit").resolve()
    if not binary.exists():
        raise ServerFailed(f"{binary} is not there: make build")
    return binary


def nats_server_binary() -> Path:
    """The current release in the virtual environment, not the distribution's older one."""
    binary = Path(os.environ.get("GODWIT_VENV") or ROOT / ".venv") / "bin/nats-server"
    if not binary.exists():
        raise ServerFailed(f"{binary} is not there: make peers")
    return binary


def mosquitto_binary() -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    binary = shutil.which("mosquitto", path=path)
    if not binary:
        raise ServerFailed("mosquitto is not there: make peers")
    return binary


def core(name: str, default: int) -> set[int]:
    """The core that a part is pinned to; on one core there is nothing to separate."""
    wanted = int(os.environ.get(name, default))
    available = os.sched_getaffinity(0)
    return {wanted} if wanted in available else available


def claim_core(cores: set[int]) -> None:
    """For a child about to start: its core, and before other work there if that is allowed."""
    os.sched_setaffinity(0, cores)
    try:
        os.nice(-15)
    except PermissionError:
        pass


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server. `addresses` has one entry for each protocol it speaks."""

    def __init__(
        self,
        name: str,
        environment: dict[str, str] | None = None,
        is_durable: bool = False,
        data: str | None = None,
        protocols: tuple[str, ...] | None = None,
    ) -> None:
        """`data`: a folder that outlives the server; otherwise it has one of its own. `protocols`:
        what godwit listens for, if not the usual."""
        self.name = name
        self.is_durable = is_durable or data is not None
        self.data = data
        self.protocols = protocols or ("nats", "mqtt", *(["kafka"] if self.is_durable else []))
        self.folder = tempfile.TemporaryDirectory(prefix="godwit-bench-")
        self.addresses: dict[str, str] = {}
        self.environment = environment or {}
        if name == "godwit":
            self._start_godwit()
        else:
            self._start_peer()

    def _spawn(self, command: list[str], **options: object) -> None:
        cores = core("SERVER_CORE", 0)
        self.process = subprocess.Popen(
            command,
            cwd=self.folder.name,
            env={**os.environ, **self.environment},
            stderr=open(Path(self.folder.name) / "log", "wb"),
            preexec_fn=lambda: claim_core(cores),
            **options,
        )

    def _start_godwit(self) -> None:
        command = [str(godwit_binary()), "serve", "--admin", "127.0.0.1:0"]
        for protocol in self.protocols:
            command += ["--listen", f"{protocol}=127.0.0.1:0"]
        if self.is_durable:
            command += ["--data", self.data or f"{self.folder.name}/data"]
        # As Mosquitto: consumers decide when messages that wait for them are too many.
        self.environment = {"GODWIT_MQTT_MAX_QUEUED": "1000000", **self.environment}
        self._spawn(command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("godwit ready "):
                pairs = (word.split("=", 1) for word in line.split()[2:] if "=" in word)
                self.addresses = dict(pairs)
                self.addresses["jetstream"] = self.addresses.get("nats", "")
                return
        raise ServerFailed(f"godwit did not get ready:\n{self.log()}")

    def _start_peer(self) -> None:
        port = free_port()
        if self.name == "nats-server":
            command = [str(nats_server_binary()), "-a", "127.0.0.1", "-p", str(port)]
            if self.is_durable:
                command += ["-js", "-sd", f"{self.folder.name}/data"]
            self.addresses = {name: f"127.0.0.1:{port}" for name in ("nats", "jetstream")}
        else:
            nodelay = "true" if self.name == "mosquitto-nodelay" else "false"
            settings = Path(self.folder.name) / "mosquitto.conf"
            settings.write_text(MOSQUITTO.format(port=port, nodelay=nodelay))
            command = [mosquitto_binary(), "-c", str(settings)]
            self.addresses = {"mqtt": f"127.0.0.1:{port}"}
        self._spawn(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise ServerFailed(f"{self.name} did not listen on port {port}:\n{self.log()}")

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return (Path(self.folder.name) / "log").read_text(errors="replace")[-4000:]

    def kill(self) -> None:
        """`kill -9`: nothing is written any more."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
