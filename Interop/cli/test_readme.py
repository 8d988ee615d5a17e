"""What the README shows is what one sees: its examples are run, and their output compared."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from godwit_rig.command_line import environment, godwit, running, succeeded

pytestmark = pytest.mark.godwit_only

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def block(beginning: str) -> list[str]:
    """The lines of the README's example that begins like this, times apart."""
    for text in re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        if timeless(text).startswith(beginning):
            return text.splitlines()
    raise AssertionError(f"the README has no example that begins with {beginning!r}")


def timeless(text: str) -> str:
    """Without what differs from one run to the next."""
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "TIME", text)
    return re.sub(r"\d[\d.]* (µs|ms|s)\b", "DURATION", text)


def words(line: str) -> list[str]:
    """A command's arguments, after `$ godwit`."""
    found = shlex.split(line.removesuffix("&"))
    assert found[:2] == ["$", "godwit"], line
    return found[2:]


@pytest.fixture
def place(broker, monkeypatch):
    """A server that the examples find without being told where it is."""
    server = broker("nats", "mqtt")
    monkeypatch.setattr(
        "godwit_rig.command_line.environment",
        lambda **more: environment(GODWIT_SERVER=server.url("nats"), **more),
    )
    return server


def test_listening_and_publishing(place):
    listen, publish = block("$ godwit sub 'sensors.>'"), block("$ mosquitto_pub")
    shown = block("TIME")
    with running(*words(listen[0]), "--count", "2") as listener:
        mosquitto = shlex.split(publish[0])[1:]
        port = str(place.address("mqtt")[1])
        subprocess.run([*mosquitto, "-p", port], check=True, timeout=20, env=environment())
        run = godwit(*words(publish[1]))
        assert (run.stdout + run.stderr).decode().splitlines() == publish[2:]
        assert [timeless(line) for line in listener.lines()] == [timeless(line) for line in shown]


def test_asking_and_answering(place):
    reply, ready, request, *shown = block("$ godwit reply")
    host, port = place.address("mqtt")
    answering = [word.replace("127.0.0.1:1883", f"{host}:{port}") for word in words(reply)]
    assert ready == "answering time"
    with running(*answering):
        run = godwit(*words(request))
        said = (run.stdout + run.stderr).decode().splitlines()
        assert [timeless(line) for line in said] == [timeless(line) for line in shown]


def test_names():
    command, *shown = block("$ godwit names explain")
    assert succeeded(*words(command)).splitlines() == shown


def test_the_settings_are_valid(tmp_path):
    """As they stand, with the files that they name."""
    settings = re.search(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[1]
    openssl = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
    files = ["-keyout", "server.key", "-out", "server.pem"]
    subprocess.run(
        [*shlex.split(openssl), *files], cwd=tmp_path, check=True, capture_output=True, timeout=20
    )
    succeeded("user", "add", "u", "--users-file", str(tmp_path / "users.yaml"), stdin=b"pw\n")
    (tmp_path / "godwit.yaml").write_text(settings)
    succeeded("config", "check", str(tmp_path / "godwit.yaml"))
