"""Workers killed in the middle of a rollback: others go on with it."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from infra.db.stores.migrations.revival import LOSSES_MAX
from tests.connectors.lab import Lab
from tests.crash.tally import Tally
from tests.pairs.moves import fill
from tests.pairs.test_rollback import KIND, OLD_KINDS
from tests.support.api import LiveApi
from tests.support.migrations import MIGRATION, STATUS, Route, ended, route_from_shop
from tests.support.pictures import picture
from tests.support.workers import killed_by_itself, running_worker, start_worker

pytestmark = pytest.mark.timeout(600)

KINDS = (
    "CREATE TABLE kind (id BIGINT PRIMARY KEY NOT NULL, name VARCHAR(30))",
    "CREATE TABLE made (id INTEGER PRIMARY KEY, kind_id BIGINT REFERENCES kind (id))",
    "INSERT INTO kind VALUES (1, 'one'), (2, 'two')",
    "INSERT INTO made VALUES (1, 1), (2, 2), (3, 1)",
)

SITES = ("job.taken:1", "target.commits:2", "undo.acted:3", "undo.told:2", "undo.finished:1", "job.told:1")
HARDEST = "undo.forgotten:1"
"""The target has forgotten the run, and nobody else knows yet that this was the end."""


WAITING = """
SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'kind'::regclass)
"""


async def completed(api: LiveApi, target: Endpoint) -> tuple[Route, str]:
    """Replace the rows of a table and make another one."""
    route = await route_from_shop(api, target, *KINDS)
    id_ = await route.start(onExisting="TRUNCATE")
    async with running_worker(api.container):
        assert (await ended(route.client, id_))["status"] == "COMPLETED"
    return route, id_


async def ask_for_rollback(route: Route, id_: str) -> None:
    """Ask for it; a worker may be quick."""
    asked: dict[str, Any] = await route.client.ok(
        "rollbackMigration", "RollbackMigrationInput", {"migrationId": id_}, MIGRATION
    )
    assert asked["migration"]["status"] in ("ROLLING_BACK", "ROLLED_BACK")


@pytest.mark.parametrize("site", [HARDEST, *(pytest.param(site, marks=pytest.mark.crash) for site in SITES)])
async def test_a_worker_killed_in_a_rollback_is_replaced_and_the_target_is_as_it_was(
    site: str, hasty_api: LiveApi, postgresql_database: Endpoint, tally: Tally
) -> None:
    await fill_once(postgresql_database)
    before = await picture(postgresql_database)
    route, id_ = await completed(hasty_api, postgresql_database)
    await ask_for_rollback(route, id_)

    await killed_by_itself(start_worker(hasty_api.container, f"{site}=kill"))
    tally.kills["of workers in rollbacks"] += 1
    async with running_worker(hasty_api.container):
        status = await ended(route.client, id_)

    assert (status["status"], status["error"]) == ("ROLLED_BACK", None)
    assert await picture(postgresql_database) == before


@pytest.mark.crash
async def test_a_worker_that_is_told_to_stop_in_a_rollback_leaves_it_to_another(
    hasty_api: LiveApi, postgresql_database: Endpoint
) -> None:
    """Somebody reads the table in a long transaction, so the rollback waits for its lock."""
    await fill_once(postgresql_database)
    before = await picture(postgresql_database)
    route, id_ = await completed(hasty_api, postgresql_database)
    reader = await asyncpg.connect(
        host=postgresql_database.host,
        port=postgresql_database.port,
        user=postgresql_database.username,
        password=postgresql_database.password.reveal(),
        database=postgresql_database.database,
    )
    try:
        await reader.execute("BEGIN; SELECT count(*) FROM kind")
        await ask_for_rollback(route, id_)
        async with running_worker(hasty_api.container), asyncio.timeout(60):
            while not await reader.fetchval(WAITING):  # noqa: ASYNC110 - locks tell nobody
                await asyncio.sleep(0.05)
        standing = (await route.client.ask(STATUS, id=id_))["migrationStatus"]["status"]
        await reader.execute("ROLLBACK")
    finally:
        await reader.close()
    async with running_worker(hasty_api.container):
        status = await ended(route.client, id_)

    assert (standing, status["status"], status["error"]) == ("ROLLING_BACK", "ROLLED_BACK", None)
    assert await picture(postgresql_database) == before


@pytest.mark.crash
async def test_a_rollback_that_kills_every_worker_before_it_begins_leaves_the_migration_as_it_was(
    hasty_api: LiveApi, postgresql_database: Endpoint, tally: Tally
) -> None:
    await fill_once(postgresql_database)
    before = await picture(postgresql_database)
    route, id_ = await completed(hasty_api, postgresql_database)
    await ask_for_rollback(route, id_)

    for _ in range(LOSSES_MAX):
        await killed_by_itself(start_worker(hasty_api.container, "job.taken:1=kill"))
        tally.kills["in a crash loop"] += 1
    async with running_worker(hasty_api.container):
        first = await ended(route.client, id_)
        await ask_for_rollback(route, id_)
        second = await ended(route.client, id_)

    assert (first["status"], second["status"]) == ("COMPLETED", "ROLLED_BACK")
    assert await picture(postgresql_database) == before


async def fill_once(target: Endpoint) -> None:
    """Make the table that is there before."""
    await fill(Lab(Engine.POSTGRESQL, target, connector_for(Engine.POSTGRESQL)), {KIND: OLD_KINDS})
