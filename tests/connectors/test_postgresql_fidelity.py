"""A PostgreSQL database arrives in another one as it was: every object, every value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.connections.values import Endpoint
from domain.migrations.canonical import digest_rows
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import Outcome
from domain.migrations.transfer import WireFormat
from infra.connectors.postgresql.connector import CONNECTOR
from infra.connectors.sqlite.connector import CONNECTOR as SQLITE
from tests.connectors.lab import digest_columns, read_rows, whole
from tests.connectors.postgresql_samples import (
    EVERY_OBJECT,
    HARD_ROWS,
    copies,
    move,
    names,
    source_columns,
    wanted_of,
    without_guesses,
)
from tests.support.postgresql import PostgresqlServer
from workers.engine.losses import losses


@pytest.fixture
def filled(postgresql_server: PostgresqlServer, postgresql_database: Endpoint) -> Endpoint:
    """A database with every sort of object and rows that are hard to copy."""
    owner = postgresql_database.username
    as_owner = f'SET ROLE "{owner}";'
    extension, _, rest = EVERY_OBJECT.partition(";")
    postgresql_server.run(f"{extension}; {as_owner} {rest} {HARD_ROWS}", postgresql_database.database)
    return postgresql_database


@pytest.fixture
def empty(postgresql_server: PostgresqlServer) -> Endpoint:
    """An empty database of another owner."""
    return postgresql_server.create_database()


@pytest.mark.parametrize("form", [WireFormat.ARROW, WireFormat.PG_BINARY])
async def test_every_value_arrives_as_it_was(filled: Endpoint, empty: Endpoint, form: WireFormat) -> None:
    source = await CONNECTOR.open_source(filled, readers=2)
    try:
        made = await move(source, empty, form)
        target = await CONNECTOR.open_target(empty, writers=1)
        for copy in made:
            assert await target.digest(copy.target, digest_columns(copy)) == await source.digest(
                copy.source, source_columns(copy)
            )
        await target.close()
    finally:
        await source.close()


async def test_every_object_arrives_as_it_was(filled: Endpoint, empty: Endpoint) -> None:
    source = await CONNECTOR.open_source(filled, readers=1)
    try:
        before = await source.introspect()
        await move(source, empty, WireFormat.ARROW)
    finally:
        await source.close()
    target = await CONNECTOR.open_target(empty, writers=1)
    after = await target.introspect()
    await target.close()

    assert names(after) == names(before)
    assert without_guesses(replace(after, others=())) == without_guesses(replace(before, others=()))
    assert set(after.others) == set(before.others)


async def test_the_plan_has_a_line_for_every_object_and_makes_them_all(filled: Endpoint, empty: Endpoint) -> None:
    source = await CONNECTOR.open_source(filled, readers=1)
    schema = wanted_of(await source.introspect())
    await source.close()

    plan = CONNECTOR.plan_schema(schema, empty)

    assert [line.object for line in plan.parity] == list(inventory(schema))
    assert [line for line in plan.parity if line.outcome is not Outcome.CREATED] == []


async def test_the_servers_digest_is_that_of_the_rows_it_sends(filled: Endpoint) -> None:
    source = await CONNECTOR.open_source(filled, readers=1)
    try:
        schema = await source.introspect()
        for copy in copies(schema, CONNECTOR.plan_schema(wanted_of(schema), filled), WireFormat.ARROW):
            rows = await read_rows(source, copy, whole(copy))
            types = [column.type for column in copy.columns]
            assert await source.digest(copy.source, source_columns(copy)) == digest_rows(types, rows)
    finally:
        await source.close()


async def test_the_target_may_be_another_schema(
    postgresql_server: PostgresqlServer, filled: Endpoint, empty: Endpoint
) -> None:
    end = replace(empty, schema="Other Schema")
    postgresql_server.run("CREATE EXTENSION citext", empty.database)
    source = await CONNECTOR.open_source(filled, readers=1)
    try:
        made = await move(source, end, WireFormat.ARROW, rows_max=100)
        target = await CONNECTOR.open_target(end, writers=1)
        assert {table.name.schema for table in (await target.introspect()).tables} == {"Other Schema"}
        for copy in made:
            assert await target.digest(copy.target, digest_columns(copy)) == await source.digest(
                copy.source, source_columns(copy)
            )
        await target.close()
    finally:
        await source.close()


async def test_columns_tell_the_rule_by_which_their_texts_are_compared_unless_it_is_by_their_letters(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    postgresql_server.run(
        """CREATE SCHEMA s; CREATE COLLATION s."No case" (PROVIDER = icu, LOCALE = 'und-u-ks-level2',
            DETERMINISTIC = false); CREATE DOMAIN word AS text COLLATE s."No case";
        CREATE TABLE t (a text COLLATE s."No case" UNIQUE, b word, c text COLLATE "C", d text, e integer)""",
        postgresql_database.database,
    )
    admin = replace(postgresql_server.admin, database=postgresql_database.database)

    source = await CONNECTOR.open_source(admin, readers=1)
    schema = await source.introspect()
    await source.close()

    assert [column.collation for column in schema.tables[0].columns] == ['s."No case"', 's."No case"', "", "", ""]
    assert [line.reason for line in losses(schema, SQLITE.capabilities)][:2] == [
        'its texts are no longer compared by s."No case"'
    ] * 2
