"""mosquitto_pub, mosquitto_sub and mosquitto_rr as people use them, in all three versions."""

import queue
import re
import subprocess
import threading

import pytest

from godwit_rig import User
from mqtt.wire import P, V5

NAMES = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}
DEADLINE = 10


class Subscriber:
    """mosquitto_sub, started and subscribed: it says so in its debug output."""

    def __init__(self, *arguments: str):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "mosquitto_sub", "-d", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("Subscribed")

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait(self, start: str) -> str:
        seen = []
        while True:
            line = self.lines.get(timeout=DEADLINE)
            assert line is not None, f"ended before {start!r}: {seen}"
            if line.startswith(start):
                return line
            seen.append(line)

    def printed(self) -> list[str]:
        """Lines to the end of the program that are not debug output."""
        lines = []
        while (line := self.lines.get(timeout=DEADLINE)) is not None:
            if not re.match(r"Client \S+ (sending|received) |Subscribed", line):
                lines.append(line)
        assert self.process.wait(DEADLINE) == 0, lines
        return lines

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def tools(mqtt, version):
    """Runs a tool against the server; `subscribe` gives a ready `Subscriber`."""

    class Tools:
        def __init__(self):
            self.running: list[Subscriber] = []
            self.where = self.address(mqtt)

        @staticmethod
        def address(bench, listener: str = "mqtt") -> list[str]:
            host, port = bench.server.address(listener)
            return ["-h", host, "-p", str(port), "-V", NAMES[version]]

        def run(self, tool: str, *arguments: str, stdin: str | None = None, code: int = 0) -> str:
            done = subprocess.run(
                [tool, *self.where, *arguments], input=stdin, capture_output=True, text=True,
                timeout=DEADLINE,
            )
            assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
            return done.stdout + done.stderr

        def publish(self, *arguments: str, **options) -> str:
            return self.run("mosquitto_pub", *arguments, **options)

        def subscribe(self, *arguments: str) -> Subscriber:
            subscriber = Subscriber(*self.where, *arguments)
            self.running.append(subscriber)
            return subscriber

    tools = Tools()
    yield tools
    for subscriber in tools.running:
        subscriber.close()


@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_publish_and_subscribe(tools, unique, qos):
    subscriber = tools.subscribe("-t", f"{unique}/#", "-q", qos, "-C", "3", "-v")
    for name in "abc":
        tools.publish("-t", f"{unique}/{name}", "-m", f"message {name}", "-q", qos)
    assert subscriber.printed() == [f"{unique}/{name} message {name}" for name in "abc"]


def test_lines_from_standard_input(tools, unique):
    subscriber = tools.subscribe("-t", unique, "-q", "1", "-C", "100")
    lines = [f"line {number}" for number in range(100)]
    tools.publish("-t", unique, "-q", "1", "-l", stdin="\n".join(lines) + "\n")
    assert subscriber.printed() == lines


def test_a_whole_file_as_one_message(tools, unique):
    subscriber = tools.subscribe("-t", unique, "-q", "2", "-C", "1", "-F", "%l")
    tools.publish("-t", unique, "-q", "2", "-s", stdin="x" * 200_000)
    assert subscriber.printed() == ["200000"]


def test_retained_and_cleared(tools, unique):
    tools.publish("-t", unique, "-m", "kept", "-r", "-q", "1")
    assert tools.run("mosquitto_sub", "-t", unique, "-C", "1", "-F", "%r %p") == "1 kept\n"
    tools.publish("-t", unique, "-n", "-r", "-q", "1")
    assert tools.run("mosquitto_sub", "-t", unique, "-W", "1", code=27) in ("", "Timed out\n")


def test_remove_retained_option(tools, unique):
    for name in "ab":
        tools.publish("-t", f"{unique}/{name}", "-m", "kept", "-r", "-q", "1")
    tools.run("mosquitto_sub", "-t", f"{unique}/#", "--remove-retained", "-W", "1", code=27)
    tools.run("mosquitto_sub", "-t", f"{unique}/#", "-W", "1", code=27)


def test_messages_while_away(tools, version, unique):
    keep = ["-i", f"{unique}-c", "-c", "-q", "1", "-t", unique]
    if version == V5:
        keep += ["-x", "60"]
    tools.run("mosquitto_sub", *keep, "-E")
    tools.publish("-t", unique, "-m", "while away", "-q", "1")
    assert tools.run("mosquitto_sub", *keep, "-C", "1").splitlines()[-1] == "while away"


