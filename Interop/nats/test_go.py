"""nats.go, as Debian ships it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from godwit_rig.go_program import build

SOURCE = Path(__file__).parent / "go" / "main.go"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(SOURCE, tmp_path_factory.mktemp("go"))


@pytest.mark.parametrize(
    "scenario",
    [
        "publish", "queue", "request", "headers", "drain", "unsubscribe", "large", "jetstream",
        "origins", pytest.param("batches", marks=pytest.mark.godwit_only),
    ],
)
def test_scenario(broker, program, scenario):
    run = subprocess.run(
        [program, scenario, broker("nats").url("nats")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (run.returncode, run.stdout) == (0, "ok\n"), run.stderr


@pytest.mark.parametrize("scenario", ["reconnect", "lameduck"])
def test_scenario_that_loses_its_server(broker, program, scenario):
    first = broker("nats", fresh=True)
    urls = [first.url("nats")]
    if scenario == "reconnect":
        urls.append(broker("nats", fresh=True).url("nats"))
    with subprocess.Popen(
        [program, scenario, *urls], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"
        if scenario == "reconnect":
            first.stop()
        else:
            first.drain()
        out, error = process.communicate(timeout=15)
        assert (process.returncode, out) == (0, "ok\n"), error
