"""Sending back goes on after ``kill -9``, when somebody says so."""

from __future__ import annotations

import http.client
import json

import nats
import pytest
from godwit_rig.kafka_peer import PATIENCE, until

COUNT = 400
RATE = 200


def api(broker, method: str, path: str, body: dict | None = None, status=(200, 202)) -> dict:
    connection = http.client.HTTPConnection(*broker.address("admin"), timeout=PATIENCE)
    try:
        headers = {"X-Godwit-Admin": "1", "Content-Type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in status, text
        return json.loads(text)
    finally:
        connection.close()


async def fill(broker) -> None:
    connection = await nats.connect(broker.url("nats"))
    stream = connection.jetstream()
    await stream.add_stream(name="LETTERS", subjects=["letters"])
    await stream.add_stream(name="BACK", subjects=["back"])
    for number in range(COUNT):
        await stream.publish("letters", b"%d" % number)
    await connection.close()


def came_back(broker) -> list[int]:
    found: list[int] = []
    place: int | None = 0
    while place is not None:
        page = api(broker, "GET", f"/api/streams/BACK/records?limit=1000&from={place}")
        found += [int(each["payload"]) for each in page["records"]]
        place = page["records"][-1]["offset"] + 1 if len(page["records"]) == 1000 else None
    return found


def job(broker, number: int = 1) -> dict:
    return api(broker, "GET", f"/api/resends/{number}")


@pytest.mark.parametrize("sync", ["always", "interval"])
async def test_a_job_goes_on_after_a_kill(durable, sync):
    place = durable(sync=sync)
    await fill(place.broker)
    order = {"stream": "LETTERS", "topic": "back", "rate": RATE, "remove": sync == "always"}
    api(place.broker, "POST", "/api/resends", order)
    until(lambda: job(place.broker)["sent"] > COUNT // 4, "a quarter")
    place.restart()

    found = job(place.broker)
    assert (found["state"], found["can_go_on"]) == ("interrupted", True)
    assert 0 < found["progress"] < 1
    noted = found["sent"]
    before = came_back(place.broker)
    assert set(range(noted)) <= set(before) and len(before) < COUNT

    # It is still so for who starts once more, and nothing was sent meanwhile.
    place.restart()
    assert job(place.broker)["state"] == "interrupted"
    assert came_back(place.broker) == before

    api(place.broker, "POST", "/api/resends/1/resume", {})
    until(lambda: job(place.broker)["state"] == "done", "the end")
    after = came_back(place.broker)
    assert set(after) == set(range(COUNT))
    # Twice came at most what lay between the last note and the end.
    assert len(after) <= COUNT + len(before) - noted
    done = job(place.broker)
    assert done["progress"] == 1 and done["chosen"] == done["sent"]
    left = api(place.broker, "GET", "/api/streams/LETTERS")["records"]
    assert left == (0 if sync == "always" else COUNT)

    place.restart()
    assert job(place.broker)["state"] == "done"
    again = api(place.broker, "POST", "/api/resends", order | {"rate": 1e6})
    assert again["id"] == 2
    actions = [each["action"] for each in api(place.broker, "GET", "/api/audit")["entries"]]
    assert "POST /api/resends/1/resume" in actions and "resend ended" in actions


async def test_another_stream_of_the_name_is_left_alone(durable):
    place = durable(sync="always")
    await fill(place.broker)
    api(place.broker, "POST", "/api/resends", {"stream": "LETTERS", "topic": "back", "rate": 1})
    place.restart()
    api(place.broker, "DELETE", "/api/streams/LETTERS")
    api(place.broker, "POST", "/api/resends/1/resume", {}, status=(404,))
    api(place.broker, "POST", "/api/streams", {"name": "LETTERS", "topics": ["letters"]})
    refusal = api(place.broker, "POST", "/api/resends/1/resume", {}, status=(409,))
    assert "another stream" in refusal["error"]
    assert api(place.broker, "DELETE", "/api/resends/1")["state"] == "cancelled"
    place.restart()
    assert job(place.broker)["state"] == "cancelled"
