"""A migration whose source loses the snapshot pauses, shows why, and waits for one of two choices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.connections.values import Endpoint
from tests.support.api import LiveApi, create_project
from tests.support.connections import create_connection, server_input
from tests.support.migrations import STATUS, Route, ended, reached, report_of, route_to, stands_at
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

Json = dict[str, Any]

ROWS = 60_000
CHUNK_ROWS = 200
LAST_CHANGED = f"UPDATE entry SET note = 'late' WHERE id = {ROWS}"
PAUSE = """subscription($id: ID!) { migrationEvents(id: $id) { status pauseReason { code message } } }"""
RESUMED = "... on ResumeMigrationSuccess { migration { status pauseReason { code } } }"


@pytest.fixture
async def route(
    live_api: LiveApi,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    mysql_database: Endpoint,
) -> Route:
    """A route from a filled PostgreSQL database to an empty one of MariaDB."""
    postgresql_server.run(
        f'SET ROLE "{postgresql_database.username}";'
        "CREATE TABLE entry (id integer PRIMARY KEY, note varchar(60));"
        f"INSERT INTO entry SELECT i, 'entry ' || i FROM generate_series(1, {ROWS}) i; ANALYZE entry",
        postgresql_database.database,
    )
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = server_input(project_id, postgresql_database, isSource=True, isTarget=False)
    return await route_to(ada, project_id, await create_connection(ada, source), mysql_database)


async def lose(route: Route, id_: str, server: PostgresqlServer, source: Endpoint) -> Json:
    """End the sessions that hold the snapshot, let the source change, and return how the migration stands then."""
    await reached(route, id_, rows=1_000)
    end = (
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE application_name LIKE 'wherry%' AND datname = '{source.database}'"
    )
    await asyncio.to_thread(server.run, f"{LAST_CHANGED}; {end}", source.database)
    assert await stands_at(route, id_, "PAUSED", "FAILED", "COMPLETED") == "PAUSED"
    status: Json = (await route.client.ask(STATUS, id=id_))["migrationStatus"]
    return status


async def resume(route: Route, id_: str, **choice: str) -> Json:
    input_ = {"migrationId": id_, **choice}
    return await route.client.tell("resumeMigration", "ResumeMigrationInput", input_, RESUMED)


def content(server: MysqlServer, target: Endpoint) -> list[tuple[Any, ...]]:
    return list(
        server.run("SELECT COUNT(*), COUNT(DISTINCT id), SUM(note = 'late') FROM entry", database=target.database)
    )


async def test_a_migration_that_loses_its_snapshot_waits_for_a_choice_and_starts_over(
    route: Route,
    worker: None,
    postgresql_server: PostgresqlServer,
    mysql_server: MysqlServer,
    postgresql_database: Endpoint,
    mysql_database: Endpoint,
) -> None:
    id_ = await route.start(batchSize=CHUNK_ROWS, parallelTasks=2)

    status = await lose(route, id_, postgresql_server, postgresql_database)
    async with asyncio.timeout(60), route.client.follow(PAUSE, id=id_) as events:
        seen = (await anext(events))["migrationEvents"]
    refused = await resume(route, id_)
    resumed = await resume(route, id_, onLostSnapshot="RESTART")
    end = await ended(route.client, id_)

    assert status["pauseReason"]["code"] == "SNAPSHOT_LOST"
    assert seen["pauseReason"] == status["pauseReason"]
    assert refused["code"] == "CONFLICT"
    for text in (status["pauseReason"]["message"], refused["message"]):
        assert "RESTART" in text
        assert "CONTINUE" in text
    assert resumed["migration"]["pauseReason"] is None
    assert (end["status"], end["error"]) == ("COMPLETED", None)
    assert content(mysql_server, mysql_database) == [(ROWS, ROWS, 1)]
    report = await report_of(route.client, id_)
    assert [(table["rowsRead"], table["rowsWritten"]) for table in report["tables"]] == [(ROWS, ROWS)]
    names = {mark["name"] for snapshot in report["snapshots"] for mark in snapshot["marks"]}
    assert names >= {"snapshot", "wal position"}


async def test_a_migration_that_loses_its_snapshot_goes_on_with_another_one_if_that_is_chosen(
    route: Route,
    worker: None,
    postgresql_server: PostgresqlServer,
    mysql_server: MysqlServer,
    postgresql_database: Endpoint,
    mysql_database: Endpoint,
) -> None:
    id_ = await route.start(batchSize=CHUNK_ROWS, parallelTasks=2, verify="COUNTS")

    await lose(route, id_, postgresql_server, postgresql_database)
    await resume(route, id_, onLostSnapshot="CONTINUE")
    end = await ended(route.client, id_)

    assert (end["status"], end["error"]) == ("COMPLETED", None)
    assert content(mysql_server, mysql_database) == [(ROWS, ROWS, 1)]
    report = await report_of(route.client, id_)
    assert report["consistency"] == "CHUNK"
    assert len(report["snapshots"]) > 1
    assert any("interrupted" in warning for warning in report["warnings"])
