"""What of a schema DuckDB can have, and what it says of the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from domain.catalog.model import (
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    Sequence,
    Table,
    TableName,
)
from domain.catalog.types import (
    Enumeration,
    Integer,
    Interval,
    Text,
)
from domain.connections.values import Endpoint, Engine
from domain.migrations.schema_plan import ObjectKind, Outcome
from infra.connectors.duckdb.connector import CONNECTOR
from infra.connectors.postgresql.connector import CONNECTOR as POSTGRESQL
from tests.connectors.duckdb_lab import lab_in, run
from tests.connectors.lab import Lab, a_column


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return lab_in(tmp_path)


def tables_in_a_circle() -> tuple[Table, Table]:
    first = Table(
        TableName("a"),
        (a_column("id", Integer(64), nullable=False), a_column("b_id", Integer(64)), a_column("self", Integer(64))),
        Key(("id",)),
        foreign_keys=(
            ForeignKey("to_b", ("b_id",), TableName("b"), ("id",)),
            ForeignKey("to_self", ("self",), TableName("a"), ("id",)),
        ),
    )
    second = Table(
        TableName("b"),
        (a_column("id", Integer(64), nullable=False), a_column("a_id", Integer(64)), a_column("small", Integer(32))),
        Key(("id",)),
        foreign_keys=(
            ForeignKey("to_a", ("a_id",), TableName("a"), ("id",)),
            ForeignKey("other_type", ("small",), TableName("a"), ("id",)),
            ForeignKey("no_key", ("a_id",), TableName("a"), ("b_id",)),
        ),
    )
    return first, second


async def test_references_that_duckdb_cannot_have_are_left_out_with_a_reason(lab: Lab) -> None:
    plan = await lab.build(lab.wanted(*tables_in_a_circle()))

    keys = {line.object.name: line for line in plan.parity if line.object.kind is ObjectKind.FOREIGN_KEY}
    skipped = {name: line.reason for name, line in keys.items() if line.outcome is Outcome.SKIPPED}
    assert skipped == {
        "to_self": "DuckDB refuses rows that come together with the rows of the same table they refer to.",
        "other_type": "DuckDB needs the same types on both sides of a reference.",
        "no_key": "a has no primary key or unique constraint on these columns in this order.",
        "to_b": "It closes a circle of references, which DuckDB cannot make.",
    }
    assert [key.references.name for key in (await lab.found("b")).foreign_keys] == ["a"]


async def test_indexes_that_duckdb_cannot_have_are_left_out_with_a_reason(lab: Lab) -> None:
    table = Table(
        TableName("t"),
        (a_column("name", Text()), a_column("took", Interval())),
        indexes=(
            Index("partial", (IndexPart("name"),), predicate="name IS NOT NULL"),
            Index("first", (IndexPart("name", prefix=3),)),
            Index("words", (IndexPart("name"),), method="gin"),
            Index("long", (IndexPart("took"),)),
            Index("down", (IndexPart("name", descending=True),)),
            Index("upper", (IndexPart(expression="upper(name)"),), unique=True),
        ),
    )

    plan = await lab.build(lab.wanted(table))

    outcomes = {line.object.name: line.outcome for line in plan.parity if line.object.kind is ObjectKind.INDEX}
    assert outcomes == {
        "partial": Outcome.SKIPPED,
        "first": Outcome.SKIPPED,
        "words": Outcome.SKIPPED,
        "long": Outcome.SKIPPED,
        "down": Outcome.REPLACED,
        "upper": Outcome.CREATED,
    }
    found = {index.name: index for index in (await lab.found("t")).indexes}
    assert found["upper"].unique
    assert found["upper"].parts[0].expression
    assert found["down"].parts == (IndexPart("name"),)


async def test_comments_sequences_and_computed_columns_arrive(lab: Lab) -> None:
    run(
        lab,
        "CREATE SEQUENCE tickets START WITH 7 INCREMENT BY 5",
        "CREATE TABLE t (id INTEGER, twice INTEGER GENERATED ALWAYS AS (id * 2), CHECK ((id > 0) OR (id < -5)))",
        "COMMENT ON TABLE t IS 'it''s a table'",
        "COMMENT ON COLUMN t.id IS 'a number'",
        "CREATE VIEW v (x) AS SELECT id FROM t",
        "CREATE MACRO plus_one(a) AS a + 1",
        "CREATE TYPE mood AS ENUM ('glad')",
        "INSERT INTO t (id) VALUES (5)",
    )
    async with lab.source() as source:
        schema = await source.introspect()
    copied = replace(lab, endpoint=replace(lab.endpoint, path=lab.endpoint.path + ".copy"))

    await copied.build(schema)

    async with copied.source() as source:
        again = await source.introspect()
    assert [other.name for other in schema.others] == ["plus_one", "mood"]
    assert again.sequences == schema.sequences
    assert again.views == schema.views
    assert again.tables[0].comment == "it's a table"
    assert again.tables[0].columns == schema.tables[0].columns
    assert again.tables[0].checks == schema.tables[0].checks
    assert run(copied, "SELECT nextval('tickets')") == [(7,)]


@pytest.mark.parametrize(
    ("sequence", "numbers"),
    [
        (Sequence(TableName("s"), 8, -3, -100, 50, cycle=True), [8, 5, 2]),
        (Sequence(TableName("s"), 5, -1, None, None), [5, 4, 3]),
        (Sequence(TableName("s"), 0, 2, -(2**63) + 1, 2**63 - 1), [0, 2, 4]),
        (Sequence(TableName("s"), 9, 4, 3, 8, cycle=True), [3, 7, 3]),
        (Sequence(TableName("s"), 11, 1, 1, 10), []),
    ],
)
async def test_a_sequence_goes_on_where_it_stands_within_its_bounds(
    lab: Lab, sequence: Sequence, numbers: list[int]
) -> None:
    await lab.build(DatabaseSchema(Engine.POSTGRESQL, "15", (), (sequence,)))

    if numbers:
        assert [run(lab, "SELECT nextval('s')")[0][0] for _ in numbers] == numbers
    else:
        with pytest.raises(duckdb.SequenceException):
            run(lab, "SELECT nextval('s')")


async def test_bounds_of_a_sequence_are_found_again(lab: Lab) -> None:
    run(lab, "CREATE SEQUENCE s INCREMENT -3 MINVALUE -100 MAXVALUE 50 START 20 CYCLE", "CREATE SEQUENCE t")

    async with lab.source() as source:
        sequences = (await source.introspect()).sequences

    assert [replace(each, name=TableName(each.name.name)) for each in sequences] == [
        Sequence(TableName("s"), 20, -3, -100, 50, cycle=True),
        Sequence(TableName("t"), 1),
    ]


async def test_sequences_that_are_shared_or_count_in_their_own_way_are_kept(lab: Lab, tmp_path: Path) -> None:
    run(
        lab,
        "CREATE SEQUENCE own START WITH 7",
        "CREATE SEQUENCE shared START WITH 5",
        "CREATE SEQUENCE steps INCREMENT 10 MAXVALUE 25 CYCLE",
        "CREATE TABLE a (id INTEGER DEFAULT nextval('own'), n INTEGER DEFAULT nextval('shared'))",
        "CREATE TABLE b (id INTEGER DEFAULT nextval('steps'), n INTEGER DEFAULT nextval('shared'))",
    )
    copied = replace(lab, endpoint=replace(lab.endpoint, path=str(tmp_path / "copy.duckdb")))
    async with lab.source() as source:
        schema = await source.introspect()

    plan = await copied.build(schema)

    assert {line.outcome for line in plan.parity} == {Outcome.CREATED}
    assert [column.identity for table in schema.tables for column in table.columns] == [Identity(7), None, None, None]
    inserted = [run(copied, f"INSERT INTO {table} DEFAULT VALUES RETURNING id, n")[0] for table in "abbbb"]
    assert inserted == [(7, 5), (1, 6), (11, 7), (21, 8), (1, 9)]


async def test_comments_on_what_is_no_table_arrive_or_are_reported(lab: Lab, tmp_path: Path) -> None:
    run(
        lab,
        "CREATE TABLE t (id INTEGER)",
        "CREATE INDEX i ON t (id)",
        "CREATE SEQUENCE s",
        'CREATE VIEW "a view" AS SELECT id FROM t',
        "CREATE MACRO one() AS 1",
        """COMMENT ON VIEW "a view" IS 'it''s a view'""",
        """COMMENT ON COLUMN "a view"."id" IS 'seen'""",
        "COMMENT ON SEQUENCE s IS 'numbers'",
        "COMMENT ON INDEX i IS 'fast'",
        "COMMENT ON MACRO one IS 'once'",
    )
    copied = replace(lab, endpoint=replace(lab.endpoint, path=str(tmp_path / "copy.duckdb"), schema="other"))
    async with lab.source() as source:
        schema = await source.introspect()

    await copied.build(schema)

    async with copied.source() as source:
        again = await source.introspect()
    comments = {other.name: other.definition for other in schema.others if other.kind == "COMMENT"}
    assert comments.pop("macro one")
    assert sorted(comments) == ["column a view.id", "index i", "sequence s", "view a view"]
    assert {other.name: other.definition for other in again.others if other.kind == "COMMENT"} == comments
    elsewhere = POSTGRESQL.plan_schema(schema, Endpoint(Engine.POSTGRESQL))
    assert {line.object.name for line in elsewhere.parity if line.object.kind is ObjectKind.COMMENT} >= set(comments)


async def test_columns_compare_their_texts_as_in_the_other_file(lab: Lab, tmp_path: Path) -> None:
    run(
        lab,
        """CREATE TABLE t ("a ""name" VARCHAR(5) COLLATE "nocase" NOT NULL DEFAULT 'COLLATE x', b INTEGER,"""
        """ c VARCHAR COLLATE noaccent.nocase, d VARCHAR, CHECK (d COLLATE nocase <> 'x'))""",
    )
    copied = replace(lab, endpoint=replace(lab.endpoint, path=str(tmp_path / "copy.duckdb")))
    async with lab.source() as source:
        schema = await source.introspect()

    await copied.build(schema)

    run(copied, "INSERT INTO t VALUES ('A', 1, 'É', 'y')")
    assert [column.collation for column in schema.tables[0].columns] == ["nocase", "", "noaccent.nocase", ""]
    assert run(copied, """SELECT b FROM t WHERE "a ""name" = 'a' AND c = 'e'""") == [(1,)]


def test_a_column_made_for_a_set_of_repeated_labels_is_text() -> None:
    table = Table(TableName("t"), (Column("a", Enumeration(("x", "x")), "enum"),))

    plan = CONNECTOR.plan_schema(DatabaseSchema(Engine.MYSQL, "11", (table,)), Endpoint(Engine.DUCKDB))

    assert plan.tables[0].columns[0].native == "VARCHAR"
