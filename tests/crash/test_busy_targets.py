"""Targets that others lock, deadlock with, or make read-only; and an index build that is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomysql
import asyncpg
import pytest

from domain.catalog.model import Column, ForeignKey, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ErrorCode
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunPhase, RunProgress, RunStatus
from infra.connectors.postgresql import session as postgresql_session
from tests.crash.moving import (
    EVENT,
    EVENTS,
    AtRows,
    Silent,
    assert_exact,
    assert_pauses,
    brought_to_its_end,
    file_at,
    filled,
    lab_at,
    moved,
    pair_of,
    tried,
)
from tests.pairs.moves import Rows
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.engine.control import Ask, ControlSwitch

Server = PostgresqlServer | MysqlServer
Execute = Callable[[str], Awaitable[Any]]

ENGINES = (Engine.POSTGRESQL, Engine.MYSQL)
ONE_LANE = RunOptions(parallel=1, chunk_rows=1_000)
MADE = "CREATE TABLE event (id integer PRIMARY KEY, body text)"

both = pytest.mark.parametrize("engine", ENGINES, ids=["postgresql", "mysql"])


@asynccontextmanager
async def other_session(target: Endpoint) -> AsyncIterator[Execute]:
    """A session of somebody else; what it has begun ends with it."""
    where = {"host": target.host, "port": target.port, "user": target.username, "password": target.password.reveal()}
    if target.engine is Engine.POSTGRESQL:
        connection = await asyncpg.connect(**where, database=target.database)
        try:
            yield connection.execute
        finally:
            await connection.close()
        return
    other = await aiomysql.connect(**where, db=target.database, autocommit=True)
    try:
        async with other.cursor() as cursor:
            yield cursor.execute
    finally:
        other.close()


def server_of(engine: Engine, request: pytest.FixtureRequest) -> Server:
    server = request.getfixturevalue(f"{engine.value.lower()}_server")
    assert isinstance(server, PostgresqlServer | MysqlServer)
    return server


@pytest.fixture
def target(engine: Engine, request: pytest.FixtureRequest) -> Endpoint:
    endpoint = request.getfixturevalue(f"{engine.value.lower()}_database")
    assert isinstance(endpoint, Endpoint)
    return endpoint


@pytest.mark.crash
@both
async def test_a_run_pauses_at_a_lock_that_is_held_too_long_and_goes_on_later(
    engine: Engine, target: Endpoint, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgresql_session._SETTINGS, "lock_timeout", "200")
    server = server_of(engine, request)
    if isinstance(server, MysqlServer):
        server.run("SET GLOBAL innodb_lock_wait_timeout = 1")
        request.addfinalizer(lambda: server.run("SET GLOBAL innodb_lock_wait_timeout = DEFAULT"))
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), target)
    async with other_session(target) as execute:
        await execute(MADE)
        await execute("BEGIN")
        await execute("INSERT INTO event VALUES (1, 'mine')")
        report, _ = await tried(pair, Silent(), options=ONE_LANE)
        await execute("ROLLBACK")

    assert_pauses(report, ErrorCode.DATABASE_BUSY)
    assert report is not None
    assert sum(table.rows_written for table in report.tables) < len(EVENTS[EVENT])
    await assert_exact(pair, await brought_to_its_end(pair, options=ONE_LANE))


@both
async def test_a_deadlock_with_others_is_tried_again(
    engine: Engine, target: Endpoint, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The other holds the last row and asks for the first while the run has the first and waits for the last."""
    server = server_of(engine, request)
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), target)
    async with other_session(target) as execute, asyncio.TaskGroup() as tasks:
        await execute(MADE)
        await execute("CREATE TABLE heavy (number integer)")
        await execute("BEGIN")
        await execute(f"INSERT INTO heavy VALUES {', '.join(f'({number})' for number in range(3_000))}")
        await execute("INSERT INTO event VALUES (950, 'mine')")
        running = tasks.create_task(moved(pair, Silent(), options=ONE_LANE))
        await waits_for_a_lock(server, target)
        with suppress(asyncpg.DeadlockDetectedError, aiomysql.OperationalError):  # one of the two has to give way
            await execute("INSERT INTO event VALUES (5, 'mine')")
        await execute("ROLLBACK")

    await assert_exact(pair, running.result())


