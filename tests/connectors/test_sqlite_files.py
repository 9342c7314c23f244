"""What is particular about SQLite files: row numbers, moments, locks, hostile contents, places that change values."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.catalog.model import Column, DatabaseSchema, ForeignKey, Identity, Key, Table, TableName, View
from domain.catalog.types import Date, Decimal, Float, Integer, LogicalType, Text
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, ValueRejected
from domain.migrations.canonical import Carried
from domain.migrations.schema_plan import ObjectKind, Outcome, Phase
from domain.migrations.transfer import ColumnCopy, KeyRange, PhysicalRange, TableCopy
from infra.connectors.postgresql.connector import CONNECTOR as POSTGRESQL
from infra.connectors.sqlite import session
from infra.connectors.sqlite.connector import CONNECTOR
from tests.connectors.lab import Lab, batches, copy_of, read_rows, table_named, whole


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(Engine.SQLITE, Endpoint(Engine.SQLITE, path=str(tmp_path / "file é #?%.db")), CONNECTOR)


def run(lab: Lab, script: str) -> list[tuple[object, ...]]:
    """Run a script on the file, and return the rows of its last statement."""
    *first, last = [part for part in script.split(";;") if part.strip()]
    with closing(sqlite3.connect(lab.endpoint.path, isolation_level=None)) as connection:
        for part in first:
            connection.execute(part)
        return connection.execute(last).fetchall()


async def test_rows_are_found_by_number_even_if_a_column_has_its_name(lab: Lab) -> None:
    run(
        lab,
        "CREATE TABLE odd (rowid TEXT, oid TEXT);; INSERT INTO odd SELECT 'a', value FROM json_each('[1,2,3,4,5,6]')",
    )

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        chunks = await source.split(copy, 2)
        assert all(isinstance(chunk.scope, PhysicalRange) for chunk in chunks)
        assert len(await read_rows(source, copy, *chunks)) == 6


async def test_a_table_whose_columns_hide_all_row_numbers_is_one_chunk(lab: Lab) -> None:
    run(lab, "CREATE TABLE odd (rowid, oid, _rowid_);; INSERT INTO odd SELECT 1, 2, value FROM json_each('[1,2,3]')")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        chunks = await source.split(copy, 1)
        assert len(await read_rows(source, copy, *chunks)) == 3


@pytest.mark.parametrize("collation", ["BINARY", "NOCASE"])
async def test_a_table_without_row_numbers_is_cut_by_its_key(lab: Lab, collation: str) -> None:
    run(
        lab,
        f"CREATE TABLE keyed (k TEXT COLLATE {collation}, n INTEGER, PRIMARY KEY (k, n)) WITHOUT ROWID;;"
        "INSERT INTO keyed SELECT char(65 + value % 3 * 16), value FROM json_each('[1,2,3,4,5,6,7,8,9,10,11]')",
    )

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        chunks = await source.split(copy, 3)
        read = await read_rows(source, copy, *chunks)

    assert len(chunks) > 3
    assert all(isinstance(chunk.scope, KeyRange) for chunk in chunks)
    assert sorted(int(str(number)) for _, number in read) == list(range(1, 12))


async def test_a_key_that_holds_null_is_a_unique_index(lab: Lab) -> None:
    run(lab, "CREATE TABLE loose (code TEXT PRIMARY KEY);; INSERT INTO loose VALUES (NULL), (NULL), ('a')")

    table = await lab.found("loose")

    assert table.primary_key is None
    assert [(index.unique, index.parts[0].column) for index in table.indexes] == [(True, "code")]
    assert table.columns[0].nullable


async def test_all_readers_see_the_moment_of_opening(lab: Lab) -> None:
    run(lab, "PRAGMA journal_mode = WAL;; CREATE TABLE t (id INTEGER PRIMARY KEY);; INSERT INTO t VALUES (1), (2)")

    async with lab.source(readers=3) as source:
        run(lab, "INSERT INTO t VALUES (3)")
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        counts = [len(await read_rows(source, copy, whole(copy))) for _ in range(4)]

    assert counts == [2, 2, 2, 2]
    assert await lab.rows("t") == [(1,), (2,), (3,)]


async def test_a_locked_file_is_busy_for_now(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "BUSY_TIMEOUT_S", 0.05)
    run(lab, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    with closing(sqlite3.connect(lab.endpoint.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        for opening in (lab.source(), lab.target()):
            with pytest.raises(DatabaseError) as caught:
                async with opening:
                    pytest.fail("the file was opened")
            assert caught.value.code is ErrorCode.DATABASE_BUSY
            assert caught.value.transient


async def test_a_file_left_in_the_middle_of_a_transaction_says_what_to_do(lab: Lab) -> None:
    killed = (
        "import os, signal, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('CREATE TABLE t (body)'); c.executemany('INSERT INTO t VALUES (?)', [('x' * 1000,)] * 2000)\n"
        "c.execute('PRAGMA cache_size = 5'); c.execute('BEGIN'); c.execute('UPDATE t SET body = 1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    await (await asyncio.create_subprocess_exec(sys.executable, "-c", killed, lab.endpoint.path)).wait()

    with pytest.raises(ConnectFailed) as caught:
        await CONNECTOR.open_source(lab.endpoint, readers=1)

    assert "middle of a transaction" in caught.value.message
    async with lab.target() as target:
        assert await target.row_counts((TableName("t"),)) == {TableName("t"): 2_000}
    assert await lab.rows("t") == [("x" * 1000,)] * 2_000


async def test_references_to_nothing_are_set_apart(lab: Lab) -> None:
    run(
        lab,
        "CREATE TABLE p (id INTEGER PRIMARY KEY);;"
        "CREATE TABLE c (a REFERENCES gone, b REFERENCES p(gone), d REFERENCES p, FOREIGN KEY (a, b) REFERENCES p)",
    )

    async with lab.source() as source:
        schema = await source.introspect()

    assert [key.columns for key in table_named(schema, "c").foreign_keys] == [("d",)]
    assert [(other.kind, other.name) for other in schema.others] == [
        ("FOREIGN KEY TO NOTHING", name) for name in ("c.c_a_fkey", "c.c_b_fkey", "c.c_a_b_fkey")
    ]


async def test_a_broken_file_is_a_failure_with_a_code(lab: Lab) -> None:
    run(
        lab,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT);;"
        "INSERT INTO t SELECT NULL, hex(zeroblob(3000)) FROM json_each('[1,2,3,4]')",
    )
    content = bytearray(Path(lab.endpoint.path).read_bytes())
    content[4096:12288] = b"\xa5" * 8192
    Path(lab.endpoint.path).write_bytes(content)

    with pytest.raises(DatabaseError) as caught:
        await lab.rows("t")

    assert caught.value.code is ErrorCode.DATABASE_FAILED
    assert not caught.value.transient


async def test_a_file_cannot_make_us_open_or_write_others(lab: Lab, tmp_path: Path) -> None:
    victim = tmp_path / "victim.db"
    run(lab, "CREATE TABLE t (id INTEGER PRIMARY KEY)")

    async with lab.source() as source:
        for statement in (f"ATTACH '{victim}' AS other", "INSERT INTO t VALUES (1)", "SELECT load_extension('x')"):
            with pytest.raises(DatabaseError):
                await source._sessions[0].run(lambda connection, sql=statement: connection.execute(sql).fetchall())  # type: ignore[attr-defined]

    assert not victim.exists()


EXISTING: list[tuple[str, LogicalType, Carried, bool]] = [
    ("DECIMAL(10,2)", Decimal(10, 2), "1.10", True),
    ("DECIMAL(30,2)", Decimal(30, 2), "12345678901234567890.25", False),
    ("INTEGER", Text(), "007", False),
    ("INTEGER", Text(), " 12 ", False),
    ("NUMERIC", Text(), "1e5", False),
    ("INTEGER", Text(), "seven", True),
    ("TEXT", Text(), "007", True),
    ("REAL", Integer(64), 2**53, True),
    ("REAL", Integer(64), 2**53 + 1, False),
    ("TEXT", Integer(64), 2**63 - 1, True),
    ("TEXT", Float(64), 1.5, False),
    ("INTEGER", Float(64), 2.0, True),
    ("INTEGER", Integer(64, signed=False), 2**63 - 1, True),
    ("INTEGER", Integer(64, signed=False), 2**63, False),
    ("NUMERIC", Date(), "2024-02-29", True),
]


@pytest.mark.parametrize(("declared", "type_", "value", "kept"), EXISTING)
async def test_a_column_that_was_there_keeps_a_value_or_refuses_it(
    lab: Lab, declared: str, type_: LogicalType, value: Carried, *, kept: bool
) -> None:
    run(lab, f"CREATE TABLE there (value {declared})")
    column = ColumnCopy("value", "value", type_, "", declared)
    copy = TableCopy(0, TableName("there"), TableName("there"), (column,))

    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        if kept:
            await target.write(copy, whole(copy), batches(copy, [(value,)]), ticket)
        else:
            with pytest.raises(ValueRejected):
                await target.write(copy, whole(copy), batches(copy, [(value,)]), ticket)

    assert run(lab, "SELECT count(*) FROM there") == [(int(kept),)]


async def test_numbers_given_by_mysql_stay_numbers_in_what_refers_to_them() -> None:
    unsigned = Integer(64, signed=False)
    parent = Table(
        TableName("p"), (Column("id", unsigned, "bigint unsigned", nullable=False, identity=Identity(5)),), Key(("id",))
    )
    child = Table(
        TableName("c"),
        (Column("p_id", unsigned, "bigint unsigned"), Column("other", unsigned, "bigint unsigned")),
        foreign_keys=(ForeignKey("c_p", ("p_id",), TableName("p"), ("id",)),),
    )

    plan = CONNECTOR.plan_schema(DatabaseSchema(Engine.MYSQL, "11", (child, parent)), Endpoint(Engine.SQLITE))

    natives = {column.name: column.native for table in plan.tables for column in table.columns}
    assert natives == {"p_id": "INTEGER", "other": "DECIMAL_TEXT(20,0)", "id": "INTEGER AUTOINCREMENT"}


async def test_a_file_is_copied_into_a_file_word_for_word(lab: Lab, tmp_path: Path) -> None:
    run(
        lab,
        """
        CREATE TABLE a (
            id INTEGER PRIMARY KEY AUTOINCREMENT, -- CHECK (not this one)
            "na me" VARCHAR(10) NOT NULL DEFAULT 'it''s' CONSTRAINT short CHECK (length("na me") < 8),
            up TEXT GENERATED ALWAYS AS (upper("na me")) STORED,
            CONSTRAINT pair UNIQUE ("na me", id), CHECK (id > 0));;
        CREATE TABLE b (a_id INT CONSTRAINT to_a REFERENCES A ON DELETE CASCADE, made TEXT DEFAULT CURRENT_TIMESTAMP);;
        CREATE INDEX part ON a (lower("na me") DESC, id) WHERE id > 5;;
        CREATE VIEW v (x) AS SELECT "na me" FROM a;;
        CREATE TRIGGER t AFTER INSERT ON b BEGIN UPDATE a SET "na me" = 'z' WHERE id = NEW.a_id; END;;
        INSERT INTO a ("na me") VALUES ('x')
        """,
    )
    copied = replace(lab, endpoint=Endpoint(Engine.SQLITE, path=str(tmp_path / "copy.db")))
    async with lab.source() as source:
        schema = await source.introspect()

    plan = await copied.build(schema)

    assert {line.outcome for line in plan.parity} == {Outcome.CREATED}
    async with copied.source() as source:
        again = await source.introspect()
    first, second = table_named(schema, "a"), table_named(again, "a")
    assert (second.columns, second.checks, second.primary_key) == (first.columns, first.checks, first.primary_key)
    assert {(index.parts, index.unique, index.predicate) for index in second.indexes} == {
        (index.parts, index.unique, index.predicate) for index in first.indexes
    }
    assert table_named(again, "b") == replace(table_named(schema, "b"), size_bytes=table_named(again, "b").size_bytes)
    assert [view.definition for view in again.views] == [view.definition for view in schema.views]
    assert [other.definition for other in again.others] == [other.definition for other in schema.others]


async def test_columns_checks_indexes_and_views_may_use_json(lab: Lab, tmp_path: Path) -> None:
    run(
        lab,
        """
        CREATE TABLE a (facts TEXT CHECK (json_valid(facts)), price AS (facts ->> 'price'));;
        CREATE INDEX by_price ON a (json_extract(facts, '$.price')) WHERE json_type(facts) = 'object';;
        CREATE VIEW v AS SELECT json_group_array(price) AS prices FROM a;;
        INSERT INTO a (facts) VALUES ('{"price":2}')
        """,
    )
    copied = replace(lab, endpoint=Endpoint(Engine.SQLITE, path=str(tmp_path / "copy.db")))
    async with lab.source() as source:
        schema = await source.introspect()
    copy = copy_of(table_named(schema, "a"), table_named(schema, "a"))

    plan = await copied.build(schema)
    async with copied.target() as target:
        await target.write(copy, whole(copy), batches(copy, [('{"price":3}',)]), await target.open_run("run", "plan"))

    assert {line.outcome for line in plan.parity} == {Outcome.CREATED}
    assert run(copied, "SELECT prices FROM v") == [("[3]",)]


async def test_what_a_file_says_of_conflicts_and_notes_of_itself_is_reported_where_it_stays_behind(lab: Lab) -> None:
    run(
        lab,
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY ON CONFLICT ABORT, n TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'x',
            gone INTEGER REFERENCES missing (id), UNIQUE (n, id) ON CONFLICT IGNORE, CHECK (n <> 'ON CONFLICT FAIL'));;
        PRAGMA user_version = 7
        """,
    )
    async with lab.source() as source:
        schema = await source.introspect()

    for connector, engine in ((CONNECTOR, Engine.SQLITE), (POSTGRESQL, Engine.POSTGRESQL)):
        plan = connector.plan_schema(schema, Endpoint(engine))

        lines = {line.object.name: line.reason for line in plan.parity if line.object.kind is ObjectKind.OTHER}
        assert sorted(lines) == ["a ON CONFLICT IGNORE", "a ON CONFLICT REPLACE", "a.a_gone_fkey", "user_version = 7"]
        assert lines["a.a_gone_fkey"] == "It refers to a table or columns that are not there."
        assert "refused" in lines["a ON CONFLICT IGNORE"]
        assert "PRAGMA" in lines["user_version = 7"]


