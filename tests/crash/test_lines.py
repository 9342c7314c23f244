"""Lines that break at any byte, are slow, or lead nowhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import pytest

from domain.catalog.model import Table
from domain.connections.values import Endpoint
from domain.migrations.progress import RunStatus
from infra import keepalive
from tests.crash.moving import (
    EVENT,
    EVENTS,
    AtRows,
    Silent,
    assert_exact,
    brought_to_its_end,
    file_at,
    filled,
    moved,
    pair_of,
    survived,
    tried,
)
from tests.crash.tally import Tally
from tests.pairs.moves import Rows
from tests.support.fault_proxy import proxy_to

FEW: dict[Table, Rows] = {EVENT: EVENTS[EVENT][:300]}
STEP = 97
SWEEP = range(0, 20_000, STEP)
SHARE = (60, 2_500)
"""Two of the sweep: in the greeting, and among rows."""
SHARE_OF_TARGETS = 8
"""Targets are cut at every so manieth byte of the sweep."""

ENGINES = ("postgresql", "mysql")
AT_ONCE = 4
"""How many runs of a sweep are under way: most of their time they wait for an answer, or before they try again."""


@pytest.fixture(params=ENGINES)
def server_database(request: pytest.FixtureRequest) -> Endpoint:
    """An empty database of a server."""
    endpoint = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(endpoint, Endpoint)
    return endpoint


async def cut_reading(source: Endpoint, at: int, folder: Path) -> str:
    """Move the events out of a source whose line is cut after some bytes; return how that ended the run."""
    async with proxy_to(source) as proxy:
        proxy.cut_after_bytes = at
        pair = pair_of(proxy.of(source), file_at(folder / f"{at}.db"))
        ended_by, report = await survived(pair, Silent())
        assert proxy.cuts == 1 or proxy.sent_bytes < at
    await assert_exact(pair_of(source, pair.target.endpoint), report, FEW)
    return ended_by


async def cut_writing(target: Endpoint, at: int, folder: Path) -> str:
    """Move the events into a target whose line is cut after some bytes of its answers."""
    source = await filled(file_at(folder / "source.db"), FEW)
    async with proxy_to(target) as proxy:
        proxy.cut_after_bytes = at
        ended_by, report = await survived(pair_of(source, proxy.of(target)), Silent())
    await assert_exact(pair_of(source, target), report, FEW)
    return ended_by


@pytest.mark.parametrize("at", SHARE)
async def test_a_source_cut_at_any_byte_costs_no_row(server_database: Endpoint, at: int, tmp_path: Path) -> None:
    await cut_reading(await filled(server_database, FEW), at, tmp_path)


async def swept(cuts: Iterable[Callable[[], Awaitable[str]]]) -> Counter[str]:
    """Make cuts, some at once, and count how they have ended."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(cut: Callable[[], Awaitable[str]]) -> str:
        async with room:
            return "told" if await cut() else "outlived"

    async with asyncio.TaskGroup() as tasks:
        done = [tasks.create_task(one(cut)) for cut in cuts]
    return Counter(task.result() for task in done)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_source_cut_at_every_byte_of_the_sweep_costs_no_row(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, tally: Tally
) -> None:
    """The places of the sweep are shared out between the engines."""
    source = await filled(request.getfixturevalue(f"{engine}_database"), FEW)

    ends = await swept(
        partial(cut_reading, source, at, tmp_path) for at in SWEEP[ENGINES.index(engine) :: len(ENGINES)]
    )

    for end, times in ends.items():
        tally.kills[f"cuts of a {engine} source ({end})"] += times


@pytest.mark.parametrize("at", SHARE)
async def test_a_target_cut_at_any_byte_has_every_row_once(server_database: Endpoint, at: int, tmp_path: Path) -> None:
    await cut_writing(server_database, at, tmp_path)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_target_cut_at_every_byte_of_the_sweep_has_every_row_once(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, tally: Tally
) -> None:
    server = request.getfixturevalue(f"{engine}_server")

    async def cut(at: int) -> str:
        target, folder = server.create_database(), tmp_path / str(at)
        folder.mkdir()
        ended_by = await cut_writing(target, at, folder)
        server.drop(target)
        return ended_by

    for end, times in (await swept(partial(cut, at) for at in SWEEP[::SHARE_OF_TARGETS])).items():
        tally.kills[f"cuts of a {engine} target ({end})"] += times


@pytest.mark.crash
async def test_a_slow_source_only_takes_its_time(server_database: Endpoint, tmp_path: Path) -> None:
    source = await filled(server_database, FEW)
    async with proxy_to(source) as proxy:
        proxy.bytes_per_s, proxy.delay_s = 65_536, 0.005
        report = await moved(pair_of(proxy.of(source), file_at(tmp_path / "copy.db")), Silent())

    await assert_exact(pair_of(source, file_at(tmp_path / "copy.db")), report, FEW)


@pytest.mark.crash
async def test_a_slow_target_only_takes_its_time(server_database: Endpoint, tmp_path: Path) -> None:
    source = await filled(file_at(tmp_path / "source.db"), FEW)
    async with proxy_to(server_database) as proxy:
        proxy.bytes_per_s, proxy.delay_s = 131_072, 0.005
        report = await moved(pair_of(source, proxy.of(server_database)), Silent())

    await assert_exact(pair_of(source, server_database), report, FEW)


@pytest.mark.crash
async def test_a_source_whose_packets_vanish_is_given_up_and_costs_no_row(
    server_database: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody closes anything, and nothing is acknowledged; usually that is noticed within half a minute.

    The source is opened again, and the run pauses unless that shows the same moment for sure.
    """
    assert keepalive.OF_DATABASES.in_all_s <= 30
    monkeypatch.setattr(keepalive, "OF_DATABASES", keepalive.Silence(idle_s=1, interval_s=1, probes=2))
    source = await filled(server_database)
    async with proxy_to(source) as proxy:
        hole = AtRows(500, proxy.swallow)
        ended_by, report = await survived(pair_of(proxy.of(source), file_at(tmp_path / "copy.db")), hole)

    assert hole.acted
    assert proxy.swallowed > 0
    assert ended_by.partition(":")[0] in ("", "SNAPSHOT_LOST")
    await assert_exact(pair_of(source, file_at(tmp_path / "copy.db")), report)


async def test_a_target_that_is_away_for_a_moment_is_waited_for(server_database: Endpoint, tmp_path: Path) -> None:
    source = await filled(file_at(tmp_path / "source.db"))
    async with proxy_to(server_database) as proxy:
        away = AtRows(500, lambda: proxy.go_away(4))
        report = await moved(pair_of(source, proxy.of(server_database)), away)

        assert (away.acted, proxy.turns_away) == (True, 0)

    await assert_exact(pair_of(source, server_database), report)


@pytest.mark.crash
async def test_a_target_that_stays_away_is_not_stormed_and_the_run_goes_on_later(
    server_database: Endpoint, tmp_path: Path
) -> None:
    source = await filled(file_at(tmp_path / "source.db"))
    async with proxy_to(server_database) as proxy:
        pair = pair_of(source, proxy.of(server_database))
        report, reason = await tried(pair, AtRows(500, proxy.go_away))
        connects = proxy.connects
        proxy.turns_away = 0
        again = await brought_to_its_end(pair)

    assert report is not None
    assert report.status is RunStatus.FAILED
    assert reason
    assert connects < 60
    await assert_exact(pair_of(source, server_database), again)
