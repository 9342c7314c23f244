"""Pausing, resuming and retrying migrations through the API, carried out by a worker, between real databases."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from domain.connections.values import Endpoint
from tests.support.api import LiveApi
from tests.support.migrations import (
    ENTRIES,
    EVENTS,
    MIGRATION,
    RESUMED,
    STATUS,
    all_entries,
    ended,
    entries,
    pause,
    reached,
    report_of,
    resume,
    route_from_shop,
    stands_at,
)
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import running_worker

Json = dict[str, Any]

ROWS = 60_000
DEAD = "query($id: ID!) { deadChunks(id: $id) { table number scope rowEstimate attempts reason } }"


async def kinds(api: LiveApi, id_: str) -> list[tuple[int, str]]:
    rows = await api.container.database.rows(
        "SELECT sequence, kind FROM migration_event WHERE migration_id = :id ORDER BY sequence", id=id_
    )
    return [(row["sequence"], row["kind"]) for row in rows]


async def test_a_migration_pauses_in_the_middle_of_a_table_and_goes_on_where_it_stood(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=200, parallelTasks=2)
    await reached(route, id_, rows=3_000)

    pausing = await pause(route, id_)
    await stands_at(route, id_, "PAUSED")
    at_rest = int(postgresql_server.run("SELECT count(*) FROM entry", postgresql_database.database))
    again = await pause(route, id_)
    resumed = await resume(route, id_)
    status = await ended(route.client, id_)

    assert pausing["migration"]["status"] in ("PAUSING", "PAUSED")
    assert 3_000 <= at_rest < ROWS
    assert again["migration"]["status"] == "PAUSED"
    assert resumed["outlook"]["rowsKept"] >= at_rest
    assert resumed["outlook"]["chunksKept"] + resumed["outlook"]["chunksLeft"] == ROWS // 200
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run(ENTRIES, postgresql_database.database) == all_entries(ROWS)
    report = await report_of(route.client, id_)
    assert [(t["rowsRead"], t["rowsWritten"], t["verified"]) for t in report["tables"]] == [(ROWS, ROWS, True)]
    told = await kinds(live_api, id_)
    assert [sequence for sequence, _ in told] == list(range(told[0][0], told[0][0] + len(told)))
    assert [kind for _, kind in told].count("TERMINAL") == 1


async def test_subscribers_see_every_step_of_a_pause(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=1_000, parallelTasks=1)
    seen: list[str] = []

    async with asyncio.timeout(60), route.client.follow(EVENTS, id=id_) as events:
        async for event in events:
            frame = event["migrationEvents"]
            if frame["kind"] in ("STATUS", "TERMINAL"):
                seen.append(frame["status"])
            if frame["kind"] == "PROGRESS" and "PAUSING" not in seen and frame["progress"]["rowsWritten"]:
                await pause(route, id_)
            if frame["status"] == "PAUSED" and seen.count("PENDING") == 0:
                await resume(route, id_)

    assert seen[-1] == "COMPLETED"
    assert [s for s in seen if s in ("PAUSING", "PAUSED", "PENDING")] == ["PAUSING", "PAUSED", "PENDING"]


async def test_a_migration_that_waits_for_a_worker_pauses_at_once(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    id_ = await route.start()

    assert (await pause(route, id_))["migration"]["status"] == "PAUSED"
    resumed = await resume(route, id_)

    assert resumed["migration"]["status"] == "PENDING"
    assert set(resumed["outlook"].values()) == {0}
    cancelled = await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)
    assert cancelled["migration"]["status"] == "CANCELLED"
    refused = await route.client.tell("resumeMigration", "ResumeMigrationInput", {"migrationId": id_}, RESUMED)
    assert refused["code"] == "CONFLICT"


async def test_a_failed_migration_goes_on_once_its_cause_is_mended(
    live_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    """The target refuses some rows, so their chunks are given up; they are tried again when that is asked for, twice.

    No worker is there meanwhile, so the second time nothing has happened yet since the first.
    """
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    owner = f'SET ROLE "{postgresql_database.username}";'
    postgresql_server.run(
        f"{owner} CREATE TABLE entry (id bigint PRIMARY KEY, note varchar(60), CONSTRAINT small CHECK (id < 30000));",
        postgresql_database.database,
    )

    id_ = await route.start(batchSize=1_000, parallelTasks=2)
    async with running_worker(live_api.container):
        failed = await ended(route.client, id_)
    dead = (await route.client.ask(DEAD, id=id_))["deadChunks"]
    postgresql_server.run(f"{owner} ALTER TABLE entry DROP CONSTRAINT small", postgresql_database.database)
    retried = await route.client.ok("retryDeadChunks", "RetryDeadChunksInput", {"migrationId": id_}, RESUMED)
    again = await route.client.ok("retryDeadChunks", "RetryDeadChunksInput", {"migrationId": id_}, RESUMED)
    async with running_worker(live_api.container):
        status = await ended(route.client, id_)

    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "VALUE_REJECTED")
    assert dead
    assert {chunk["table"] for chunk in dead} == {"entry"}
    assert all("small" in chunk["reason"] and chunk["scope"] for chunk in dead)
    assert retried["migration"]["status"] == "PENDING"
    assert retried["outlook"]["rowsKept"] > 0
    assert again == retried | {"outlook": retried["outlook"] | {"chunksDead": 0}}
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run(ENTRIES, postgresql_database.database) == all_entries(ROWS)
    assert [kind for _, kind in await kinds(live_api, id_)].count("TERMINAL") == 1
    nothing = await route.client.tell("retryDeadChunks", "RetryDeadChunksInput", {"migrationId": id_}, RESUMED)
    assert nothing["code"] == "CONFLICT"


async def test_a_migration_whose_source_has_changed_is_not_resumed(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=100, parallelTasks=1)
    await reached(route, id_, rows=1_000)
    await pause(route, id_)
    await stands_at(route, id_, "PAUSED")
    shown = await route.client.ask("query($id: ID!) { connection(id: $id) { config { path } } }", id=route.source_id)
    file = live_api.container.settings.data_dir / shown["connection"]["config"]["path"]
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE entry ADD COLUMN late TEXT")
        connection.commit()

    await resume(route, id_)
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]["code"]) == ("FAILED", "SCHEMA_DRIFT")
    assert "entry" in status["error"]["message"]


async def test_a_migration_whose_target_has_forgotten_it_is_not_resumed(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=100, parallelTasks=1)
    await reached(route, id_, rows=1_000)
    await pause(route, id_)
    await stands_at(route, id_, "PAUSED")
    schema = postgresql_server.run(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%wherry%'", postgresql_database.database
    )
    postgresql_server.run(f"DROP SCHEMA {schema} CASCADE", postgresql_database.database)

    await resume(route, id_)
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]["code"]) == ("FAILED", "CONFLICT")
    assert "another database" in status["error"]["message"]


async def test_what_the_target_has_lost_is_copied_again(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    """As after a crash of a server that had promised more than it kept: rows and receipts are gone together."""
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=100, parallelTasks=1)
    await reached(route, id_, rows=2_000)
    await pause(route, id_)
    await stands_at(route, id_, "PAUSED")
    schema = postgresql_server.run(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%wherry%'", postgresql_database.database
    )
    postgresql_server.run(f"TRUNCATE entry; TRUNCATE {schema}.chunk", postgresql_database.database)

    await resume(route, id_)
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run(ENTRIES, postgresql_database.database) == all_entries(ROWS)


@pytest.mark.slow
async def test_pauses_and_resumes_in_a_row_do_no_harm(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database, *entries(ROWS))
    id_ = await route.start(batchSize=1_000, parallelTasks=3)

    for _ in range(6):
        status = (await route.client.ask(STATUS, id=id_))["migrationStatus"]["status"]
        if status == "COMPLETED":
            break
        answer = await route.client.tell("pauseMigration", "PauseMigrationInput", {"migrationId": id_}, MIGRATION)
        if "code" not in answer:
            await stands_at(route, id_, "PAUSED", "COMPLETED")
        await route.client.tell("resumeMigration", "ResumeMigrationInput", {"migrationId": id_}, RESUMED)
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run(ENTRIES, postgresql_database.database) == all_entries(ROWS)


async def test_a_stranger_can_neither_pause_nor_resume(live_api: LiveApi, postgresql_database: Endpoint) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    id_ = await route.start()
    eve = await live_api.signed_in()

    answers = [
        await eve.tell("pauseMigration", "PauseMigrationInput", {"migrationId": id_}, MIGRATION),
        await eve.tell("resumeMigration", "ResumeMigrationInput", {"migrationId": id_}, RESUMED),
        await eve.tell("retryDeadChunks", "RetryDeadChunksInput", {"migrationId": id_}, RESUMED),
    ]

    assert [answer["code"] for answer in answers] == ["NOT_FOUND"] * 3
    assert (await eve.refused(DEAD, id=id_))["code"] == "NOT_FOUND"
