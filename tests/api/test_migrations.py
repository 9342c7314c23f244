"""Migrations through the API, carried out by a worker, between real databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from domain.connections.values import Endpoint
from domain.kernel.values import Secret
from tests.support.api import LiveApi, create_project
from tests.support.connections import create_connection, server_input
from tests.support.migrations import MIGRATION, Route, ended, report_of, route_from_shop, route_to
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.queries import counted_statements

Json = dict[str, Any]


async def test_a_database_moves_from_sqlite_to_postgresql(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database)

    id_ = await route.start(batchSize=4, parallelTasks=3)
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]) == ("COMPLETED", None)
    report = await report_of(route.client, id_)
    rows = {table["name"]: (table["rowsRead"], table["rowsWritten"], table["verified"]) for table in report["tables"]}
    assert rows == {"customer": (3, 3, True), "sale": (9, 9, True)}
    assert (report["status"], report["consistency"], report["error"]) == ("SUCCEEDED", "SNAPSHOT", None)
    moved = postgresql_server.run("SELECT id, customer_id, cents FROM sale ORDER BY id", postgresql_database.database)
    assert moved.splitlines()[:2] == ["4|1|100", "5|2|100"]
    kept = postgresql_server.run("SELECT run_id FROM _wherry.run", postgresql_database.database)
    assert kept == f"migration-{id_}", "the target remembers the run until it is told to forget it"


async def test_a_database_moves_from_postgresql_to_mariadb(
    live_api: LiveApi,
    worker: None,
    postgresql_database: Endpoint,
    postgresql_server: PostgresqlServer,
    mysql_database: Endpoint,
    mysql_server: MysqlServer,
) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    postgresql_server.run(
        "CREATE TABLE note (id bigint PRIMARY KEY, text text, at timestamptz NOT NULL);"
        "INSERT INTO note SELECT n, 'note ' || n, '2026-01-31T12:00:00Z' FROM generate_series(1, 1000) n;"
        f'ALTER TABLE note OWNER TO "{postgresql_database.username}"',
        postgresql_database.database,
    )
    source = server_input(project_id, postgresql_database, isSource=True, isTarget=False)
    route = await route_to(ada, project_id, await create_connection(ada, source), mysql_database)

    id_ = await route.start(batchSize=100, parallelTasks=2)

    assert (await ended(ada, id_))["status"] == "COMPLETED"
    rows = mysql_server.run("SELECT count(*), max(text) FROM note", database=mysql_database.database)
    assert rows == [(1000, "note 999")]
    shown = await ada.ask(
        """query($id: ID!) {
            migration(id: $id) {
                statistics { processedRecords tableStatistics { table records } } startedByUser { email }
                sourceConnection { type } targetConnection { type }
                project { lastMigration { id } migrations { totalCount nodes { id } } }
            }
            migrationProgress(id: $id) { percentage processedRecords totalRecords tables { phase } }
        }""",
        id=id_,
    )
    migration = shown["migration"]
    assert migration["statistics"] == {
        "processedRecords": 1000, "tableStatistics": [{"table": "public.note", "records": 1000}],
    }  # fmt: skip
    assert (migration["sourceConnection"]["type"], migration["targetConnection"]["type"]) == ("POSTGRESQL", "MYSQL")
    assert migration["project"] == {
        "lastMigration": {"id": id_},
        "migrations": {"totalCount": 1, "nodes": [{"id": id_}]},
    }
    assert shown["migrationProgress"] == {
        "percentage": 100, "processedRecords": 1000, "totalRecords": 1000, "tables": [{"phase": "VERIFIED"}],
    }  # fmt: skip


async def test_a_wrong_password_ends_the_migration_and_changes_nothing(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, replace(postgresql_database, password=Secret("not the password")))

    id_ = await route.start()
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]["code"]) == ("FAILED", "AUTHENTICATION_FAILED")
    assert "not the password" not in status["error"]["message"]
    assert await nothing_was_made(live_api, id_, postgresql_server, postgresql_database)


async def test_rows_in_the_target_are_left_alone(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    made = "CREATE TABLE sale (id bigint, customer_id bigint, cents bigint); INSERT INTO sale VALUES (1, 2, 3);"
    owned = f'ALTER TABLE sale OWNER TO "{postgresql_database.username}"'
    postgresql_server.run(made + owned, postgresql_database.database)

    status = await ended(route.client, await route.start())

    assert (status["status"], status["error"]["code"]) == ("FAILED", "TARGET_NOT_EMPTY")
    tables = (
        "SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    assert postgresql_server.run(tables, postgresql_database.database) == "sale"
    assert postgresql_server.run("SELECT * FROM sale", postgresql_database.database) == "1|2|3"
    again = await ended(route.client, await route.start(exclude=["sale"]))
    assert again["status"] == "COMPLETED"


async def test_a_pattern_that_fits_no_table_ends_the_migration_and_changes_nothing(
    live_api: LiveApi, worker: None, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(live_api, postgresql_database)

    id_ = await route.start(include=["sail"])
    status = await ended(route.client, id_)

    assert (status["status"], status["error"]["code"]) == ("FAILED", "TABLE_NOT_FOUND")
    assert "did you mean sale?" in status["error"]["message"]
    assert await nothing_was_made(live_api, id_, postgresql_server, postgresql_database)


async def nothing_was_made(api: LiveApi, id_: str, server: PostgresqlServer, target: Endpoint) -> bool:
    """Tell whether neither the target nor the control store keeps anything of a migration but its record."""
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^public$'"
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    made = [server.run(sql, target.database) for sql in (schemas, tables)]
    left = await api.container.database.rows(
        "SELECT count(*) AS number FROM migration_plan WHERE migration_id = :id", id=id_
    )
    return [*made, left[0]["number"]] == ["0", "0", 0]


BAD = [
    ({"parallelTasks": 0}, "VALIDATION_FAILED", ["config", "parallelTasks"]),
    ({"parallelTasks": 17}, "VALIDATION_FAILED", ["config", "parallelTasks"]),
    ({"batchSize": 0}, "VALIDATION_FAILED", ["config", "batchSize"]),
    ({"sourceConnectionId": "0198c0de-0000-7000-8000-000000000000"}, "NOT_FOUND", ["config", "sourceConnectionId"]),
    ({"mappingId": "0198c0de-0000-7000-8000-000000000000"}, "NOT_FOUND", ["config", "mappingId"]),
]


@pytest.mark.parametrize(("config", "code", "path"), BAD)
async def test_what_cannot_be_asked_is_refused_at_once(
    live_api: LiveApi, postgresql_database: Endpoint, config: Json, code: str, path: list[str]
) -> None:
    route = await route_from_shop(live_api, postgresql_database)

    refused = await route.client.tell("startMigration", "StartMigrationInput", route.input(**config), MIGRATION)

    assert (refused["code"], refused["path"]) == (code, path)
    assert await migrations_of(route) == []


async def test_source_and_target_must_be_two_databases_of_the_project_meant_for_it(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    ada, strangers = route.client, await route_from_shop(live_api, postgresql_database)
    both = server_input(route.project_id, postgresql_database, isSource=True, isTarget=True)
    twin = await create_connection(ada, both)
    refusals = {
        "of another project": ({"targetConnectionId": strangers.target_id}, "NOT_FOUND"),
        "the same database": ({"sourceConnectionId": twin}, "VALIDATION_FAILED"),
        "no source": ({"sourceConnectionId": route.target_id}, "VALIDATION_FAILED"),
        "no target": ({"targetConnectionId": route.source_id}, "VALIDATION_FAILED"),
    }

    for case, (config, code) in refusals.items():
        refused = await ada.tell("startMigration", "StartMigrationInput", route.input(**config), MIGRATION)
        assert (case, refused.get("code")) == (case, code)

    assert await migrations_of(route) == []


async def test_only_an_active_project_migrates(live_api: LiveApi, postgresql_database: Endpoint) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    status = {"projectId": route.project_id, "newStatus": "DRAFT"}
    await route.client.ok("updateProjectStatus", "UpdateProjectStatusInput", status)

    refused = await route.client.tell("startMigration", "StartMigrationInput", route.input(), MIGRATION)

    assert refused["code"] == "CONFLICT"
    assert await migrations_of(route) == []


async def test_a_target_is_written_by_one_migration_at_a_time(live_api: LiveApi, postgresql_database: Endpoint) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    client = route.client

    results = await asyncio.gather(
        *(client.tell("startMigration", "StartMigrationInput", route.input(), MIGRATION) for _ in range(5))
    )

    assert sorted(result.get("code", "started") for result in results) == ["CONFLICT"] * 4 + ["started"]
    running = next(result["migration"]["id"] for result in results if "migration" in result)
    delete = await client.tell("deleteConnection", "DeleteConnectionInput", {"connectionId": route.target_id})
    assert (delete["code"], running in delete["message"]) == ("CONFLICT", True)
    cancelled = await client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": running}, MIGRATION)
    assert cancelled["migration"]["status"] == "CANCELLED"
    assert await route.start()


async def test_another_tenant_neither_sees_nor_moves_a_migration(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    id_ = await route.start()
    eve = await live_api.signed_in()

    assert (await eve.ask("query($id: ID!) { migration(id: $id) { status } }", id=id_))["migration"] is None
    for field in ("migrationStatus", "migrationProgress", "migrationReport"):
        refused = await eve.refused(f"query($id: ID!) {{ {field}(id: $id) {{ __typename }} }}", id=id_)
        assert (field, refused["code"]) == (field, "NOT_FOUND")
    logs = await eve.refused("query($id: ID!) { migrationLogs(id: $id) { totalCount } }", id=id_)
    listed = await eve.refused("query($id: ID!) { migrations(projectId: $id) { totalCount } }", id=route.project_id)
    started = await eve.tell("startMigration", "StartMigrationInput", route.input(), MIGRATION)
    cancelled = await eve.tell("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)
    assert [logs["code"], listed["code"], started["code"], cancelled["code"]] == ["NOT_FOUND"] * 4
    assert (await migrations_of(route))[0]["status"] == "PENDING"


async def test_listing_many_migrations_costs_as_many_statements_as_listing_one(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    document = """{ projects(first: 5) { nodes { lastMigration { id }
        migrations(first: 20) { nodes { project { name } sourceConnection { name } startedByUser { email } } } } } }"""
    await started_and_cancelled(route)
    with counted_statements(live_api.container.database) as one:
        await route.client.ask(document)
    for _ in range(7):
        await started_and_cancelled(route)

    with counted_statements(live_api.container.database) as eight:
        answer = await route.client.ask(document)

    assert len(answer["projects"]["nodes"][0]["migrations"]["nodes"]) == 8
    assert len(eight) == len(one)


async def started_and_cancelled(route: Route) -> None:
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": await route.start()}, MIGRATION)


async def migrations_of(route: Route) -> list[Json]:
    document = "query($id: ID!) { migrations(projectId: $id) { nodes { id status } } }"
    nodes: list[Json] = (await route.client.ask(document, id=route.project_id))["migrations"]["nodes"]
    return nodes
