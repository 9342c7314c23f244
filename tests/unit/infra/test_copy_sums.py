"""What the C helper adds up over rows of PostgreSQL's binary COPY is what the plain definition of their hash says."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog.model import TableName
from domain.catalog.types import Boolean, Date, Decimal, Float, Integer, LogicalType, Text, Timestamp
from domain.migrations.canonical import Carried
from domain.migrations.digests import RowHash
from domain.migrations.transfer import ColumnCopy, TableCopy, WireFormat
from infra.connectors.native import has_native
from infra.connectors.postgresql.passing import PassingSums, can_sum
from tests.support.hashes import digest_of

if not has_native():
    pytest.skip("the C helper was not built here", allow_module_level=True)

from infra.connectors.native import _native

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EXAMPLES = max(300, settings.default.max_examples if settings.default else 0)
FORMS: dict[str, LogicalType] = {
    "2": Integer(16),
    "4": Integer(32),
    "8": Integer(64),
    "b": Boolean(),
    "d": Date(),
    "n": Decimal(100, 50),
    "t": Text(),
}
DIGITS = st.decimals(-(10**49), 10**49, places=50, allow_nan=False, allow_infinity=False).map("{:.50f}".format)
VALUES: dict[str, st.SearchStrategy[Carried]] = {
    "2": st.none() | st.integers(-(1 << 15), (1 << 15) - 1),
    "4": st.none() | st.integers(-(1 << 31), (1 << 31) - 1),
    "8": st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
    "b": st.none() | st.booleans(),
    "d": st.none() | st.dates().map(str) | st.sampled_from(["infinity", "-infinity"]),
    "n": st.none() | DIGITS | st.sampled_from(["0." + "0" * 50, "-1." + "0" * 50, "1" + "0" * 49 + "." + "0" * 50]),
    "t": st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
}


def numeric(text: str) -> bytes:
    """A decimal as PostgreSQL sends it: groups of four digits without zeros at either end."""
    whole, _, places = text.removeprefix("-").partition(".")
    whole, places = whole.zfill(-(-len(whole) // 4) * 4), places.ljust(-(-len(places) // 4) * 4, "0")
    groups = [int(group) for group in re.findall("....", whole + places)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups.pop()
    sign = 0x4000 if text.startswith("-") and groups else 0
    return struct.pack(f">hhHh{len(groups)}h", len(groups), weight if groups else 0, sign, 50, *groups)


def sent(form: str, value: Carried) -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    match form:
        case "2" | "4" | "8":
            content = int(value).to_bytes(int(form), "big", signed=True)
        case "b":
            content = bytes([bool(value)])
        case "d" if str(value).endswith("infinity"):
            content = struct.pack(">i", -(1 << 31) if str(value).startswith("-") else (1 << 31) - 1)
        case "d":
            content = struct.pack(">i", (date.fromisoformat(str(value)) - date(2000, 1, 1)).days)
        case "n":
            content = numeric(str(value))
        case _:
            content = str(value).encode()
    return struct.pack(">I", len(content)) + content


def a_row(forms: str, row: Sequence[Carried]) -> bytes:
    return struct.pack(">h", len(forms)) + b"".join(map(sent, forms, row))


MANY = "".join(3 * [*VALUES])


@given(st.lists(st.tuples(*(VALUES[form] for form in MANY)), min_size=1, max_size=3))
@settings(max_examples=EXAMPLES)
def test_rows_of_many_columns_have_the_hash_that_is_defined(rows: list[tuple[Carried, ...]]) -> None:
    types = [FORMS[form] for form in MANY]

    found = _native.CopySums(MANY).take(HEADER + b"".join(a_row(MANY, row) for row in rows) + TRAILER)

    assert found == (len(rows), digest_of(RowHash.LOOKUP3, types, rows).total)


def test_blocks_of_one_stream_add_up() -> None:
    sums, rows = _native.CopySums("4t"), [(number, "é" * number) for number in range(9)]

    blocks = [HEADER + a_row("4t", rows[0]), b"".join(a_row("4t", row) for row in rows[1:]), TRAILER, b""]
    found = [sums.take(block) for block in blocks]

    assert [count for count, _ in found] == [1, 8, 0, 0]
    assert sum(total for _, total in found) == digest_of(RowHash.LOOKUP3, [Integer(32), Text()], rows).total


@pytest.mark.parametrize(
    "stream",
    [
        b"no header",
        HEADER + a_row("44", (1, 2)),
        HEADER + a_row("4", (1,))[:-1],
        HEADER + b"\0",
        HEADER + struct.pack(">hIh", 1, 2, 1),
    ],
    ids=["no stream", "other columns", "cut off in a value", "cut off in a row", "of another size"],
)
def test_what_is_no_stream_of_these_columns_is_refused(stream: bytes) -> None:
    with pytest.raises(_native.Misfit):
        _native.CopySums("4").take(stream)


@pytest.mark.parametrize("forms", ["", "x", "4x"])
def test_a_form_that_does_not_exist_is_refused(forms: str) -> None:
    with pytest.raises(ValueError, match="no forms"):
        _native.CopySums(forms)


def a_copy(*columns: tuple[str, LogicalType], form: WireFormat = WireFormat.PG_BINARY) -> TableCopy:
    copied = tuple(ColumnCopy(f"c{at}", f"c{at}", type_, native, native) for at, (native, type_) in enumerate(columns))
    return TableCopy(0, TableName("t"), TableName("t"), copied, format=form, sums=(RowHash.POSTGRESQL,))


def test_only_what_passes_as_it_is_sent_and_is_understood_is_added_up() -> None:
    known = ("integer", Integer(32))

    assert can_sum(a_copy(known, ("timestamp(3) without time zone", Timestamp(3)), ("numeric(9,2)", Decimal(9, 2))))
    assert not can_sum(a_copy(known, form=WireFormat.ARROW))
    assert not can_sum(a_copy(known, ("double precision", Float(64))))
    assert not can_sum(a_copy(known, ("numeric", Decimal(9, 2))))
    assert not can_sum(a_copy(*[known] * 501))


def test_rows_that_are_not_understood_are_added_up_no_more() -> None:
    sums = PassingSums(a_copy(("integer", Integer(32))))

    assert len(sums.add(HEADER + a_row("4", (1,)))) == 1
    assert sums.add(a_row("8", (1,))) == ()
    assert not sums.has_work
    assert sums.add(a_row("4", (1,))) == ()
