"""The types of columns in Parquet files: as DuckDB calls them, since both read the same files.

A logical type gets a column of its own kind only where that holds every value exactly; all others are
texts, and the manifest and the file's own metadata say what they mean.
"""

from __future__ import annotations

import re

import pyarrow as pa

from domain.catalog.types import (
    Binary,
    Boolean,
    Date,
    Decimal,
    Float,
    Geometry,
    Integer,
    Json,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)

DECIMAL_DIGITS_MAX = 38
_FLOAT_BITS = 32

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_INTEGERS = {8: "TINYINT", 16: "SMALLINT", 24: "INTEGER", 32: "INTEGER", 64: "BIGINT"}

_ARROW: dict[str, pa.DataType] = {
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(),
    "USMALLINT": pa.uint16(),
    "UINTEGER": pa.uint32(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "BLOB": pa.large_binary(),
    "VARCHAR": pa.large_string(),
}

_MEANINGS: dict[str, LogicalType] = {
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
    "FLOAT": Float(32),
    "DOUBLE": Float(64),
    "BOOLEAN": Boolean(),
    "DATE": Date(),
    "TIME": Time(),
    "TIMESTAMP": Timestamp(),
    "TIMESTAMP_S": Timestamp(0),
    "TIMESTAMP_MS": Timestamp(3),
    "TIMESTAMP_NS": Timestamp(6),
    "TIMESTAMP WITH TIME ZONE": Timestamp(zoned=True),
    "BLOB": Binary(),
    "VARCHAR": Text(),
    "UUID": Uuid(),
    "JSON": Json(),
    "GEOMETRY": Geometry(),
}


def native(type_: LogicalType) -> str:
    """Return the kind of column that holds every value of a type exactly."""
    match type_:
        case Integer(bits=bits, signed=signed) if bits in _INTEGERS:
            return _INTEGERS[bits] if signed else f"U{_INTEGERS[bits]}"
        case Decimal(precision=int(precision), scale=scale) if precision <= DECIMAL_DIGITS_MAX:
            return f"DECIMAL({precision},{scale or 0})"
        case Float(bits=bits):
            return "FLOAT" if bits == _FLOAT_BITS else "DOUBLE"
        case Boolean():
            return "BOOLEAN"
        case Binary() | Geometry():
            return "BLOB"
        case Date():
            return "DATE"
        case Time(zoned=False):
            return "TIME"
        case Timestamp(zoned=zoned):
            return "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
        case _:
            return "VARCHAR"


def arrow_type(native_: str) -> pa.DataType:
    """Return the Arrow type of a column that we write."""
    found = _DECIMAL.fullmatch(native_)
    return pa.decimal128(int(found[1]), int(found[2])) if found else _ARROW[native_]


def meaning(native_: str) -> LogicalType:
    """Return what a column of somebody else's file means, by DuckDB's name of its type; nested values mean JSON."""
    found = _DECIMAL.fullmatch(native_)
    if found:
        return Decimal(int(found[1]), int(found[2]))
    if native_.startswith(("STRUCT(", "MAP(", "UNION(")) or native_.endswith("]"):
        return Json()
    return _MEANINGS.get(native_, Opaque(native_))
