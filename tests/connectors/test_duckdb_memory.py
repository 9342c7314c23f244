"""Rows of many MiB in DuckDB files: how many are held at once, and what becomes of those that need more memory."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pyarrow as pa
import pytest

from domain.catalog.model import Table, TableName
from domain.catalog.types import Integer, Text
from domain.kernel.errors import DatabaseError
from domain.migrations.canonical import digest_rows
from domain.migrations.transfer import Batch
from infra.connectors.duckdb import reader as duckdb_reader
from tests.connectors.duckdb_lab import lab_in, run
from tests.connectors.lab import Lab, a_column, copy_of, digest_columns, read_rows, whole


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
