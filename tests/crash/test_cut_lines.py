"""Lines that break at any byte."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from domain.connections.values import Endpoint
from tests.crash.moving import (
    FEW,
    Silent,
    assert_exact,
    file_at,
    filled,
    pair_of,
    survived,
)
from tests.crash.tally import Tally
from tests.support.fault_proxy import proxy_to
from tests.support.lattice import is_nightly
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.engine.retry import RetryPolicy

BYTES = 20_000
STEP, STEP_NIGHTLY = 291, 97
SHARE = (60, 2_500)
"""Two of the sweep: in the greeting, and among rows."""

ENGINES = ("postgresql", "mysql")
AT_ONCE = 4
"""How many runs of a sweep are under way: some of their time they wait for an answer."""


async def cut_reading(source: Endpoint, at: int, folder: Path) -> str:
    """Move the events out of a source whose line is cut after some bytes; return how that ended the run."""
    async with proxy_to(source) as proxy:
        proxy.cut_after_bytes = at
        pair = pair_of(proxy.of(source), file_at(folder / f"{at}.db"))
        ended_by, report = await survived(pair, Silent())
        assert proxy.cuts == 1 or proxy.sent_bytes < at
    await assert_exact(pair_of(source, pair.target.endpoint), report, FEW)
    return ended_by


async def cut_writing(source: Endpoint, target: Endpoint, at: int) -> str:
    """Move the events into a target whose line is cut after some bytes of its answers; return how that ended it."""
    async with proxy_to(target) as proxy:
        proxy.cut_after_bytes = at
        ended_by, report = await survived(pair_of(source, proxy.of(target)), Silent())
    await assert_exact(pair_of(source, target), report, FEW)
    return ended_by


@pytest.mark.share
@pytest.mark.parametrize("at", SHARE)
async def test_a_source_cut_at_any_byte_costs_no_row(server_database: Endpoint, at: int, tmp_path: Path) -> None:
    await cut_reading(await filled(server_database, FEW), at, tmp_path)


def sweep() -> range:
    """Return after which bytes lines are cut: three times as many at night."""
    return range(0, BYTES, STEP_NIGHTLY if is_nightly() else STEP)


async def swept(cuts: Iterable[Callable[[], Awaitable[str]]]) -> Counter[str]:
    """Make cuts, `AT_ONCE` at once, and count how they have ended."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(cut: Callable[[], Awaitable[str]]) -> str:
        async with room:
            return "told" if await cut() else "outlived"

    async with asyncio.TaskGroup() as tasks:
        done = [tasks.create_task(one(cut)) for cut in cuts]
    return Counter(task.result() for task in done)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs try again at once: of hundreds of cuts, none needs the server to be left in peace."""
    monkeypatch.setattr(RetryPolicy, "pause_after", lambda _policy, _attempt: 0.01)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_source_cut_at_every_byte_of_the_sweep_costs_no_row(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, tally: Tally
) -> None:
    source = await filled(request.getfixturevalue(f"{engine}_database"), FEW)

    ends = await swept(partial(cut_reading, source, at, tmp_path) for at in sweep())

    for end, times in ends.items():
        tally.kills[f"cuts of a {engine} source ({end})"] += times


@pytest.mark.share
@pytest.mark.parametrize("at", SHARE)
async def test_a_target_cut_at_any_byte_has_every_row_once(server_database: Endpoint, at: int, tmp_path: Path) -> None:
    await cut_writing(await filled(file_at(tmp_path / "source.db"), FEW), server_database, at)


@dataclass(frozen=True)
class Targets:
    """Databases that are free to be written into."""

    engine: str
    server: PostgresqlServer | MysqlServer
    free: list[Endpoint]

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Endpoint]:
        """Give an empty database.

        The loop must not wait for the server: emptying a database waits for sessions that wait for the loop.
        """
        endpoint = self.free.pop()
        yield endpoint
        await asyncio.to_thread(self.server.empty, endpoint)
        self.free.append(endpoint)


@pytest.fixture(params=ENGINES)
def targets(request: pytest.FixtureRequest) -> Iterator[Targets]:
    """As many databases of a server as cuts are made at once."""
    server = request.getfixturevalue(f"{request.param}_server")
    endpoints = [server.create_database() for _ in range(AT_ONCE)]
    yield Targets(request.param, server, endpoints)
    for endpoint in endpoints:
        server.drop(endpoint)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("hurried")
async def test_a_target_cut_at_every_byte_of_the_sweep_has_every_row_once(
    targets: Targets, tmp_path: Path, tally: Tally
) -> None:
    source = await filled(file_at(tmp_path / "source.db"), FEW)

    async def cut(at: int) -> str:
        async with targets.one() as target:
            return await cut_writing(source, target, at)

    for end, times in (await swept(partial(cut, at) for at in sweep())).items():
        tally.kills[f"cuts of a {targets.engine} target ({end})"] += times
