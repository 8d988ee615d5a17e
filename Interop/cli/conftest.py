"""Where the commands connect to."""

from __future__ import annotations

import pytest
from godwit_rig.command_line import Place


@pytest.fixture(params=["nats", "mqtt"])
def place(request, broker) -> Place:
    return Place(request.param, broker(request.param).address(request.param))


@pytest.fixture
def nats(broker) -> Place:
    return Place("nats", broker("nats").address("nats"))


@pytest.fixture
def mqtt(broker) -> Place:
    return Place("mqtt", broker("mqtt").address("mqtt"))
