"""What a MySQL schema becomes in PostgreSQL: types, numbers tied by keys, names, indexes, defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    OtherObject,
    Sequence,
    Table,
    TableName,
    View,
)
from domain.catalog.types import (
    Binary,
    Bits,
    Decimal,
    Duration,
    Enumeration,
    Geometry,
    Integer,
    Json,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Timestamp,
)
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import DatabaseError
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, SchemaPlan
from infra.connectors.postgresql.connector import CONNECTOR
from tests.connectors.lab import Lab, a_column, table_named
from tests.support.postgresql import PostgresqlServer

UNSIGNED = Integer(64, signed=False)


@pytest.fixture
def lab(postgresql_database: Endpoint) -> Lab:
    """An empty database."""
    return Lab(Engine.POSTGRESQL, postgresql_database, CONNECTOR)


def a_table(name: str, *columns: Column, key: str = "") -> Table:
    return Table(TableName(name), columns, Key((key,)) if key else None)


def plan_of(*tables: Table, views: tuple[View, ...] = (), others: tuple[OtherObject, ...] = ()) -> SchemaPlan:
    """A plan for a MySQL schema; every object has one line."""
    wanted = DatabaseSchema(Engine.MYSQL, "8", tables, views=views, others=others)
    plan = CONNECTOR.plan_schema(wanted, Endpoint(Engine.POSTGRESQL))
    assert [line.object for line in plan.parity] == list(inventory(wanted))
    return plan


def natives(plan: SchemaPlan) -> dict[str, str]:
    return {column.name: column.native for table in plan.tables for column in table.columns}


def outcome(plan: SchemaPlan, kind: ObjectKind, name: str) -> tuple[Outcome, str]:
    line = next(line for line in plan.parity if (line.object.kind, line.object.name) == (kind, name))
    return line.outcome, line.reason


@pytest.mark.parametrize(
    ("type_", "native"),
    [
        (Integer(8), "smallint"),
        (Integer(8, signed=False), "smallint"),
        (Integer(16, signed=False), "integer"),
        (Integer(24), "integer"),
        (Integer(32, signed=False), "bigint"),
        (UNSIGNED, "numeric(20,0)"),
        (Integer(128), "numeric(39,0)"),
        (Decimal(65, 30), "numeric(65,30)"),
        (Text(3, fixed=True), "varchar(3)"),
        (Text(), "text"),
        (Binary(16), "bytea"),
        (Timestamp(3, zoned=True), "timestamp(3) with time zone"),
        (Duration(0), "interval(0)"),
        (Json(), "json"),
        (Json(binary=True), "jsonb"),
        (Bits(12), "bit(12)"),
        (LabelSet(("a", "b")), "text"),
        (Geometry(), "bytea"),
        (Opaque("INET6"), "text"),
        (Enumeration(("a", "b")), '"public"."thing_value_enum"'),
    ],
)
def test_every_meaning_has_a_type(type_: LogicalType, native: str) -> None:
    assert natives(plan_of(a_table("thing", a_column("value", type_)))) == {"value": native}


def test_numbered_columns_and_those_that_refer_to_them_become_bigint() -> None:
    parent = a_table("parent", Column("id", UNSIGNED, "", nullable=False, identity=Identity(5)), key="id")
    child = a_table("child", a_column("parent_id", UNSIGNED), a_column("other", UNSIGNED))
    child = replace(child, foreign_keys=(ForeignKey("fk", ("parent_id",), TableName("parent"), ("id",)),))

    assert natives(plan_of(parent, child)) == {"id": "bigint", "parent_id": "bigint", "other": "numeric(20,0)"}


def test_integers_tied_to_a_numeric_become_numeric_and_the_report_says_so() -> None:
    parent = a_table("parent", a_column("id", UNSIGNED, nullable=False), key="id")
    child = a_table("child", a_column("parent_id", Integer(32)))
    child = replace(child, foreign_keys=(ForeignKey("fk", ("parent_id",), TableName("parent"), ("id",)),))
    plan = plan_of(parent, child)

    assert natives(plan) == {"id": "numeric(20,0)", "parent_id": "numeric(20,0)"}
    assert outcome(plan, ObjectKind.COLUMN, "parent_id")[0] is Outcome.REPLACED


def test_names_that_are_too_long_stay_apart() -> None:
    long = "é" * 40
    plan = plan_of(*(a_table(long + end, a_column("id", Integer(32))) for end in ("a", "b", "c")))
    names = [table.name.name for table in plan.tables]

    assert len(set(names)) == 3
    assert all(len(name.encode()) <= 63 for name in names)
    assert names == [table.name.name for table in plan_of(*plan_tables(long)).tables]
    assert all(line.reason.startswith("Named") for line in plan.parity if line.object.kind is ObjectKind.TABLE)


def plan_tables(long: str) -> tuple[Table, ...]:
    return tuple(a_table(long + end, a_column("id", Integer(32))) for end in ("a", "b", "c"))


def an_order_line() -> Table:
    return Table(
        TableName("Order Line"),
        (
            Column("id", UNSIGNED, "bigint unsigned", nullable=False, identity=Identity(8)),
            Column("first", Text(50), "varchar(50)", default="'it''s'"),
            Column("last", Text(50), "varchar(50)", default="'\\\\'"),
            Column("whole", Text(101), "", generated="concat(`first`,' ',`last`)", generated_stored=True),
            Column("price", Decimal(10, 2), "decimal(10,2)", nullable=False, default="'0.00'"),
            Column("amount", Integer(32), "int", nullable=False, default="1"),
            Column("total", Decimal(20, 2), "", generated="(`price` * `amount`)"),
            Column("shouted", Text(50), "", generated="upper(`first`)", generated_stored=True),
            Column("made", Timestamp(0), "datetime", default="current_timestamp()", on_update="current_timestamp()"),
            Column("never", Timestamp(0), "datetime", default="'0000-00-00 00:00:00'"),
            Column("state", Enumeration(("new", "it's")), "enum('new','it''s')", default="'it\\'s'"),
            Column("mask", Bits(4), "bit(4)", default="b'101'"),
            Column("raw", Binary(2), "binary(2)", default="0x4142"),
            Column("facts", Json(), "json", comment="what's known"),
            Column("about", Text(), "longtext"),
        ),
        Key(("id",), "PRIMARY"),
        (
            Index("first", (IndexPart("first"), IndexPart("last", descending=True)), unique=True),
            Index("about", (IndexPart("about", prefix=10),)),
            Index("words", (IndexPart("about"), IndexPart("first")), method="FULLTEXT"),
            Index("place", (IndexPart("raw"),), method="SPATIAL"),
        ),
        checks=(Check("positive", "`amount` > 0"), Check("valid", "json_valid(`facts`)")),
        comment="lines",
    )


async def test_the_whole_of_a_mysql_table_is_built(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    view = View(
        TableName("cheap"), "select `shop`.`Order Line`.`id` AS `id` from `shop`.`Order Line` where `price` < 1"
    )
    wanted = DatabaseSchema(
        Engine.MYSQL, "8", (an_order_line(),), views=(view,), others=(OtherObject("TRIGGER", "on_sale"),)
    )
    plan = CONNECTOR.plan_schema(wanted, lab.endpoint)
    refused = await built(lab, plan)

    found = table_named(await described(lab), "Order Line")
    assert refused == ["DEFAULT never"]
    assert [column.native for column in found.columns][:3] == [
        "bigint",
        "character varying(50)",
        "character varying(50)",
    ]
    assert {column.name for column in found.columns if column.generated} == {"whole", "total"}
    assert {check.name for check in found.checks} == {"positive"}
    assert {index.method for index in found.indexes} == {"btree", "gin"}
    assert outcome(plan, ObjectKind.INDEX, "place")[0] is Outcome.SKIPPED
    assert outcome(plan, ObjectKind.INDEX, "about")[0] is Outcome.REPLACED
    assert outcome(plan, ObjectKind.COLUMN, "shouted")[0] is Outcome.REPLACED
    assert outcome(plan, ObjectKind.CHECK, "valid")[0] is Outcome.SKIPPED
    assert outcome(plan, ObjectKind.TRIGGER, "on_sale")[0] is Outcome.SKIPPED
    row = (
        'INSERT INTO "Order Line" (price, amount) VALUES (0.50, 3) RETURNING id, first, whole, total, state, mask, raw'
    )
    assert postgresql_server.run(row, lab.endpoint.database) == r"8|it's|it's \|1.50|it's|0101|\x4142"
    assert postgresql_server.run("SELECT id FROM cheap", lab.endpoint.database) == "8"


async def test_a_row_that_changes_gets_a_new_time_as_in_mysql(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    table = a_table(
        "note",
        a_column("text", Text()),
        Column("changed", Timestamp(), "timestamp", on_update="current_timestamp()"),
    )
    await lab.build(lab.wanted(table))
    postgresql_server.run("INSERT INTO note VALUES ('a', '2000-01-01'), ('b', '2000-01-01')", lab.endpoint.database)
    postgresql_server.run("UPDATE note SET text = 'c' WHERE text = 'a'", lab.endpoint.database)
    postgresql_server.run("UPDATE note SET text = 'b' WHERE text = 'b'", lab.endpoint.database)

    years = "SELECT text, extract(year FROM changed) > 2000 FROM note ORDER BY text"
    assert postgresql_server.run(years, lab.endpoint.database) == "b|f\nc|t"


async def test_index_names_of_two_tables_may_be_the_same(lab: Lab) -> None:
    tables = tuple(
        replace(a_table(name, a_column("a", Integer(32))), indexes=(Index("by_a", (IndexPart("a"),)),))
        for name in ("one", "two")
    )
    await lab.build(lab.wanted(*tables))

    found = await described(lab)
    assert [index.name for table in found.tables for index in table.indexes] == ["by_a", "two_by_a"]


async def test_an_enum_type_that_is_there_with_other_labels_is_not_taken(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    postgresql_server.run("CREATE TYPE thing_value_enum AS ENUM ('x')", lab.endpoint.database)
    plan = plan_of(a_table("thing", a_column("value", Enumeration(("a", "b")))))

    assert "TYPE thing_value_enum" in await built(lab, plan, all_must_succeed=False)


@pytest.mark.parametrize(
    ("sequence", "numbers"),
    [
        (Sequence(TableName("s"), 4, 3, None, 6, cycle=True), "4\n1\n4"),
        (Sequence(TableName("s"), -9, 5), "-9\n-4\n1"),
        (Sequence(TableName("s"), -2, -1, -3, None, cycle=True), "-2\n-3\n-1"),
    ],
)
async def test_a_sequence_without_bounds_of_its_own_has_the_usual_ones(
    lab: Lab, postgresql_server: PostgresqlServer, sequence: Sequence, numbers: str
) -> None:
    await lab.build(DatabaseSchema(Engine.DUCKDB, "2", (), (sequence,)))

    drawn = postgresql_server.run("SELECT nextval('s') FROM generate_series(1, 3)", lab.endpoint.database)
    assert drawn == numbers


async def built(lab: Lab, plan: SchemaPlan, *, all_must_succeed: bool = True) -> list[str]:
    """Run all steps and return the objects whose optional steps the server refused."""
    refused = []
    async with lab.target() as target:
        ticket = await target.open_run("build", "build")
        for step in plan.steps:
            try:
                await target.execute(step, ticket)
            except DatabaseError:
                if all_must_succeed and not step.optional:
                    raise
                refused.append(f"{step.object.kind.value} {step.object.name}")
        await target.close_run("build")
    return refused


async def described(lab: Lab) -> DatabaseSchema:
    async with lab.source() as source:
        return await source.introspect()
