"""The one spelling of a logical type for people: `decimal(10,2)`, `text(255)`, `timestamp(6) with time zone`."""

from __future__ import annotations

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

_PLAIN: dict[type[LogicalType], str] = {
    Boolean: "boolean",
    Date: "date",
    Interval: "interval",
    Uuid: "uuid",
    Geometry: "geometry",
}


def spelled(type_: LogicalType) -> str:
    """Return how a logical type is written; an opaque one keeps its engine's own declaration."""
    match type_:
        case Integer() | Decimal() | Float():
            return _number(type_)
        case Text() | Binary() | Bits():
            return _string(type_)
        case Time() | Timestamp() | Duration():
            return _moment(type_)
        case Enumeration(labels):
            return f"enum({_listed(labels)})"
        case LabelSet(labels):
            return f"set({_listed(labels)})"
        case Json(binary):
            return "binary json" if binary else "json"
        case Opaque(declaration):
            return declaration
        case _:
            return _PLAIN[type(type_)]


def _number(type_: Integer | Decimal | Float) -> str:
    match type_:
        case Integer(bits, signed):
            return f"{'' if signed else 'unsigned '}integer({bits})"
        case Decimal(precision, scale):
            return "decimal" if precision is None else f"decimal({precision},{scale or 0})"
        case Float(bits):
            return f"float({bits})"


def _string(type_: Text | Binary | Bits) -> str:
    if isinstance(type_, Bits):
        word = "varying bits" if type_.varying else "bits"
    elif isinstance(type_, Text):
        word = "char" if type_.fixed else "text"
    else:
        word = "fixed binary" if type_.fixed else "binary"
    return word if type_.length is None else f"{word}({type_.length})"


def _moment(type_: Time | Timestamp | Duration) -> str:
    zone = " with time zone" if not isinstance(type_, Duration) and type_.zoned else ""
    return f"{type(type_).__name__.lower()}({type_.fraction}){zone}"


def _listed(labels: tuple[str, ...]) -> str:
    return ",".join("'" + label.replace("'", "''") + "'" for label in labels)
