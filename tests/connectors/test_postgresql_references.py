"""Foreign keys that are in place before a run neither stand in its way nor get lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import DatabaseSchema, ForeignKey, Key, Table, TableName
from domain.catalog.types import Integer
from domain.connections.values import Endpoint, Engine
from domain.migrations.transfer import TableCopy
from infra.connectors.postgresql.connector import CONNECTOR
from tests.connectors.lab import Lab, a_column, batches, copy_of, whole
from tests.support.postgresql import PostgresqlServer

PARENT = Table(
    TableName("parent"),
    (a_column("id", Integer(64), nullable=False), a_column("boss", Integer(64))),
    primary_key=Key(("id",)),
)
TABLES = (
    "CREATE TABLE parent (id bigint PRIMARY KEY, boss bigint REFERENCES parent (id));"
    "CREATE TABLE outside (parent_id bigint REFERENCES parent (id) ON DELETE CASCADE);"
    "INSERT INTO parent VALUES (1, NULL), (2, 1); INSERT INTO outside VALUES (1), (2);"
)
NOT_VALID = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated"


@pytest.fixture
def lab(postgresql_database: Endpoint, postgresql_server: PostgresqlServer) -> Lab:
    """A database with tables that refer to each other and to themselves."""
    postgresql_server.run(f'SET ROLE "{postgresql_database.username}"; {TABLES}', postgresql_database.database)
    return Lab(Engine.POSTGRESQL, postgresql_database, CONNECTOR)


async def test_emptying_a_table_leaves_the_rows_that_refer_to_it_and_their_keys(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    database = lab.endpoint.database
    before = keys(await described(lab))
    async with lab.target() as target:
        await target.truncate(TableName("parent"))
        assert postgresql_server.run("SELECT count(*) FROM outside", database) == "2"
        await target.open_run("run", "plan")
        postgresql_server.run("INSERT INTO parent VALUES (1, NULL), (2, 1)", database)
        await target.close_run("run")
        assert keys(await described(lab)) == before
        await target.forget_run("run")

    assert postgresql_server.run(NOT_VALID, database) == "0"
    assert postgresql_server.run("SELECT to_regnamespace('_wherry') IS NULL", database) == "t"


async def test_rows_may_come_in_any_order(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    database = lab.endpoint.database
    before = keys(await described(lab))
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        copy = parent_copy()
        await target.write(copy, whole(copy, 1), batches(copy, [(4, 5)]), ticket)
        await target.write(copy, whole(copy, 2), batches(copy, [(5, 4)]), ticket)
        await target.close_run("run")

    assert keys(await described(lab)) == before
    assert postgresql_server.run(NOT_VALID, database) == "0"


async def test_a_key_that_the_rows_violate_holds_for_new_rows(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    database = lab.endpoint.database
    before = keys(await described(lab))
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        copy = parent_copy()
        await target.write(copy, whole(copy), batches(copy, [(4, 99)]), ticket)
        await target.close_run("run")

    assert keys(await described(lab)) == before
    assert postgresql_server.run(NOT_VALID, database) == "1"
    with pytest.raises(AssertionError, match="foreign key"):
        postgresql_server.run("INSERT INTO parent VALUES (7, 98)", database)


def parent_copy() -> TableCopy:
    return copy_of(
        PARENT,
        CONNECTOR.plan_schema(DatabaseSchema(Engine.MYSQL, "8", (PARENT,)), Endpoint(Engine.POSTGRESQL)).tables[0],
    )


async def described(lab: Lab) -> DatabaseSchema:
    async with lab.source() as source:
        return await source.introspect()


def keys(schema: DatabaseSchema) -> set[tuple[TableName, ForeignKey]]:
    return {(table.name, replace(key, validated=True)) for table in schema.tables for key in table.foreign_keys}
