"""Which limits a narrower type puts on values of a wider one, whatever engines they belong to."""

from __future__ import annotations

from domain.catalog.types import (
    Binary,
    Carrier,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Integer,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from domain.migrations.limits import (
    Characters,
    Digits,
    Limit,
    Octets,
    OneOf,
    SecondDigits,
    Single,
    Unpadded,
    Whole,
    WithinDay,
)

_UUID_CHARACTERS = 36


def limits_between(source: LogicalType, room: LogicalType) -> tuple[Limit, ...]:
    """Return the limits of a column that means `room` for values that mean `source`; none if it is as wide."""
    match source, room:
        case Integer(), Integer():
            return _whole(source, room)
        case Decimal(), Decimal(precision=int(precision), scale=scale):
            is_as_wide = source.precision is not None and _whole_digits(source) <= _whole_digits(room)
            is_as_fine = (source.scale or 0) <= (scale or 0)
            return () if is_as_wide and is_as_fine else (Digits(precision, scale or 0),)
        case Float(bits=have), Float(bits=bits):
            return () if have <= bits else (Single(),)
        case Binary(length=have), Binary(length=int(most)):
            return () if have is not None and have <= most else (Octets(most),)
        case _, Enumeration(labels=labels) if carrier(source) is Carrier.TEXT:
            is_subset = isinstance(source, Enumeration) and set(source.labels) <= set(labels)
            return () if is_subset else (OneOf(labels),)
        case _, Text(length=int(most)) if carrier(source) is Carrier.TEXT:
            return _texts(source, room, most)
        case _:
            return _moments(source, room)


def _texts(source: LogicalType, room: Text, most: int) -> tuple[Limit, ...]:
    longest = _longest(source)
    length: tuple[Limit, ...] = () if longest is not None and longest <= most else (Characters(most),)
    is_as_bare = not room.fixed or not isinstance(source, Text) or source.fixed
    return length if is_as_bare else (*length, Unpadded())


def _whole(source: Integer, room: Integer) -> tuple[Limit, ...]:
    low, high = _range(source)
    lowest, highest = _range(room)
    return () if lowest <= low and high <= highest else (Whole(lowest, highest),)


def _range(type_: Integer) -> tuple[int, int]:
    if not type_.signed:
        return 0, 2**type_.bits - 1
    return -(2 ** (type_.bits - 1)), 2 ** (type_.bits - 1) - 1


def _whole_digits(type_: Decimal) -> int:
    return (type_.precision or 0) - (type_.scale or 0)


def _longest(type_: LogicalType) -> int | None:
    match type_:
        case Text(length=length):
            return length
        case Enumeration(labels=labels):
            return max((len(label) for label in labels), default=0)
        case Uuid():
            return _UUID_CHARACTERS
        case _:
            return None


def _moments(source: LogicalType, room: LogicalType) -> tuple[Limit, ...]:
    match source, room:
        case (
            (Time(fraction=have), Time(fraction=most))
            | (Timestamp(fraction=have), Timestamp(fraction=most))
            | (
                Duration(fraction=have),
                Duration(fraction=most),
            )
        ):
            return () if have <= most else (SecondDigits(most),)
        case Duration(fraction=have), Time(fraction=most):
            return (WithinDay(),) if have <= most else (WithinDay(), SecondDigits(most))
        case _:
            return ()
