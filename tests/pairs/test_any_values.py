"""Values nobody thought of, in great number, from every engine to every engine: each arrives as it was, or not at all.

`pytest tests/pairs/test_any_values.py -m "wide or not wide" --hypothesis-profile=nightly` puts 10,000
values of every type through every pair.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.catalog.model import Column, Key, Table, TableName
from domain.catalog.types import Integer
from domain.migrations.canonical import Carried
from domain.migrations.limits import fits
from domain.migrations.misfits import RejectLimit
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.report import RunReport
from tests.connectors.lab import copy_of
from tests.pairs.conftest import (
    CSV,
    DATABASE_PAIRS,
    DUCKDB,
    FOLDER_PAIRS,
    OTHER_FOLDER_PAIRS,
    PARQUET,
    SQLITE,
    Pair,
    names_of,
)
from tests.pairs.moves import Rows, fill, migrate, wrong_tables
from tests.support.lattice import KINDS, Kind, many

USUAL_FOLDER_PAIRS = [(DUCKDB, CSV), (CSV, PARQUET), (PARQUET, SQLITE)]
"""Both kinds of folders at both ends, without a server."""

PAIRS = [
    *(*DATABASE_PAIRS, *USUAL_FOLDER_PAIRS),
    *(
        pytest.param(ends, marks=pytest.mark.wide)
        for ends in (*FOLDER_PAIRS, *OTHER_FOLDER_PAIRS)
        if ends not in USUAL_FOLDER_PAIRS
    ),
]

OPTIONS = RunOptions(reject_limit=RejectLimit(percent=100))


FEW = {"int8": 256, "uint8": 256, "boolean": 2, "enumeration": 4, "label_set": 8, "bits": 4_096}
"""How many values there are at all of the types that have few."""


def a_table(name: str, *kinds: Kind) -> Table:
    return Table(
        TableName(name),
        (Column("id", Integer(32), "", nullable=False), *(Column(kind.name, kind.type, "") for kind in kinds)),
        primary_key=Key(("id",)),
    )


def kept_by_the_source(pair: Pair, kind: Kind, values: tuple[Carried, ...]) -> Iterator[Carried]:
    """Yield the values that the source can hold at all."""
    table, connector = a_table("held", kind), pair.source.connector
    made = connector.plan_schema(pair.source.wanted(table), pair.source.endpoint).tables[0]
    limits = connector.limits(copy_of(table, made).columns[1])
    return (value for value in values if all(fits(limit, value) for limit in limits))


def all_tables(pair: Pair) -> dict[Table, Rows]:
    """One table of values that every engine keeps, a column a type; one for each type of which some may be refused."""
    portable = [kind for kind in KINDS if kind.everywhere]
    columns = [many(kind) for kind in portable]
    tables: dict[Table, Rows] = {
        a_table("portable", *portable): [(number, *row) for number, row in enumerate(zip(*columns, strict=True))]
    }
    for kind in KINDS:
        if not kind.everywhere:
            held = kept_by_the_source(pair, kind, many(kind))
            tables[a_table(f"some_{kind.name}", kind)] = list(enumerate(held))
    return tables


async def rejected_keys(pair: Pair, report: RunReport) -> dict[str, set[int]]:
    """Return the keys of the rows that the run has left out, by the names of their tables."""
    names = [table.name.rpartition(".")[2] for table in report.tables]
    keys: dict[str, set[int]] = {name: set() for name in names}
    async with pair.target.target() as target:
        for row in await target.rejected("run", None, 1_000_000):
            assert row.reason
            keys[names[row.table_number]].add(int(row.values[0] or ""))
    return keys


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_hardly_a_value_is_drawn_twice(kind: Kind) -> None:
    values = many(kind)

    distinct = len({repr(value) for value in values})

    assert distinct >= 0.45 * min(len(values), FEW.get(kind.name, len(values)))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("pair", PAIRS, ids=names_of, indirect=True)
async def test_any_value_arrives_as_it_was_or_is_rejected_with_its_row(pair: Pair) -> None:
    tables = all_tables(pair)
    await fill(pair.source, tables)

    report = await migrate(pair, OPTIONS)

    assert report.error is None, report.error.message
    assert report.status is RunStatus.SUCCEEDED
    assert [table.name for table in report.tables if not table.verified] == []
    assert not [warning for warning in report.warnings if "expected" in warning]
    for table in report.tables:
        assert table.rows_read == table.rows_written + table.rows_rejected
        assert not (table.rows_rejected and table.name.endswith("portable")), report.warnings
    left_out = await rejected_keys(pair, report)
    arrived = {
        table: [row for row in rows if row[0] not in left_out[table.name.name]] for table, rows in tables.items()
    }
    assert {table.name.rpartition(".")[2]: table.rows_written for table in report.tables} == {
        table.name.name: len(rows) for table, rows in arrived.items()
    }
    assert await wrong_tables(pair, arrived) == []
