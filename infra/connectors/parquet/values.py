"""Values in Parquet files in DuckDB's SQL: from what is stored to what crosses, and back.

Column arguments are pieces of SQL, never user text. Infinite days and moments are DuckDB's: the ends of
what the stored integer can be.
"""

from __future__ import annotations

from domain.catalog.types import Carrier, Decimal, LogicalType, Timestamp, carrier
from infra.connectors.parquet import types

_CARRIERS = {
    Carrier.INT64: "BIGINT",
    Carrier.UINT64: "UBIGINT",
    Carrier.FLOAT64: "DOUBLE",
    Carrier.BOOL: "BOOLEAN",
    Carrier.BYTES: "BLOB",
}
_MOMENTS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_NESTED = ("STRUCT(", "MAP(", "UNION(")


def carried(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression of a stored value as it crosses."""
    kind = carrier(type_)
    if kind is not Carrier.TEXT:
        return f"CAST({column} AS {_CARRIERS[kind]})"
    if native in _MOMENTS and isinstance(type_, Timestamp):
        return _moment(column if native == "TIMESTAMP" else f"CAST({column} AS TIMESTAMP)")
    if native.startswith(_NESTED) or native.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    match native:
        case "TIMESTAMP WITH TIME ZONE":
            return _moment(f"({column} AT TIME ZONE 'UTC')")
        case "DATE":
            return f"replace(CAST({column} AS VARCHAR), ' (BC)', ' BC')"
        case "TIME":
            return _six_digits(f"CAST({column} AS VARCHAR)")
        case _:
            return _number(column, native, type_)


def _number(column: str, native: str, type_: LogicalType) -> str:
    """Spell a number with the places of its type, and a zero before the point; anything else as it is."""
    plain = f"CAST({column} AS VARCHAR)"
    if not native.startswith("DECIMAL("):
        return plain
    plain = f"regexp_replace({plain}, '^(-?)[.]', '\\10.')"
    if not isinstance(type_, Decimal) or type_.precision is None or native == types.native(type_):
        return plain
    scaled = f"TRY_CAST({column} AS DECIMAL({types.DECIMAL_DIGITS_MAX},{min(type_.scale or 0, 38)}))"
    return f"CASE WHEN {scaled} = {column} THEN CAST({scaled} AS VARCHAR) ELSE {plain} END"


def _six_digits(clock: str) -> str:
    """Fill the fraction of a second of `HH:MM:SS[.f]` up to six digits."""
    return f"rpad({clock} || CASE WHEN length({clock}) = 8 THEN '.' ELSE '' END, 15, '0')"


def _moment(moment: str) -> str:
    """Spell a TIMESTAMP; infinities as they are, years before Christ as PostgreSQL writes them."""
    before = f"CAST({moment} AS VARCHAR)"
    clock, day = f"regexp_extract({before}, '[0-9:.]+$')", f"regexp_extract({before}, '^[0-9-]+')"
    return (
        f"CASE WHEN {moment} < TIMESTAMP '0001-01-01' AND isfinite({moment})"
        f" THEN {day} || ' ' || {_six_digits(clock)} || ' BC'"
        f" ELSE strftime({moment}, '%Y-%m-%d %H:%M:%S.%f') END"
    )


def stored(value: str, native: str) -> str:
    """Return the expression that stores what crossed in a column that we write."""
    match native:
        case "DATE":
            return f"CAST(replace({value}, ' BC', ' (BC)') AS DATE)"
        case "TIMESTAMP":
            return f"CAST({_years(value)} AS TIMESTAMP)"
        case "TIMESTAMP WITH TIME ZONE":
            moved = f"CASE WHEN {value} LIKE '%infinity' THEN {value} ELSE {_years(value)} || '+00' END"
            return f"CAST({moved} AS TIMESTAMP WITH TIME ZONE)"
        case _:
            return f"CAST({value} AS {native})"


def _years(value: str) -> str:
    return f"regexp_replace({value}, '^([0-9]+-[0-9]+-[0-9]+)(.*) BC$', '\\1 (BC)\\2')"


def is_as_it_crosses(native: str, type_: LogicalType) -> bool:
    """Whether a stored value is already what crosses, but for the width of its machine form."""
    return carrier(type_) is not Carrier.TEXT or native == "VARCHAR"
