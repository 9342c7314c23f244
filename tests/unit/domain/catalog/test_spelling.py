"""Logical types have one spelling each."""

from __future__ import annotations

import pytest

from domain.catalog import types
from domain.catalog.spelling import spelled

SPELLINGS: list[tuple[types.LogicalType, str]] = [
    (types.Integer(32), "integer(32)"),
    (types.Integer(64, signed=False), "unsigned integer(64)"),
    (types.Decimal(10, 2), "decimal(10,2)"),
    (types.Decimal(), "decimal"),
    (types.Float(64), "float(64)"),
    (types.Boolean(), "boolean"),
    (types.Text(), "text"),
    (types.Text(255), "text(255)"),
    (types.Text(3, fixed=True), "char(3)"),
    (types.Binary(), "binary"),
    (types.Binary(16, fixed=True), "fixed binary(16)"),
    (types.Date(), "date"),
    (types.Time(3), "time(3)"),
    (types.Time(6, zoned=True), "time(6) with time zone"),
    (types.Timestamp(0), "timestamp(0)"),
    (types.Timestamp(6, zoned=True), "timestamp(6) with time zone"),
    (types.Duration(), "duration(6)"),
    (types.Interval(), "interval"),
    (types.Uuid(), "uuid"),
    (types.Json(), "json"),
    (types.Json(binary=True), "binary json"),
    (types.Enumeration(("a", "it's")), "enum('a','it''s')"),
    (types.LabelSet(("a", "b")), "set('a','b')"),
    (types.Bits(8), "bits(8)"),
    (types.Bits(varying=True), "varying bits"),
    (types.Geometry(), "geometry"),
    (types.Opaque("int4range[]"), "int4range[]"),
]


@pytest.mark.parametrize(("type_", "text"), SPELLINGS)
def test_a_type_is_written_as_people_say_it(type_: types.LogicalType, text: str) -> None:
    assert spelled(type_) == text


def test_every_type_of_the_lattice_has_a_spelling_of_its_own() -> None:
    assert {type(type_) for type_, _ in SPELLINGS} == set(types.LogicalType.__args__)
    assert len({text for _, text in SPELLINGS}) == len(SPELLINGS)
