"""What a column of texts means, if all of its rows agree; nothing is guessed from a sample.

A type is taken only if writing every value of it canonically gives back the same value in the same
precision: `007` and `+5` are texts, `1.5` beside `2.25` are decimals with two places, `1e-7` is a
double if a double holds all of its digits. NULLs and empty columns say nothing.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from domain.catalog.types import (
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
from infra.connectors.broken_texts import is_sound

_INTEGER = r"^(?:0|-?[1-9]\d*)$"
_DECIMAL = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?$"
_MINUS_ZERO = r"^-0(?:\.0*)?$"
_FLOAT = r"^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|nan|-?inf)$"
_BOOLEAN = r"^(?:true|false|TRUE|FALSE|True|False)$"
_DATE = r"^\d{4}-\d\d-\d\d$"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_TIME = rf"^{_CLOCK}$"
_MOMENT = rf"^\d{{4}}-\d\d-\d\d[ T]{_CLOCK}$"
_INSTANT = rf"^\d{{4}}-\d\d-\d\d[ T]{_CLOCK}(?:Z|[+-]\d\d(?::?\d\d)?)$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

_PLAIN: dict[str, LogicalType] = {"boolean": Boolean(), "float": Float(64), "date": Date(), "uuid": Uuid()}

_SURE_DIGITS = 15
"""So many digits of a number a double always holds."""

_INT64_DIGITS = 18
"""So many digits a 64-bit number always holds."""

_PRECISION_MAX = 1000


class ColumnGuess:
    """What is still possible for a column after the rows so far."""

    def __init__(self) -> None:
        self._possible = ["boolean", "integer", "decimal", "float", "date", "timestamp", "instant", "time", "uuid"]
        self._seen = False
        self._low = self._high = 0
        self._whole_digits = self._places = self._fraction = 0

    def look(self, column: pa.Array) -> None:
        """Take more rows into account."""
        if not is_sound(column):
            self._seen, self._possible = True, []
        values = column.drop_null()
        if len(values) and self._possible:
            self._seen = True
            self._possible = [kind for kind in self._possible if self._fits(kind, values)]

    def _fits(self, kind: str, values: pa.Array) -> bool:
        match kind:
            case "integer":
                return _all(values, _INTEGER) and self._note_whole(values)
            case "decimal":
                return _all(values, _DECIMAL) and not _any(values, _MINUS_ZERO) and self._note_digits(values)
            case "float":
                return _all(values, _FLOAT) and _is_exact_double(values)
            case "date":
                return _all(values, _DATE) and _are_days(values)
            case "timestamp" | "instant" | "time":
                pattern = {"timestamp": _MOMENT, "instant": _INSTANT, "time": _TIME}[kind]
                return _all(values, pattern) and self._note_fraction(values) and (kind == "time" or _are_days(values))
            case _:
                return _all(values, _BOOLEAN if kind == "boolean" else _UUID)

    def _note_whole(self, values: pa.Array) -> bool:
        long = values.filter(pc.greater(pc.binary_length(values), _INT64_DIGITS))
        numbers = [int(text) for text in long.to_pylist()]
        short = pc.cast(values.filter(pc.less_equal(pc.binary_length(values), _INT64_DIGITS)), pa.int64())
        if len(short):
            bounds = pc.min_max(short)
            numbers += [bounds["min"].as_py(), bounds["max"].as_py()]
        self._low, self._high = min(self._low, *numbers), max(self._high, *numbers)
        return True

    def _note_digits(self, values: pa.Array) -> bool:
        bare = pc.replace_substring(values, "-", "")
        point = pc.find_substring(bare, ".")
        length = pc.cast(pc.binary_length(bare), pa.int64())
        has_point = pc.greater_equal(point, 0)
        whole = pc.if_else(has_point, pc.cast(point, pa.int64()), length)
        places = pc.if_else(has_point, pc.subtract(pc.subtract(length, pc.cast(point, pa.int64())), 1), 0)
        self._whole_digits = max(self._whole_digits, pc.max(whole).as_py())
        self._places = max(self._places, pc.max(places).as_py())
        return self._whole_digits + self._places <= _PRECISION_MAX

    def _note_fraction(self, values: pa.Array) -> bool:
        for digits in range(6, self._fraction, -1):
            if _any(values, rf"\.\d{{{digits}}}(?:\D|$)"):
                self._fraction = digits
                break
        return True

    def result(self) -> LogicalType:
        """Return the narrowest type that all rows agree on, text if there is none."""
        kind = self._possible[0] if self._possible and self._seen else "text"
        match kind:
            case "integer":
                return self._whole()
            case "decimal":
                return Decimal(self._whole_digits + self._places, self._places)
            case "timestamp" | "instant":
                return Timestamp(self._fraction, zoned=kind == "instant")
            case "time":
                return Time(self._fraction)
            case _:
                return _PLAIN.get(kind, Text())

    def _whole(self) -> LogicalType:
        if self._low >= -(2**63) and self._high < 2**63:
            return Integer(64)
        if self._low >= 0 and self._high < 2**64:
            return Integer(64, signed=False)
        if self._low >= -(2**127) and self._high < 2**127:
            return Integer(128)
        digits = max(len(str(abs(self._low))), len(str(self._high)))
        return Decimal(digits, 0) if digits <= _PRECISION_MAX else Text()


def _all(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _any(values: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(values, pattern)).as_py())


def _are_days(values: pa.Array) -> bool:
    """Whether every text begins with a day that there is."""
    days = pc.utf8_slice_codeunits(values, 0, 10)
    if _any(days, "^0000"):
        return False
    try:
        pc.cast(days, pa.date32())
    except pa.ArrowInvalid:
        return False
    return True


def _is_exact_double(values: pa.Array) -> bool:
    """Whether doubles hold every digit: few digits always are held, of others it is tried out."""
    digits = pc.replace_substring_regex(values, r"[eE].*$|[^0-9]", "")
    long = values.filter(pc.greater(pc.utf8_length(digits), _SURE_DIGITS))
    if any(_plain(text) != _plain(repr(float(text))) for text in long.to_pylist()):
        return False
    doubles = pc.cast(values, pa.float64())
    finite = pc.is_finite(doubles)
    return bool(pc.all(pc.or_(finite, pc.match_substring_regex(values, "^(?:nan|-?inf)$"))).as_py())


def _plain(text: str) -> tuple[str, int]:
    """Return the digits of a number and the power of ten of the last one; equal numbers have equal ones."""
    mantissa, _, exponent = re.sub("E", "e", text).lstrip("-").partition("e")
    whole, _, places = mantissa.partition(".")
    digits = (whole + places).lstrip("0")
    bare = digits.rstrip("0")
    return bare, int(exponent or 0) - len(places) + len(digits) - len(bare)
