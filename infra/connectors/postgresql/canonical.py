"""SQL expressions for the canonical text of a value (`domain.catalog.types`), and for what COPY sends.

Sessions are in UTC, ISO style, with exact floats; the expressions rely on it.
"""

from __future__ import annotations

from domain.catalog.types import (
    Boolean,
    Carrier,
    Decimal,
    Duration,
    Float,
    LogicalType,
    Time,
    Timestamp,
    carrier,
)

CHAINED_MAX = 500
"""The most columns of a chain: the server parses calls within calls only so deep."""

_STAMP = "YYYY-MM-DD HH24:MI:SS.US"


def copied(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression whose CSV text the reader turns into the type's carrier. `column` is quoted."""
    match carrier(type_):
        case Carrier.INT64 | Carrier.UINT64 | Carrier.BOOL:
            return column
        case Carrier.FLOAT64:
            return column if native == "double precision" else f"{column}::float8"
        case Carrier.BYTES:
            return f"encode({column}, 'hex')"
        case Carrier.TEXT:
            return text(column, native, type_)


def text(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression for a value's canonical text; NULL stays NULL. Bytes have none here."""
    match type_:
        case Decimal():
            return f"{number(column, native, type_)}::text"
        case Float():
            return _float(f"{column}::float8")
        case Boolean():
            return f"CASE WHEN {column} THEN '1' WHEN NOT {column} THEN '0' END"
        case Time(zoned=True):
            return _zoned_time(column)
        case Time():
            return f"to_char({column}, 'HH24:MI:SS.US')"
        case Timestamp():
            return _timestamp(column)
        case Duration():
            return _duration(column)
        case _:
            return f"{column}::text"


def number(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression for a decimal with the places that its canonical text has."""
    match type_:
        case Decimal(int(precision), scale) if native != f"numeric({precision},{scale or 0})":
            return f"{column}::numeric({precision},{scale or 0})"
        case _:
            return column


def _float(number: str) -> str:
    """Hex digits of the big-endian double; PostgreSQL holds NaN equal to NaN and -0 equal to 0."""
    return (
        f"CASE WHEN {number} = 0 THEN '0000000000000000' WHEN {number} = 'NaN' THEN '7ff8000000000000' "
        f"ELSE encode(float8send({number}), 'hex') END"
    )


def _timestamp(column: str) -> str:
    """`to_char` has no words for infinity and drops BC, so both go their own way."""
    return (
        f"CASE WHEN {column} >= '0001-01-01 00:00:00' AND {column} < 'infinity' THEN to_char({column}, '{_STAMP}') "
        f"WHEN isfinite({column}) THEN to_char({column}, '{_STAMP} BC') ELSE {column}::text END"
    )


def _zoned_time(column: str) -> str:
    """The offset's text is `+HH`, `+HH:MM` or `+HH:MM:SS`; the canonical one has minutes at least."""
    offset = f"substring({column}::text from '[+-][0-9:]+$')"
    return (
        f"to_char({column}::time, 'HH24:MI:SS.US') || CASE length({offset}) WHEN 3 THEN {offset} || ':00' "
        f"ELSE {offset} END"
    )


def _duration(column: str) -> str:
    micros = f"abs(round(extract(epoch from {column})::numeric * 1000000))"
    hours = f"div({micros}, 3600000000)::text"
    rest = f"mod({micros}, 3600000000)"
    return (
        f"CASE WHEN {column} < interval '0' THEN '-' ELSE '' END || lpad({hours}, greatest(2, length({hours})), '0') "
        f"|| to_char(make_interval(secs => ({rest} / 1000000)::float8), ':MI:SS.US')"
    )
