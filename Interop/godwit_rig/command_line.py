"""Runs ``godwit``'s client commands as a user does."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator

from godwit_rig.brokers import godwit_binary

SECONDS = 20.0


def environment(**more: str) -> dict[str, str]:
    """No settings of the person who runs the tests, and one language."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GODWIT_")}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **more}


def godwit(*arguments: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess:
    """Runs a command to its end."""
    return subprocess.run(
        [str(godwit_binary()), *arguments], input=stdin, capture_output=True, timeout=SECONDS,
        env=environment(**more),
    )  # fmt: skip


def succeeded(*arguments: str, stdin: bytes = b"", **more: str) -> str:
    """Runs a command that must exit 0; what it wrote to standard output."""
    run = godwit(*arguments, stdin=stdin, **more)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def failed(*arguments: str, stdin: bytes = b"", code: int = 1, **more: str) -> str:
    """Runs a command that must fail with one sentence; the sentence."""
    run = godwit(*arguments, stdin=stdin, **more)
    assert run.returncode == code, (run.returncode, run.stdout, run.stderr)
    assert len(run.stderr.decode().strip().splitlines()) == 1, run.stderr.decode()
    return run.stderr.decode()


class Running:
    """A command that goes on, with its output by the line."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(godwit_binary()), *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        self._out: queue.Queue[str | None] = queue.Queue()
        self._err: queue.Queue[str | None] = queue.Queue()
        for stream, lines in ((self.process.stdout, self._out), (self.process.stderr, self._err)):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _read(stream, lines: queue.Queue[str | None]) -> None:
        with stream:
            for line in stream:
                lines.put(line.decode().rstrip("\n"))
        lines.put(None)

    def line(self) -> str:
        line = self._out.get(timeout=SECONDS)
        assert line is not None, f"no more output; it said {self.errors()}"
        return line

    def error_line(self) -> str:
        line = self._err.get(timeout=SECONDS)
        assert line is not None, "it ended without a word"
        return line

    def errors(self) -> list[str]:
        lines = []
        while (line := self._err.get(timeout=SECONDS)) is not None:
            lines.append(line)
        return lines

    def lines(self) -> list[str]:
        """The rest of the output, at the end."""
        lines = []
        while (line := self._out.get(timeout=SECONDS)) is not None:
            lines.append(line)
        return lines

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def wait(self) -> int:
        return self.process.wait(SECONDS)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Running]:
    """A command, known to be ready: sub and reply say so."""
    command = Running(*arguments)
    try:
        ready = command.error_line()
        assert ready.startswith(("listening to ", "answering ")), ready
        yield command
    finally:
        if command.process.poll() is None:
            command.process.kill()
        command.process.wait()


class Place:
    """A server's address in one protocol, and how that protocol writes names."""

    def __init__(self, protocol: str, address: tuple[str, int]) -> None:
        self.protocol = protocol
        self.options = ("-s", f"{protocol}://{address[0]}:{address[1]}")

    def name(self, name: str) -> str:
        """``a/+/#`` in this protocol."""
        if self.protocol == "mqtt":
            return name
        return name.replace("/", ".").replace("+", "*").replace("#", ">")
