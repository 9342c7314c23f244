"""Chunks cover a table once, whatever its key."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalog.model import Key, Table, TableName
from domain.catalog.types import Binary, Date, Decimal, Integer, LogicalType, Text
from domain.connections.values import Engine
from tests.connectors.lab import Lab, Row, a_column, copy_of, read_rows, table_named
from tests.support import strategies

FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


async def check_cover(lab: Lab, types: tuple[LogicalType, ...], keys: list[Row], *, key: int, rows_max: int) -> None:
    """Fill a table whose first `key` columns are its key; its chunks must hold every row once."""
    lab.numbers.append(len(lab.numbers))
    name = f"split_{len(lab.numbers)}"
    columns = tuple(a_column(f"k{place}", type_, nullable=place >= key) for place, type_ in enumerate(types))
    primary = Key(tuple(column.name for column in columns[:key]), f"{name}_pkey") if key else None
    rows = [(*row, number) for number, row in enumerate(keys)]
    await lab.make(Table(TableName(name), (*columns, a_column("n", Integer(32))), primary), rows)

    async with lab.source(readers=2) as source:
        found = table_named(await source.introspect(), name)
        copy = copy_of(found, found)
        chunks = await source.split(copy, rows_max)
        read = await read_rows(source, copy, *chunks)

    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert Counter(int(str(row[-1])) for row in read) == Counter(range(len(rows)))


@given(
    numbers=st.sets(st.integers(-(2**63), 2**63 - 1) | st.integers(-50, 50), max_size=60), rows_max=st.integers(1, 25)
)
@FEW
async def test_integer_keys_are_covered(lab: Lab, numbers: set[int], rows_max: int) -> None:
    await check_cover(lab, (Integer(64),), [(number,) for number in numbers], key=1, rows_max=rows_max)


@given(keys=st.sets(st.tuples(st.integers(0, 5), st.integers(-3, 3)), max_size=42), rows_max=st.integers(1, 10))
@FEW
async def test_composite_keys_are_covered(lab: Lab, keys: set[Row], rows_max: int) -> None:
    await check_cover(lab, (Integer(32), Integer(32)), list(keys), key=2, rows_max=rows_max)


@given(keys=st.sets(st.text("abcABCéßÉ ~_%\\'", max_size=4).map(str.rstrip), max_size=60), rows_max=st.integers(1, 25))
@FEW
async def test_text_keys_are_covered(lab: Lab, keys: set[str], rows_max: int) -> None:
    await check_cover(lab, (Text(20),), [(key,) for key in keys], key=1, rows_max=rows_max)


@given(keys=st.sets(st.tuples(strategies.plain_texts(3), st.integers(0, 3)), max_size=60), rows_max=st.integers(1, 25))
@FEW
async def test_keys_of_text_and_number_are_covered(lab: Lab, keys: set[Row], rows_max: int) -> None:
    folded = {(str(text).lower(), number) for text, number in keys}
    await check_cover(lab, (Text(10), Integer(16)), list(folded), key=2, rows_max=rows_max)


@given(keys=st.sets(strategies.decimals(Decimal(10, 2)), max_size=40), rows_max=st.integers(1, 15))
@FEW
async def test_decimal_keys_are_covered(lab: Lab, keys: set[str], rows_max: int) -> None:
    distinct = {key for key in keys if key != "-0.00"}
    await check_cover(lab, (Decimal(10, 2),), [(key,) for key in distinct], key=1, rows_max=rows_max)


@given(keys=st.sets(strategies.values(Date()), max_size=40), rows_max=st.integers(1, 15))
@FEW
async def test_date_keys_are_covered(lab: Lab, keys: set[str], rows_max: int) -> None:
    await check_cover(lab, (Date(),), [(key,) for key in keys], key=1, rows_max=rows_max)


@given(keys=st.sets(st.binary(min_size=4, max_size=4), max_size=40), rows_max=st.integers(1, 15))
@FEW
async def test_binary_keys_are_covered(lab: Lab, keys: set[bytes], rows_max: int) -> None:
    await check_cover(lab, (Binary(4, fixed=True),), [(key,) for key in keys], key=1, rows_max=rows_max)


@given(values=st.lists(st.none() | st.integers(-5, 5), max_size=60), rows_max=st.integers(1, 25))
@FEW
async def test_tables_without_a_key_are_covered_with_their_duplicates_and_nulls(
    lab: Lab, values: list[int | None], rows_max: int
) -> None:
    await check_cover(lab, (Integer(32),), [(value,) for value in values], key=0, rows_max=rows_max)


async def test_an_empty_table_is_one_chunk(lab: Lab) -> None:
    copy = await lab.make(Table(TableName("empty"), (a_column("id", Integer(64), nullable=False),), Key(("id",))))

    async with lab.source() as source:
        found = table_named(await source.introspect(), "empty")
        chunks = await source.split(copy_of(found, found), 100)
        assert len(chunks) == 1
        assert await read_rows(source, copy_of(found, found), *chunks) == []
    assert copy.row_estimate == 0


async def check_sizes(lab: Lab, key: Key | None) -> None:
    """Cut a table of 20,000 rows whose numbers have gaps."""
    columns = (a_column("id", Integer(64), nullable=False), a_column("name", Text(20)))
    rows: list[Row] = [(number * 3, f"name {number}") for number in range(20_000)]
    await lab.make(Table(TableName("large"), columns, key), rows)

    async with lab.source() as source:
        found = table_named(await source.introspect(), "large")
        copy = copy_of(found, found)
        chunks = await source.split(copy, 5_000)
        sizes = [len(await read_rows(source, copy, chunk)) for chunk in chunks]

    assert sum(sizes) == 20_000
    assert len(chunks) >= 3
    assert max(sizes) <= 10_000


async def test_a_large_table_is_cut_into_chunks_of_about_the_wanted_size(lab: Lab) -> None:
    await check_sizes(lab, Key(("id",), "large_pkey"))


@pytest.mark.engines(Engine.POSTGRESQL, Engine.SQLITE, Engine.DUCKDB)
async def test_a_table_without_a_key_is_cut_where_rows_have_places(lab: Lab) -> None:
    await check_sizes(lab, None)
