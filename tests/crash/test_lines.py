"""Lines that are slow, or lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.connections.values import Endpoint
from domain.kernel.errors import ErrorCode
from infra import keepalive
from tests.crash.moving import (
    FEW,
    AtRows,
    Silent,
    assert_exact,
    assert_pauses,
    brought_to_its_end,
    file_at,
    filled,
    moved,
    pair_of,
    survived,
    tried,
)
from tests.support.fault_proxy import proxy_to


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
        report, _ = await tried(pair, AtRows(500, proxy.go_away))
        connects = proxy.connects
        proxy.turns_away = 0
        again = await brought_to_its_end(pair)

    assert_pauses(report, ErrorCode.HOST_UNREACHABLE)
    assert connects < 60
    await assert_exact(pair_of(source, server_database), again)
