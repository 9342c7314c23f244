"""A server that cuts all sessions in the middle of a run costs time, and not a row."""

from __future__ import annotations

import pytest

from domain.catalog.model import Column, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunProgress, RunStatus
from domain.migrations.report import RunReport
from tests.pairs.conftest import Pair, names_of
from tests.pairs.moves import Rows, fill, wrong_tables
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
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
ROWS: dict[Table, Rows] = {TABLE: [(number, f"event {number}") for number in range(3_000)]}
OPTIONS = RunOptions(parallel=2, chunk_rows=100)

SERVERS = (Engine.POSTGRESQL, Engine.MYSQL)
TO_SERVERS = [(Engine.SQLITE, engine) for engine in SERVERS]
FROM_SERVERS = [(engine, Engine.SQLITE) for engine in SERVERS]


class Cutter:
    """A progress sink that cuts all sessions of one user, at each of some numbers of rows."""

    def __init__(self, server: Server, endpoint: Endpoint, *at_rows: int) -> None:
        self._server, self._endpoint, self._at_rows = server, endpoint, list(at_rows)
        self.cuts = 0

    async def report(self, progress: RunProgress) -> None:
        if self._at_rows and progress.rows_written >= self._at_rows[0]:
            self._at_rows.pop(0)
            self.cuts += cut_sessions(self._server, self._endpoint)


def cut_sessions(server: Server, endpoint: Endpoint) -> int:
    """Cut all sessions of the endpoint's user; return how many there were."""
    user = endpoint.username
    if isinstance(server, PostgresqlServer):
        cut = server.run(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{user}'")
        return int(cut)
    sessions = server.run(f"SELECT id FROM information_schema.processlist WHERE user = '{user}'")
    for (number,) in sessions:
        server.run(f"KILL CONNECTION {number}")
    return len(sessions)


async def migrated(pair: Pair, cutter: Cutter, choice: OnLostSnapshot | None = None) -> RunReport:
    async with open_ends(pair.route, parallel=OPTIONS.parallel) as ends:
        return await run(ends, RunRequest("run", OPTIONS, on_lost_snapshot=choice), cutter, ControlSwitch())


def server_of(endpoint: Endpoint, request: pytest.FixtureRequest) -> Server:
    server = request.getfixturevalue(f"{endpoint.engine.value.lower()}_server")
    assert isinstance(server, PostgresqlServer | MysqlServer)
    return server


@pytest.mark.parametrize("pair", TO_SERVERS, indirect=True, ids=names_of)
async def test_a_run_goes_on_when_the_target_cuts_its_sessions(pair: Pair, request: pytest.FixtureRequest) -> None:
    await fill(pair.source, ROWS)
    cutter = Cutter(server_of(pair.target.endpoint, request), pair.target.endpoint, 300, 1_500)

    report = await migrated(pair, cutter)

    assert cutter.cuts >= 2
    assert report.error is None, report.error.message
    assert report.status is RunStatus.SUCCEEDED
    assert [table.rows_written for table in report.tables] == [3_000]
    assert await wrong_tables(pair, ROWS) == []


@pytest.mark.parametrize("pair", FROM_SERVERS, indirect=True, ids=names_of)
async def test_a_run_that_lost_its_source_is_completed_by_the_same_run(
    pair: Pair, request: pytest.FixtureRequest
) -> None:
    await fill(pair.source, ROWS)
    cutter = Cutter(server_of(pair.source.endpoint, request), pair.source.endpoint, 300)

    first = await migrated(pair, cutter)
    report = first if first.status is RunStatus.SUCCEEDED else await migrated(pair, cutter, OnLostSnapshot.CONTINUE)

    assert cutter.cuts >= 1
    assert report.error is None, report.error.message
    assert [table.rows_written for table in report.tables] == [3_000]
    assert await wrong_tables(pair, ROWS) == []
