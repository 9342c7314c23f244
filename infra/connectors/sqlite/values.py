"""From what SQLite stores (int, float, `bytearray` for text, `bytes` for blob) to what crosses.

Every function takes the values of one column and raises `Misfit` if one of them does not belong
to the type; introspection asks the same functions which type a column really has, so a reader
meets a misfit only if the file changed in between.
"""

from __future__ import annotations

import decimal
import re
import sqlite3
from collections.abc import Sequence
from sys import getsizeof

import pyarrow as pa

from domain.catalog.types import (
    Bits,
    Carrier,
    Date,
    Decimal,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from infra.connectors.late import compute as pc

Present = int | float | bytes | bytearray
"""A value as the driver gives it."""

Stored = Present | None
"""A value, or None for NULL."""

_SHORT_TEXT = 1_000
"""Texts declared up to this length need no look at their size."""

_FETCH_ROWS = 250
"""Rows taken at once before their size is looked at."""

INTEGER_EXACT_MAX = 2**53
"""Integers up to this size, and their negatives, are exact as doubles."""

_DOUBLE_DIGITS = 15
"""A decimal of so many significant digits comes back unchanged from a double."""

_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_SHAPES = {
    "date": f"^{_DAY}$",
    "timestamp": f"^{_DAY}[ T]{_CLOCK}$",
    "instant": f"^{_DAY}[ T]{_CLOCK}(?:Z|\\+00:00)?$",
    "marked": r"(?:Z|\+00:00)$",
    "time": rf"^(?:{_CLOCK}|24:00:00(?:\.0{{1,6}})?)$",
    "uuid": "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
}
_DECIMAL_TEXT = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9]\d*)(?:\.(?P<places>\d+))?")
_DECIMAL_WORDS = frozenset({"NaN", "Infinity", "-Infinity"})
_DAY_LENGTH = len("2000-01-01")
_SECONDS_LENGTH = len("2000-01-01 00:00:00")
_CLOCK_LENGTH = len("00:00:00")
_FRACTION_LENGTH = len(".000000")


class Misfit(ValueError):
    """A value does not belong to the type of its column."""


def large_places(types: Sequence[LogicalType]) -> tuple[int, ...]:
    """Return the places of the columns whose values may be large."""
    return tuple(place for place, type_ in enumerate(types) if _may_be_large(type_))


def _may_be_large(type_: LogicalType) -> bool:
    match type_:
        case Text(length=int(length)):
            return length > _SHORT_TEXT
        case Date() | Time() | Timestamp() | Uuid() | Decimal(precision=int()):
            return False
        case _:
            return carrier(type_) in (Carrier.TEXT, Carrier.BYTES)


def fetch_columns(cursor: sqlite3.Cursor, rows_max: int, bytes_max: int, large: Sequence[int]) -> list[list[Stored]]:
    """Fetch the next rows, column by column; nothing after the last.

    Ends at so many rows, or when the values of the columns in the `large` places take so much.
    """
    columns: list[list[Stored]] = []
    rows = size = 0
    while rows < rows_max and size < bytes_max:
        wanted = min(_FETCH_ROWS, rows_max - rows)
        found = cursor.fetchmany(wanted)
        parts = list(zip(*found, strict=True))
        columns = columns or [[] for _ in parts]
        for column, part in zip(columns, parts, strict=False):
            column.extend(part)
        rows += len(found)
        size += sum(sum(map(getsizeof, parts[place])) for place in large if found)
        if len(found) < wanted:
            break
    return columns


def kinds(values: Sequence[Stored]) -> set[type]:
    """Return the Python types of the values that are not NULL."""
    found: set[type] = set(map(type, values))
    found.discard(type(None))
    return found


