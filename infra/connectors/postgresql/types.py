"""From PostgreSQL's types to their meaning, and from a meaning to the type that holds it here."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.connections.values import Engine

NAME_LENGTH = 63
VARCHAR_MAX = 10_485_760
"""Longest declarable varchar, in characters."""
NUMERIC_PRECISION_MAX = 1000
FRACTION_MAX = 6
SINGLE_PRECISION = 32

_SPELLING = re.compile(
    r"(?P<name>[a-z\" ]+?)(?:\((?P<first>-?\d+)(?:,(?P<second>-?\d+))?\))?(?P<zone> with(?:out)? time zone)?"
)

_PLAIN: dict[str, LogicalType] = {
    "smallint": Integer(16),
    "integer": Integer(32),
    "bigint": Integer(64),
    "oid": Integer(32, signed=False),
    "real": Float(32),
    "double precision": Float(64),
    "money": Decimal(19, 2),
    "boolean": Boolean(),
    "text": Text(),
    "bpchar": Text(),
    "name": Text(NAME_LENGTH),
    "citext": Text(),
    "bytea": Binary(),
    "date": Date(),
    "uuid": Uuid(),
    "json": Json(),
    "jsonb": Json(binary=True),
}

_SIMPLE: dict[type[LogicalType], str] = {
    Boolean: "boolean",
    Binary: "bytea",
    Date: "date",
    Interval: "interval",
    Uuid: "uuid",
}

_INTEGERS: dict[tuple[int, bool], str] = {
    (8, True): "smallint",
    (8, False): "smallint",
    (16, True): "smallint",
    (16, False): "integer",
    (24, True): "integer",
    (24, False): "integer",
    (32, True): "integer",
    (32, False): "bigint",
    (64, True): "bigint",
    (64, False): "numeric(20,0)",
    (128, True): "numeric(39,0)",
    (128, False): "numeric(39,0)",
}


def meaning(spelling: str, *, labels: tuple[str, ...] = (), enum_name: str = "") -> LogicalType:
    """Return what a type means, by its spelling in `format_type` (a domain's is that of its base type).

    An enum brings its labels. What has no portable meaning is `Opaque` under its own spelling.
    """
    if labels:
        return Enumeration(labels, enum_name)
    if spelling.rpartition(".")[2] == "citext":
        return Text()
    if spelling in _PLAIN:
        return _PLAIN[spelling]
    if spelling.startswith("interval") and not spelling.endswith("]"):
        return Interval()
    match = _SPELLING.fullmatch(spelling)
    if match is None:
        return Opaque(spelling)
    first = None if match["first"] is None else int(match["first"])
    second = None if match["second"] is None else int(match["second"])
    return _with_modifiers(match["name"], first, second, zoned=match["zone"] == " with time zone") or Opaque(spelling)


def _with_modifiers(name: str, first: int | None, second: int | None, *, zoned: bool) -> LogicalType | None:
    fraction = 6 if first is None else first
    match name:
        case "numeric":
            return _decimal(first, second or 0)
        case "character varying":
            return Text(first)
        case "character":
            return Text(first, fixed=True)
        case "time":
            return Time(fraction, zoned)
        case "timestamp":
            return Timestamp(fraction, zoned)
        case "bit":
            return Bits(first or 1)
        case "bit varying":
            return Bits(first, varying=True)
        case _:
            return None


def _decimal(precision: int | None, scale: int) -> Decimal:
    """Express a negative scale, or one above the precision (both since PostgreSQL 15), by the digits they allow."""
    if precision is None:
        return Decimal()
    return Decimal(max(precision - min(scale, 0), scale), max(scale, 0))


@dataclass(frozen=True)
class Declaration:
    """How a column is declared here; `note` says what is different from the source, empty if nothing is."""

    native: str
    note: str = ""


def declaration(type_: LogicalType, native: str, source: Engine, enum_type: str = "") -> Declaration:
    """Return the type that holds all values of a logical type exactly.

    `native` is the source's spelling, kept if the source is PostgreSQL too. `enum_type` is the
    quoted name of the type made for an Enumeration.
    """
    if isinstance(type_, Enumeration):
        return Declaration(enum_type)
    if source is Engine.POSTGRESQL:
        return Declaration(native)
    return _without_counterpart(type_) or _timed(type_) or Declaration(_simple(type_))


def _without_counterpart(type_: LogicalType) -> Declaration | None:
    match type_:
        case LabelSet():
            return Declaration("text", "kept as text, labels parted by commas")
        case Geometry():
            return Declaration("bytea", "kept as bytes: SRID and WKB")
        case Opaque(spelling):
            return Declaration("text", f"kept as text: {spelling} has no counterpart")
        case _:
            return None


def _timed(type_: LogicalType) -> Declaration | None:
    """Declare the types whose seconds have a number of decimal places."""
    match type_:
        case Time(fraction, zoned):
            spelling = f"time({{}}) {_zone(zoned=zoned)}"
        case Timestamp(fraction, zoned):
            spelling = f"timestamp({{}}) {_zone(zoned=zoned)}"
        case Duration(fraction):
            spelling = "interval({})"
        case _:
            return None
    note = "" if fraction <= FRACTION_MAX else f"seconds have at most {FRACTION_MAX} decimal places"
    return Declaration(spelling.format(min(fraction, FRACTION_MAX)), note)


def _zone(*, zoned: bool) -> str:
    return "with time zone" if zoned else "without time zone"


def _simple(type_: LogicalType) -> str:
    match type_:
        case Integer(bits, signed):
            return _INTEGERS[bits, signed]
        case Decimal(precision, scale):
            return _numeric(precision, scale)
        case Text(length) if length and length <= VARCHAR_MAX:
            return f"varchar({length})"
        case Bits(length, varying):
            return f"bit varying({length})" if varying and length else f"bit({length})" if length else "bit varying"
        case Float(bits):
            return "real" if bits == SINGLE_PRECISION else "double precision"
        case Json(binary):
            return "jsonb" if binary else "json"
        case _:
            return _SIMPLE.get(type(type_), "text")


def _numeric(precision: int | None, scale: int | None) -> str:
    if precision is None or precision > NUMERIC_PRECISION_MAX:
        return "numeric"
    return f"numeric({precision},{scale or 0})"
