"""A broker with a data folder that can die and come again."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from godwit_rig.brokers import Broker, BrokerPool, target
from godwit_rig.settings import server_config

MIB = 1 << 20


class DurableBroker:
    """One data folder, and the process that has it."""

    def __init__(self, pool: BrokerPool, folder: Path, settings: dict[str, object]) -> None:
        self.pool = pool
        self.folder = folder
        # A group's first member shall not wait for others.
        lines = ["kafka:", "  group_initial_rebalance_delay_ms: 0"]
        if settings:
            lines += ["storage:", *(f"  {key}: {value}" for key, value in settings.items())]
        path = folder.parent / f"{folder.name}.yaml"
        path.write_text("\n".join(lines) + "\n")
        self.arguments = ("--data", str(folder), "--config", str(path))
        self.broker: Broker | None = None
        self.start()

    def start(self) -> Broker:
        self.broker = self.pool.start_godwit(
            server_config(), ("kafka", "nats", "mqtt"), self.arguments
        )
        return self.broker

    def kill(self) -> None:
        """``kill -9``."""
        self.broker.kill()

    def stop(self) -> None:
        self.broker.stop()

    def restart(self) -> Broker:
        self.kill()
        return self.start()

    @property
    def url(self) -> str:
        return self.broker.url("nats")


@pytest.fixture
def durable(
    broker_pool: BrokerPool, tmp_path: Path
) -> Iterator[Callable[..., DurableBroker]]:
    """``durable(sync="always")``: a broker with these settings of its storage."""
    if target() != "godwit":
        pytest.skip("about this broker's data folder")
    made: list[DurableBroker] = []

    def make(folder: Path | None = None, **settings: object) -> DurableBroker:
        folder = folder or tmp_path / f"data{len(made)}"
        made.append(DurableBroker(broker_pool, folder, settings))
        return made[-1]

    yield make
    for each in made:
        if each.broker.process.poll() is None:
            each.stop()


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self) -> None:
        """Not a byte is left."""
        with self.ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)

    def empty(self) -> None:
        self.ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={16 * MIB}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert mounted.returncode == 0, (
        f"no file system of 16 MiB could be mounted: {mounted.stderr.strip()}. "
        "These tests need root, or `unshare --user --map-root-user --mount make test`."
    )
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: the broker is stopped after this.
        subprocess.run(["umount", "-l", str(folder)], check=True)
