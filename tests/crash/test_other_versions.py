"""Migrations that another version of Wherry has planned."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from domain.connections.values import Endpoint
from tests.support.api import LiveApi
from tests.support.migrations import SALES, ended, report_of, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import killed_by_itself, running_worker, start_worker

OF_OTHERS = """
UPDATE migration_plan SET prepared = jsonb_set(prepared, '{shape}', '"of another version"')
WHERE migration_id = CAST(:id AS uuid)
"""

PROGRESS = "query($id: ID!) { migrationProgress(id: $id) { rowsWritten } }"


async def planned_by_others(api: LiveApi, id_: str) -> None:
    """Make a migration's plan one that this version does not know."""
    async with api.container.database.transaction() as session:
        await (await session.connection()).execute(text(OF_OTHERS), {"id": id_})
        await session.commit()


@pytest.mark.crash
async def test_a_plan_of_another_version_is_refused_with_its_reason_and_made_again_by_who_resumes(
    hasty_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database)
    id_ = await route.start(parallelTasks=1)
    await killed_by_itself(start_worker(hasty_api.container, "job.told:1=kill"))
    await planned_by_others(hasty_api, id_)

    async with running_worker(hasty_api.container):
        refused = await ended(route.client, id_)
        await route.client.ok("resumeMigration", "ResumeMigrationInput", {"migrationId": id_})
        status = await ended(route.client, id_)

    assert (refused["status"], refused["error"]["code"]) == ("FAILED", "CONFLICT")
    assert "another version of Wherry" in refused["error"]["message"]
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    tables = (await report_of(route.client, id_))["tables"]
    assert {table["name"]: table["rowsWritten"] for table in tables}["sale"] == SALES
    assert postgresql_server.run("SELECT count(*), count(DISTINCT id) FROM sale", postgresql_database.database) == (
        f"{SALES}|{SALES}"
    )


@pytest.mark.crash
async def test_a_migration_of_another_version_can_be_cancelled_and_counts_what_its_target_holds(
    hasty_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database)
    id_ = await route.start(parallelTasks=1)
    await killed_by_itself(start_worker(hasty_api.container, "chunk.written:1=kill"))  # what nobody has counted
    await planned_by_others(hasty_api, id_)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_})

    async with running_worker(hasty_api.container):
        status = await ended(route.client, id_)

    assert (status["status"], status["error"]) == ("CANCELLED", None)
    counted = (await route.client.ask(PROGRESS, id=id_))["migrationProgress"]["rowsWritten"]
    held = "SELECT (SELECT count(*) FROM customer) + (SELECT count(*) FROM sale)"
    assert counted == int(postgresql_server.run(held, postgresql_database.database)) > 0