def count(rows: list[tuple[Any, ...]]) -> int:
    """Return the one number that was asked for."""
    [(number,)] = rows
    return int(number)


async def waits_for_a_lock(server: Server, target: Endpoint) -> None:
    """Return once a session waits for a lock that another one holds.

    MariaDB's table of transactions is of no use here: it shows its last picture for as long as it is looked at often.
    """
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{target.database}' AND wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while True:
            if isinstance(server, PostgresqlServer):
                waiting = int(await asyncio.to_thread(server.run, sql))
            else:
                [(_, waits)] = await asyncio.to_thread(server.run, "SHOW STATUS LIKE 'Innodb_row_lock_current_waits'")
                waiting = int(str(waits))
            if waiting:
                return
            await asyncio.sleep(0.05)


async def test_a_table_that_a_crash_would_empty_takes_no_rows(postgresql_database: Endpoint, tmp_path: Path) -> None:
    """The ledger is logged, so it would remember rows that are gone."""
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), postgresql_database)
    async with other_session(postgresql_database) as execute:
        await execute(MADE.replace("TABLE", "UNLOGGED TABLE"))
        report, reason = await tried(pair, Silent())
        left = await execute("DELETE FROM event")
        await execute("ALTER TABLE event SET LOGGED")

    assert report is not None
    assert (report.status, "SET LOGGED" in reason, left) == (RunStatus.FAILED, True, "DELETE 0")
    await assert_exact(pair, await brought_to_its_end(pair))


