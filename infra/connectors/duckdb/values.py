"""Values in DuckDB's SQL: from what is stored to what crosses, and back.

Texts that cross are canonical (`domain.catalog.types`), so these expressions are also what
digests are computed over. Column and value arguments are pieces of SQL, never user text.
"""

from __future__ import annotations

from domain.catalog.types import (
    Carrier,
    Date,
    Decimal,
    Duration,
    Interval,
    LogicalType,
    Time,
    Timestamp,
    carrier,
)
from infra.connectors.duckdb import types

_CARRIERS = {
    Carrier.INT64: "BIGINT",
    Carrier.UINT64: "UBIGINT",
    Carrier.FLOAT64: "DOUBLE",
    Carrier.BOOL: "BOOLEAN",
}
_TIMESTAMPS = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"})
_NO_SRID = "unhex('00000000')"
_SRID_BYTES = 4


def carried(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression of a stored value as it crosses."""
    kind = carrier(type_)
    if kind is Carrier.BYTES:
        return f"{_NO_SRID} || ST_AsWKB({column})" if native.startswith("GEOMETRY") else f"CAST({column} AS BLOB)"
    return _text(column, native, type_) if kind is Carrier.TEXT else f"CAST({column} AS {_CARRIERS[kind]})"


def _text(column: str, native: str, type_: LogicalType) -> str:
    """Return the expression of a stored value's canonical text."""
    if native in _TIMESTAMPS:
        return _timestamp(column if native == "TIMESTAMP" else f"CAST({column} AS TIMESTAMP)")
    if types.is_nested(native):
        return f"CAST(to_json({column}) AS VARCHAR)"
    match native:
        case "TIMESTAMP WITH TIME ZONE":
            return _timestamp(f"({column} AT TIME ZONE 'UTC')")
        case "DATE":
            return f"replace(CAST({column} AS VARCHAR), ' (BC)', ' BC')"
        case "TIME":
            return _six_digits(f"CAST({column} AS VARCHAR)")
        case "TIME WITH TIME ZONE":
            text = f"CAST({column} AS VARCHAR)"
            clock = f"regexp_extract({text}, '^[0-9:.]+')"
            zone = f"regexp_extract({text}, '[+-].*$')"
            return f"{_six_digits(clock)} || {zone} || CASE WHEN length({zone}) = 3 THEN ':00' ELSE '' END"
        case "INTERVAL":
            return _duration(column) if isinstance(type_, Duration) else _interval(column)
        case _:
            return _number_or_text(column, native, type_)


def _number_or_text(column: str, native: str, type_: LogicalType) -> str:
    """Spell a number of another scale with the type's places if it has no more than those."""
    plain = f"CAST({column} AS VARCHAR)"
    if _all_places(native):
        plain = f"regexp_replace({plain}, '^(-?)[.]', '\\10.')"
    is_number = native.startswith("DECIMAL(") or native.endswith("INT") or native == "INTEGER"
    if not isinstance(type_, Decimal) or type_.precision is None or not is_number or native == types.native(type_):
        return plain
    scaled = f"TRY_CAST({column} AS DECIMAL({types.DECIMAL_DIGITS_MAX},{min(type_.scale or 0, 38)}))"
    return f"CASE WHEN {scaled} = {column} THEN CAST({scaled} AS VARCHAR) ELSE {plain} END"


def _all_places(native: str) -> bool:
    """Whether a decimal has only places, so that DuckDB writes no zero before the point."""
    match = types.DECIMAL.fullmatch(native)
    return match is not None and match["precision"] == match["scale"]


def _six_digits(clock: str) -> str:
    """Fill the fraction of a second of `HH:MM:SS[.f]` up to six digits."""
    return f"rpad({clock} || CASE WHEN length({clock}) = 8 THEN '.' ELSE '' END, 15, '0')"


def _timestamp(moment: str) -> str:
    """Spell a TIMESTAMP; infinities as they are, years before Christ as PostgreSQL writes them."""
    before = f"CAST({moment} AS VARCHAR)"
    clock = f"regexp_extract({before}, '[0-9:.]+$')"
    day = f"regexp_extract({before}, '^[0-9-]+')"
    return (
        f"CASE WHEN {moment} < TIMESTAMP '0001-01-01' AND isfinite({moment})"
        f" THEN {day} || ' ' || {_six_digits(clock)} || ' BC'"
        f" ELSE strftime({moment}, '%Y-%m-%d %H:%M:%S.%f') END"
    )


def _micros(interval: str) -> str:
    """Return the part of an interval below a day, in microseconds."""
    hours, minutes = f"datepart('hour', {interval})", f"datepart('minute', {interval})"
    return f"(({hours} * 60 + {minutes}) * 60000000 + datepart('microsecond', {interval}))"


def _interval(interval: str) -> str:
    """Spell an interval as PostgreSQL's `iso_8601` style does: every field with its own sign, none if zero."""
    day_parts = "".join(
        _field(f"datepart('{part}', {interval})", letter)
        for part, letter in (("year", "Y"), ("month", "M"), ("day", "D"))
    )
    clock = _field(f"datepart('hour', {interval})", "H") + _field(f"datepart('minute', {interval})", "M")
    seconds = f"datepart('microsecond', {interval})"
    fraction = f"rtrim(printf('%06d', abs({seconds}) % 1000000), '0')"
    spelled = (
        f" || CASE WHEN {seconds} = 0 THEN '' ELSE CASE WHEN {seconds} < 0 THEN '-' ELSE '' END"
        f" || abs({seconds}) // 1000000 || CASE WHEN abs({seconds}) % 1000000 = 0 THEN '' ELSE '.' || {fraction} END"
        " || 'S' END"
    )
    return (
        f"CASE WHEN {interval} IS NULL THEN NULL"
        f" WHEN {_micros(interval)} = 0 AND datepart('year', {interval}) = 0 AND datepart('month', {interval}) = 0"
        f" AND datepart('day', {interval}) = 0 THEN 'PT0S'"
        f" ELSE 'P'{day_parts} || CASE WHEN {_micros(interval)} = 0 THEN '' ELSE 'T'{clock}{spelled} END END"
    )


def _field(number: str, letter: str) -> str:
    return f" || CASE WHEN {number} = 0 THEN '' ELSE {number} || '{letter}' END"


def _duration(interval: str) -> str:
    """Spell an interval without months as a signed number of hours, minutes and seconds."""
    micros = f"({_micros(interval)} + datepart('day', {interval}) * 86400000000)"
    size = f"abs({micros})"
    return (
        f"CASE WHEN {micros} < 0 THEN '-' ELSE '' END || printf('%02d:%02d:%02d.%06d', {size} // 3600000000,"
        f" {size} // 60000000 % 60, {size} // 1000000 % 60, {size} % 1000000)"
    )


def stored(value: str, type_: LogicalType, native: str) -> str:
    """Return the expression that stores what crossed in a column of a native type."""
    if native.startswith("GEOMETRY"):
        return f"ST_GeomFromWKB({value}[{_SRID_BYTES + 1}:])"
    if carrier(type_) is not Carrier.TEXT:
        return f"CAST({value} AS {native})"
    if types.is_nested(native):
        return f"CAST(CAST({value} AS JSON) AS {native})"
    match type_:
        case Date() if native == "DATE":
            return f"CAST(replace({value}, ' BC', ' (BC)') AS DATE)"
        case Timestamp() | Time() if native in _TIMESTAMPS or native == "TIMESTAMP WITH TIME ZONE":
            return _stored_timestamp(value, native)
        case Interval() if native == "INTERVAL":
            return _stored_interval(value)
        case _:
            return f"CAST({value} AS {native})"


def _stored_timestamp(value: str, native: str) -> str:
    """Move the mark of years before Christ; hardly any value has one, and looking for it is far cheaper."""
    marked = f"regexp_replace({value}, '^([0-9]+-[0-9]+-[0-9]+)(.*) BC$', '\\1 (BC)\\2')"
    moved = f"CASE WHEN ends_with({value}, ' BC') THEN {marked} ELSE {value} END"
    if native == "TIMESTAMP WITH TIME ZONE":
        moved = f"CASE WHEN {value} LIKE '%infinity' THEN {value} ELSE {moved} || '+00' END"
    return f"CAST({moved} AS {native})"


def _stored_interval(value: str) -> str:
    """Read ISO 8601 field by field; what is no such text is told by reading it back."""

    def found(pattern: str) -> str:
        return f"coalesce(TRY_CAST(regexp_extract({value}, '{pattern}', 1) AS BIGINT), 0)"

    seconds = f"coalesce(TRY_CAST(regexp_extract({value}, '(-?[0-9.]+)S$', 1) AS DECIMAL(24,6)), 0)"
    months = f"{found('^P(-?[0-9]+)Y')} * 12 + {found('^P[^TM]*?(-?[0-9]+)M')}"
    clock = f"({found('T(-?[0-9]+)H')} * 60 + {found('T[^M]*?(-?[0-9]+)M')}) * 60000000"
    micros = f"{clock} + CAST({seconds} * 1000000 AS BIGINT)"
    days = found("(-?[0-9]+)D")
    return (
        f"CASE WHEN {value} IS NOT NULL THEN to_months(CAST({months} AS INTEGER)) + to_days(CAST({days} AS INTEGER))"
        f" + to_microseconds({micros}) END"
    )


def may_change(type_: LogicalType, native: str) -> bool:
    """Whether a column of this native type may keep a value only nearly, so that it has to be read back.

    A type that we chose keeps every value of its own form; a cast of any other may round or cut.
    """
    return native != types.native(type_) or isinstance(type_, Interval) or native == "FLOAT"
