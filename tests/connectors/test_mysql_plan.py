"""Schemas of other engines are built in MySQL's words: exactly, or with a line that says what differs."""

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
    ReferentialAction,
    Table,
    TableName,
    View,
)
from domain.catalog.types import (
    Binary,
    Bits,
    Decimal,
    Enumeration,
    Geometry,
    Integer,
    Interval,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.connections.values import Endpoint, Engine
from domain.migrations.schema_plan import ObjectKind, Outcome, Phase, SchemaObject, SchemaPlan
from infra.connectors.mysql.connector import CONNECTOR
from infra.connectors.mysql.declare import same_engine
from tests.support.mysql import MysqlServer
from tests.support.mysql_schemas import built, introspected

NOWHERE = Endpoint(Engine.MYSQL)


def wanted(*tables: Table, engine: Engine = Engine.POSTGRESQL) -> DatabaseSchema:
    return DatabaseSchema(engine, "16", tables)


def a_table(name: str, *columns: tuple[str, LogicalType], **more: object) -> Table:
    return replace(Table(TableName(name), tuple(Column(each, type_, "") for each, type_ in columns)), **more)  # type: ignore[arg-type]  # fields by name


def natives(plan: SchemaPlan, table: int = 0) -> dict[str, str]:
    return {column.name: column.native for column in plan.tables[table].columns}


def outcome(plan: SchemaPlan, kind: ObjectKind, name: str) -> tuple[Outcome, str]:
    line = next(line for line in plan.parity if (line.object.kind, line.object.name) == (kind, name))
    return line.outcome, line.reason


DECLARED: tuple[tuple[LogicalType, str], ...] = (
    (Integer(8), "TINYINT"),
    (Integer(16, signed=False), "SMALLINT UNSIGNED"),
    (Integer(64, signed=False), "BIGINT UNSIGNED"),
    (Integer(128), "DECIMAL(39,0)"),
    (Decimal(65, 30), "DECIMAL(65,30)"),
    (Decimal(66, 0), "LONGTEXT"),
    (Decimal(40, 31), "LONGTEXT"),
    (Decimal(), "LONGTEXT"),
    (Decimal(3, -2), "DECIMAL(5,0)"),
    (Decimal(2, 5), "DECIMAL(5,5)"),
    (Text(16_383), "LONGTEXT"),
    (Text(16_000), "VARCHAR(16000)"),
    (Text(16_384), "LONGTEXT"),
    (Text(5, fixed=True), "VARCHAR(5)"),
    (Time(6, zoned=True), "VARCHAR(24)"),
    (Timestamp(6, zoned=True), "DATETIME(6)"),
    (Interval(), "VARCHAR(64)"),
    (Uuid(), "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin"),
    (Enumeration(("a", "it's", "x\\y")), "ENUM('a','it''s','x\\\\y')"),
    (Enumeration(("trailing ",)), "LONGTEXT"),
    (LabelSet(("a", "b")), "SET('a','b')"),
    (LabelSet(tuple(f"l{number}" for number in range(65))), "LONGTEXT"),
    (Bits(64), "BIT(64)"),
    (Bits(65), "VARCHAR(65)"),
    (Bits(8, varying=True), "VARCHAR(8)"),
    (Binary(16, fixed=True), "VARBINARY(16)"),
    (Geometry(), "LONGBLOB"),
    (Opaque("inet"), "LONGTEXT"),
)


@pytest.mark.parametrize(("type_", "native"), DECLARED, ids=[str(type_)[:60] for type_, _ in DECLARED])
async def test_a_declared_type_is_taken_by_the_server(
    type_: LogicalType, native: str, mysql_database: Endpoint
) -> None:
    plan = await built(wanted(a_table("t", ("c", type_), ("more", Integer(32)))), mysql_database)

    assert natives(plan)["c"] == native


async def test_keys_over_unbounded_text_get_a_bound_and_indexes_a_prefix(mysql_database: Endpoint) -> None:
    table = a_table(
        "t",
        *(("a", Text()), ("b", Text()), ("c", Text(2000)), ("d", Integer(64)), ("e", Text()), ("f", Binary())),
        primary_key=Key(("a",), "t_pkey"),
        indexes=(
            Index("pair", (IndexPart("b"), IndexPart("c"), IndexPart("d")), unique=True),
            Index("plain", (IndexPart("e"), IndexPart("f"))),
        ),
    )

    plan = await built(wanted(table), mysql_database)

    assert natives(plan) == {
        "a": "VARCHAR(768)",
        "b": "VARCHAR(383)",
        "c": "VARCHAR(383)",
        "d": "BIGINT",
        "e": "LONGTEXT",
        "f": "LONGBLOB",
    }
    assert outcome(plan, ObjectKind.COLUMN, "a") == (
        Outcome.REPLACED,
        "at most 768 characters, since MySQL indexes no more",
    )
    assert outcome(plan, ObjectKind.INDEX, "plain")[0] is Outcome.REPLACED
    indexes = {index.name: index for index in (await introspected(mysql_database)).tables[0].indexes}
    assert indexes["plain"].parts == (IndexPart("e", prefix=384), IndexPart("f", prefix=1536))


async def test_both_ends_of_a_reference_get_one_type(mysql_database: Endpoint) -> None:
    parent = a_table("parent", ("id", Integer(64)), ("code", Text()), primary_key=Key(("id",), "p"))
    parent = replace(parent, indexes=(Index("codes", (IndexPart("code"),), unique=True, constraint=True),))
    child = a_table(
        "child",
        ("parent_id", Integer(32)),
        ("parent_code", Text()),
        foreign_keys=(
            ForeignKey("by_id", ("parent_id",), TableName("parent"), ("id",)),
            ForeignKey("by_code", ("parent_code",), TableName("parent"), ("code",), ReferentialAction.SET_DEFAULT),
        ),
    )

    plan = await built(wanted(parent, child), mysql_database)

    assert natives(plan, 1) == {"parent_id": "BIGINT", "parent_code": "VARCHAR(768)"}
    assert outcome(plan, ObjectKind.FOREIGN_KEY, "by_code")[0] is Outcome.REPLACED
    found = (await introspected(mysql_database)).table(TableName("child"))
    assert found is not None
    assert {key.name for key in found.foreign_keys} == {"by_id", "by_code"}


async def test_columns_too_wide_for_a_row_move_out_of_it(mysql_database: Endpoint) -> None:
    table = a_table("t", *((f"c{number}", Text(4000)) for number in range(8)), ("id", Integer(64)))

    plan = await built(wanted(table), mysql_database)

    assert sorted(natives(plan).values()).count("LONGTEXT") == 4


async def test_many_short_columns_fit_into_a_page(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    names = [f"c{number}" for number in range(150)]

    await built(wanted(a_table("t", *((name, Text(60)) for name in names))), mysql_database)

    values = ", ".join(f"REPEAT('é', {60})" for _ in names)
    mysql_server.run(f"INSERT INTO t VALUES ({values})", database=mysql_database.database)
    assert mysql_server.run("SELECT LENGTH(c149) FROM t", database=mysql_database.database) == [(120,)]


async def test_texts_that_differ_only_in_case_accents_or_spaces_stay_different_keys(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    await built(wanted(a_table("t", ("word", Text(20)), primary_key=Key(("word",), "p"))), mysql_database)

    mysql_server.run(
        "SET NAMES utf8mb4",
        "INSERT INTO t VALUES ('a'), ('A'), ('á'), ('a '), ('a  '), ('ß'), ('ss'), ('')",
        database=mysql_database.database,
    )

    assert mysql_server.run("SELECT COUNT(*) FROM t", database=mysql_database.database) == [(8,)]


async def test_names_are_cut_to_what_mysql_takes_and_constraints_kept_apart(mysql_database: Endpoint) -> None:
    long = "x" * 70
    tables = [
        a_table(
            name,
            ("id", Integer(64)),
            ("other", Integer(64)),
            primary_key=Key(("id",), "same"),
            checks=(Check("same_check", "id > 0"),),
            foreign_keys=(ForeignKey("same_key", ("other",), TableName(name), ("id",)),),
        )
        for name in ("first", "second")
    ]
    plan = await built(wanted(*tables, a_table(long, ("id", Integer(32)))), mysql_database)

    assert plan.tables[2].name == TableName("x" * 64)
    assert outcome(plan, ObjectKind.TABLE, long)[0] is Outcome.REPLACED
    found = await introspected(mysql_database)
    assert [len(table.foreign_keys) for table in found.tables] == [1, 1, 0]
    assert [len(table.checks) for table in found.tables] == [1, 1, 0]


async def test_indexes_get_names_that_mysql_takes_and_tells_apart(mysql_database: Endpoint) -> None:
    here = {"Ab": "Ab", "ab": "index_ab", "primary": "index_primary", "tail ": "tail_", "x\U0001f600": "x_"}
    indexes = tuple(Index(name, (IndexPart("id"),), unique=True) for name in here)
    check = Check("c\U0001f600", "id > 0")

    plan = await built(wanted(a_table("t", ("id", Integer(64)), indexes=indexes, checks=(check,))), mysql_database)

    found = (await introspected(mysql_database)).tables[0]
    assert sorted(index.name for index in found.indexes) == sorted(here.values())
    assert [check.name for check in found.checks] == ["c_"]
    for name, other in here.items():
        outcome_here = (Outcome.CREATED, "") if name == other else (Outcome.REPLACED, f"named {other}")
        assert outcome(plan, ObjectKind.INDEX, name) == outcome_here


def test_what_mysql_has_not_is_left_out_with_a_reason() -> None:
    table = a_table(
        "t",
        ("id", Integer(64)),
        ("body", Text()),
        indexes=(
            Index("partial", (IndexPart("id"),), unique=True, predicate="id > 5"),
            Index("computed", (IndexPart(expression="lower(body)"),)),
            Index("inverted", (IndexPart("body"),), method="gin"),
        ),
    )
    schema = replace(
        wanted(table),
        views=(View(TableName("v"), "SELECT my_own_function(id) FROM t"),),
        others=(OtherObject("FUNCTION", "f"), OtherObject("TYPE", "mood")),
    )

    plan = CONNECTOR.plan_schema(schema, NOWHERE)

    left_out = {line.object.name: line.reason for line in plan.parity if line.outcome is Outcome.SKIPPED}
    assert set(left_out) == {"partial", "computed", "inverted", "v", "f", "mood"}
    assert left_out["partial"] == "MySQL has no partial indexes; its rows are not kept unique"
    assert all(left_out.values())
    assert [step.phase for step in plan.steps] == [Phase.BEFORE_DATA]


async def test_a_numbered_column_outside_the_primary_key_takes_its_index_along(mysql_database: Endpoint) -> None:
    table = Table(
        TableName("t"),
        (Column("code", Text(5), "", nullable=False), Column("n", Integer(64), "", identity=Identity(8))),
        primary_key=Key(("code",), "p"),
        indexes=(Index("numbers", (IndexPart("n"),), unique=True, constraint=True),),
    )

    plan = await built(wanted(table), mysql_database)

    found = (await introspected(mysql_database)).tables[0]
    assert found.columns[1].identity == Identity(8)
    assert [index.name for index in found.indexes] == ["numbers"]
    assert outcome(plan, ObjectKind.INDEX, "numbers") == (Outcome.CREATED, "")
    assert SchemaObject(ObjectKind.INDEX, "numbers", "t") not in {step.object for step in plan.steps}


async def test_a_column_computed_of_a_numbered_one_holds_its_values(mysql_database: Endpoint) -> None:
    table = Table(
        TableName("t"),
        (
            Column("id", Integer(64), "", nullable=False, identity=Identity(8)),
            Column("twice", Integer(64), "", generated="id * 2", generated_stored=True),
        ),
        primary_key=Key(("id",), "p"),
    )

    plan = await built(wanted(table), mysql_database)

    assert [column.generated for column in (await introspected(mysql_database)).tables[0].columns] == [None, None]
    assert outcome(plan, ObjectKind.COLUMN, "twice")[0] is Outcome.REPLACED


@pytest.mark.parametrize(
    ("native", "spelled"),
    [
        ("int(11)", "int(11)"),
        ("text CHARACTER SET latin1 COLLATE latin1_swedish_ci", "text CHARACTER SET latin1 COLLATE latin1_swedish_ci"),
        (
            "text COLLATE utf8mb4_0900_ai_ci",
            "text /*!80000 COLLATE utf8mb4_0900_ai_ci */ /*M! COLLATE utf8mb4_unicode_520_nopad_ci */",
        ),
        (
            "text CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            "text CHARACTER SET utf8mb4 /*M! COLLATE utf8mb4_nopad_bin */ /*!80000 COLLATE utf8mb4_0900_bin */",
        ),
    ],
)
async def test_collations_that_only_one_server_knows_are_spelled_for_both(
    native: str, spelled: str, mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    assert same_engine(native) == spelled
    mysql_server.run(f"CREATE TABLE t (c {spelled})", database=mysql_database.database)