@pytest.mark.crash
@both
async def test_a_run_pauses_at_once_when_its_target_becomes_read_only_and_goes_on_later(
    engine: Engine, target: Endpoint, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The lanes go on meanwhile: MariaDB waits for the end of statements, which need the rows that a lane sends."""
    server, options = server_of(engine, request), RunOptions(parallel=2, chunk_rows=2)
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), target)
    try:
        async with asyncio.TaskGroup() as beside:
            sink = AtRows(500, lambda: aside(beside, lambda: make_read_only(server, target)))
            report = await moved(pair, sink, options=options)
    finally:
        make_writable(server, target)

    assert_pauses(report, ErrorCode.TARGET_READ_ONLY)
    await assert_exact(pair, await brought_to_its_end(pair, options=options))


@pytest.mark.crash
@both
async def test_a_run_pauses_when_its_user_may_not_write_any_more_and_goes_on_later(
    engine: Engine, target: Endpoint, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = server_of(engine, request)
    options = RunOptions(parallel=1, chunk_rows=2)
    pair = pair_of(await filled(file_at(tmp_path / "source.db")), target)
    async with asyncio.TaskGroup() as beside:
        sink = AtRows(500, lambda: aside(beside, lambda: revoke(server, target)))
        report = await moved(pair, sink, options=options)
    grant(server, target)

    assert_pauses(report, ErrorCode.PRIVILEGE_MISSING)
    await assert_exact(pair, await brought_to_its_end(pair, options=options))


def revoke(server: Server, target: Endpoint) -> None:
    """Take the right to write away; MariaDB heeds it once a session begins."""
    if isinstance(server, PostgresqlServer):
        server.run(f'REVOKE INSERT ON event FROM "{target.username}"', target.database)
        return
    server.run(f"REVOKE INSERT ON `{target.database}`.* FROM '{target.username}'@'127.0.0.1'")
    server.run(f"KILL CONNECTION USER '{target.username}'")


def grant(server: Server, target: Endpoint) -> None:
    """Give it back."""
    if isinstance(server, PostgresqlServer):
        server.run(f'GRANT INSERT ON event TO "{target.username}"', target.database)
    else:
        server.run(f"GRANT INSERT ON `{target.database}`.* TO '{target.username}'@'127.0.0.1'")


def aside(tasks: asyncio.TaskGroup, work: Callable[[], None]) -> None:
    """Do some work on a thread; nobody waits for it here."""
    tasks.create_task(asyncio.to_thread(work))


def make_read_only(server: Server, target: Endpoint) -> None:
    if isinstance(server, PostgresqlServer):
        server.run(
            f'ALTER DATABASE "{target.database}" SET default_transaction_read_only = on;'
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE datname = '{target.database}' AND application_name LIKE 'wherry%'"
        )
    else:
        server.run("SET GLOBAL read_only = ON")


def make_writable(server: Server, target: Endpoint) -> None:
    if isinstance(server, PostgresqlServer):
        server.run(f'ALTER DATABASE "{target.database}" RESET default_transaction_read_only')
    else:
        server.run("SET GLOBAL read_only = OFF")


CHAIN = tuple(
    Table(
        TableName(name),
        (Column("id", Integer(32), "", nullable=False), Column(other, Integer(32), "")),
        primary_key=Key(("id",)),
        foreign_keys=(ForeignKey(f"{name}_{other}", (other,), TableName(other), ("id",)),),
    )
    for name, other in (("hen", "egg"), ("egg", "hen"))
)
CIRCLE: dict[Table, Rows] = {
    CHAIN[0]: [(number, number) for number in range(1, 301)],
    CHAIN[1]: [(number, 301 - number) for number in range(1, 301)],
}


@both
async def test_references_in_a_circle_are_made_once_all_rows_are_there(
    engine: Engine, target: Endpoint, request: pytest.FixtureRequest
) -> None:
    other = ENGINES[engine is Engine.POSTGRESQL]
    source = request.getfixturevalue(f"{other.value.lower()}_database")
    pair = pair_of(await filled(source, CIRCLE), target)

    report = await moved(pair, Silent())

    await assert_exact(pair, report, CIRCLE)
    async with lab_at(target).source() as opened:
        schema = await opened.introspect()
    assert sorted(key.references.name for table in schema.tables for key in table.foreign_keys) == ["egg", "hen"]


INDEXED = Table(
    TableName("event"),
    (Column("id", Integer(32), "", nullable=False), Column("number", Integer(32), "")),
    primary_key=Key(("id",)),
    indexes=(Index("event_number", (IndexPart("number"),)),),
)
NUMBERS: dict[Table, Rows] = {INDEXED: [(number, number % 7) for number in range(500)]}


class CancelAtIndexes:
    """A progress sink that asks for the end once indexes are made."""

    def __init__(self, control: ControlSwitch) -> None:
        self._control = control
        self.seen = False

    async def report(self, progress: RunProgress) -> None:
        if progress.phase is RunPhase.INDEXES:
            self.seen = True
            self._control.set(Ask.CANCEL)


@both
async def test_a_cancelled_index_build_leaves_nothing_running_and_is_done_later(
    engine: Engine, target: Endpoint, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Somebody who uses the table holds the build up; rows can be written meanwhile."""
    server, control = server_of(engine, request), ControlSwitch()
    pair = pair_of(await filled(file_at(tmp_path / "source.db"), NUMBERS), target)
    sink = CancelAtIndexes(control)
    async with other_session(target) as execute:
        await execute("CREATE TABLE event (id integer PRIMARY KEY, number integer)")
        await execute("BEGIN")
        await execute(
            "LOCK TABLE event IN ROW EXCLUSIVE MODE" if engine is Engine.POSTGRESQL else "SELECT * FROM event"
        )
        report = await moved(pair, sink, control=control)
        await nothing_runs(server, target)
        await execute("ROLLBACK")

    assert sink.seen
    assert report.status is RunStatus.CANCELLED
    await assert_exact(pair, await brought_to_its_end(pair), NUMBERS)
    async with lab_at(target).source() as opened:
        [table] = (await opened.introspect()).tables
    assert [index.parts for index in table.indexes] == [(IndexPart("number"),)]


async def nothing_runs(server: Server, target: Endpoint) -> None:
    """Return once no session of ours has a statement under way at the target."""
    ours = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{target.database}' AND state = 'active'"
    async with asyncio.timeout(60):
        while True:
            if isinstance(server, PostgresqlServer):
                busy = int(await asyncio.to_thread(server.run, ours))
            else:
                busy = count(
                    await asyncio.to_thread(
                        server.run,
                        "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' "
                        f"AND user = '{target.username}'",
                    )
                )
            if not busy:
                return
            await asyncio.sleep(0.05)
