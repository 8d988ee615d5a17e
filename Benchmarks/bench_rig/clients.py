"""Client programs as processes on a core of their own, and the peer at the other end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench_rig.servers import BENCHMARKS, ROOT, ServerFailed, claim_core, core

RUN_SECONDS = 120
GO = {
    "GO111MODULE": "off",
    "GOPATH": "/usr/share/gocode",
    "GOFLAGS": "",
    "GOTOOLCHAIN": "local",
}


def framework_binary() -> Path:
    usual = ROOT / ".build-framework/release/FrameworkLoad"
    binary = Path(os.environ.get("FRAMEWORK_LOAD") or usual).resolve()
    if not binary.exists():
        raise ServerFailed(f"{binary} is not there: make bench-framework builds it")
    return binary


def python_binary() -> Path:
    return Path(os.environ.get("GODWIT_VENV") or ROOT / ".venv") / "bin/python"


@dataclass(frozen=True)
class Client:
    """A client library's program. `bare` ones know no headers but those of the protocol."""

    name: str
    kind: str
    has_headers: bool
    # Of how many messages it gets one: the slow ones need not wait for the fast.
    share: int = 1

    def command(self) -> list[str]:
        if self.kind == "godwit":
            return [str(framework_binary())]
        if self.kind == "paho":
            return [str(BENCHMARKS / "bin/paho-load")]
        if self.kind == "go":
            return [str(BENCHMARKS / "bin/nats-go-load")]
        return [str(python_binary()), str(BENCHMARKS / "Framework/nats_py_load.py")]


# By protocol: ours, whom it is held against, both without headers, and others.
CLIENTS = {
    "nats": [
        Client("godwit", "godwit", True),
        Client("nats.go", "go", True),
        Client("godwit bare", "godwit", False),
        Client("nats.go bare", "go", False),
        Client("nats-py", "python", False, share=10),
    ],
    "mqtt": [
        Client("godwit", "godwit", True),
        Client("paho.c", "paho", True),
        Client("godwit bare", "godwit", False),
        Client("paho.c bare", "paho", False),
    ],
}
PEERS = {
    "nats": lambda address: [str(BENCHMARKS / "bin/framework-peer"), address],
    "mqtt": lambda address: [str(BENCHMARKS / "bin/mqtt-peer"), f"addr={address}"],
}


def build() -> None:
    """Compiles the peers, the programs in Go and in C, and the allocation counter."""
    subprocess.run(["make", "--quiet", "-C", str(BENCHMARKS), "framework"], check=True)
    for name, source in (("framework-peer", "peer"), ("nats-go-load", "load")):
        subprocess.run(
            ["go", "build", "-o", f"bin/{name}", f"Framework/go/{source}/main.go"],
            cwd=BENCHMARKS,
            env=os.environ | GO,
            check=True,
        )


def run_program(command: list[str], environment: dict[str, str] | None = None) -> dict:
    """One run on the clients' core; the line of JSON that it prints."""
    cores = core("LOAD_CORE", 1)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        env={**os.environ, **(environment or {})},
        preexec_fn=lambda: claim_core(cores),
    )
    if done.returncode:
        raise ServerFailed(f"{' '.join(command)}: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


def run(client: Client, address: str, load: str, messages: int) -> dict:
    return run_program(
        [
            *client.command(),
            f"addr={address}",
            *load.split(),
            f"msgs={messages // client.share}",
            f"headers={int(client.has_headers)}",
        ]
    )


def embedded(load: str, environment: dict[str, str]) -> dict:
    return run_program([str(framework_binary()), *load.split()], environment)


class Peer:
    """The process that feeds consumers, answers and asks, on the servers' core."""

    def __init__(self, protocol: str, address: str) -> None:
        cores = core("SERVER_CORE", 0)
        self.process = subprocess.Popen(
            PEERS[protocol](address),
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            preexec_fn=lambda: claim_core(cores),
        )
        if self.process.stdout.readline() != "ready\n":
            raise ServerFailed(f"the peer over {protocol} did not start")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