def test_what_sqlite_lacks_is_left_out_with_a_reason() -> None:
    wanted = DatabaseSchema(
        Engine.POSTGRESQL, "16", (Table(TableName("t"), (Column("a", Text(), "text", comment="why"),)),)
    )

    plan = CONNECTOR.plan_schema(wanted, Endpoint(Engine.SQLITE))

    (comment,) = [line for line in plan.parity if line.object.kind is ObjectKind.COMMENT]
    assert (comment.outcome, comment.reason) == (Outcome.SKIPPED, "SQLite keeps no comments.")
    assert [step.phase for step in plan.steps] == [Phase.BEFORE_DATA]


def test_a_view_that_could_be_made_but_not_read_is_left_out_with_the_reason() -> None:
    wanted = DatabaseSchema(
        Engine.POSTGRESQL,
        "16",
        (Table(TableName("t"), (Column("a", Text(), "text"),)),),
        views=(
            View(TableName("good"), "SELECT a FROM t"),
            View(TableName("bad"), "SELECT a FROM t WHERE a ~ 'x'"),
            View(TableName("on_good"), "SELECT upper(a) AS b FROM good"),
            View(TableName("on_bad"), "SELECT a FROM bad"),
        ),
    )

    plan = CONNECTOR.plan_schema(wanted, Endpoint(Engine.SQLITE))

    views = {line.object.name: line for line in plan.parity if line.object.kind is ObjectKind.VIEW}
    assert {name: line.outcome for name, line in views.items()} == {
        "good": Outcome.CREATED,
        "bad": Outcome.SKIPPED,
        "on_good": Outcome.CREATED,
        "on_bad": Outcome.SKIPPED,
    }
    assert "no such function: REGEXP" in views["bad"].reason
