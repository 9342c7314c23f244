"""Projections rebuilt from the events equal those that grew with them."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db.projections.rebuild import replay
from infra.db.projections.registry import TABLES
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import analyzed, create_connection, data_file, file_input, outcome_of_test
from tests.support.migrations import Route, ended
from tests.support.workers import running_worker


async def test_a_rebuild_gives_the_same_tables(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    await make_a_life_of_connections(live_api, ada, project_id)
    await make_lives_of_migrations(live_api, ada, project_id)

    async with live_api.container.database.transaction() as session:
        await (await session.connection()).exec_driver_sql("LOCK TABLE event IN EXCLUSIVE MODE")
        grown = await _contents(session)
        played = await replay(session)
        rebuilt = await _contents(session)

    assert played > 0
    assert rebuilt == grown
    assert any(grown.values())


async def make_a_life_of_connections(api: LiveApi, client: ApiClient, project_id: str) -> None:
    """Make a connection that goes through everything, and one that is deleted."""
    file = data_file(api, "rebuilt.db")
    kept, gone = [await create_connection(client, file_input(project_id, file.name)) for _ in range(2)]
    await outcome_of_test(client, kept)
    await analyzed(client, kept)
    mapping = {"projectId": project_id, "name": "all", "sourceConnectionId": kept}
    selection = "... on SchemaMappingSuccess { mapping { id } }"
    made = await client.ok("createSchemaMapping", "CreateSchemaMappingInput", mapping, selection)
    await client.ok("validateSchemaMapping", "ValidateSchemaMappingInput", {"mappingId": made["mapping"]["id"]})
    await client.ok("updateConnection", "UpdateConnectionInput", {"connectionId": kept, "name": "renamed"})
    await outcome_of_test(client, gone)
    await client.ok("deleteConnection", "DeleteConnectionInput", {"connectionId": gone})


async def make_lives_of_migrations(api: LiveApi, client: ApiClient, project_id: str) -> None:
    """Make a migration that is rolled back at the second try, one that fails and one that is cancelled."""
    source, target = (
        data_file(api, "rebuilt-source.db"),
        file_input(project_id, "new.db", isSource=False, isTarget=True),
    )
    source_id = await create_connection(client, file_input(project_id, source.name))
    route = Route(client, project_id, source_id, await create_connection(client, target))
    async with running_worker(api.container):
        first = await route.start()
        assert (await ended(client, first))["status"] == "COMPLETED"
        later = await route.start(onExisting="TRUNCATE")
        assert (await ended(client, later))["status"] == "COMPLETED"
        for id_, status in ((first, "COMPLETED"), (later, "ROLLED_BACK"), (first, "ROLLED_BACK")):
            await client.ok("rollbackMigration", "RollbackMigrationInput", {"migrationId": id_, "reason": "a trial"})
            assert (await ended(client, id_))["status"] == status
        assert (await ended(client, await route.start(include=["nothing"])))["status"] == "FAILED"
    await client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": await route.start()})


async def _contents(session: AsyncSession) -> dict[str, list[str]]:
    connection = await session.connection()
    contents = {}
    for table in TABLES:
        rows = await connection.exec_driver_sql(f'SELECT CAST(t AS text) FROM "{table.name}" AS t ORDER BY 1')
        contents[table.name] = [row[0] for row in rows]
    return contents
