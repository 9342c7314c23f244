"""Values beyond a limit (`domain.migrations.limits`), as conditions in MySQL's SQL."""

from __future__ import annotations

from domain.catalog.types import Carrier, carrier
from domain.migrations.limits import (
    NUL_ESCAPE,
    Between,
    Characters,
    Digits,
    Filled,
    Finite,
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
)
from domain.migrations.misfits import ColumnLimit
from infra.connectors.mysql.names import quoted
from infra.connectors.mysql.select import text_sql
from infra.connectors.mysql.types import parse_native

STRIP = "REPLACE({}, _utf8mb4 X'00' COLLATE utf8mb4_bin, '')"
"""Takes the character NUL out of a text."""

_SECOND_DIGITS = 6
_SINGLE_BITS, _SINGLE_EXPONENT_MIN, _SINGLE_MAX = 24, -126, "3.4028234663852886e38"
_DAYS_OF_EVERY_MONTH = 28
_ESCAPED_NUL = "u0000"


def beyond(on: ColumnLimit) -> str:
    """Spell the condition under which a value of a column is beyond a limit."""
    column = quoted(on.column)
    match on.limit:
        case Whole() | Digits() | Finite() | Single():
            return _number_beyond(on.limit, column)
        case Present():
            return f"{column} IS NULL"
        case RealDay(first, last):
            return _unreal_day(column, first, last)
        case Between(first, last):
            return f"{column} NOT BETWEEN '{first}' AND '{last}'"
        case WithinDay():
            return f"({column} < '00:00:00' OR {column} >= '24:00:00')"
        case SecondDigits(most):
            return f"MICROSECOND({column}) % 1{'0' * (_SECOND_DIGITS - most)} <> 0"
        case Characters() | Octets() | NoNul() | Utf8() | Unpadded() | Filled() | NoNulEscape() | OneOf():
            return _text_beyond(on, column)


def _number_beyond(limit: Whole | Digits | Finite | Single, column: str) -> str:
    match limit:
        case Whole(low, high):
            return f"{column} NOT BETWEEN {low} AND {high}"
        case Digits(precision, scale):
            return f"(ABS({column}) >= 1{'0' * (precision - scale)} OR TRUNCATE({column}, {scale}) <> {column})"
        case Finite():
            return "1 = 0"
        case Single():
            return _rounded(column)


def _rounded(column: str) -> str:
    """Tell numbers that single precision has not; not every server casts to FLOAT.

    Such a number is a whole multiple of the last of 24 bits, which is never finer than 2 to the power of -149.
    To divide by a power of two is exact.
    """
    last_bit = f"POW(2, GREATEST(FLOOR(LOG2(ABS({column}))), {_SINGLE_EXPONENT_MIN}) - {_SINGLE_BITS - 1})"
    is_fraction = f"FLOOR({column} / {last_bit}) <> {column} / {last_bit}"
    return f"({column} <> 0 AND (ABS({column}) > {_SINGLE_MAX} OR {is_fraction}))"


def _unreal_day(column: str, first: int, last: int) -> str:
    """Tell days that are not in the calendar: zero dates, and parts of dates that are zero or too large.

    Most days are before the 29th and need no more than a look at their parts. Of the others, the
    number of a real day leads back to it; a day of a month too short has a NULL or another day for
    its number.
    """
    return (
        f"(YEAR({column}) NOT BETWEEN {max(first, 1)} AND {last} OR MONTH({column}) = 0 OR DAYOFMONTH({column}) = 0"
        f" OR DAYOFMONTH({column}) > {_DAYS_OF_EVERY_MONTH}"
        f" AND NOT COALESCE(FROM_DAYS(TO_DAYS({column})) = DATE({column}), 1 = 0)) AND {column} IS NOT NULL"
    )


def _text_beyond(on: ColumnLimit, column: str) -> str:
    """Look at a text in UTF-8, byte by byte: collations ignore case, NUL and spaces at the end."""
    if carrier(on.type) is Carrier.BYTES:
        return f"LENGTH({column}) > {on.limit.most if isinstance(on.limit, Octets) else 0}"
    text = text_sql(column, parse_native(on.native), on.type)
    match on.limit:
        case Characters(most) | Octets(most):
            return f"{'CHAR_LENGTH' if isinstance(on.limit, Characters) else 'LENGTH'}({text}) > {most}"
        case OneOf(labels):
            return f"CAST({text} AS BINARY) NOT IN ({', '.join(_hexed(label) for label in labels) or 'NULL'})"
        case Utf8():
            return "1 = 0"
        case Filled():
            return f"OCTET_LENGTH({text}) = 0"
        case Unpadded():
            return f"RIGHT(CAST({text} AS BINARY), 1) = X'20'"
        case NoNulEscape():
            # The expression takes ten times as long as the look for the digits that any match has.
            has_digits = f"LOCATE({_hexed(_ESCAPED_NUL)}, CAST({text} AS BINARY)) > 0"
            return f"({has_digits} AND {text} REGEXP CONVERT({_hexed(NUL_ESCAPE)} USING utf8mb4))"
        case _:
            return f"LOCATE(X'00', CAST({text} AS BINARY)) > 0"


def _hexed(text: str) -> str:
    return f"X'{text.encode().hex()}'"
