"""Hypothesis strategies: logical types and values of them, in the form in which they cross."""

from __future__ import annotations

import datetime as dt
import string

from hypothesis import strategies as st

from domain.catalog.types import (
    Binary,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.migrations.canonical import Carried

PORTABLE_TYPES: tuple[LogicalType, ...] = (
    *(Integer(bits) for bits in (8, 16, 24, 32, 64)),
    *(Integer(bits, signed=False) for bits in (8, 16, 32, 64)),
    *(Decimal(5, 0), Decimal(10, 2), Decimal(18, 6), Decimal(38, 20)),
    *(Float(64), Boolean(), Text(), Text(40), Binary(), Date(), Time(), Timestamp(), Timestamp(zoned=True), Uuid()),
)
"""Types whose values every engine can hold."""


def characters() -> st.SearchStrategy[str]:
    """Characters that every engine can hold in a text: all but NUL and halves of pairs."""
    return st.characters(exclude_characters="\0", codec="utf-8")


def texts(length_max: int = 40) -> st.SearchStrategy[str]:
    """Texts that every engine keeps."""
    return st.text(characters(), max_size=length_max)


def plain_texts(length_max: int = 12) -> st.SearchStrategy[str]:
    """Texts of letters and digits."""
    return st.text(string.ascii_letters + string.digits, min_size=1, max_size=length_max)


def decimals(type_: Decimal) -> st.SearchStrategy[str]:
    """Canonical texts of a decimal type."""
    scale = type_.scale or 0
    bound = 10 ** (type_.precision or 20) - 1
    return st.integers(-bound, bound).map(lambda number: scaled(number, scale))


def scaled(number: int, scale: int) -> str:
    """Spell a number that counts units of its last place."""
    digits = str(abs(number)).rjust(scale + 1, "0")
    text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
    return f"-{text}" if number < 0 else text


def moments(*, zoned: bool) -> st.SearchStrategy[str]:
    """Canonical timestamps; instants stay in the range of every engine's zoned type."""
    if zoned:
        return st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 12, 31)).map(_moment)  # noqa: DTZ001 - UTC
    return st.datetimes().map(_moment)


def _moment(moment: dt.datetime) -> str:
    return f"{moment.year:04d}-{moment:%m-%d %H:%M:%S.%f}"


def times(type_: LogicalType) -> st.SearchStrategy[Carried]:
    """Canonical texts of dates, times and timestamps."""
    match type_:
        case Date():
            return st.dates().map(dt.date.isoformat)
        case Time():
            return st.times().map(lambda time: f"{time:%H:%M:%S.%f}")
        case Timestamp(zoned=zoned):
            return moments(zoned=zoned)
        case _:
            raise ValueError(f"no values are made for {type_}")


def values(type_: LogicalType) -> st.SearchStrategy[Carried]:
    """Values of one of the portable types, without NULL."""
    match type_:
        case Integer(bits=bits, signed=True):
            return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        case Integer(bits=bits):
            return st.integers(0, 2**bits - 1)
        case Decimal():
            return decimals(type_)
        case Float():
            return st.floats(allow_nan=False, allow_infinity=False)
        case Boolean():
            return st.booleans()
        case Text(length=length):
            return texts(length or 200)
        case Binary():
            return st.binary(max_size=200)
        case Uuid():
            return st.uuids().map(str)
        case _:
            return times(type_)


def rows(types: tuple[LogicalType, ...], rows_max: int = 20) -> st.SearchStrategy[list[tuple[Carried, ...]]]:
    """Rows of such values, any of which may be NULL."""
    return st.lists(st.tuples(*(st.none() | values(type_) for type_ in types)), max_size=rows_max)


def tables() -> st.SearchStrategy[tuple[tuple[LogicalType, ...], list[tuple[Carried, ...]]]]:
    """A few columns and rows for them."""
    types = st.lists(st.sampled_from(PORTABLE_TYPES), min_size=1, max_size=6).map(tuple)
    return types.flatmap(lambda chosen: st.tuples(st.just(chosen), rows(chosen)))


def interval(months: int, days: int, microseconds: int) -> str:
    """Spell an interval as PostgreSQL does in ISO 8601: every part has its own sign."""
    sign, size = ("-" if microseconds < 0 else ""), abs(microseconds)
    month_sign = "-" if months < 0 else ""
    years, months = divmod(abs(months), 12)
    date = "".join(
        f"{mark}{number}{letter}"
        for mark, number, letter in ((month_sign, years, "Y"), (month_sign, months, "M"))
        if number
    )
    date += f"{days}D" if days else ""
    seconds, fraction = divmod(size, 1_000_000)
    time = "".join(
        f"{sign}{number}{letter}" for number, letter in ((seconds // 3600, "H"), (seconds // 60 % 60, "M")) if number
    )
    if seconds % 60 or fraction:
        places = f".{fraction:06d}".rstrip("0") if fraction else ""
        time += f"{sign}{seconds % 60}{places}S"
    return f"P{date}{'T' + time if time else ''}" if date or time else "PT0S"
