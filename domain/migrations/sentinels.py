"""Values that people choose to stand for others: read in a loose spelling, kept in the canonical one."""

from __future__ import annotations

import json
import math
import re
from uuid import UUID

from domain.catalog.spelling import spelled
from domain.catalog.types import (
    Boolean,
    Carrier,
    Date,
    Decimal,
    Enumeration,
    Float,
    Integer,
    Json,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from domain.kernel.errors import ValidationFailed
from domain.migrations.limits import Characters, Digits, Limit, OneOf, RealDay, Whole, fits

_MIDNIGHT = "00:00:00"
_CLOCK = re.compile(r"(?P<seconds>(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(?P<fraction>\d{1,6}))?")
_BOOLEANS = {"true": "1", "1": "1", "false": "0", "0": "0"}


def canonical_sentinel(type_: LogicalType, text: str) -> str:
    """Return the canonical text of a value that somebody wrote down.

    Raises:
        ValidationFailed: it is no value of the type, or the type has no sentinels.
    """
    try:
        canonical = _canonical(type_, text)
    except ValueError:
        canonical = None
    if canonical is None or not fits(_range_of(type_), carried_sentinel(type_, canonical)):
        raise ValidationFailed(f"{text!r} cannot stand for values of {spelled(type_)}; write one such value")
    return canonical


def carried_sentinel(type_: LogicalType, canonical: str) -> int | float | bool | str:
    """Return a sentinel in the form in which values of its type cross."""
    match carrier(type_):
        case Carrier.INT64 | Carrier.UINT64:
            return int(canonical)
        case Carrier.FLOAT64:
            return float(canonical)
        case Carrier.BOOL:
            return canonical == "1"
        case _:
            return canonical


def _canonical(type_: LogicalType, text: str) -> str | None:
    match type_:
        case Integer() | Decimal() | Float() | Boolean():
            return _number(type_, text)
        case Timestamp():
            day, _, clock = text.partition(" ")
            return f"{day} {_clock(clock or _MIDNIGHT)}"
        case Time(zoned=False):
            return _clock(text)
        case Uuid():
            return str(UUID(text))
        case Json():
            json.loads(text)
            return text
        case Date() | Text() | Enumeration():
            return text
        case _:
            return None


def _number(type_: Integer | Decimal | Float | Boolean, text: str) -> str | None:
    match type_:
        case Integer():
            return str(int(text))
        case Decimal(scale=scale):
            return _with_places(text, scale) if fits(Digits(1_000, 500), text) else None
        case Float():
            return repr(float(text)) if math.isfinite(float(text)) else None
        case Boolean():
            return _BOOLEANS.get(text.lower())


def _with_places(text: str, scale: int | None) -> str:
    whole, _, places = text.partition(".")
    if scale is None:
        return text
    return f"{whole}.{places.ljust(scale, '0')}" if scale else text


def _clock(text: str) -> str:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return f"{found['seconds']}.{(found['fraction'] or '').ljust(6, '0')}"


def _range_of(type_: LogicalType) -> Limit:
    """Return what bounds values of a type by itself."""
    match type_:
        case Integer(bits, signed):
            return Whole(-(2 ** (bits - 1)) if signed else 0, 2 ** (bits - 1 if signed else bits) - 1)
        case Decimal(precision, scale) if precision is not None:
            return Digits(precision, scale or 0)
        case Date() | Timestamp():
            return RealDay()
        case Enumeration(labels):
            return OneOf(labels)
        case Text(length) if length is not None:
            return Characters(length)
        case _:
            return Characters(2**31)
