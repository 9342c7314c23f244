"""What the C helper adds up over rows is what the plain definition of a digest says."""

from __future__ import annotations

import math
from itertools import product

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog.types import Boolean, Date, Decimal, Float, Integer, LogicalType, Text, carrier
from domain.migrations.canonical import Carried
from domain.migrations.digests import RowHash
from infra.connectors.arrow import ARROW_TYPES
from infra.connectors.native import has_native
from infra.connectors.row_sums import LETTERS, RowSummer
from tests.support.awkward import AWKWARD, Awkward
from tests.support.hashes import digest_of, row_hash

if not has_native():
    pytest.skip("the C helper was not built here", allow_module_level=True)

from infra.connectors.native import _native

BY = tuple(LETTERS)
EXAMPLES = max(300, settings.default.max_examples if settings.default else 0)


@pytest.mark.parametrize("by", BY)
def test_a_text_of_any_length_has_the_hash_that_is_defined(by: RowHash) -> None:
    for length in range(201):
        text = bytes(number * 37 % 256 for number in range(length))
        assert _native.row_hash(LETTERS[by], text) == row_hash(by, text), length


@given(st.binary(max_size=60))
@settings(max_examples=EXAMPLES)
def test_any_text_has_the_hash_that_is_defined(text: bytes) -> None:
    assert [_native.row_hash(LETTERS[by], text) for by in BY] == [row_hash(by, text) for by in BY]


@pytest.mark.parametrize("awkward", AWKWARD, ids=lambda awkward: awkward.name)
def test_the_sums_over_a_batch_are_those_of_its_rows(awkward: Awkward) -> None:
    rows = [(None, 1), *((value, number) for number, value in enumerate(awkward.values))]
    types = (awkward.type, Integer(64))
    columns = [
        pa.array(column, ARROW_TYPES[carrier(type_)])
        for column, type_ in zip(zip(*rows, strict=True), types, strict=True)
    ]
    batch = pa.RecordBatch.from_arrays([column.slice(1) for column in columns], names=["value", "number"])

    sums = RowSummer(types, BY).sums(batch)

    assert sums == tuple(digest_of(by, types, rows[1:]).total for by in BY)


def test_there_is_one_zero_and_one_nan() -> None:
    numbers = pa.array([0.0, -0.0, math.nan, -math.nan], pa.float64())

    found = [
        RowSummer([Float(64)], BY).sums(pa.RecordBatch.from_arrays([numbers[at : at + 1]], names=["number"]))
        for at in range(4)
    ]

    assert found[0] == found[1]
    assert found[2] == found[3]


@pytest.mark.parametrize(("by", "values"), [*product(BY, ["ab", "12", "\x00\x01", "éè"])])
def test_rows_that_swap_values_have_another_sum(by: RowHash, values: str) -> None:
    one, other = list(values)
    types = (Text(), Text())

    kept = digest_of(by, types, [(one, one), (other, other)])

    assert kept != digest_of(by, types, [(one, other), (other, one)])


CHAINED: tuple[LogicalType, ...] = 3 * (
    *(Integer(32), Integer(64), Boolean(), Date(), Decimal(20, 3), Text(), Float(64)),
)


def drawn(type_: LogicalType) -> st.SearchStrategy[Carried]:
    match type_:
        case Integer(bits):
            return st.none() | st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
        case Boolean():
            return st.none() | st.booleans()
        case Date():
            return st.none() | st.dates().map(str) | st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "0000"])
        case Decimal():
            return st.none() | st.decimals(-(10**16), 10**16, places=3).map("{:.3f}".format) | st.just("NaN")
        case Float():
            return st.none() | st.floats()
        case _:
            return st.none() | st.text(max_size=30)


def sums_of(types: tuple[LogicalType, ...], rows: list[tuple[Carried, ...]]) -> tuple[int, ...]:
    columns = [
        pa.array(column, ARROW_TYPES[carrier(type_)])
        for column, type_ in zip(zip(*rows, strict=True), types, strict=True)
    ]
    batch = pa.RecordBatch.from_arrays(columns, names=[str(place) for place in range(len(types))])
    return RowSummer(types, BY).sums(batch)


