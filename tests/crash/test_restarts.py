"""Servers that are started again, or killed, in the middle of a run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from domain.connections.values import Engine
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from tests.crash.moving import AtRows, assert_exact, brought_to_its_end, file_at, filled, moved, pair_of, survived, why
from tests.support.restarts import own_server

WAYS = [
    (Engine.POSTGRESQL, signal.SIGINT),
    (Engine.POSTGRESQL, signal.SIGQUIT),
    (Engine.MYSQL, signal.SIGTERM),
    (Engine.MYSQL, signal.SIGKILL),
]
"""A fast stop and an immediate one, an orderly stop and a crash."""

ROWS_BEFORE = 500
IN_PIECES = RunOptions(parallel=2, chunk_rows=10)
"""So that many are still to be read when the source goes."""

ANALYZE = {Engine.POSTGRESQL: "ANALYZE event", Engine.MYSQL: "ANALYZE TABLE event"}
"""A server that expects few rows of a new table would have it copied in one piece, before anything can go wrong."""


def every_way(usual: tuple[Engine, signal.Signals] | None) -> pytest.MarkDecorator:
    """Run a test with one way usually, if at all, and with the others by `make crash`."""
    ids = [f"{engine.value.lower()}-{number.name}" for engine, number in WAYS]
    ways = [
        pytest.param(*way, id=id_, marks=() if way == usual else pytest.mark.crash)
        for way, id_ in zip(WAYS, ids, strict=True)
    ]
    return pytest.mark.parametrize(("engine", "number"), ways)


@every_way(usual=(Engine.POSTGRESQL, signal.SIGQUIT))
async def test_a_run_outlives_a_target_that_is_started_again(
    engine: Engine, number: signal.Signals, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    source = await filled(file_at(tmp_path / "source.db"))
    with own_server(engine, request) as own:
        target = own.server.create_database()
        fault = AtRows(ROWS_BEFORE, lambda: own.restart(number))

        _, report = await survived(pair_of(source, target), fault)

        assert fault.acted
        await assert_exact(pair_of(source, target), report)


@every_way(usual=None)
async def test_a_run_whose_source_is_started_again_pauses_and_goes_on_as_chosen(
    engine: Engine, number: signal.Signals, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_server(engine, request) as own:
        source = await filled(own.server.create_database())
        own.server.run(ANALYZE[engine], database=source.database)
        pair = pair_of(source, file_at(tmp_path / "copy.db"))
        fault = AtRows(ROWS_BEFORE, lambda: own.restart(number))

        first = await moved(pair, fault, options=IN_PIECES)
        report = await brought_to_its_end(pair, options=IN_PIECES)

        assert fault.acted
        assert first.status is RunStatus.PAUSED, why(first)
        assert why(first).startswith("SNAPSHOT_LOST")
        await assert_exact(pair, report)


@pytest.mark.crash
async def test_a_source_with_a_binary_log_that_has_not_changed_is_read_on_after_a_restart(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Its GTID tells that nothing has been written meanwhile, so nothing is lost."""
    with own_server(Engine.MYSQL, request, log_bin="binlog", server_id="7") as own:
        source = await filled(own.server.create_database())
        pair = pair_of(source, file_at(tmp_path / "copy.db"))

        report = await moved(pair, AtRows(ROWS_BEFORE, lambda: own.restart(signal.SIGTERM)))

        assert len(report.snapshots) == 1
        assert "gtid" in {mark.name for mark in report.snapshots[0].marks}
        await assert_exact(pair, report)
