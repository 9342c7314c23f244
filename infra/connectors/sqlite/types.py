"""SQLite's types: what a declared word promises, and which word holds a logical type exactly.

SQLite stores integers, doubles, texts and blobs; a declared word only gives a column an
*affinity*, which may turn a text that looks like a number into one on its way in: a plain
`DECIMAL` has NUMERIC affinity and makes 1.1 of '1.10'. Types whose text may look like a number
are therefore declared with words of TEXT affinity that still tell their meaning, such as
`DECIMAL_TEXT(10,2)`; a date never looks like a number, so `DATE` keeps it. Rules:
https://www.sqlite.org/datatype3.html section 3.1.
"""

from __future__ import annotations

import re
from enum import Enum

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Float,
    Geometry,
    Integer,
    Json,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
)


class Affinity(Enum):
    """What a column does to a value that is stored in it."""

    INTEGER = "INTEGER"
    TEXT = "TEXT"
    BLOB = "BLOB"
    REAL = "REAL"
    NUMERIC = "NUMERIC"


def affinity(declared: str) -> Affinity:
    """Return the affinity of a declared type, by SQLite's rules in their order."""
    word = declared.upper()
    if "INT" in word:
        return Affinity.INTEGER
    if any(part in word for part in ("CHAR", "CLOB", "TEXT")):
        return Affinity.TEXT
    if "BLOB" in word or not word:
        return Affinity.BLOB
    if any(part in word for part in ("REAL", "FLOA", "DOUB")):
        return Affinity.REAL
    return Affinity.NUMERIC


_DECLARED = re.compile(
    r"\s*(?P<word>[^(]*?)\s*(?:\(\s*(?P<first>\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\).*)?\s*", re.DOTALL
)

ZONED_WORDS = frozenset({"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"})
"""Declared words that say by themselves that a timestamp is an instant."""
_TIMESTAMP_WORDS = frozenset({"DATETIME", "TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE"})
_DECIMAL_WORDS = frozenset({"DECIMAL", "NUMERIC", "DEC", "NUMBER", "MONEY"})
_PRECISION_MAX = 1000

AUTOINCREMENT = "INTEGER AUTOINCREMENT"
"""How we spell a row number that is never given out twice."""


def declared_word(declared: str) -> tuple[str, int | None, int | None]:
    """Take a declared type apart: the word without our `_TEXT`, and its numbers if it has any."""
    match = _DECLARED.fullmatch(declared)
    if match is None:
        return declared.upper(), None, None
    word = " ".join(match["word"].upper().split()).removesuffix("_TEXT")
    first, second = match["first"], match["second"]
    return word, int(first) if first else None, int(second) if second else None


def candidates(declared: str) -> tuple[LogicalType, ...]:
    """Return what a declared type may mean, best first, if all of the column's values agree."""
    word, first, second = declared_word(declared)
    match word:
        case "BOOLEAN" | "BOOL":
            return (Boolean(),)
        case "DATE":
            return (Date(), Timestamp())
        case "TIME":
            return (Time(),)
        case "UUID" | "GUID" | "UNIQUEIDENTIFIER":
            return (Uuid(),)
        case "JSON" | "JSONB":
            return (Json(binary=word == "JSONB"),)
        case "BIT" if first and affinity(declared) is Affinity.TEXT:
            return (Bits(first),)
        case _:
            return _moments(word) or _decimals(word, declared, first, second or 0)


def _moments(word: str) -> tuple[LogicalType, ...]:
    if word in ZONED_WORDS:
        return (Timestamp(zoned=True), Timestamp())
    if word in _TIMESTAMP_WORDS:
        return (Timestamp(), Timestamp(zoned=True), Date())
    return ()


def _decimals(word: str, declared: str, precision: int | None, scale: int) -> tuple[LogicalType, ...]:
    if word not in _DECIMAL_WORDS:
        return ()
    if precision is None:
        return (Decimal(),) if affinity(declared) is Affinity.TEXT else ()
    return (Decimal(precision, scale),) if scale <= precision <= _PRECISION_MAX else ()


def text_length(declared: str) -> int | None:
    """Return the length that a declared character type promises."""
    word, first, _ = declared_word(declared)
    return first if "CHAR" in word and first else None


def by_affinity(declared: str) -> LogicalType:
    """Return what a declared type means when no value tells."""
    match affinity(declared):
        case Affinity.INTEGER:
            return Integer(64)
        case Affinity.REAL | Affinity.NUMERIC:
            return Float(64)
        case Affinity.BLOB if declared:
            return Binary()
        case Affinity.BLOB | Affinity.TEXT:
            return Text(text_length(declared))


def native(type_: LogicalType) -> str:
    """Return the declared type that holds every value of a logical type exactly."""
    match type_:
        case Integer():
            return _integer_word(type_)
        case Float():
            return "REAL"
        case Boolean():
            return "BOOLEAN"
        case Binary() | Geometry():
            return "BLOB"
        case Text(length=None):
            return "TEXT"
        case Text(length=length, fixed=fixed):
            return f"{'CHAR' if fixed else 'VARCHAR'}({length})"
        case _:
            return _text_word(type_)


def _integer_word(type_: Integer) -> str:
    match type_:
        case Integer(bits=128):
            return "DECIMAL_TEXT(39,0)"
        case Integer(bits=64, signed=False):
            return "DECIMAL_TEXT(20,0)"
        case Integer(bits=64):
            return "BIGINT"
        case Integer(bits=8 | 16, signed=True):
            return "SMALLINT"
        case _:
            return "INTEGER"


def _text_word(type_: LogicalType) -> str:
    match type_:
        case Decimal(precision=None):
            return "DECIMAL_TEXT"
        case Decimal(precision=precision, scale=scale):
            return f"DECIMAL_TEXT({precision},{scale or 0})"
        case Date():
            return "DATE"
        case Time(zoned=False):
            return "TIME"
        case Timestamp(zoned=zoned):
            return "TIMESTAMPTZ" if zoned else "TIMESTAMP"
        case Uuid():
            return "UUID"
        case Json(binary=binary):
            return "JSONB_TEXT" if binary else "JSON_TEXT"
        case Bits(length=length, varying=False) if length:
            return f"BIT_TEXT({length})"
        case _:
            return "TEXT"
