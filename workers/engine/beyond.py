"""Values beyond a limit, in whole columns of a batch.

For each limit a quick test over the column sorts out what is surely within it; what is left, mostly
nothing, is put to the reference (`domain.migrations.limits.fits`), so the two cannot disagree.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from domain.migrations.limits import (
    NUL,
    YEAR_MAX,
    YEAR_MIN,
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
    Utf8,
    Whole,
    WithinDay,
    fits,
)
from workers.engine.broken import broken, values_of

_YEAR = r"(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d\d\d)"
_DAY = r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_REAL_DAY = rf"^{_YEAR}-{_DAY}(?: \d\d:\d\d:\d\d\.\d\d\d\d\d\d)?$"
"""Days that are in the calendar whatever the year; of the others, 29 February at least may be."""

_WITHIN_DAY = r"^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?$"
_SAFE_DIGITS = 18
_SECOND_DIGITS = 6


def beyond(limit: Limit, column: pa.Array) -> pa.Array:
    """Return, as booleans without NULL, which values of a column are beyond a limit."""
    if isinstance(limit, Present):
        return pc.is_null(column)
    is_broken = broken(column)
    if is_broken is not None:
        sound = beyond(limit, pc.if_else(is_broken, pa.scalar(None, column.type), column))
        pairs = zip(is_broken.to_pylist(), values_of(column), strict=True)
        return pc.or_(sound, pa.array([each and not fits(limit, value) for each, value in pairs]))
    if isinstance(limit, Utf8):
        return _nothing(column)
    suspected = pc.fill_null(_suspected(limit, column), fill_value=False)
    if not pc.any(suspected).as_py():
        return suspected
    suspects = pc.unique(column.filter(suspected))
    guilty = [value for value in suspects.to_pylist() if not fits(limit, value)]
    if len(guilty) == len(suspects):
        return suspected
    return pc.fill_null(pc.is_in(column, value_set=pa.array(guilty, column.type)), fill_value=False)


def _suspected(limit: Limit, column: pa.Array) -> pa.Array:
    """Tell which values may be beyond a limit; those that are not, are surely within it."""
    match limit:
        case Whole() | Digits() | Finite() | Single():
            return _suspected_numbers(limit, column)
        case Characters() | Octets() | NoNul() | NoNulEscape() | Unpadded() | Filled():
            return _suspected_texts(limit, column)
        case RealDay(first, last):
            if first > YEAR_MIN or last < YEAR_MAX:
                return pc.is_valid(column)
            return pc.invert(pc.match_substring_regex(column, _REAL_DAY))
        case WithinDay():
            return pc.invert(pc.match_substring_regex(column, _WITHIN_DAY))
        case SecondDigits(most):
            return pc.invert(pc.ends_with(column, "0" * (_SECOND_DIGITS - most)))
        case OneOf(labels):
            return pc.invert(pc.is_in(column, value_set=pa.array(labels, column.type)))
        case _:
            return pc.is_valid(column)


def _suspected_texts(
    limit: Characters | Octets | NoNul | NoNulEscape | Unpadded | Filled, column: pa.Array
) -> pa.Array:
    is_text = pa.types.is_large_string(column.type)
    match limit:
        case Characters(most):
            return pc.greater(pc.utf8_length(column), most)
        case Octets(most):
            return pc.greater(pc.binary_length(column), most)
        case Filled():
            return pc.equal(pc.binary_length(column), 0)
        case Unpadded():
            return pc.ends_with(column, " ")
        case NoNul() | NoNulEscape():
            sign = NUL if isinstance(limit, NoNul) else "\\u0000"
            return pc.match_substring(column, sign) if is_text else _nothing(column)


def _suspected_numbers(limit: Whole | Digits | Finite | Single, column: pa.Array) -> pa.Array:
    is_text = pa.types.is_large_string(column.type)
    match limit:
        case Finite():
            return pc.match_substring_regex(column, "[^-.0-9]") if is_text else pc.invert(pc.is_finite(column))
        case Single() if pa.types.is_float64(column.type):
            return pc.not_equal(column, column.cast(pa.float32(), safe=False).cast(pa.float64()))
        case Whole(low, high) if pa.types.is_integer(column.type):
            return _outside(column, low, high)
        case Digits(precision, scale):
            shape = rf"^-?\d{{0,{min(precision - scale, _SAFE_DIGITS)}}}(?:\.\d{{0,{scale}}})?$"
            return pc.invert(pc.match_substring_regex(column, shape))
        case _:
            return pc.is_valid(column)


def _outside(column: pa.Array, low: int, high: int) -> pa.Array:
    """Compare in the column's own type; a bound beyond that type is the type's own, or beyond all its values."""
    lowest, highest = (0, 2**64 - 1) if column.type == pa.uint64() else (-(2**63), 2**63 - 1)
    if low > highest or high < lowest:
        return pc.is_valid(column)
    below = pc.less(column, pa.scalar(max(low, lowest), column.type))
    above = pc.greater(column, pa.scalar(min(high, highest), column.type))
    return pc.or_(below, above)


def _nothing(column: pa.Array) -> pa.Array:
    return pa.array([False] * len(column))
