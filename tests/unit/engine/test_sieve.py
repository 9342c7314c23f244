"""Whole columns are judged as single values are, and a sieve loses nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog.model import TableName
from domain.catalog.types import Date, Decimal, Float, Integer, Json, LogicalType, Text, Time, Timestamp, carrier
from domain.migrations.limits import (
    Characters,
    Digits,
    Filled,
    Finite,
    Limit,
    NoNul,
    NoNulEscape,
    Octets,
    OneOf,
    Present,
    RealDay,
    SecondDigits,
    Single,
    Unpadded,
    Value,
    Whole,
    WithinDay,
    fits,
)
from domain.migrations.misfits import ColumnLimit, MisfitPolicy, Treatment
from domain.migrations.transfer import Batch, Chunk, ColumnCopy, TableCopy, WholeTable
from infra.connectors.arrow import ARROW_TYPES
from tests.support.strategies import values
from workers.engine.beyond import beyond
from workers.engine.sieve import Sieve


def days() -> st.SearchStrategy[str]:
    """Days in and out of the calendar, of every year from 0000, and what else databases call a day."""
    parts = st.tuples(st.integers(0, 10_100), st.integers(0, 13), st.integers(0, 32))
    day = parts.map(lambda found: f"{found[0]:04d}-{found[1]:02d}-{found[2]:02d}")
    early = st.dates().map(str) | st.tuples(st.integers(0, 12), st.integers(0, 32)).map(
        lambda found: f"0004-{found[0]:02d}-{found[1]:02d}"
    )
    return day | early | day.map(lambda text: f"{text} BC") | st.sampled_from(["infinity", "-infinity"])


def moments() -> st.SearchStrategy[str]:
    clock = st.times().map(lambda time: f"{time:%H:%M:%S.%f}")
    return st.tuples(days(), clock).map(
        lambda found: found[0].replace(" BC", f" {found[1]} BC") if " BC" in found[0] else " ".join(found)
    )


def clocks() -> st.SearchStrategy[str]:
    parts = st.tuples(st.integers(-838, 838), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999_999))
    return parts.map(lambda found: "{:02d}:{:02d}:{:02d}.{:06d}".format(*found))


def numbers() -> st.SearchStrategy[str]:
    return st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda number: f"{number:f}") | (
        st.sampled_from(["NaN", "Infinity", "-Infinity", "0", "-0.5", "00012.3400"])
    )


def documents() -> st.SearchStrategy[str]:
    pieces = st.sampled_from(["\\", "u0000", '"', "x", "u00001"])
    return st.lists(pieces, max_size=8).map("".join)


CASES: tuple[tuple[LogicalType, st.SearchStrategy[Value], tuple[Limit, ...]], ...] = (
    (Date(), days(), (RealDay(), RealDay(-4712, 5_874_897, infinite=True), RealDay(1000, 2000))),
    (Timestamp(), moments(), (RealDay(), RealDay(0, 294_276, infinite=True), SecondDigits(0), SecondDigits(3))),
    (Time(), clocks(), (WithinDay(), SecondDigits(0), SecondDigits(2))),
    (Decimal(), numbers(), (Digits(3, 1), Digits(65, 30), Finite(), Finite(infinite=True))),
    (Integer(64), values(Integer(64)), (Whole(-5, 5), Whole(0, 2**64 - 1), Whole(2**70, 2**71))),
    (Integer(64, signed=False), values(Integer(64, signed=False)), (Whole(-5, 5), Whole(-(2**63), 2**63 - 1))),
    (Float(64), st.floats() | st.floats(width=32), (Finite(), Finite(infinite=True), Single())),
    (Json(), documents(), (NoNulEscape(),)),
    (
        Text(),
        st.text(st.sampled_from("aé😀\0 ")),
        (Characters(3), Octets(4), NoNul(), Unpadded(), Filled(), OneOf(("a", "é")), OneOf(()), Present()),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: type(case[0]).__name__.lower())
@settings(deadline=None)
@given(data=st.data())
def test_a_column_is_judged_as_its_values_are(
    case: tuple[LogicalType, st.SearchStrategy[Value], tuple[Limit, ...]], data: st.DataObject
) -> None:
    type_, strategy, limits = case
    held = data.draw(st.lists(st.none() | strategy, max_size=30))
    column = pa.array(held, ARROW_TYPES[carrier(type_)])

    for limit in limits:
        assert beyond(limit, column).to_pylist() == [not fits(limit, value) for value in held], limit


@settings(deadline=None)
@given(titles=st.lists(st.none() | st.text(st.sampled_from("a\0")), max_size=30), cut=st.integers(1, 7))
def test_every_row_is_kept_or_rejected_and_rejected_ones_are_whole_and_numbered(
    titles: list[str | None], cut: int
) -> None:
    columns = (ColumnCopy("id", "id", Integer(32), "", ""), ColumnCopy("title", "name", Text(), "", ""))
    on = ColumnLimit("title", "", Text(), NoNul())
    copy = TableCopy(3, TableName("film"), TableName("film"), columns, treatments=(Treatment(on, MisfitPolicy.REJECT),))
    sieve = Sieve(copy, Chunk(3, 8, WholeTable()))
    rows = list(enumerate(titles))
    batches = []
    for first in range(0, len(rows), cut):
        part = rows[first : first + cut]
        arrays = [pa.array([row[0] for row in part], pa.int64()), pa.array([row[1] for row in part], pa.large_string())]
        batches.append(sieve.sifted(Batch(len(part), 0, pa.RecordBatch.from_arrays(arrays, names=["id", "name"]))))

    kept = [tuple(row.values()) for batch in batches for row in batch.payload.to_pylist()]  # type: ignore[union-attr]  # Arrow here
    rejected = [row for batch in batches for row in batch.rejected]
    assert kept == [row for row in rows if "\0" not in (row[1] or "")]
    assert [row.values for row in rejected] == [(str(id_), title) for id_, title in rows if "\0" in (title or "")]
    assert [row.place for row in rejected] == [(3, 8, number) for number in range(len(rejected))]
    assert sum(batch.rows for batch in batches) == len(kept)
