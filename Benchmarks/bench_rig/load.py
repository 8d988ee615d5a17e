"""Runs a load generator against a server."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field

from bench_rig.servers import BENCHMARKS, Server, claim_core, core

RUN_SECONDS = 120


@dataclass(frozen=True)
class Target:
    """What a value has to reach: a share of the peer's, or a limit of its own."""

    row: str
    value: str
    ratio: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Workload:
    name: str
    protocol: str
    peer: str
    load: str
    # What Godwit's run has other than the peer's: where it is many times cheaper, more messages.
    godwit: str
    targets: list[Target] = field(default_factory=list)
    # Memory is measured on a server that has done nothing yet.
    is_fresh: bool = False
    # Both servers keep what they are given in files, with their default policies: written at once,
    # and synced now and then.
    is_durable: bool = False


def workloads() -> list[Workload]:
    entries = json.loads((BENCHMARKS / "workloads.json").read_text())
    return [
        Workload(**{**entry, "targets": [Target(**target) for target in entry["targets"]]})
        for entry in entries
    ]


def build() -> None:
    """Compiles the generators where they are older than their sources."""
    subprocess.run(["make", "--quiet", "-C", str(BENCHMARKS)], check=True)


def run_load(workload: Workload, server: Server, more: str = "") -> dict:
    """One run; `more` overrides the workload's own arguments. Lost messages make it invalid."""
    command = [
        str(BENCHMARKS / f"bin/{workload.protocol}-load"),
        f"addr={server.addresses[workload.protocol]}",
        f"pid={server.pid}",
        *workload.load.split(),
        *more.split(),
    ]
    cores = core("LOAD_CORE", 1)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        preexec_fn=lambda: claim_core(cores),
    )
    if done.returncode:
        return {"error": done.stderr.strip() or f"exit code {done.returncode}"}
    return json.loads(done.stdout)
