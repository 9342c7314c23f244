"""A run whose source loses the snapshot it was read in pauses, and goes on only as somebody has chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.catalog.model import Column, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ErrorCode
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.progress import RunProgress, RunStatus
from domain.migrations.report import RunReport
from domain.migrations.transfer import Consistency
from tests.pairs.conftest import Pair, names_of
from tests.pairs.conftest import pair as pair  # noqa: PLC0414 - a fixture
from tests.pairs.moves import Rows, fill, wrong_tables
from tests.support.cli import url, wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.cli.session import run_id
from workers.engine.control import ControlSwitch
from workers.engine.ends import open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

Server = PostgresqlServer | MysqlServer

TABLE = Table(
    TableName("event"),
    (Column("id", Integer(32), "", nullable=False), Column("body", Text(), "")),
    primary_key=Key(("id",)),
)
ROWS: dict[Table, Rows] = {TABLE: [(number, f"event {number}") for number in range(2_000)]}
LATE: dict[Table, Rows] = {TABLE: [*ROWS[TABLE][:-1], (1_999, "late")]}
OPTIONS = RunOptions(parallel=2, chunk_rows=40)
FROM_SERVERS = [(engine, Engine.SQLITE) for engine in (Engine.POSTGRESQL, Engine.MYSQL)]

from_servers = pytest.mark.parametrize("pair", FROM_SERVERS, indirect=True, ids=names_of)


class AtRows:
    """A progress sink that does something once so many rows are copied."""

    def __init__(self, rows: int, act: Callable[[], None]) -> None:
        self._rows, self._act = rows, act
        self.acted = False

    async def report(self, progress: RunProgress) -> None:
        if not self.acted and progress.rows_written >= self._rows:
            self.acted = True
            self._act()


def server_of(endpoint: Endpoint, request: pytest.FixtureRequest) -> Server:
    server = request.getfixturevalue(f"{endpoint.engine.value.lower()}_server")
    assert isinstance(server, PostgresqlServer | MysqlServer)
    return server


def end_sessions(server: Server, source: Endpoint) -> None:
    """End all sessions of the source's user, the one that holds the snapshot among them."""
    user = source.username
    if isinstance(server, PostgresqlServer):
        server.run(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{user}'")
        return
    server.run(f"KILL CONNECTION USER '{user}'")


def move_on(server: Server, source: Endpoint) -> None:
    """End all sessions, and let the source change."""
    end_sessions(server, source)
    server.run("UPDATE event SET body = 'late' WHERE id = 1999", database=source.database)


async def moved(
    pair: Pair, sink: AtRows, choice: OnLostSnapshot | None = None, options: RunOptions = OPTIONS, name: str = "run"
) -> RunReport:
    async with open_ends(pair.route, parallel=options.parallel) as ends:
        return await run(ends, RunRequest(name, options, on_lost_snapshot=choice), sink, ControlSwitch())


async def lost(pair: Pair, request: pytest.FixtureRequest, name: str = "run") -> RunReport:
    """Begin to move the events, and lose the snapshot."""
    await fill(pair.source, ROWS)
    server = server_of(pair.source.endpoint, request)
    return await moved(pair, AtRows(300, lambda: move_on(server, pair.source.endpoint)), name=name)


def nothing() -> None:
    """Do nothing."""


@from_servers
async def test_a_run_that_loses_its_snapshot_pauses_and_waits_for_a_choice(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    report = await lost(pair, request)

    assert (report.status, report.error) == (RunStatus.PAUSED, None)
    assert report.pause is not None
    assert report.pause.code is ErrorCode.SNAPSHOT_LOST
    assert "RESTART" in report.pause.message
    assert "CONTINUE" in report.pause.message
    refused = await moved(pair, AtRows(0, nothing))
    assert refused.status is RunStatus.FAILED
    assert refused.error is not None
    assert refused.error.code is ErrorCode.CONFLICT
    assert "RESTART" in refused.error.message
    assert "CONTINUE" in refused.error.message


@from_servers
async def test_a_run_that_starts_over_has_everything_from_one_new_snapshot(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    await lost(pair, request)

    report = await moved(pair, AtRows(0, nothing), OnLostSnapshot.RESTART)

    assert (report.status, report.error) == (RunStatus.SUCCEEDED, None)
    assert report.consistency is Consistency.SNAPSHOT
    assert len(report.snapshots) == 1
    assert [table.rows_written for table in report.tables] == [len(LATE[TABLE])]
    assert await wrong_tables(pair, LATE) == []


@from_servers
async def test_a_run_that_goes_on_with_another_snapshot_says_so_and_claims_only_what_is_compared(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    await lost(pair, request)
    by_counts = replace(OPTIONS, verify=VerifyLevel.COUNTS)

    report = await moved(pair, AtRows(0, nothing), OnLostSnapshot.CONTINUE, by_counts)

    assert (report.status, report.error) == (RunStatus.SUCCEEDED, None)
    assert report.consistency is Consistency.CHUNK
    assert len(report.snapshots) == 2
    assert any("as of before" in warning for warning in report.warnings)
    assert await wrong_tables(pair, LATE) == []


@pytest.mark.parametrize("pair", FROM_SERVERS[:1], indirect=True, ids=names_of)
async def test_the_command_line_names_both_choices_and_takes_one(pair: Pair, request: pytest.FixtureRequest) -> None:
    await lost(pair, request, run_id(pair.route, OPTIONS))
    ends = (url(pair.source.endpoint), url(pair.target.endpoint))
    command = ("migrate", *ends, "--chunk-rows", str(OPTIONS.chunk_rows), "--json")

    refused = await asyncio.to_thread(wherry, *command)
    done = await asyncio.to_thread(wherry, *command, "--on-lost-snapshot", "restart")

    assert (refused.exit_code, refused.document["error"]["code"]) == (1, "CONFLICT")
    assert "RESTART" in refused.stderr
    assert "CONTINUE" in refused.stderr
    assert done.exit_code == 0, done.stderr
    assert done.document["consistency"] == "SNAPSHOT"
    assert done.counts == {"event": len(LATE[TABLE])}
    [snapshot] = done.document["snapshots"]
    assert {mark["name"] for mark in snapshot["marks"]} >= {"snapshot", "wal position"}
