"""A pause does not wait for a server that keeps a statement waiting, and leaves nothing running there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiomysql
import asyncpg
import pytest

from domain.connections.values import Endpoint, Engine
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunPhase, RunProgress, RunStatus
from infra.connectors.registry import connector_for
from tests.crash.ledger import ROWS, fill_source
from tests.crash.moving import EVENT, EVENTS, assert_exact, brought_to_its_end, file_at, filled, moved, pair_of
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.engine.control import Ask, ControlSwitch
from workers.engine.ends import Route, open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

OPTIONS = RunOptions(parallel=2, chunk_rows=500)
PAUSES = 50
PROGRESS_ROWS = len(EVENTS[EVENT]) - 500
"""Once so many are written, runs pause before their first chunk; what is left is much more than one run copies."""

MADE = "CREATE TABLE entry (id bigint PRIMARY KEY, cents bigint NOT NULL, note varchar(60))"


class Signpost:
    """A progress sink that tells when it comes to the rows."""

    def __init__(self) -> None:
        self.copying = asyncio.Event()

    async def report(self, progress: RunProgress) -> None:
        if progress.phase is RunPhase.DATA:
            self.copying.set()


@asynccontextmanager
async def locked_postgresql(target: Endpoint) -> AsyncIterator[Callable[[], asyncio.Future[int]]]:
    """Let nobody write the table; gives a count of other sessions that are doing something there."""
    connection = await asyncpg.connect(
        host=target.host,
        port=target.port,
        user=target.username,
        password=target.password.reveal(),
        database=target.database,
    )
    try:
        await connection.execute(MADE)
        await connection.execute("BEGIN; LOCK TABLE entry IN EXCLUSIVE MODE")

        async def busy() -> int:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            count: int = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            return count

        yield lambda: asyncio.ensure_future(busy())
    finally:
        await connection.close()


@asynccontextmanager
async def locked_mysql(target: Endpoint) -> AsyncIterator[Callable[[], asyncio.Future[int]]]:
    """The same for MariaDB."""
    connection = await aiomysql.connect(
        host=target.host,
        port=target.port,
        user=target.username,
        password=target.password.reveal(),
        db=target.database,
        autocommit=True,
    )
    try:
        async with connection.cursor() as cursor:
            await cursor.execute(MADE)
            await cursor.execute("LOCK TABLES entry READ")

            async def busy() -> int:
                await cursor.execute("SHOW FULL PROCESSLIST")
                rows = await cursor.fetchall()
                others = [row for row in rows if row[0] != connection.thread_id() and row[3] == target.database]
                return sum(row[4] not in ("Sleep", "Daemon") for row in others)

            yield lambda: asyncio.ensure_future(busy())
    finally:
        await connection.ensure_closed()


@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.MYSQL])
async def test_a_pause_does_not_wait_for_a_locked_table_and_leaves_no_statement_behind(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: PostgresqlServer | MysqlServer = request.getfixturevalue(f"{engine.value.lower()}_server")
    target = server.create_database()
    source = Endpoint(Engine.SQLITE, path=str(fill_source(tmp_path / "source.db")))
    route = Route(connector_for(source.engine), source, connector_for(engine), target)
    locking = locked_postgresql if engine is Engine.POSTGRESQL else locked_mysql
    switch, signpost = ControlSwitch(), Signpost()

    async with locking(target) as busy, open_ends(route, parallel=2) as ends:
        running = asyncio.create_task(run(ends, RunRequest("run", OPTIONS), signpost, switch))
        async with asyncio.timeout(20):
            await asyncio.wait([asyncio.ensure_future(signpost.copying.wait()), running], return_when="FIRST_COMPLETED")
            while not await busy():
                assert not running.done(), running.result()
                await asyncio.sleep(0.02)
        switch.set(Ask.PAUSE)
        async with asyncio.timeout(60):  # the lock is held all the while
            report = await running
        left = await busy()
    async with open_ends(route, parallel=2) as ends:
        resumed = await run(ends, RunRequest("run", OPTIONS), Signpost(), ControlSwitch())
    server.drop(target)

    assert report.status is RunStatus.PAUSED
    assert left == 0
    assert resumed.status is RunStatus.SUCCEEDED
    assert [(table.rows_read, table.rows_written, table.verified) for table in resumed.tables] == [(ROWS, ROWS, True)]


class PauseAfterRows:
    """A progress sink that asks for a pause once the run has written some rows, or at once if few are left."""

    def __init__(self, control: ControlSwitch) -> None:
        self._control = control
        self._before: int | None = None

    async def report(self, progress: RunProgress) -> None:
        if progress.phase is not RunPhase.DATA:
            return
        if self._before is None:
            self._before = progress.rows_written
        if progress.rows_written > self._before or progress.rows_written > PROGRESS_ROWS:
            self._control.set(Ask.PAUSE)


@pytest.mark.crash
async def test_fifty_pauses_in_a_row_cost_no_row(postgresql_database: Endpoint, tmp_path: Path) -> None:
    """Each run goes on where the one before stood, copies a few chunks, and pauses."""
    options = RunOptions(parallel=1, chunk_rows=2)
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), postgresql_database)
    statuses, written = [], []
    for _ in range(PAUSES):
        control = ControlSwitch()
        report = await moved(pair, PauseAfterRows(control), OnLostSnapshot.CONTINUE, options=options, control=control)
        statuses.append(report.status)
        written.append(sum(table.rows_written for table in report.tables))

    assert written == sorted(written)
    assert 0 < written[0] < written[1] < written[-1] < len(EVENTS[EVENT])
    assert statuses == [RunStatus.PAUSED] * PAUSES
    await assert_exact(pair, await brought_to_its_end(pair, options=options))
