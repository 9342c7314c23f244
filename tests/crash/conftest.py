"""Fixtures and the summary of the crash tests."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.crash.forks import ForkServer, fork_server
from tests.crash.matrix import MATRIX, provoked
from tests.crash.tally import TALLY, Tally
from tests.support.api import LiveApi, running_api
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """A server that runs migrations in forked children."""
    with fork_server() as server:
        yield server


@pytest.fixture(scope="module")
async def hasty_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API whose workers miss each other after a second. Its queue is its own."""
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/5", "worker_lease_s": 1}
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api:
        yield api


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where figures are added up."""
    return request.config.stash.setdefault(TALLY, Tally())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the crash tests add up to."""
    tally = config.stash.get(TALLY, None)
    if tally is None:
        return
    terminalreporter.section("crash tests")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kills.items()))
    terminalreporter.line(f"kill points: {tally.kills.total()} ({kinds}) at {len(tally.sites)} named sites")
    terminalreporter.line(f"wrong results: {len(tally.wrong)}")
    for wrong in tally.wrong:
        terminalreporter.line(f"  {wrong}", red=True)
    found = provoked()
    terminalreporter.line(f"fault matrix: {len(found)} of {len(MATRIX)} rows are provoked by tests; the others:")
    for row, reason in MATRIX.items():
        if isinstance(reason, str):
            terminalreporter.line(f"  {row}: {reason}")
    terminalreporter.line(f"simulated histories: {tally.histories}, {len(tally.violations)} of them wrong")
    for wrong in tally.violations:
        terminalreporter.line(f"  {wrong}", red=True)
    if len(tally.takeover_s) > 1:
        p50 = statistics.median(tally.takeover_s)
        p95 = statistics.quantiles(tally.takeover_s, n=20, method="inclusive")[-1]
        terminalreporter.line(
            f"takeover: p50 {p50:.1f} s, p95 {p95:.1f} s over {len(tally.takeover_s)} kills of a worker"
        )
