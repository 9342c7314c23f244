"""Whether every value of one logical type has a place in another, and if not, which has none."""

from __future__ import annotations

from domain.catalog.spelling import spelled
from domain.catalog.types import (
    Binary,
    Bits,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Integer,
    Json,
    LabelSet,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
)

_UUID_CHARACTERS = 36


def loss(source: LogicalType, target: LogicalType) -> str:
    """Say which values of `source` have no exact place in `target`; nothing if all have.

    Both are taken to cross on the same carrier; a length or precision of None means no limit.
    """
    match source, target:
        case (Integer() as have, Integer() as room):
            return _integers(have, room)
        case (Decimal() as have, Decimal() as room):
            return _decimals(have, room)
        case (Float(bits=have), Float(bits=room)):
            return "digits beyond 32 bits are lost" if have > room else ""
        case (Binary(length=have), Binary(length=room)) | (Bits(length=have), Bits(length=room)):
            return _longer(have, room, "values")
        case (Json(), Json()):
            return _documents(source, target)
        case (_, Text(length=room)):
            return _longer(_longest(source), room, "texts")
        case (_, Enumeration(labels=labels) | LabelSet(labels=labels)):
            return _labels(source, target, labels)
        case _:
            return _moments(source, target)


def _integers(source: Integer, target: Integer) -> str:
    if source.signed and not target.signed:
        return "negative numbers have no place"
    room = target.bits - (1 if target.signed else 0)
    need = source.bits - (1 if source.signed else 0)
    return f"numbers beyond {target.bits} bits have no place" if need > room else ""


def _decimals(source: Decimal, target: Decimal) -> str:
    if target.precision is None:
        return ""
    if source.precision is None:
        return f"numbers beyond {spelled(target)} have no place"
    if source.precision - (source.scale or 0) > target.precision - (target.scale or 0):
        return f"numbers too large for {spelled(target)} have no place"
    return "further decimal places are lost" if (source.scale or 0) > (target.scale or 0) else ""


def _documents(source: Json, target: Json) -> str:
    lost = target.binary and not source.binary
    return "key order, repeated keys and blanks are not kept" if lost else ""


def _moments(source: LogicalType, target: LogicalType) -> str:
    """Compare times by their fractions; of everything else only the same fits."""
    match source, target:
        case (Time(fraction=have, zoned=zoned), Time(fraction=room, zoned=zoned_there)) | (
            Timestamp(fraction=have, zoned=zoned),
            Timestamp(fraction=room, zoned=zoned_there),
        ) if zoned == zoned_there:
            fits = have <= room
        case (Duration(fraction=have), Duration(fraction=room)):
            fits = have <= room
        case _:
            return "" if source == target else f"not every {spelled(source)} is a {spelled(target)}"
    return "" if fits else f"fractions of a second beyond {room} digits are lost"


def _labels(source: LogicalType, target: LogicalType, labels: tuple[str, ...]) -> str:
    if not isinstance(source, Enumeration | LabelSet) or type(source) is not type(target):
        return f"not every {spelled(source)} is one of the target's labels"
    missing = [label for label in source.labels if label not in labels]
    return f"the label {missing[0]} is not among those of the target" if missing else ""


def _longest(source: LogicalType) -> int | None:
    """Return the length of the longest canonical text of a type, None if there is no limit that we know."""
    match source:
        case Text(length):
            return length
        case Enumeration(labels):
            return max((len(label) for label in labels), default=0)
        case LabelSet(labels):
            return len(",".join(labels))
        case Uuid():
            return _UUID_CHARACTERS
        case _:
            return None


def _longer(source: int | None, target: int | None, what: str) -> str:
    if target is None or (source is not None and source <= target):
        return ""
    return f"{what} longer than {target} have no place"
