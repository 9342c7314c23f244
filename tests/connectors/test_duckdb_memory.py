"""Rows of many MiB in DuckDB files: how many are held at once, and what becomes of those that need more memory."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pyarrow as pa
import pytest

from domain.catalog.model import Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.kernel.errors import DatabaseError
from domain.migrations.canonical import digest_rows
from domain.migrations.schema_plan import Phase
from domain.migrations.transfer import Batch
from infra.connectors.duckdb import reader as duckdb_reader
from infra.connectors.duckdb import target as duckdb_target
from tests.connectors.duckdb_lab import lab_in, run
from tests.connectors.lab import Lab, a_column, batches, copy_of, digest_columns, read_rows, run_steps, whole


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return lab_in(tmp_path)


BODIES = Table(
    TableName("body"), (a_column("id", Integer(64), nullable=False), a_column("text", Text(), nullable=False))
)


async def bodies(first: int, rows: int, size: int) -> AsyncGenerator[Batch]:
    """Texts of so many characters that no compression makes small."""
    dice = random.Random(first)
    texts = pa.array([f"{dice.getrandbits(4 * size):0{size}x}" for _ in range(rows)], pa.large_string())
    batch = pa.record_batch({"id": pa.array(range(first, first + rows), pa.int64()), "text": texts})
    yield Batch(rows, batch.nbytes, batch)


async def test_groups_of_few_large_rows_are_left_as_they_were_committed(lab: Lab) -> None:
    copy = await lab.make(BODIES)
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        for number in range(4):
            await target.write(copy, whole(copy, number), bodies(10 * number, 10, 2_000_000), ticket)

    sizes = run(
        lab, "SELECT count FROM pragma_storage_info('body') WHERE column_name = 'id' AND segment_type = 'BIGINT'"
    )
    assert sum(count for (count,) in sizes if isinstance(count, int)) == 40
    assert len(sizes) > 1


@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
async def test_rows_that_are_all_large_are_read_and_digested_whatever_their_compression(
    lab: Lab, compression: str
) -> None:
    run(
        lab,
        f"CREATE TABLE big (i BIGINT, body VARCHAR USING COMPRESSION {compression}, raw BLOB)",
        "INSERT INTO big SELECT i, repeat(md5(CAST(i AS VARCHAR)), 4000 + i % 7), encode('b') FROM range(2500) r(i)",
        "DELETE FROM big WHERE i % 5 = 0",
        "CHECKPOINT",
    )

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        rows = await read_rows(source, copy, whole(copy))
        found = await source.digest(table.name, digest_columns(copy))

    assert [row[0] for row in rows] == [i for i in range(2500) if i % 5]
    assert found == digest_rows([column.type for column in copy.columns], rows)


async def test_a_source_that_needs_more_memory_than_usual_gets_it_with_the_next_try(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_reader, "READING_MEMORY", ("1MB",))
    run(lab, "CREATE TABLE big AS SELECT i, repeat(md5(CAST(i AS VARCHAR)), 4000) AS body FROM range(100) r(i)")

    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        with pytest.raises(DatabaseError, match="Out of Memory") as refused:
            await read_rows(source, copy, whole(copy))
        assert refused.value.transient
        assert len(await read_rows(source, copy, whole(copy))) == 100


def keyed_tables(number: int) -> list[Table]:
    """Tables of which each index holds blocks of memory as soon as there is a row."""
    columns = (a_column("id", Integer(32), nullable=False), a_column("word", Text()))
    return [
        Table(TableName(f"t{place}"), columns, Key(("id",)), (Index(f"i{place}", (IndexPart("word"),)),))
        for place in range(number)
    ]


async def test_more_tables_are_filled_and_compared_than_have_indexes_that_fit_into_memory(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_target, "MEMORY_MAX", "20MB")
    tables = keyed_tables(60)
    plan = lab.connector.plan_schema(lab.wanted(*tables), lab.endpoint)
    copies = [
        copy_of(table, made, number) for number, (table, made) in enumerate(zip(tables, plan.tables, strict=True))
    ]

    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
        for copy in copies:
            await target.write(copy, whole(copy), batches(copy, [(1, "one"), (2, None)]), ticket)
        await run_steps(target, plan, ticket, Phase.INDEXES)
        digests = [await target.digest(copy.target, digest_columns(copy)) for copy in copies]

    assert len(set(digests)) == 1
    assert digests[0].rows == 2


async def test_what_many_schema_steps_have_made_is_in_the_file_and_not_only_in_its_log(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_target, "STEPS_TOGETHER", 10)
    plan = lab.connector.plan_schema(lab.wanted(*keyed_tables(10)), lab.endpoint)
    log = Path(f"{lab.endpoint.path}.wal")

    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        for number, step in enumerate(plan.steps[:20]):
            await target.execute(step, ticket)
            is_in_file = not log.exists() or not log.stat().st_size
            assert is_in_file is (number % 10 == 9)
