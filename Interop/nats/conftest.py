"""What the tests of NATS share."""

from __future__ import annotations

import nats
import pytest


@pytest.fixture
async def client(broker):
    """A connection to a broker, until the test is over."""
    connection = await nats.connect(broker("nats").url("nats"))
    yield connection
    await connection.close()
