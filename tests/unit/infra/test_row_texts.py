"""The text of a row, of which digests are made, says which row it is."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Enumeration,
    Integer,
    Json,
    LogicalType,
    Opaque,
    Text,
)
from domain.migrations.canonical import Carried, Frame, digest_rows, digest_text, frame, inline_max
from tests.connectors.lab import Row

DAY, WORD = Date(), Text()
TYPES: tuple[LogicalType, ...] = (
    *(Integer(64), Decimal(10, 2), Boolean(), DAY, WORD, Text(5), Enumeration(("a", "b")), Bits(varying=True)),
    *(Json(), Json(binary=True), Opaque("inet"), Binary(), Binary(4)),
)
HEX_DIGITS_OF_MD5 = 32


def values(type_: LogicalType) -> st.SearchStrategy[Carried]:
    """Values that are awkward for frames, also where no engine but SQLite would keep them."""
    texts = st.text("~01,-:5a\0é", max_size=6) | st.integers(990, 1010).map("x".__mul__)
    match type_:
        case Integer():
            return st.none() | st.integers(-12, 12)
        case Boolean():
            return st.none() | st.booleans()
        case Binary():
            return st.none() | st.binary(max_size=3) | st.integers(60, 70).map(b"\1".__mul__)
        case _:
            return st.none() | texts


@st.composite
def rows(draw: st.DrawFn) -> tuple[tuple[LogicalType, ...], Row]:
    types = tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=5)))
    return types, tuple(draw(values(type_)) for type_ in types)


def text_of(types: tuple[LogicalType, ...], row: Row) -> bytes:
    return b"".join(digest_text(type_, value) for type_, value in zip(types, row, strict=True))


def known_of(type_: LogicalType, value: Carried) -> bytes | None:
    """What a text tells of a value: itself, or its MD5."""
    if value is None:
        return None
    if isinstance(value, bool | int):
        return b"%d" % value
    content = value if isinstance(value, bytes) else value.encode()  # type: ignore[union-attr]  # no floats here
    is_long = frame(type_) is Frame.SIZED and len(content) > inline_max(type_)
    return md5(content).hexdigest().encode() if is_long or frame(type_) is Frame.HASHED else content


def read_back(type_: LogicalType, text: bytes) -> tuple[bytes | None, bytes]:
    """Read what a text tells of the value it begins with; return the rest too."""
    if frame(type_) is not Frame.SIZED:
        value, _, rest = text.partition(b",")
        return None if value == b"~" else value.replace(b"~1", b",").replace(b"~0", b"~"), rest
    if text.startswith(b"-"):
        return None, text[1:]
    digits, _, rest = text.partition(b":")
    length = int(digits)
    if length > inline_max(type_):
        return rest[:HEX_DIGITS_OF_MD5], rest[HEX_DIGITS_OF_MD5:]
    if isinstance(type_, Binary):
        return bytes.fromhex(rest[: 2 * length].decode()), rest[2 * length :]
    return rest[:length], rest[length:]


@given(rows())
def test_a_row_can_be_read_from_its_text(sample: tuple[tuple[LogicalType, ...], Row]) -> None:
    types, row = sample
    rest = text_of(types, row)
    for type_, value in zip(types, row, strict=True):
        found, rest = read_back(type_, rest)
        assert found == known_of(type_, value)
    assert rest == b""


@pytest.mark.parametrize(
    ("types", "one", "other"),
    [
        ((DAY, DAY), ("a,b", "c"), ("a", "b,c")),
        ((DAY, DAY), (None, "~"), ("~", None)),
        ((DAY,), ("",), (None,)),
        ((WORD, WORD), ("", None), (None, "")),
        ((WORD, WORD), ("1:a", ""), ("", "1:a")),
        ((Integer(64), WORD), (1, "1:"), (11, ":")),
    ],
)
def test_rows_that_differ_only_in_where_a_value_ends_have_other_digests(
    types: tuple[LogicalType, ...], one: Row, other: Row
) -> None:
    assert digest_rows(types, [one]) != digest_rows(types, [other])
