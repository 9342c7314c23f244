"""Fixtures and the summary of the crash tests."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack

import pytest

from tests.crash.forks import FORK_SERVERS, ForkServer, fork_server
from tests.crash.matrix import MATRIX, provoked
from tests.crash.tally import TALLY, Tally, takeover_p95_s
from tests.support.api import LiveApi, running_api
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


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Where figures are added up."""
    return request.config.stash.setdefault(TALLY, Tally())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which tests pass, since rows of the matrix of faults name them."""
    report = yield
    if not report.skipped and (report.when == "call" or report.failed):
        tally = item.config.stash.setdefault(TALLY, Tally())
        name = report.nodeid.partition("[")[0]
        tally.outcomes[name] = report.passed and tally.outcomes.get(name, True)
    return report


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
    failed = [row for row in found if not all(tally.outcomes.get(test, True) for test in MATRIX[row])]
    ran = [row for row in found if row not in failed and any(test in tally.outcomes for test in MATRIX[row])]
    terminalreporter.line(
        f"fault matrix: {len(ran)} of {len(MATRIX)} rows passed in this run, {len(failed)} failed, and tests elsewhere "
        f"provoke {len(found) - len(ran) - len(failed)}; the others:"
    )
    for row in failed:
        terminalreporter.line(f"  {row}: FAILED", red=True)
    for row, reason in MATRIX.items():
        if isinstance(reason, str):
            terminalreporter.line(f"  {row}: {reason}")
    terminalreporter.line(f"simulated histories: {tally.histories}, {len(tally.violations)} of them wrong")
    for wrong in tally.violations:
        terminalreporter.line(f"  {wrong}", red=True)
    if len(tally.takeover_s) > 1:
        p50 = statistics.median(tally.takeover_s)
        p95 = takeover_p95_s(tally)
        terminalreporter.line(
            f"takeover: p50 {p50:.1f} s, p95 {p95:.1f} s over {len(tally.takeover_s)} kills of a worker"
        )
