"""What the C helper is told of a column: the letters for logical types (`infra.connectors.native._native.Shape`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain.catalog.types import Bits, Carrier, Date, Decimal, Json, LogicalType, Time, Timestamp, Uuid, carrier
from domain.migrations.canonical import Frame, frame, inline_max
from infra.connectors.sqlite import types

if TYPE_CHECKING:
    from infra.connectors.native._native import Shape

_SCALE_MAX = 1000
_BY_CARRIER = {
    Carrier.INT64: "i",
    Carrier.UINT64: "u",
    Carrier.FLOAT64: "f",
    Carrier.BOOL: "b",
    Carrier.BYTES: "y",
    Carrier.TEXT: "t",
}
_SPELLED_BY_CARRIER = {Carrier.FLOAT64: "f", Carrier.INT64: "i", Carrier.BOOL: "i"}


def carried_shapes(columns: Iterable[LogicalType]) -> list[Shape] | None:
    """Say what columns are made into on their way; nothing if the helper cannot make it."""
    return _all(_carried(type_) for type_ in columns)


def candidate_shapes(declared: str, candidates: Iterable[LogicalType]) -> list[Shape] | None:
    """Say what a column of a declared type may hold."""
    return _all(_candidate(declared, type_) for type_ in candidates)


def digest_shapes(columns: Iterable[LogicalType]) -> list[Shape] | None:
    """Say how columns are spelled in the text of a row."""
    return _all(_spelled(type_) for type_ in columns)


def _all(shapes: Iterable[Shape | None]) -> list[Shape] | None:
    found = list(shapes)
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def _carried(type_: LogicalType) -> Shape | None:
    match type_:
        case Decimal():
            return _decimal(type_)
        case Date():
            return ("d", 0, 0)
        case Timestamp(zoned=zoned):
            return ("z" if zoned else "s", 0, 0)
        case Time(zoned=False):
            return ("m", 0, 0)
        case Uuid():
            return ("g", 0, 0)
        case Bits(length=int(length), varying=False) if length:
            return ("B", length, 0)
        case _:
            return (_BY_CARRIER[carrier(type_)], 0, 0)


def _decimal(type_: Decimal) -> Shape | None:
    if type_.precision is None:
        return ("N", 0, 0)
    scale = type_.scale or 0
    return ("n", type_.precision, scale) if 0 <= scale <= _SCALE_MAX else None


def _candidate(declared: str, type_: LogicalType) -> Shape | None:
    if isinstance(type_, Json):
        return ("j", 0, 0)
    if type_ == Timestamp(zoned=True) and types.declared_word(declared)[0] not in types.ZONED_WORDS:
        return ("Z", 0, 0)
    return _carried(type_)


def _spelled(type_: LogicalType) -> Shape | None:
    kind = carrier(type_)
    if kind in _SPELLED_BY_CARRIER:
        return (_SPELLED_BY_CARRIER[kind], 0, 0)
    how = frame(type_)
    if how is Frame.HASHED:
        return ("h", 0, 0)
    if how is Frame.SIZED:
        return ("y" if kind is Carrier.BYTES else "S", inline_max(type_), 0)
    match type_:
        case Decimal():
            return _decimal(type_)
        case Timestamp():
            return ("s", 0, 0)
        case Time(zoned=False):
            return ("m", 0, 0)
        case _:
            return ("t", 0, 0)
