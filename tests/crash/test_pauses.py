"""Migrations that workers carry out pause when only a person can help, show why, and go on once that is done."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from domain.connections.values import Endpoint, Engine
from infra.connectors.postgresql import session as postgresql_session
from tests.crash.test_full_disks import SmallDisk, noise
from tests.crash.test_full_disks import small_disk as small_disk  # noqa: PLC0414 - a fixture
from tests.support.api import LiveApi
from tests.support.migrations import (
    ENTRIES,
    MIGRATION,
    STATUS,
    Route,
    all_entries,
    ended,
    entries,
    reached,
    report_of,
    resume,
    route_from_shop,
    stands_at,
)
from tests.support.postgresql import PostgresqlServer
from tests.support.restarts import own_server
from workers.engine.retry import RetryPolicy
from workers.jobs import duty

Json = dict[str, Any]

ROWS = 60_000
BULKY_ROWS = 8_000
BULKY = (
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, note TEXT)",
    "INSERT INTO entry VALUES " + ", ".join(f"({number}, '{noise(number)}')" for number in range(1, BULKY_ROWS + 1)),
)
MADE = "CREATE TABLE entry (id bigint PRIMARY KEY, note varchar(60))"

FRAMES = """subscription($id: ID!) { migrationEvents(id: $id) { kind status pauseReason { code message } } }"""
ROLLBACK = "query($id: ID!) { migrationRollback(id: $id) { failure { code } progress { actsDone } } }"
LOGS = "query($id: ID!) { migrationLogs(id: $id, first: 100) { edges { node { level message } } } }"


async def paused(route: Route, id_: str) -> Json:
    """Wait until a migration has come to rest, and return how it stands; subscribers see the same."""
    assert await stands_at(route, id_, "PAUSED", "FAILED", "COMPLETED", timeout_s=120) == "PAUSED"
    status: Json = (await route.client.ask(STATUS, id=id_))["migrationStatus"]
    async with asyncio.timeout(60), route.client.follow(FRAMES, id=id_) as events:
        seen = (await anext(events))["migrationEvents"]
    assert seen == {"kind": "SNAPSHOT", "status": "PAUSED", "pauseReason": status["pauseReason"]}
    assert status["error"] is None
    assert "Resume once" in status["pauseReason"]["message"]
    return status


async def roll_back(route: Route, id_: str) -> None:
    await route.client.ok("rollbackMigration", "RollbackMigrationInput", {"migrationId": id_}, MIGRATION)


def make_read_only(server: PostgresqlServer, name: str) -> None:
    """Let nobody write a database any more, whoever is in it."""
    server.run(
        f'ALTER DATABASE "{name}" SET default_transaction_read_only = on;'
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND application_name LIKE 'wherry%'"
    )


async def assert_complete(route: Route, id_: str, server: PostgresqlServer, target: Endpoint, rows: int) -> None:
    """It has come to its end, knows no reason to pause any more, and every row is there once and compared."""
    end = await ended(route.client, id_)
    assert (end["status"], end["error"], end["pauseReason"]) == ("COMPLETED", None, None)
    [table] = (await report_of(route.client, id_))["tables"]
    assert (table["rowsRead"], table["rowsWritten"], table["verified"]) == (rows, rows, True)
    assert await asyncio.to_thread(server.run, ENTRIES, target.database) == all_entries(rows)


async def test_a_migration_whose_target_becomes_read_only_pauses_and_shows_why_until_it_is_resumed(
    live_api: LiveApi, worker: None, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    """Resumed too early it pauses again, for the same reason."""
    name = postgresql_database.database
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=200, parallelTasks=2)
    await reached(route, id_, rows=1_000)

    await asyncio.to_thread(make_read_only, postgresql_server, name)
    first = await paused(route, id_)
    too_early = await resume(route, id_)
    second = await paused(route, id_)
    postgresql_server.run(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    resumed = await resume(route, id_)

    assert first["pauseReason"]["code"] == second["pauseReason"]["code"] == "TARGET_READ_ONLY"
    for answer in (too_early["migration"], resumed["migration"]):
        assert (answer["status"], answer["pauseReason"]) == ("PENDING", None)
    await assert_complete(route, id_, postgresql_server, postgresql_database, ROWS)
    lines = [edge["node"] for edge in (await route.client.ask(LOGS, id=id_))["migrationLogs"]["edges"]]
    told = f"The migration has paused: {first['pauseReason']['message']}"
    assert {"level": "WARNING", "message": told} in lines


async def test_a_rollback_that_the_target_does_not_let_begin_leaves_the_pause_as_it_was(
    live_api: LiveApi, worker: None, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    """It can be resumed, or rolled back once that is possible; what it has paused for is still told."""
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=200, parallelTasks=2)
    await reached(route, id_, rows=1_000)
    await asyncio.to_thread(make_read_only, postgresql_server, postgresql_database.database)
    before = await paused(route, id_)

    await roll_back(route, id_)
    after = await paused(route, id_)
    why = (await route.client.ask(ROLLBACK, id=id_))["migrationRollback"]
    resumed = await resume(route, id_)
    again = await paused(route, id_)
    postgresql_server.run(f'ALTER DATABASE "{postgresql_database.database}" RESET default_transaction_read_only')
    await roll_back(route, id_)
    end = await ended(route.client, id_)
    tables = await asyncio.to_thread(
        postgresql_server.run,
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        postgresql_database.database,
    )

    assert after["pauseReason"] == before["pauseReason"]
    assert (why["failure"]["code"], why["progress"]) == ("TARGET_READ_ONLY", None)
    assert (resumed["migration"]["status"], again["pauseReason"]["code"]) == ("PENDING", "TARGET_READ_ONLY")
    assert (end["status"], end["error"], end["pauseReason"]) == ("ROLLED_BACK", None, None)
    assert tables == "0"


@pytest.mark.crash
async def test_a_migration_pauses_at_a_lock_that_is_held_too_long_and_goes_on_later(
    live_api: LiveApi,
    worker: None,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(postgresql_session._SETTINGS, "lock_timeout", "100")
    monkeypatch.setattr(duty, "PATIENCE", RetryPolicy(attempts_max=2, pause_s=0.1))
    where = postgresql_database
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    other = await asyncpg.connect(
        host=where.host,
        port=where.port,
        user=where.username,
        password=where.password.reveal(),
        database=where.database,
    )
    try:
        await other.execute(MADE)
        await other.execute("BEGIN")
        await other.execute(f"INSERT INTO entry VALUES ({ROWS // 2}, 'mine')")
        id_ = await route.start(batchSize=1_000, parallelTasks=2)
        status = await paused(route, id_)
        await other.execute("ROLLBACK")
    finally:
        await other.close()
    await resume(route, id_)

    assert status["pauseReason"]["code"] == "DATABASE_BUSY"
    await assert_complete(route, id_, postgresql_server, postgresql_database, ROWS)


@pytest.mark.crash
async def test_a_migration_pauses_when_the_disk_of_its_target_is_full_and_is_complete_once_it_is_resumed(
    live_api: LiveApi, worker: None, small_disk: SmallDisk, request: pytest.FixtureRequest
) -> None:
    with own_server(Engine.POSTGRESQL, request) as own:
        assert isinstance(own.server, PostgresqlServer)
        target = own.server.create_database()
        own.server.run(f"CREATE TABLESPACE small LOCATION '{small_disk.path}'")
        own.server.run(f'ALTER DATABASE "{target.database}" SET TABLESPACE small')
        small_disk.resize(small_disk.used_mb + 8)
        route = await route_from_shop(live_api, target, *BULKY)

        id_ = await route.start(batchSize=500, parallelTasks=2)
        status = await paused(route, id_)
        small_disk.resize(2_000)
        await resume(route, id_)

        assert status["pauseReason"]["code"] == "TARGET_DISK_FULL"
        await assert_complete(route, id_, own.server, target, BULKY_ROWS)


async def test_a_migration_that_lacks_a_right_before_its_plan_stands_has_failed_and_leaves_its_target_to_others(
    live_api: LiveApi, worker: None, postgresql_server: PostgresqlServer
) -> None:
    target = postgresql_server.create_database()
    route = await route_from_shop(live_api, target, *entries(ROWS))
    postgresql_server.run(f'ALTER DATABASE "{target.database}" OWNER TO CURRENT_USER')

    failed = await ended(route.client, await route.start())
    postgresql_server.run(f'GRANT ALL ON DATABASE "{target.database}" TO "{target.username}"')
    postgresql_server.run(f'GRANT ALL ON SCHEMA public TO "{target.username}"', target.database)
    other = await ended(route.client, await route.start())
    postgresql_server.drop(target)

    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "PRIVILEGE_MISSING")
    assert failed["pauseReason"] is None
    assert (other["status"], other["error"]) == ("COMPLETED", None)
