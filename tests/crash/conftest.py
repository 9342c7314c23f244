"""Fixtures and the summary of the crash tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack

import pytest

from domain.connections.values import Endpoint
from tests.crash.forks import FORK_SERVERS, ForkServer, fork_server
from tests.crash.summary import lines_of
from tests.crash.tally import Tally, total_of
from tests.support.api import LiveApi, running_api
from tests.support.notes import noted
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer


@pytest.fixture(scope="session")
def forks() -> Iterator[tuple[ForkServer, ...]]:
    """Servers that run migrations in forked children, one run at a time each."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(fork_server()) for _ in range(FORK_SERVERS))


@pytest.fixture(scope="module")
async def hasty_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API whose workers miss each other after a second. Its queue is its own."""
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/5", "worker_lease_s": 1}
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api:
        yield api


@pytest.fixture(params=["postgresql", "mysql"])
def server_database(request: pytest.FixtureRequest) -> Endpoint:
    """An empty database of a server."""
    endpoint = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(endpoint, Endpoint)
    return endpoint


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where figures are added up."""
    return _tally(request.config)


def _tally(config: pytest.Config) -> Tally:
    """Return the one tally of this process."""
    tallies = noted(config, Tally)
    if not tallies:
        tallies.append(Tally())
    return tallies[0]


class Outcomes:
    """Notes which tests pass, wherever they are, since rows of the matrix of faults name them."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if not report.skipped and (report.when == "call" or report.failed):
            tally = _tally(item.config)
            name = report.nodeid.partition("[")[0]
            tally.outcomes[name] = report.passed and tally.outcomes.get(name, True)
        return report


def pytest_configure(config: pytest.Config) -> None:
    """Listen to the tests of other folders, too; of a conftest's own hooks pytest calls only those for its folder."""
    config.pluginmanager.register(Outcomes())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the crash tests add up to."""
    tallies = noted(config, Tally)
    if not tallies:
        return
    terminalreporter.section("crash tests")
    for line, is_bad in lines_of(total_of(tallies)):
        terminalreporter.line(line, red=is_bad)
