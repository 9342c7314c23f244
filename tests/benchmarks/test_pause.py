"""A table of ten million rows is paused and resumed: how soon all is quiet, and how soon rows arrive again.

`BENCH_SCALE` multiplies the rows.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.choices import choices
from tests.benchmarks.commits import Commit, commits, first_after
from tests.benchmarks.long_tables import filled
from tests.benchmarks.servers import Databases
from tests.benchmarks.service import machine, service
from tests.benchmarks.spread import Spread
from tests.support.cli import start, url
from tests.support.migrations import ended, stands_at
from tests.support.slow_migration import route_between
from tests.support.stack import Stack, until

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

ROWS = int(10_000_000 * choices().scale)
PAUSES = 5
SHARE = 20
"""A pause comes each time when one more of so many parts of the table is there."""
SOURCES = (Engine.MYSQL, Engine.POSTGRESQL)
NOTICE_S = 600
ROW_BYTES = 60
"""About what a row takes in the target."""
_COUNTED = "SELECT coalesce(sum(rows_written), 0) FROM migration_table WHERE migration_id = '{}'"


@dataclass(frozen=True)
class Running:
    """The service with its workers, both servers, and a table in each of them."""

    databases: Databases
    stack: Stack
    sources: dict[Engine, Endpoint]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The service at work."""
    with service(tmp_path_factory.mktemp("home")) as (databases, stack), ExitStack() as filling:
        sources = {engine: filling.enter_context(filled(databases, engine, ROWS)) for engine in SOURCES}
        await stack.start("worker")
        await stack.start("api")
        yield Running(databases, stack, sources)


@pytest.mark.parametrize("engine", SOURCES, ids=lambda engine: engine.value.lower())
async def test_a_migration_of_ten_million_rows_pauses_and_goes_on(running: Running, engine: Engine) -> None:
    databases, stack, source = running.databases, running.stack, running.sources[engine]
    with databases.empty(Engine.POSTGRESQL) as target:
        route = await route_between(stack, source, target)
        id_ = await route.start(parallelTasks=2)
        paused: list[float] = []
        resumed: list[float] = []
        for turn in range(PAUSES):
            await until(partial(_has_counted, stack, id_, turn), timeout_s=NOTICE_S)
            stopped_at = time.time()
            await route.client.ok("pauseMigration", "PauseMigrationInput", {"migrationId": id_})
            await stands_at(route, id_, "PAUSED", timeout_s=NOTICE_S)
            await until(lambda: not _at_work(databases, source, target))
            paused.append(time.time() - stopped_at)
            resumed.append(time.time())
            await route.client.ok("resumeMigration", "ResumeMigrationInput", {"migrationId": id_})
        await until(partial(_has_counted, stack, id_, PAUSES), timeout_s=NOTICE_S)
        await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_})
        status = await ended(route.client, id_, timeout_s=NOTICE_S)
        made, counted = _made(databases, target), int(stack.control(_COUNTED.format(id_)))

    assert status["status"] == "CANCELLED"
    assert sum(commit.rows for commit in made) == counted
    _tell(f"API and workers, {engine.value.lower()}-postgresql", paused, _waits(made, resumed))


@pytest.mark.parametrize("engine", SOURCES, ids=lambda engine: engine.value.lower())
async def test_ctrl_c_pauses_a_copy_of_ten_million_rows_and_the_same_command_goes_on(
    running: Running, engine: Engine
) -> None:
    databases, source = running.databases, running.sources[engine]
    with databases.empty(Engine.POSTGRESQL) as target:
        paused: list[float] = []
        began: list[float] = []
        said = ""
        for turn in range(PAUSES + 1):
            began.append(time.time())
            copying = start("migrate", url(source), url(target), "--json")
            await until(partial(_has_come, databases, target, turn), timeout_s=NOTICE_S)
            paused_s, said = await _interrupted(copying, databases, source, target)
            paused.append(paused_s)
        made, report = _made(databases, target), json.loads(said)

    assert report["status"] == "PAUSED"
    assert sum(commit.rows for commit in made) == report["tables"][0]["rows_written"]
    # The first start is no resumption.
    _tell(f"command line, {engine.value.lower()}-postgresql", paused, _waits(made, began[1:]))


