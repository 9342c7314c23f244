"""DuckDB's types: what a declared type means, and which one holds a logical type exactly.

Spellings are DuckDB's own (`duckdb_columns.data_type`): https://duckdb.org/docs/stable/sql/data_types/overview
"""

from __future__ import annotations

import re

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Geometry,
    Integer,
    Interval,
    Json,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from infra.connectors.sql.text import literal

DECIMAL_DIGITS_MAX = 38
"""Widest DECIMAL."""

_PLAIN: dict[str, LogicalType] = {
    "BOOLEAN": Boolean(),
    "TINYINT": Integer(8),
    "SMALLINT": Integer(16),
    "INTEGER": Integer(32),
    "BIGINT": Integer(64),
    "HUGEINT": Integer(128),
    "UTINYINT": Integer(8, signed=False),
    "USMALLINT": Integer(16, signed=False),
    "UINTEGER": Integer(32, signed=False),
    "UBIGINT": Integer(64, signed=False),
    "UHUGEINT": Integer(128, signed=False),
    "BIGNUM": Decimal(),
    "FLOAT": Float(32),
    "DOUBLE": Float(64),
    "VARCHAR": Text(),
    "BLOB": Binary(),
    "DATE": Date(),
    "TIME": Time(),
    "TIME WITH TIME ZONE": Time(zoned=True),
    "TIMESTAMP": Timestamp(),
    "TIMESTAMP_S": Timestamp(0),
    "TIMESTAMP_MS": Timestamp(3),
    "TIMESTAMP WITH TIME ZONE": Timestamp(zoned=True),
    "INTERVAL": Interval(),
    "UUID": Uuid(),
    "JSON": Json(),
    "VARIANT": Json(),
    "BIT": Bits(varying=True),
    "GEOMETRY": Geometry(),
}
_INTEGERS = {8: "TINYINT", 16: "SMALLINT", 24: "INTEGER", 32: "INTEGER", 64: "BIGINT", 128: "HUGEINT"}
DECIMAL = re.compile(r"DECIMAL\((?P<precision>\d+),(?P<scale>\d+)\)")
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_NESTED = ("STRUCT(", "MAP(", "UNION(")
NESTED_END = "]"


def meaning(native: str) -> LogicalType:
    """Return what a declared type means; nested values mean JSON, the rest is opaque."""
    if native in _PLAIN:
        return _PLAIN[native]
    if is_nested(native):
        return Json()
    if match := DECIMAL.fullmatch(native):
        return Decimal(int(match["precision"]), int(match["scale"]))
    if native.startswith("ENUM("):
        return Enumeration(tuple(label.replace("''", "'") for label in _LABEL.findall(native)))
    return Geometry() if native.startswith("GEOMETRY(") else Opaque(native)


def is_nested(native: str) -> bool:
    """Whether values of a type hold other values."""
    return native.startswith(_NESTED) or native.endswith(NESTED_END) or native == "VARIANT"


def native(type_: LogicalType) -> str:
    """Return the type that holds every value of a logical type exactly, as DuckDB spells it."""
    match type_:
        case Integer(bits=bits, signed=signed):
            return _INTEGERS[bits] if signed else f"U{_INTEGERS[bits]}"
        case Decimal(precision=int(precision), scale=scale) if precision <= DECIMAL_DIGITS_MAX:
            return f"DECIMAL({precision},{scale or 0})"
        case Float(bits=bits):
            return "FLOAT" if bits == 32 else "DOUBLE"  # noqa: PLR2004
        case Enumeration(labels=labels) if len(set(labels)) == len(labels) > 0:
            return f"ENUM({', '.join(map(literal, labels))})"
        case Boolean():
            return "BOOLEAN"
        case Binary() | Geometry():
            return "BLOB"
        case _:
            return _moment(type_) or _plain(type_)


def _moment(type_: LogicalType) -> str:
    """Return the type of a date, a time or a length of time; nothing for any other."""
    match type_:
        case Date():
            return "DATE"
        case Time(zoned=zoned):
            return "TIME WITH TIME ZONE" if zoned else "TIME"
        case Timestamp(zoned=zoned):
            return "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
        case Interval() | Duration():
            return "INTERVAL"
        case _:
            return ""


def _plain(type_: LogicalType) -> str:
    match type_:
        case Uuid():
            return "UUID"
        case Json():
            return "JSON"
        case Bits(varying=False):
            return "BIT"  # of a bit at least: an empty string of bits becomes 0
        case _:
            return "VARCHAR"


def can_be_indexed(native: str) -> bool:
    """Whether a column of this type may be part of a key or an index."""
    return not is_nested(native) and not native.startswith(("INTERVAL", "GEOMETRY"))
