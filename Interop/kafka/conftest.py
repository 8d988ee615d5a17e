"""One broker that speaks Kafka, for all tests that need nothing special."""

from __future__ import annotations

import pytest
from godwit_rig.kafka_peer import PROMPT, Confluent, address


@pytest.fixture
def server(broker):
    return broker("kafka", godwit=PROMPT)


@pytest.fixture
def where(server) -> str:
    return address(server)


@pytest.fixture
def confluent(where) -> Confluent:
    return Confluent(where)