def to_arrow(type_: LogicalType, values: Sequence[Stored]) -> pa.Array:
    """Turn a column's stored values into what crosses.

    Raises:
        Misfit: a value does not belong to the type.
    """
    found = kinds(values)
    try:
        match carrier(type_):
            case Carrier.INT64:
                return _numbers(values, found, frozenset({int}), pa.int64())
            case Carrier.UINT64:
                return _unsigned(values, found)
            case Carrier.FLOAT64:
                return _numbers(values, found, frozenset({int, float}), pa.float64())
            case Carrier.BOOL:
                return _booleans(values, found)
            case Carrier.BYTES:
                return pa.array(_raw(values, found), pa.large_binary())
            case Carrier.TEXT:
                return _texts(type_, values, found)
    except (pa.ArrowInvalid, UnicodeDecodeError, OverflowError) as error:
        raise Misfit(str(error)) from error


def _numbers(values: Sequence[Stored], found: set[type], allowed: frozenset[type], type_: pa.DataType) -> pa.Array:
    if not found <= allowed:
        raise Misfit("a value is no number of this kind")
    return pa.array(values, type_)


def _unsigned(values: Sequence[Stored], found: set[type]) -> pa.Array:
    """Unsigned 64-bit numbers: integers, or the digits of those that SQLite's integers cannot hold."""
    if found <= {int}:
        return pa.array(values, pa.uint64())
    texts = pa.array(_raw(values, found), pa.large_binary()).cast(pa.large_string())
    return texts.cast(pa.uint64())


def _booleans(values: Sequence[Stored], found: set[type]) -> pa.Array:
    if not found <= {int} or not set(values) <= {0, 1, None}:
        raise Misfit("a value is neither 0 nor 1")
    return pa.array(values, pa.int8()).cast(pa.bool_())


def _raw(values: Sequence[Stored], found: set[type]) -> Sequence[bytes | bytearray | None]:
    """Return the bytes of texts and blobs as they are, of numbers as their text."""
    if found & {int, float}:
        return [None if value is None else own_text(value) for value in values]
    return values  # type: ignore[return-value]  # no number is among them


def own_text(value: Present) -> bytes | bytearray:
    """Spell a stored value by itself: digits, the shortest text that is the same double, or its own bytes."""
    return str(value).encode() if isinstance(value, int | float) else value


def _texts(type_: LogicalType, values: Sequence[Stored], found: set[type]) -> pa.Array:
    if isinstance(type_, Decimal):
        return pa.array(decimals(type_, values), pa.large_string())
    if bytes in found:
        raise Misfit("a value is a blob")
    own = _raw(values, found)
    _check_lengths(type_, own)
    raw = pa.array(own, pa.large_binary())
    if isinstance(type_, Text | Opaque):
        return raw.view(pa.large_string())  # what is no UTF-8 is found by its limit
    texts = raw.cast(pa.large_string())
    match type_:
        case Date():
            _require(texts, "date")
            texts.cast(pa.date32())
        case Timestamp(zoned=zoned):
            return _timestamps(texts, zoned=zoned)
        case Time(zoned=False):
            _require(texts, "time")
            return _with_six_digits(texts, _CLOCK_LENGTH)
        case Uuid():
            _require(texts, "uuid")
        case Bits(length=length, varying=False) if length:
            _require_match(texts, f"^[01]{{{length}}}$")
        case _:
            pass
    return texts


def _check_lengths(type_: LogicalType, texts: Sequence[bytes | bytearray | None]) -> None:
    """Tell days from moments by their lengths: a look at a table often asks that, and need not wait for Arrow."""
    lengths = {len(text) for text in texts if text is not None} if isinstance(type_, Date | Timestamp) else set()
    if lengths and (lengths != {_DAY_LENGTH} if isinstance(type_, Date) else min(lengths) < _SECONDS_LENGTH):
        raise Misfit("a value has another length")


def _require(texts: pa.Array, shape: str) -> None:
    _require_match(texts, _SHAPES[shape])
    if shape not in {"time", "uuid"} and pc.any(pc.starts_with(texts, "0000")).as_py():
        raise Misfit("there is no year 0")


def _require_match(texts: pa.Array, pattern: str) -> None:
    if pc.all(pc.match_substring_regex(texts, pattern)).as_py() is False:
        raise Misfit("a value has another shape")


