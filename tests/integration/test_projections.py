"""Projections rebuilt from the events equal those that grew with them."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db.projections.rebuild import replay
from infra.db.projections.registry import TABLES
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import analyzed, create_connection, data_file, file_input, outcome_of_test


async def test_a_rebuild_gives_the_same_tables(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    await make_a_life_of_connections(live_api, ada, project_id)

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


async def _contents(session: AsyncSession) -> dict[str, list[str]]:
    connection = await session.connection()
    contents = {}
    for table in TABLES:
        rows = await connection.exec_driver_sql(f'SELECT CAST(t AS text) FROM "{table.name}" AS t ORDER BY 1')
        contents[table.name] = [row[0] for row in rows]
    return contents
