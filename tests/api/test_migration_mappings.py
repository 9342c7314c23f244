"""Migrations that go by a mapping."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from domain.connections.values import Endpoint
from tests.support.api import LiveApi, create_project
from tests.support.connections import analyzed, create_connection, data_file, file_input
from tests.support.migrations import SHOP, Route, ended, report_of, route_to
from tests.support.postgresql import PostgresqlServer

Json = dict[str, Any]

RENAMED = [
    {
        "sourceTable": "sale",
        "targetTable": "sold",
        "columns": [
            {"sourceColumn": "id", "targetColumn": "number"},
            {"sourceColumn": "cents", "targetColumn": "price"},
        ],
    }
]


async def mapped_shop(api: LiveApi, target: Endpoint, tables: list[Json]) -> tuple[Route, str, Path]:
    """Return a route from a shop, a mapping of it, and the shop's file."""
    ada = await api.signed_in()
    project_id = await create_project(ada)
    file = data_file(api, f"{secrets.token_hex(4)}.db", *SHOP)
    source_id = await create_connection(ada, file_input(project_id, file.name))
    await analyzed(ada, source_id)
    input_ = {"projectId": project_id, "name": "m", "sourceConnectionId": source_id, "mappings": tables}
    selection = "... on SchemaMappingSuccess { mapping { id } }"
    made = await ada.ok("createSchemaMapping", "CreateSchemaMappingInput", input_, selection)
    return await route_to(ada, project_id, source_id, target), made["mapping"]["id"], file


async def test_tables_and_columns_arrive_under_their_new_names(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route, mapping_id, _ = await mapped_shop(live_api, postgresql_database, RENAMED)

    id_ = await route.start(mappingId=mapping_id)

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    report = await report_of(route.client, id_)
    assert [(table["name"], table["rowsWritten"], table["verified"]) for table in report["tables"]] == [
        ("sale", 9, True)
    ]
    moved = postgresql_server.run("SELECT number, price FROM sold ORDER BY number", postgresql_database.database)
    assert moved.splitlines()[:2] == ["4|100", "5|100"]


async def test_a_mapping_to_a_column_that_is_gone_ends_the_migration_and_changes_nothing(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route, mapping_id, file = await mapped_shop(live_api, postgresql_database, RENAMED)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE sale RENAME COLUMN cents TO cent")
        connection.commit()

    status = await ended(route.client, await route.start(mappingId=mapping_id))

    assert (status["status"], status["error"]["code"]) == ("FAILED", "COLUMN_NOT_FOUND")
    assert "did you mean cent?" in status["error"]["message"]
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert postgresql_server.run(tables, postgresql_database.database) == "0"


async def test_a_mapping_of_another_project_is_none_of_this_one(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route, _, _ = await mapped_shop(live_api, postgresql_database, RENAMED)
    _, strange_id, _ = await mapped_shop(live_api, postgresql_database, RENAMED)

    refused = await route.client.tell("startMigration", "StartMigrationInput", route.input(mappingId=strange_id))

    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["config", "mappingId"])
