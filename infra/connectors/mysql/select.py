"""How values leave the server: one SQL expression per column, exact for its type.

Canonical texts (`domain.catalog.types`) come from the server itself: what it prints, with the digits
of a second filled up to six. A column is *plain* when its text can hold neither comma nor line feed
(numbers, dates and times); the reader has the server join plain columns into one, which leaves a
single value per row to take off the wire instead of many.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalog.types import Bits, Decimal, LogicalType
from infra.connectors.mysql.capabilities import DECIMAL_SCALE_MAX
from infra.connectors.mysql.names import quoted
from infra.connectors.mysql.types import (
    CHARACTER_NAMES,
    DECIMAL_NAMES,
    FLOAT_BITS,
    FRACTION_NAMES,
    INTEGER_BITS,
    LABEL_NAMES,
    Native,
    parse_native,
)

_PLAIN_NAMES = frozenset({*INTEGER_BITS, *DECIMAL_NAMES, *FLOAT_BITS, *FRACTION_NAMES, "year", "date", "bit"})
_FRACTION_DIGITS = 6


@dataclass(frozen=True)
class Selected:
    """An expression for a column's value, and whether its text is plain."""

    sql: str
    is_plain: bool


def selected(name: str, native: str, type_: LogicalType) -> Selected:
    """Say how to read a column; text comes in the session's character set, bytes as they are."""
    column = parse_native(native)
    if column.name in _PLAIN_NAMES:
        return Selected(plain_sql(quoted(name), column, type_), is_plain=True)
    return Selected(quoted(name), is_plain=False)


def plain_sql(column_sql: str, native: Native, type_: LogicalType) -> str:
    """Spell the canonical text of a plain column; of a float, its shortest exact decimal text.

    `* 1e0` makes a double of a FLOAT, which prints six digits only. `+ 0` takes away the
    zeros that ZEROFILL and YEAR print in front.
    """
    if native.name in FRACTION_NAMES:
        return _with_six_digits(column_sql, native.fraction)
    if native.name == "bit":
        if isinstance(type_, Bits):
            return f"LPAD(BIN({column_sql} + 0), {native.length or 1}, '0')"
        return f"{column_sql} + 0"
    if native.name in FLOAT_BITS:
        return f"{column_sql} * 1e0"
    if native.name in DECIMAL_NAMES and isinstance(type_, Decimal) and _keeps_other_places(native, type_):
        return f"CAST({column_sql} AS DECIMAL(65,{type_.scale or 0}))"
    if native.name == "year" or native.unsigned:
        return f"{column_sql} + 0"
    return column_sql


def _keeps_other_places(native: Native, type_: Decimal) -> bool:
    """Whether a column, made by others, prints other decimal places than its values are spelled with."""
    scale, places = type_.scale or 0, native.numbers[1] if len(native.numbers) > 1 else 0
    return type_.precision is not None and scale <= DECIMAL_SCALE_MAX and scale != places


def text_sql(column_sql: str, native: Native, type_: LogicalType) -> str:
    """Spell the canonical text of a column that is neither a float nor bytes, in utf8mb4.

    Even ASCII is converted: MySQL joins texts of several character sets only sometimes.
    """
    if native.name in _PLAIN_NAMES:
        return plain_sql(column_sql, native, type_)
    if native.name in CHARACTER_NAMES | LABEL_NAMES and native.charset in ("", "utf8mb4"):
        return column_sql
    return f"CONVERT({column_sql} USING utf8mb4)"


def float_bits_sql(column_sql: str) -> str:
    """Spell a float as the 16 hex digits of its double, zero without a sign.

    WKB holds a point's coordinates as little-endian doubles, from its sixth byte on.
    """
    number = f"IF({column_sql} = 0, 0e0, {column_sql} * 1e0)"
    return f"LOWER(HEX(REVERSE(SUBSTR(ST_AsBinary(POINT({number}, 0)), 6, 8))))"


def _with_six_digits(column_sql: str, fraction: int) -> str:
    if fraction >= _FRACTION_DIGITS:
        return column_sql
    padding = ("" if fraction else ".") + "0" * (_FRACTION_DIGITS - fraction)
    return f"CONCAT({column_sql}, '{padding}')"
