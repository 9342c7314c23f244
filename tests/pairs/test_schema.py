"""Keys, indexes, references, rules and next values from every engine to every engine."""

from __future__ import annotations

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
    ReferentialAction,
    Table,
    TableName,
)
from domain.catalog.types import Date, Decimal, Integer, Text
from domain.connections.values import Engine
from domain.migrations.plan import OnExisting, RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.schema_plan import Outcome
from tests.connectors.lab import Lab, table_named
from tests.pairs.conftest import Pair
from tests.pairs.moves import Rows, fill, migrate, wrong_tables
from workers.engine.plan import make_plan

CUSTOMER = Table(
    TableName("customer"),
    (
        Column("id", Integer(64), "", nullable=False, identity=Identity(next_value=101)),
        Column("email", Text(100), "", nullable=False),
        Column("balance", Decimal(12, 2), "", nullable=False, default="0"),
        Column("boss", Integer(64), ""),
    ),
    primary_key=Key(("id",)),
    indexes=(
        Index("customer_email", (IndexPart("email"),), unique=True),
        Index("customer_boss", (IndexPart("boss"), IndexPart("id"))),
    ),
    foreign_keys=(ForeignKey("customer_has_boss", ("boss",), TableName("customer"), ("id",)),),
)
ORDER = Table(
    TableName("Order Details"),
    (
        Column("customer", Integer(64), "", nullable=False),
        Column("select", Integer(32), "", nullable=False),
        Column("placed", Date(), ""),
        Column("total", Decimal(10, 2), "", nullable=False),
    ),
    primary_key=Key(("customer", "select")),
    foreign_keys=(
        ForeignKey(
            "details_of_customer", ("customer",), TableName("customer"), ("id",), on_delete=ReferentialAction.CASCADE
        ),
    ),
    checks=(Check("total_positive", "total >= 0"),),
)
KEYLESS = Table(TableName("keyless"), (Column("word", Text(), ""), Column("number", Integer(32), "")))
EMPTY = Table(TableName("nothing"), (Column("id", Integer(32), "", nullable=False),), primary_key=Key(("id",)))

ROWS: dict[Table, Rows] = {
    CUSTOMER: [
        (number, f"c{number}@example.org", f"{number}.50", 1 if number > 1 else None) for number in range(1, 101)
    ],
    ORDER: [(1 + number % 100, number, "2024-02-29", f"{number}.01") for number in range(1000)],
    KEYLESS: [("twice", 1), ("twice", 1), (None, None), ("once", 2)],
    EMPTY: [],
}


async def test_a_whole_schema_arrives_with_its_rows(pair: Pair) -> None:
    await fill(pair.source, ROWS)

    report = await migrate(pair, RunOptions(parallel=2, chunk_rows=150))

    assert report.error is None, report.error.message
    assert report.status is RunStatus.SUCCEEDED
    assert await wrong_tables(pair, ROWS) == []
    found = await described(pair.target)
    ends = (pair.source.engine, pair.target.engine)
    assert len(found.tables) == 4
    for wanted in ROWS:
        there = table_named(found, wanted.name.name)
        assert [column.name for column in there.columns] == [column.name for column in wanted.columns]
        assert [column.nullable for column in there.columns] == [column.nullable for column in wanted.columns]
        assert (there.primary_key and there.primary_key.columns) == (wanted.primary_key and wanted.primary_key.columns)
        assert references(there) == references(wanted, *ends)
        assert indexes(wanted) <= indexes(there)


async def test_every_object_of_the_source_has_its_line_in_the_report(pair: Pair) -> None:
    await fill(pair.source, ROWS)
    schema = await described(pair.source)
    connector = pair.target.connector

    plan = make_plan(schema, RunOptions(), {}, pair.source.connector.capabilities, connector, pair.target.endpoint)
    report = await migrate(pair)

    assert all(line.reason for line in plan.schema.parity if line.outcome is not Outcome.CREATED)
    objects = report.objects
    assert objects.created + len(objects.replaced) + len(objects.skipped) == len(plan.schema.parity)
    missing = {note.name for note in objects.skipped if note.name.startswith(("table ", "column ", "foreign key "))}
    assert missing <= ({"foreign key customer.customer_has_boss"} if pair.target.engine is Engine.DUCKDB else set())


async def test_the_next_row_gets_the_number_it_would_have_got_in_the_source(pair: Pair) -> None:
    await fill(pair.source, {CUSTOMER: ROWS[CUSTOMER]})
    before = table_named(await described(pair.source), "customer").column("id")
    assert before is not None
    if before.identity is None:
        pytest.skip(f"{pair.source.engine.value} does not number rows by itself")

    await migrate(pair)

    after = table_named(await described(pair.target), "customer").column("id")
    assert after is not None
    if after.identity is not None:
        assert after.identity.next_value == before.identity.next_value


async def test_replacing_rows_works_with_keys_and_references_in_place(pair: Pair) -> None:
    await fill(pair.source, ROWS)
    await migrate(pair)

    refused = await migrate(pair, run_id="again")
    replaced = await migrate(pair, RunOptions(on_existing=OnExisting.TRUNCATE), run_id="anew")

    assert refused.error is not None
    assert refused.error.code.value == "TARGET_NOT_EMPTY"
    assert replaced.error is None, replaced.error.message
    assert await wrong_tables(pair, ROWS) == []


async def described(lab: Lab) -> DatabaseSchema:
    async with lab.source() as source:
        return await source.introspect()


Reference = tuple[tuple[str, ...], str, tuple[str, ...], ReferentialAction]


def references(table: Table, *kept_by: Engine) -> set[Reference]:
    """What a table refers to, as far as the engines on the way can say it.

    MySQL takes NO ACTION and RESTRICT for one; DuckDB has no actions, and no table that refers to
    itself and is filled afterwards.
    """
    found: set[Reference] = set()
    for key in table.foreign_keys:
        action = key.on_delete
        if action is ReferentialAction.RESTRICT or Engine.DUCKDB in kept_by:
            action = ReferentialAction.NO_ACTION
        if key.references.name != table.name.name or Engine.DUCKDB not in kept_by:
            found.add((key.columns, key.references.name, key.referenced_columns, action))
    return found


def indexes(table: Table) -> set[tuple[tuple[str, ...], bool]]:
    return {(tuple(part.column for part in index.parts), index.unique) for index in table.indexes}
