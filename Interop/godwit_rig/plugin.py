"""pytest's side of the rig: fixtures, markers and what a failure shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from godwit_rig.brokers import Broker, BrokerPool, target
from godwit_rig.certificates import Certificates
from godwit_rig.settings import server_config

_numbers = itertools.count(1)
_used: pytest.StashKey[list[Broker]] = pytest.StashKey()


def pytest_report_header() -> str:
    return f"interop target: {target()}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    other = {"godwit": "oracle_only", "oracle": "godwit_only"}[target()]
    for item in items:
        if item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"{other}, and the target is {target()}"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def broker_pool(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[BrokerPool]:
    pool = BrokerPool(tmp_path_factory.mktemp("brokers"), certificates)
    yield pool
    pool.close()


@pytest.fixture
def broker(
    request: pytest.FixtureRequest, broker_pool: BrokerPool
) -> Iterator[Callable[..., Broker]]:
    """``broker("nats", max_payload=64)``: a running server with these listeners and settings.

    Servers are shared by equal settings, so names in a test must be its own (see ``unique``).
    ``fresh=True`` gives the test a server for itself, stopped when the test ends.
    """
    used: list[Broker] = []
    own: list[Broker] = []
    request.node.stash[_used] = used

    def start(*listeners: str, fresh: bool = False, **features: Any) -> Broker:
        settings = server_config(**features)
        names = tuple(sorted(listeners or ("nats",)))
        if fresh:
            server = broker_pool.start(settings, names)
            own.append(server)
        else:
            server = broker_pool.shared(settings, names)
        used.append(server)
        return server

    yield start
    failure: AssertionError | None = None
    for server in used:
        if server in own:
            continue
        try:
            server.check_alive()
        except AssertionError as dead:
            broker_pool.forget(server)
            failure = dead
    for server in own:
        try:
            if server.process.poll() is None:
                server.stop()
        except AssertionError as dead:
            failure = dead
    if failure is not None:
        raise failure


@pytest.fixture
def unique() -> str:
    """A name no other test of the run has, legal as a subject token and an MQTT level."""
    return f"t{next(_numbers)}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in item.stash.get(_used, []):
            report.sections.append((f"{server.kind} {server.pid} wrote", server.log()[-6000:]))