def _timestamps(texts: pa.Array, *, zoned: bool) -> pa.Array:
    """Bring `YYYY-MM-DD?HH:MM:SS[.f]` to its canonical text; an instant may be marked as UTC."""
    _require(texts, "instant" if zoned else "timestamp")
    if zoned:
        texts = pc.replace_substring_regex(texts, _SHAPES["marked"], "")
    texts.cast(pa.timestamp("us"))
    if pc.any(pc.match_substring(texts, "T")).as_py():
        texts = pc.binary_replace_slice(texts, 10, 11, " ")
    return _with_six_digits(texts, _SECONDS_LENGTH)


def is_marked_utc(values: Sequence[Stored]) -> bool:
    """Whether every text that is there ends in a mark of UTC."""
    return all(
        value is None or (isinstance(value, bytearray) and value.endswith((b"Z", b"+00:00"))) for value in values
    )


def _with_six_digits(texts: pa.Array, bare_length: int) -> pa.Array:
    """Fill the fraction of a second up to six digits."""
    whole = bare_length + _FRACTION_LENGTH
    lengths = pc.binary_length(texts)
    shortest = pc.min(lengths).as_py()
    if shortest is None or shortest == whole:
        return texts
    if pc.max(lengths).as_py() == bare_length:
        return pc.binary_join_element_wise(
            texts, pa.scalar(".000000", pa.large_string()), pa.scalar("", pa.large_string())
        )
    pointed = pc.if_else(
        pc.equal(lengths, bare_length),
        pc.binary_join_element_wise(texts, pa.scalar(".", pa.large_string()), pa.scalar("", pa.large_string())),
        texts,
    )
    return pc.utf8_rpad(pointed, width=whole, padding="0")


def decimals(type_: Decimal, values: Sequence[Stored]) -> list[str | None]:
    """Spell numbers and texts as decimals with exactly the type's places.

    Raises:
        Misfit: a value is no decimal of this precision and scale.
    """
    if type_.precision is None:
        return [None if value is None else decimal_text(type_, value) for value in values]
    scale = type_.scale or 0
    bound, spelling = 10 ** (type_.precision - scale), f"%.{scale}f"
    spelled: list[str | None] = []
    for value in values:
        if isinstance(value, float) and -bound < value < bound:
            text = spelling % (value or 0.0)
            # Read back as the same double and so short: these are the very digits that were meant.
            exact = len(text) <= _DOUBLE_DIGITS and float(text) == value
            spelled.append(text if exact else decimal_text(type_, value))
        else:
            spelled.append(None if value is None else decimal_text(type_, value))
    return spelled


def decimal_text(type_: Decimal, value: Present) -> str:
    """Spell one stored number canonically.

    A double stands for the decimal of at most 15 digits that is nearest to it, which is what a
    NUMERIC column made of the decimal it was given.

    Raises:
        Misfit: the value is no decimal of this precision and scale.
    """
    if isinstance(value, bytes):
        raise Misfit("a value is a blob")
    text = _shortest(value) if isinstance(value, float) else own_text(value).decode()
    if text in _DECIMAL_WORDS:
        return text
    match = _DECIMAL_TEXT.fullmatch(text)
    if match is None:
        raise Misfit("a value is no decimal")
    places = match["places"] or ""
    if match["sign"] and not (match["whole"] + places).strip("0"):
        raise Misfit("a value is a negative zero")
    if type_.precision is None:
        return text
    scale = type_.scale or 0
    if places[scale:].strip("0") or len(match["whole"].lstrip("0")) > type_.precision - scale:
        raise Misfit("a value has more digits than its type")
    kept = places[:scale].ljust(scale, "0")
    return f"{match['sign']}{match['whole']}{'.' if scale else ''}{kept}"


def _shortest(value: float) -> str:
    if value - value != 0:
        raise Misfit("a value is infinite")
    number = decimal.Decimal(repr(value))
    if len(number.as_tuple().digits) > _DOUBLE_DIGITS:
        raise Misfit("a double has more digits than a decimal can vouch for")
    return format(number or abs(number), "f")
