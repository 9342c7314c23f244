"""What is particular about DuckDB files: its own types, locks, closed doors, references, very large values."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from domain.catalog.model import DatabaseSchema, ForeignKey, Key, Table, TableName
from domain.catalog.types import (
    Bits,
    Date,
    Decimal,
    Enumeration,
    Float,
    Geometry,
    Integer,
    Interval,
    Json,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.connections.values import Engine
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, ValueRejected
from domain.migrations.canonical import Carried, digest_rows
from domain.migrations.schema_plan import ObjectKind, Outcome, Phase, SchemaObject, Step
from domain.migrations.transfer import Batch, ColumnCopy, PhysicalRange, TableCopy
from infra.connectors.arrow import BATCH_BYTES_MAX
from infra.connectors.duckdb import target as duckdb_target
from infra.connectors.duckdb.connector import CONNECTOR
from tests.connectors.duckdb_lab import lab_in, run
from tests.connectors.lab import Lab, a_column, batches, copy_of, digest_columns, read_rows, table_named, whole


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return lab_in(tmp_path)


OWN_VALUES: list[tuple[str, str, LogicalType, Carried]] = [
    ("HUGEINT", "'-170141183460469231731687303715884105728'", Integer(128), str(-(2**127))),
    ("UHUGEINT", "'340282366920938463463374607431768211455'", Integer(128, signed=False), str(2**128 - 1)),
    (
        "BIGNUM",
        "'1234567890123456789012345678901234567890'",
        Decimal(),
        "1234567890123456789012345678901234567890",
    ),
    ("DECIMAL(38,38)", "0.1", Decimal(38, 38), "0.1" + "0" * 37),
    ("FLOAT", "1.1", Float(32), 1.100000023841858),
    ("DATE", "'0044-03-15 (BC)'", Date(), "0044-03-15 BC"),
    ("DATE", "'12024-03-15'", Date(), "12024-03-15"),
    ("TIMESTAMP", "'0044-03-15 (BC) 10:00:00.5'", Timestamp(), "0044-03-15 10:00:00.500000 BC"),
    ("TIMESTAMP", "'-infinity'", Timestamp(), "-infinity"),
    ("TIMESTAMP", "'12024-01-01'", Timestamp(), "12024-01-01 00:00:00.000000"),
    ("TIMESTAMP_S", "'2024-01-01 10:00:00'", Timestamp(0), "2024-01-01 10:00:00.000000"),
    ("TIMESTAMP_MS", "'2024-01-01 10:00:00.123'", Timestamp(3), "2024-01-01 10:00:00.123000"),
    ("TIMESTAMP_NS", "'2024-01-01 10:00:00.123456789'", Opaque("TIMESTAMP_NS"), "2024-01-01 10:00:00.123456789"),
    ("TIMESTAMPTZ", "'2024-07-01 10:00:00+02'", Timestamp(zoned=True), "2024-07-01 08:00:00.000000"),
    ("TIMESTAMPTZ", "'infinity'", Timestamp(zoned=True), "infinity"),
    ("TIME", "'24:00:00'", Time(), "24:00:00.000000"),
    ("TIMETZ", "'10:00:00.25+02'", Time(zoned=True), "10:00:00.250000+02:00"),
    ("TIMETZ", "'10:00:00-02:30'", Time(zoned=True), "10:00:00.000000-02:30"),
    ("INTERVAL", "INTERVAL '14 months -3 days 04:05:06.7'", Interval(), "P1Y2M-3DT4H5M6.7S"),
    ("UUID", "'6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f'", Uuid(), "6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f"),
    ("BIT", "'0101'", Bits(varying=True), "0101"),
    ("ENUM('a', 'it''s')", "'it''s'", Enumeration(("a", "it's")), "it's"),
    ("JSON", '\'{"a": 1, "a":2}\'', Json(), '{"a": 1, "a":2}'),
    ("INTEGER[]", "[1, NULL, 3]", Json(), "[1,null,3]"),
    ("STRUCT(a INTEGER, b VARCHAR)", "{'a': 1, 'b': 'x\"y'}", Json(), '{"a":1,"b":"x\\"y"}'),
    ("MAP(VARCHAR, INTEGER)", "MAP {'a': 1}", Json(), '{"a":1}'),
    ("VARCHAR", "'a' || chr(0) || 'b'", Text(), "a\0b"),
    ("GEOMETRY", "'POINT(1 2)'", Geometry(), bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040")),
]


@pytest.mark.parametrize(("declared", "value", "type_", "carried"), OWN_VALUES)
async def test_duckdbs_own_types_are_read_and_digested_exactly(
    lab: Lab, declared: str, value: str, type_: LogicalType, carried: Carried
) -> None:
    run(lab, f"CREATE TABLE own (value {declared})", f"INSERT INTO own VALUES ({value}), (NULL)")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        assert table.columns[0].type == type_
        assert await read_rows(source, copy, whole(copy)) == [(carried,), (None,)]
        assert await source.digest(table.name, digest_columns(copy)) == digest_rows([type_], [(carried,), (None,)])


async def test_texts_of_several_collations_are_digested_together(lab: Lab) -> None:
    run(lab, "CREATE TABLE t (a VARCHAR COLLATE nocase, b VARCHAR COLLATE noaccent)", "INSERT INTO t VALUES ('A', 'é')")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        digest = await source.digest(table.name, digest_columns(copy_of(table, table)))

    assert digest == digest_rows([Text(), Text()], [("A", "é")])


@pytest.mark.parametrize(("declared", "value", "type_", "carried"), OWN_VALUES)
async def test_duckdbs_own_types_are_copied_into_duckdb(
    lab: Lab, tmp_path: Path, declared: str, value: str, type_: LogicalType, carried: Carried
) -> None:
    run(lab, f"CREATE TABLE own (value {declared})", f"INSERT INTO own VALUES ({value})")
    copied = replace(lab, endpoint=replace(lab.endpoint, path=str(tmp_path / "copy.duckdb")))
    async with lab.source() as source, copied.target() as target:
        schema = await source.introspect()
        plan = CONNECTOR.plan_schema(schema, copied.endpoint)
        copy = copy_of(schema.tables[0], plan.tables[0])
        ticket = await target.open_run("run", "plan")
        await target.execute(plan.steps[0], ticket)
        await target.write(copy, whole(copy), source.read(copy, whole(copy)), ticket)
        await target.close_run("run")

    assert await copied.rows("own") == [(carried,)]
    shown = "SELECT CAST(value AS VARCHAR) FROM own"
    assert run(copied, shown) == run(lab, shown)
    assert (await copied.found("own")).columns == (await lab.found("own")).columns


EXISTING: list[tuple[str, LogicalType, Carried, bool]] = [
    ("DECIMAL(10,1)", Decimal(10, 2), "1.50", True),
    ("DECIMAL(10,1)", Decimal(10, 2), "1.25", False),
    ("INTEGER", Decimal(10, 2), "7.00", True),
    ("INTEGER", Decimal(10, 2), "7.50", False),
    ("FLOAT", Float(64), 1.5, True),
    ("FLOAT", Float(64), 1.1, False),
    ("TINYINT", Integer(64), 127, True),
    ("TINYINT", Integer(64), 128, False),
    ("TIMESTAMP_S", Timestamp(), "2024-01-01 10:00:00.000000", True),
    ("TIMESTAMP_S", Timestamp(), "2024-01-01 10:00:00.500000", False),
    ("DATE", Timestamp(), "2024-01-01 10:00:00.000000", False),
    ("BIGINT", Text(), "007", False),
    ("BIGINT", Text(), "7", True),
    ("DECIMAL(10,2)", Decimal(10, 2), "NaN", False),
]


@pytest.mark.parametrize(("declared", "type_", "value", "kept"), EXISTING)
async def test_a_column_that_was_there_keeps_a_value_or_refuses_it(
    lab: Lab, declared: str, type_: LogicalType, value: Carried, *, kept: bool
) -> None:
    run(lab, f"CREATE TABLE there (value {declared})")
    copy = TableCopy(0, TableName("there"), TableName("there"), (ColumnCopy("value", "value", type_, "", declared),))

    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        if kept:
            await target.write(copy, whole(copy), batches(copy, [(value,)]), ticket)
            assert await target.digest(copy.target, digest_columns(copy)) == digest_rows([type_], [(value,)])
        else:
            with pytest.raises(ValueRejected):
                await target.write(copy, whole(copy), batches(copy, [(value,)]), ticket)

    assert run(lab, "SELECT count(*) FROM there") == [(int(kept),)]


async def test_no_statement_reaches_beyond_the_file(lab: Lab, tmp_path: Path) -> None:
    secret, written = tmp_path / "secret.csv", tmp_path / "written.csv"
    secret.write_text("a\n1\n")
    link = tmp_path / "link.csv"
    link.symlink_to(secret)
    outside = (
        f"CREATE TABLE stolen AS FROM read_csv('{secret}')",
        f"CREATE TABLE stolen AS FROM '{link}'",
        f"CREATE TABLE stolen AS FROM read_text('{tmp_path}/../{tmp_path.name}/secret.csv')",
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other",
        f"COPY (SELECT 1) TO '{written}'",
        f"EXPORT DATABASE '{tmp_path / 'dump'}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "CREATE TABLE stolen AS FROM secret",
    )
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        for number, sql in enumerate(outside):
            step = Step(number, Phase.FINISH, SchemaObject(ObjectKind.OTHER, "x"), sql)
            with pytest.raises(DatabaseError):
                await target.execute(step, ticket)
        assert (await target.introspect()).tables == ()
    assert {path.name for path in tmp_path.iterdir()} == {"secret.csv", "link.csv", Path(lab.endpoint.path).name}


async def test_a_file_in_use_by_another_process_is_busy_for_now(lab: Lab) -> None:
    run(lab, "CREATE TABLE t (id INTEGER)")
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, lab.endpoint.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"open\n"

    for opening in (lab.source(), lab.target()):
        with pytest.raises(ConnectFailed) as caught:
            async with opening:
                pytest.fail("the file was opened")
        assert caught.value.code is ErrorCode.DATABASE_BUSY
        assert caught.value.transient

    await other.communicate(b"")
    assert await lab.rows("t") == []


async def test_one_file_cannot_be_source_and_target_at_once(lab: Lab) -> None:
    run(lab, "CREATE TABLE t (id INTEGER)")

    async with lab.source():
        with pytest.raises(ConnectFailed) as caught:
            async with lab.target():
                pytest.fail("the file was opened")

    assert caught.value.code is ErrorCode.DATABASE_BUSY
    assert not caught.value.transient
    assert "both at once" in caught.value.message


async def test_two_sources_may_read_one_file(lab: Lab) -> None:
    run(lab, "CREATE TABLE t AS FROM range(10) r(id)")

    async with lab.source(readers=2) as first, lab.source(readers=2) as second:
        assert (await first.introspect()).tables == (await second.introspect()).tables


async def test_a_question_mark_in_the_path_is_refused(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await CONNECTOR.open_target(replace(lab.endpoint, path=str(tmp_path / "what?.duckdb")), writers=1)

    assert "question mark" in caught.value.message
    assert list(tmp_path.iterdir()) == []


async def test_a_file_named_like_a_table_of_values_is_no_database(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    path.write_text("id\n1\n")

    with pytest.raises(ConnectFailed) as caught:
        await CONNECTOR.open_target(replace(lab.endpoint, path=str(path)), writers=1)

    assert caught.value.code is ErrorCode.NOT_A_DATABASE


async def test_very_large_values_are_read_a_few_at_a_time(lab: Lab) -> None:
    run(lab, "CREATE TABLE big AS SELECT i, repeat('x', 1000000) AS body FROM range(40) r(i)")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        sizes = [(batch.rows, batch.size_bytes) async for batch in source.read(copy, whole(copy))]

    assert sum(rows for rows, _ in sizes) == 40
    assert max(size for _, size in sizes) <= 2 * BATCH_BYTES_MAX


async def test_gaps_of_deleted_rows_do_not_make_uneven_chunks(lab: Lab) -> None:
    run(lab, "CREATE TABLE t AS FROM range(100000) r(id)", "DELETE FROM t WHERE id < 90000 AND id % 100 > 0")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        chunks = await source.split(copy, 2_000)
        sizes = [len(await read_rows(source, copy, chunk)) for chunk in chunks]

    assert all(isinstance(chunk.scope, PhysicalRange) for chunk in chunks)
    assert sum(sizes) == 10_900
    assert max(sizes) <= 2_000


async def test_only_the_endpoints_schema_is_looked_at_and_built_in(lab: Lab) -> None:
    run(lab, "CREATE TABLE elsewhere (id INTEGER)")
    shop = replace(lab, endpoint=replace(lab.endpoint, schema="shop"))
    key = ForeignKey("to_p", ("p_id",), TableName("p"), ("id",))
    parent = Table(TableName("p"), (a_column("id", Integer(64), nullable=False),), Key(("id",)))
    child = Table(TableName("c"), (a_column("p_id", Integer(64)),), foreign_keys=(key,))

    await shop.build(shop.wanted(child, parent))

    async with shop.source() as source:
        tables = (await source.introspect()).tables
    assert sorted(table.name for table in tables) == [TableName("c", "shop"), TableName("p", "shop")]
    found = table_named(DatabaseSchema(Engine.DUCKDB, "", tables), "c")
    assert found.foreign_keys[0].references == TableName("p", "shop")
    assert [table.name for table in (await lab.found("elsewhere"),)] == [TableName("elsewhere", "main")]


async def test_schemas_beside_the_one_that_is_copied_are_named(lab: Lab) -> None:
    run(lab, "CREATE TABLE film (id INTEGER)", "CREATE SCHEMA sales", "CREATE TABLE sales.visit (id INTEGER)")

    async with lab.source() as source:
        schema = await source.introspect()
    plan = CONNECTOR.plan_schema(schema, lab.endpoint)

    assert [table.name.name for table in schema.tables] == ["film"]
    assert {line.object.name: line.reason for line in plan.parity if line.outcome is Outcome.SKIPPED} == {
        "sales": "One schema is copied at a time; name this one with ?schema= in its own run."
    }


GROUP = 122_880
NUMBERS = Table(TableName("number"), (a_column("id", Integer(64), nullable=False),))


async def numbers(rows: int, at_once: int) -> AsyncGenerator[Batch]:
    for first in range(0, rows, at_once):
        array = pa.array(range(first, min(first + at_once, rows)), pa.int64())
        yield Batch(len(array), array.nbytes, pa.record_batch({"id": array}))


async def dice(rows: int) -> AsyncGenerator[Batch]:
    """Numbers that no compression makes small."""
    array = pa.array([random.Random(rows).getrandbits(60) for _ in range(rows)], pa.int64())
    yield Batch(len(array), array.nbytes, pa.record_batch({"id": array}))


async def test_a_chunk_of_several_groups_fills_each_and_keeps_its_rows(lab: Lab) -> None:
    copy = await lab.make(NUMBERS)
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        for number in range(2):
            receipt = await target.write(copy, whole(copy, number), numbers(3 * GROUP, 50_000), ticket)
            assert receipt.rows_written == 3 * GROUP

    sizes = run(
        lab,
        "SELECT row_group_id, sum(count) FROM pragma_storage_info('number')"
        " WHERE column_name = 'id' AND segment_type <> 'VALIDITY' GROUP BY ALL ORDER BY ALL",
    )
    assert [size for _, size in sizes] == [GROUP] * 6
    assert run(lab, "SELECT count(*), count(DISTINCT id), max(id) FROM number") == [
        (6 * GROUP, 3 * GROUP, 3 * GROUP - 1)
    ]


async def test_a_chunk_that_is_given_up_between_its_groups_leaves_nothing_and_the_file_usable(lab: Lab) -> None:
    copy = await lab.make(NUMBERS)
    is_waiting = asyncio.Event()

    async def endless() -> AsyncGenerator[Batch]:
        async for batch in numbers(2 * GROUP, 50_000):
            yield batch
        is_waiting.set()
        await asyncio.Event().wait()

    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        stream = endless()
        writing = asyncio.create_task(target.write(copy, whole(copy), stream, ticket))
        await is_waiting.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await stream.aclose()

        assert await target.row_counts((copy.target,)) == {copy.target: 0}
        assert await target.receipts("run") == ()
        await target.write(copy, whole(copy), numbers(GROUP, 50_000), ticket)
        assert await target.row_counts((copy.target,)) == {copy.target: GROUP}


async def test_a_chunk_that_needs_more_memory_than_usual_gets_it_with_the_next_try(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_target, "MEMORY_MAX", "1MB")
    copy = await lab.make(NUMBERS)
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        with pytest.raises(DatabaseError, match="Out of Memory") as refused:
            await target.write(copy, whole(copy), dice(2 * GROUP), ticket)
        assert refused.value.transient
        assert await target.receipts("run") == ()

        receipt = await target.write(copy, whole(copy), dice(2 * GROUP), ticket)

        assert receipt.rows_written == 2 * GROUP
        assert await target.row_counts((copy.target,)) == {copy.target: 2 * GROUP}
