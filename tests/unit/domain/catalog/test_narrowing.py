"""What is lost when values of one type go where another is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import types
from domain.catalog.narrowing import loss
from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Integer,
    Json,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)

lengths = st.none() | st.integers(1, 99)
some_types: st.SearchStrategy[LogicalType] = st.one_of(
    st.builds(Integer, st.sampled_from([8, 16, 24, 32, 64, 128]), st.booleans()),
    st.builds(Decimal, st.integers(10, 38), st.integers(0, 10)),
    st.builds(Float, st.sampled_from([32, 64])),
    st.builds(Text, lengths),
    st.builds(Binary, lengths),
    st.builds(Bits, lengths),
    st.builds(Time, st.integers(0, 6), st.booleans()),
    st.builds(Timestamp, st.integers(0, 6), st.booleans()),
    st.builds(Duration, st.integers(0, 6)),
    st.builds(Enumeration, st.lists(st.sampled_from("abc"), unique=True).map(tuple)),
    st.builds(LabelSet, st.lists(st.sampled_from("abc"), unique=True).map(tuple)),
    st.sampled_from([Boolean(), Date(), Uuid(), Json(), Json(binary=True), types.Interval(), types.Geometry()]),
)


@given(some_types)
def test_every_type_takes_its_own_values(type_: LogicalType) -> None:
    assert loss(type_, type_) == ""


@given(some_types, some_types, some_types)
def test_what_fits_into_a_fitting_place_fits(first: LogicalType, second: LogicalType, third: LogicalType) -> None:
    if not loss(first, second) and not loss(second, third):
        assert loss(first, third) == ""


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Integer(32), Integer(64)),
        (Integer(32, signed=False), Integer(64)),
        (Decimal(10, 2), Decimal()),
        (Decimal(10, 2), Decimal(12, 3)),
        (Float(32), Float(64)),
        (Text(10), Text()),
        (Enumeration(("a", "bb")), Text(2)),
        (Enumeration(("a",)), Enumeration(("a", "b"))),
        (Uuid(), Text(36)),
        (Date(), Text()),
        (Timestamp(0), Timestamp(6)),
        (Json(binary=True), Json()),
    ],
)
def test_these_fit(source: LogicalType, target: LogicalType) -> None:
    assert loss(source, target) == ""


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        (Integer(64), Integer(32), "beyond 32 bits"),
        (Integer(32), Integer(64, signed=False), "negative"),
        (Integer(32, signed=False), Integer(32), "beyond 32 bits"),
        (Decimal(), Decimal(10, 2), "decimal(10,2)"),
        (Decimal(12, 2), Decimal(10, 2), "too large"),
        (Decimal(10, 4), Decimal(12, 2), "places"),
        (Float(64), Float(32), "32 bits"),
        (Text(), Text(10), "longer than 10"),
        (Text(20), Text(10), "longer than 10"),
        (Text(), Enumeration(("a",)), "labels"),
        (Enumeration(("a", "z")), Enumeration(("a",)), "label z"),
        (Uuid(), Text(35), "longer than 35"),
        (Timestamp(6), Timestamp(3), "beyond 3 digits"),
        (Timestamp(zoned=True), Timestamp(), "timestamp(6) with time zone"),
        (Text(), Date(), "not every text is a date"),
        (Json(), Json(binary=True), "key order"),
        (Opaque("inet"), Opaque("cidr"), "not every inet is a cidr"),
        (Bits(8), Bits(4), "longer than 4"),
    ],
)
def test_these_do_not(source: LogicalType, target: LogicalType, says: str) -> None:
    assert says in loss(source, target)