def test_will(tools, unique):
    watcher = tools.subscribe("-t", f"{unique}/will", "-C", "1")
    dying = tools.subscribe(
        "-t", unique, "--will-topic", f"{unique}/will", "--will-payload", "gone", "--will-qos", "1")
    dying.close()
    assert watcher.printed() == ["gone"]


def test_unsubscribe_and_filter_out(tools, unique):
    subscriber = tools.subscribe("-t", f"{unique}/#", "-T", f"{unique}/no", "-C", "1", "-v")
    tools.publish("-t", f"{unique}/no", "-m", "x", "-q", "1")
    tools.publish("-t", f"{unique}/yes", "-m", "x", "-q", "1")
    assert subscriber.printed() == [f"{unique}/yes x"]


def test_request_and_response(tools, mqtt, version, unique):
    """mosquitto_rr: in 5.0 the response topic travels with the request."""
    responder = mqtt.connect("responder")
    responder.subscribe(f"{unique}/request", qos=1)

    def respond() -> None:
        request = responder.take(payload=b"question")
        if version == V5:
            assert request.get(P.RESPONSE_TOPIC) == f"{unique}/response"
        correlation = [p for p in request.props if p[0] == P.CORRELATION_DATA]
        responder.publish(f"{unique}/response", b"answer", 1, props=correlation)

    thread = threading.Thread(target=respond)
    thread.start()
    output = tools.run("mosquitto_rr", "-t", f"{unique}/request", "-e", f"{unique}/response",
                       "-m", "question", "-q", "1", "-W", "5")
    thread.join(DEADLINE)
    assert output == "answer\n"


def test_wrong_password(tools, mqtt, version, unique):
    guarded = mqtt.elsewhere(users=[User("ada", "secret")])
    tools.where = tools.address(guarded)
    tools.publish("-t", unique, "-m", "x", "-u", "ada", "-P", "secret", "-q", "1")
    refused = subprocess.run(
        ["mosquitto_pub", *tools.where, "-t", unique, "-m", "x", "-u", "ada", "-P", "wrong"],
        capture_output=True, text=True, timeout=DEADLINE,
    )
    assert refused.returncode != 0
    assert re.search("not authori[sz]ed|bad user name", refused.stderr.lower())


def test_tls(tools, mqtt, certificates, unique):
    secure = mqtt.elsewhere("mqtt-tls", tls=True)
    _, port = secure.server.address("mqtt-tls")
    trust = ["--cafile", str(certificates.directory / "ca.pem")]
    tools.where = ["-h", "localhost", "-p", str(port), *tools.where[4:], *trust]
    subscriber = tools.subscribe("-t", unique, "-C", "1")
    tools.publish("-t", unique, "-m", "over TLS", "-q", "1")
    assert subscriber.printed() == ["over TLS"]


# --- 5.0 -----------------------------------------------------------------------------------------


@pytest.fixture
def tools5(tools, version):
    if version != V5:
        pytest.skip("of 5.0 only")
    return tools


def test_properties(tools5, unique):
    subscriber = tools5.subscribe(
        "-t", unique, "-q", "1", "-C", "1", "-F", "%C|%R|%D|%P|%F|%S|%p",
        "-D", "subscribe", "subscription-identifier", "5")
    tools5.publish(
        "-t", unique, "-q", "1", "-m", "x", "-D", "publish", "content-type", "text/plain",
        "-D", "publish", "response-topic", "answers", "-D", "publish", "correlation-data", "id",
        "-D", "publish", "user-property", "b", "1", "-D", "publish", "user-property", "a", "2",
        "-D", "publish", "payload-format-indicator", "1")
    assert subscriber.printed() == ["text/plain|answers|id|b:1 a:2|1|5|x"]


def test_topic_alias(tools5, unique):
    subscriber = tools5.subscribe("-t", unique, "-C", "3", "-v")
    tools5.publish("-t", unique, "--repeat", "3", "-m", "x", "-D", "publish", "topic-alias", "1")
    assert subscriber.printed() == [f"{unique} x"] * 3


def test_retain_as_published_and_no_local_options(tools5, unique):
    subscriber = tools5.subscribe(
        "-t", unique, "-C", "1", "-F", "%r", "--retain-as-published")
    tools5.publish("-t", unique, "-m", "x", "-r", "-q", "1")
    assert subscriber.printed() == ["1"]
    tools5.publish("-t", unique, "-n", "-r", "-q", "1")


def test_shared(tools5, unique):
    members = [
        tools5.subscribe("-t", f"$share/g/{unique}", "-C", "1", "-q", "1") for _ in range(2)]
    tools5.publish("-t", unique, "-m", "x", "-q", "1", "--repeat", "40")
    assert [m.printed() for m in members] == [["x"], ["x"]]
