"""Reading is bounded, consistent, and says so when a table is no longer what it was."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from domain.catalog.model import ForeignKey, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.kernel.errors import DatabaseError, ErrorCode, ObjectMissing, SchemaDrift
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ColumnCopy, Consistency
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX
from tests.connectors.lab import Lab, Row, a_column, copy_of, read_rows, table_named, whole

TABLE = Table(
    TableName("note"),
    (a_column("id", Integer(64), nullable=False), a_column("body", Text())),
    primary_key=Key(("id",), "note_pkey"),
)


async def test_batches_are_bounded_in_bytes_and_rows(lab: Lab) -> None:
    rows: list[Row] = [(number, "x" * 20_000) for number in range(600)]
    await lab.make(TABLE, [*rows, *((number, None) for number in range(1_000, 31_000))])

    async with lab.source() as source:
        found = table_named(await source.introspect(), "note")
        copy = copy_of(found, found)
        sizes = [(batch.rows, batch.size_bytes) async for batch in source.read(copy, whole(copy))]

    assert sum(count for count, _ in sizes) == 30_600
    assert max(count for count, _ in sizes) <= BATCH_ROWS_MAX
    assert max(size for _, size in sizes) <= 3 * BATCH_BYTES_MAX


async def test_a_reader_that_stops_early_frees_its_session(lab: Lab) -> None:
    await lab.make(TABLE, [(number, "x" * 1_000) for number in range(30_000)])

    async with lab.source(readers=1) as source:
        found = table_named(await source.introspect(), "note")
        copy = copy_of(found, found)
        for _ in range(3):
            async with aclosing(source.read(copy, whole(copy))) as reading:  # type: ignore[type-var]
                assert (await anext(reading)).rows > 0
        assert len(await read_rows(source, copy, whole(copy))) == 30_000


async def test_readers_work_at_the_same_time(lab: Lab) -> None:
    await lab.make(TABLE, [(number, f"text {number}") for number in range(8_000)])

    async with lab.source(readers=3) as source:
        found = table_named(await source.introspect(), "note")
        copy = copy_of(found, found)
        chunks = await source.split(copy, 1_000)
        parts = await asyncio.gather(*(read_rows(source, copy, chunk) for chunk in chunks))

    assert sorted(int(str(row[0])) for part in parts for row in part) == list(range(8_000))


async def test_a_source_says_what_its_reads_have_in_common(lab: Lab) -> None:
    await lab.make(TABLE, [(1, "a")])

    async with lab.source(readers=2) as source:
        assert source.consistency in Consistency


async def test_a_table_that_is_gone_is_drift(lab: Lab) -> None:
    await lab.make(TABLE, [(1, "a")])

    async with lab.source() as source:
        found = table_named(await source.introspect(), "note")
        copy = replace(copy_of(found, found), source=TableName("gone", found.name.schema))
        with pytest.raises(SchemaDrift):
            await read_rows(source, copy, whole(copy))


async def test_a_column_that_is_gone_is_drift(lab: Lab) -> None:
    await lab.make(TABLE, [(1, "a")])

    async with lab.source() as source:
        found = table_named(await source.introspect(), "note")
        copy = copy_of(found, found)
        gone = ColumnCopy("gone", "gone", Text(), copy.columns[1].source_native, copy.columns[1].target_native)
        drifted = replace(copy, columns=(copy.columns[0], gone))
        with pytest.raises(SchemaDrift):
            await read_rows(source, drifted, whole(drifted))


async def test_a_digest_of_what_is_not_there_names_it(lab: Lab) -> None:
    await lab.make(TABLE, [(1, "a")])

    async with lab.source() as source:
        found = table_named(await source.introspect(), "note")
        body = found.columns[1]
        with pytest.raises(ObjectMissing) as caught:
            await source.digest(TableName("gone", found.name.schema), (DigestColumn("id", "", Integer(64)),))
        assert caught.value.code is ErrorCode.TABLE_NOT_FOUND
        with pytest.raises(ObjectMissing) as caught:
            await source.digest(found.name, (DigestColumn("gone", body.native, body.type),))
        assert caught.value.code is ErrorCode.COLUMN_NOT_FOUND


async def test_truncating_what_is_not_there_names_it(lab: Lab) -> None:
    await lab.make(TABLE)

    async with lab.target() as target:
        with pytest.raises(DatabaseError) as caught:
            await target.truncate(TableName("gone"))
    assert caught.value.code is ErrorCode.TABLE_NOT_FOUND


async def test_orphans_are_counted_and_missing_references_are_none(lab: Lab) -> None:
    parents = Table(TableName("parent"), (a_column("id", Integer(64), nullable=False),), Key(("id",), "parent_pkey"))
    children = Table(
        TableName("child"), (a_column("id", Integer(64), nullable=False), a_column("parent_id", Integer(64)))
    )
    await lab.make(parents, [(1,), (2,)])
    await lab.make(children, [(1, 1), (2, None), (3, 7), (4, 2), (5, 7)])

    async with lab.source() as source:
        schema = await source.introspect()
        child, parent = table_named(schema, "child").name, table_named(schema, "parent").name
        key = ForeignKey("", ("parent_id",), parent, ("id",))
        assert await source.orphans(child, key) == 2


async def test_row_estimates_are_near_the_truth(lab: Lab) -> None:
    await lab.make(TABLE, [(number, "text") for number in range(5_000)])

    found = await lab.found("note")

    assert 2_500 <= found.row_estimate <= 10_000
    assert found.size_bytes > 0