@given(st.lists(st.tuples(*map(drawn, CHAINED)), min_size=1, max_size=3))
@settings(max_examples=EXAMPLES)
def test_rows_of_many_columns_have_the_hash_that_is_defined(rows: list[tuple[Carried, ...]]) -> None:
    assert sums_of(CHAINED, rows) == tuple(digest_of(by, CHAINED, rows).total for by in BY)


@pytest.mark.parametrize(
    ("types", "one", "other"),
    [
        ((Integer(32),), [(None,)], [(0,)]),
        ((Integer(32), Integer(32)), [(1, 2)], [(2, 1)]),
        ((Integer(32), Integer(32)), [(0, None)], [(None, 0)]),
        ((Integer(64),), [(1 << 32,)], [(1,)]),
        ((Integer(64),), [(-1,)], [((1 << 32) - 1,)]),
        ((Boolean(),), [(False,)], [(None,)]),
        ((Date(),), [("2000-01-01",)], [(None,)]),
        ((Text(), Text()), [("", "a")], [("a", "")]),
        ((Text(), Text()), [("ab", "c")], [("a", "bc")]),
        ((Text(),), [("",)], [(None,)]),
        ((Decimal(9, 2),), [("-1.00",)], [("1.00",)]),
        ((Decimal(9, 2),), [("0.00",)], [(None,)]),
        ((Decimal(9, 2), Decimal(9, 2)), [("0.00", "5.00")], [("5.00", "0.00")]),
        ((Decimal(9, 2), Decimal(9, 2)), [("0.00", None)], [(None, "0.00")]),
        ((Decimal(9, 2), Decimal(9, 2)), [("-1.00", "1.00")], [("1.00", "-1.00")]),
        # The same digits with another weight, or with another sign, in other rows:
        ((Integer(32), Decimal(9, 2)), [(1, "1.00"), (2, "10000.00")], [(1, "10000.00"), (2, "1.00")]),
        ((Integer(32), Decimal(9, 2)), [(1, "1.00"), (2, "-1.00")], [(1, "-1.00"), (2, "1.00")]),
        ((Integer(32), Decimal(9, 2)), [(1, "0.00"), (2, "1.00")], [(1, "1.00"), (2, "0.00")]),
        ((Integer(32), Decimal(9, 2)), [(1, None), (2, "0.00")], [(1, "0.00"), (2, None)]),
    ],
)
def test_what_a_step_does_not_say_by_itself_is_said(
    types: tuple[LogicalType, ...], one: list[tuple[Carried, ...]], other: list[tuple[Carried, ...]]
) -> None:
    for here, there in zip(sums_of(types, one), sums_of(types, other), strict=True):
        assert here != there


def test_swaps_and_edits_among_many_rows_are_all_noticed() -> None:
    types = (Integer(64), Integer(64))
    for by in BY:
        rows = [(number, number * 7919 % 1000) for number in range(1000)]
        kept = _total(by, rows, types)
        for first in range(0, 990, 10):
            swapped = list(rows)
            swapped[first] = (rows[first][0], rows[first + 1][1])
            swapped[first + 1] = (rows[first + 1][0], rows[first][1])
            assert _total(by, swapped, types) != kept, (by, first)


def _total(by: RowHash, rows: list[tuple[int, int]], types: tuple[Integer, Integer]) -> int:
    batch = pa.RecordBatch.from_arrays([pa.array(column, pa.int64()) for column in zip(*rows, strict=True)], ["a", "b"])
    return RowSummer(types, (by,)).sums(batch)[0]


def test_what_is_no_hash_or_no_column_is_refused() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1], pa.int64())], names=["a"])

    with pytest.raises(ValueError, match="no hash"):
        _native.row_hash("x", b"")
    with pytest.raises(ValueError, match="no hashes"):
        _native.batch_digest(batch, [("t", 0, 0)], "", "t")
    with pytest.raises(ValueError, match="another number"):
        _native.batch_digest(batch, [], "l", "t")
    with pytest.raises(ValueError, match="no form"):
        _native.batch_digest(batch, [("x", 0, 0)], "l", "t")
    with pytest.raises(ValueError, match="no links"):
        _native.batch_digest(batch, [("t", 0, 0)], "l", "x")
    with pytest.raises(ValueError, match="no links"):
        _native.batch_digest(batch, [("t", 0, 0)], "l", "tt")