async def test_ctrl_c_pauses_a_copy_into_mysql_which_undoes_what_is_not_committed(running: Running) -> None:
    databases, source = running.databases, running.sources[Engine.POSTGRESQL]
    with databases.empty(Engine.MYSQL) as target:
        paused: list[float] = []
        resumed: list[float] = []
        said = ""
        for turn in range(PAUSES + 1):
            began, before = time.time(), _held_by_mysql(databases, target)
            copying = start("migrate", url(source), url(target), "--json")
            await until(partial(_has_more, databases, target, before), timeout_s=NOTICE_S)
            resumed.append(time.time() - began)
            await until(partial(_has_more, databases, target, ROWS * (turn + 1) // SHARE), timeout_s=NOTICE_S)
            paused_s, said = await _interrupted(copying, databases, source, target)
            paused.append(paused_s)
        twice = "SELECT count(*) - count(DISTINCT id), count(*) FROM `long`"
        [(doubled, held)] = databases.mysql.run(twice, database=target.database)

    assert doubled == 0
    assert held == json.loads(said)["tables"][0]["rows_written"]
    _tell("command line, postgresql-mysql", paused, resumed[1:])


async def _interrupted(
    copying: subprocess.Popen[str], databases: Databases, source: Endpoint, target: Endpoint
) -> tuple[float, str]:
    """Press Ctrl-C; return how long it took until both servers were quiet, and what the command printed."""
    asked_at = time.time()
    copying.send_signal(signal.SIGINT)
    printed, said = await asyncio.to_thread(copying.communicate)
    await until(lambda: not _at_work(databases, source, target))
    assert copying.returncode != 0, said
    return time.time() - asked_at, printed


def _has_more(databases: Databases, target: Endpoint, rows: int) -> bool:
    return _held_by_mysql(databases, target) > rows


def _held_by_mysql(databases: Databases, target: Endpoint) -> int:
    """Return how many rows have been committed there, by the ledger of the run."""
    is_there = f"SELECT count(*) FROM information_schema.tables WHERE table_schema = '{target.database}'"
    sql = "SELECT coalesce(sum(rows_written), 0) FROM _wherry_chunk"
    if not databases.mysql.run(f"{is_there} AND table_name = '_wherry_chunk'")[0][0]:
        return 0
    return int(str(databases.mysql.run(sql, database=target.database)[0][0]))


def _made(databases: Databases, target: Endpoint) -> list[Commit]:
    """Return what has arrived, commit by commit, no row twice."""
    twice = "SELECT count(*) - count(DISTINCT id) FROM long"
    assert databases.postgresql.run(twice, target.database).strip() == "0"
    return commits(databases.postgresql, target, "long")


def _tell(what: str, paused_s: list[float], waits_s: list[float]) -> None:
    print(f"\n{ROWS:,} rows, {what}, {machine()}")
    print(f"  from the command to quiet:            {Spread.of(paused_s)}  ({len(paused_s)} times)")
    print(f"  from resuming to the next rows there: {Spread.of(waits_s)}")


def _waits(made: list[Commit], resumed: list[float]) -> list[float]:
    """Return how long each resumption took until rows were committed; each is followed by some."""
    waits = [first_after(made, moment) for moment in resumed]
    return [wait for wait in waits if wait is not None]


def _has_counted(stack: Stack, id_: str, turn: int) -> bool:
    """Tell whether so many rows are counted that it is the turn of this pause."""
    return int(stack.control(_COUNTED.format(id_))) > ROWS * (turn + 1) // SHARE


def _has_come(databases: Databases, target: Endpoint, turn: int) -> bool:
    """Tell likewise by the size of the table in the target, since counting its rows would take its time."""
    sql = "SELECT coalesce(pg_relation_size(to_regclass('long')), 0)"
    size_bytes = int(databases.postgresql.run(sql, target.database))
    return size_bytes > ROW_BYTES * ROWS * (turn + 1) // SHARE


def _at_work(databases: Databases, source: Endpoint, target: Endpoint) -> int:
    """Return how many statements run for us at the two servers."""
    users = f"'{source.username}', '{target.username}'"
    busy = int(
        databases.postgresql.run(
            f"SELECT count(*) FROM pg_stat_activity WHERE usename IN ({users}) AND state <> 'idle'"
        )
    )
    if Engine.MYSQL in (source.engine, target.engine):
        sql = f"SELECT count(*) FROM information_schema.processlist WHERE user IN ({users}) AND command <> 'Sleep'"
        busy += int(str(databases.mysql.run(sql)[0][0]))
    return busy
