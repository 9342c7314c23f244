"""Values in CSV files: the text of each, from what crosses and back.

A file of ours holds whole numbers in digits, doubles by the fewest digits that tell them apart (`nan`,
`inf`), `true` and `false`, bytes in hex digits, instants with `+00` behind the clock, and of all else the
canonical text. Other files may spell decimals, times and instants in other ways of ISO 8601.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from domain.catalog.types import (
    Carrier,
    Date,
    Decimal,
    LogicalType,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from infra.connectors.arrow import ARROW_TYPES

_DAY = r"(?:\d{4,}-\d\d-\d\d(?: BC)?|-?infinity)"
_CLOCK = re.compile(r"(\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?((?:Z|[+-]\d\d(?::?\d\d)?)?)")
_MOMENT = re.compile(
    r"(?P<day>\d{4,}-\d\d-\d\d)[ T](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,6})0*)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?(?P<before> BC)?"
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ZONED = r"^(\d+-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)"


class Misfit(Exception):
    """A text is no value of its column's type. `place` is its row in the batch."""

    def __init__(self, place: int, text: str) -> None:
        super().__init__(text)
        self.place = place
        self.text = text


def parsed_as(type_: LogicalType) -> pa.DataType:
    """Return the Arrow type that the parser makes of a column."""
    kind = carrier(type_)
    return pa.large_string() if kind is Carrier.BYTES else ARROW_TYPES[kind]


def carried(type_: LogicalType, column: pa.Array) -> pa.Array:
    """Return a parsed column as it crosses.

    Raises:
        Misfit: a text is no value of the type.
    """
    match type_:
        case _ if carrier(type_) is Carrier.BYTES:
            return pa.array(_each(column, bytes.fromhex), pa.large_binary())
        case Decimal(precision=precision, scale=scale):
            places = rf"\.\d{{{scale}}}" if scale else ""
            usual = rf"^-?\d+{places}$" if precision is not None else r"^-?\d+(\.\d+)?$"
            return _usually(column, usual, lambda text: _decimal(text, None if precision is None else scale or 0))
        case Date():
            return _usually(column, f"^{_DAY}$", _none)
        case Timestamp(zoned=zoned):
            usual = r"^(?:\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}(?: BC)?|-?infinity)$"
            plain = pc.replace_substring_regex(column, r"\+00( BC)?$", r"\1") if zoned else column
            return _usually(plain, usual, _instant if zoned else _moment)
        case Time():
            return _usually(column, r"^\d\d:\d\d:\d\d\.\d{6}(?:[+-]\d\d:\d\d(?::\d\d)?)?$", _clock)
        case Uuid():
            return _usually(column, f"^{_UUID.pattern}$", _uuid)
        case _:
            return column


def _each(column: pa.Array, read: Callable[[str], object]) -> list[object]:
    found: list[object] = []
    for place, text in enumerate(column.to_pylist()):
        try:
            found.append(None if text is None else read(text))
        except ValueError:
            raise Misfit(place, str(text)) from None
    return found


def _usually(column: pa.Array, usual: str, rare: Callable[[str], str]) -> pa.Array:
    """Leave texts of the usual form as they are, and read all others one by one."""
    fits = pc.match_substring_regex(column, usual)
    if pc.all(fits).as_py() is not False:
        return column
    expected = re.compile(usual)
    texts = _each(column, lambda text: text if expected.search(text) else rare(text))
    return pa.array(texts, pa.large_string())


def _none(text: str) -> str:
    raise ValueError(text)


def _decimal(text: str, scale: int | None) -> str:
    if text in _NO_NUMBERS:
        return text
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    if scale is None:
        return text
    whole, _, places = text.partition(".")
    if places[scale:].strip("0"):
        raise ValueError(text)
    return f"{whole}.{places[:scale].ljust(scale, '0')}" if scale else whole


def _moment(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    if found is None or found["zone"]:
        raise ValueError(text)
    return f"{found['day']} {found['clock']}.{(found['fraction'] or '').ljust(6, '0')}{found['before'] or ''}"


def _instant(text: str) -> str:
    """Read a moment with a zone, by the clock of UTC; without a zone it is taken to be in UTC."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    clock = f"{found['day']} {found['clock']}.{(found['fraction'] or '').ljust(6, '0')}"
    zone = found["zone"] or "Z"
    if zone in ("Z", "+00", "+00:00", "+0000", "-00:00"):
        return clock + (found["before"] or "")
    if found["before"]:
        raise ValueError(text)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    shift = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    moment = dt.datetime.fromisoformat(clock)
    moment = moment - shift if zone[0] == "+" else moment + shift
    return f"{moment.year:04d}-{moment:%m-%d %H:%M:%S.%f}"


def _clock(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return f"{found[1]}.{(found[2] or '').ljust(6, '0')}{found[3]}"


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text.lower()):
        raise ValueError(text)
    return text.lower()


def spelled(type_: LogicalType, column: pa.Array) -> pa.Array:
    """Return the texts of a column as they stand in a file, NULL for NULL."""
    match carrier(type_):
        case Carrier.BYTES:
            texts = [None if value is None else value.hex() for value in column.to_pylist()]
            return pa.array(texts, pa.large_string())
        case Carrier.TEXT:
            is_instant = isinstance(type_, Timestamp) and type_.zoned
            return pc.replace_substring_regex(column, _ZONED, r"\1+00") if is_instant else column
        case _:
            return pc.cast(column, pa.large_string())


def is_plain(type_: LogicalType) -> bool:
    """Whether no value of a type ever holds a delimiter, a quote or a line break that one would use."""
    return carrier(type_) is not Carrier.TEXT
