"""Values drawn evenly from all that a type has, beside those at its edges that hypothesis likes."""

from __future__ import annotations

import datetime as dt
import json
import math
import struct
from random import Random
from uuid import UUID

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Duration,
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
from domain.migrations.canonical import Carried
from tests.support.awkward import point
from tests.support.strategies import interval, scaled

_PLANES = ((0x20, 0x7E), (0xA0, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
_DAY_MICROSECONDS = 86_400_000_000
_DURATION_MICROSECONDS = 838 * 3_600_000_000
_DIGITS_MAX, _PLACES_MAX = 90, 45


def uniform(type_: LogicalType, random: Random) -> Carried:
    """Return a value of a type; None if it has so few that there is no need to draw them evenly."""
    match type_:
        case Integer() | Decimal() | Float() | Boolean():
            return _number(type_, random)
        case Text(length=length):
            return _text(random, random.randint(0, length or 200))
        case Binary(length=length, fixed=fixed):
            return random.randbytes(length or 0 if fixed else random.randint(0, length or 200))
        case Date() | Time() | Timestamp() | Duration() | Interval():
            return _moment(type_, random)
        case Uuid():
            return str(UUID(bytes=random.randbytes(16)))
        case Json():
            return json.dumps(
                {_text(random, 5): [random.random(), _text(random, 20)]}, ensure_ascii=random.random() < 0.5
            )
        case Bits(length=length, varying=varying):
            return _bits(random, length or 1, varying=varying)
        case Geometry():
            return point(random.choice((0, 4326)), random.uniform(-180, 180), random.uniform(-90, 90))
        case Opaque():
            return ".".join(str(part) for part in random.randbytes(4))
        case _:
            return None


def _number(type_: Integer | Decimal | Float | Boolean, random: Random) -> Carried:
    match type_:
        case Integer(bits=bits, signed=signed):
            number = random.randint(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else random.getrandbits(bits)
            return str(number) if bits > 64 else number
        case Decimal(precision=None):
            size = 10 ** random.randint(1, _DIGITS_MAX)
            return scaled(random.randint(-size, size), random.randint(0, _PLACES_MAX))
        case Decimal(precision=int(precision), scale=scale):
            return scaled(random.randint(1 - 10**precision, 10**precision - 1), scale or 0)
        case Float(bits=bits):
            return _float(random, bits)
        case _:
            return random.random() < 0.5


def _float(random: Random, bits: int) -> float:
    """Draw the bits of a number; one that is none is drawn again."""
    while True:
        (number,) = struct.unpack("<f" if bits == 32 else "<d", random.randbytes(bits // 8))
        if math.isfinite(number):
            return float(number)


def _text(random: Random, length: int) -> str:
    low, high = random.choice(_PLANES)
    return "".join(chr(random.randint(low, high)) for _ in range(length))


def _bits(random: Random, length: int, *, varying: bool) -> str:
    """Draw of all strings that there are, of which half are of the full length: a one before it keeps leading zeros."""
    return f"{random.randrange(2 if varying else 1 << length, 2 << length):b}"[1:]


def _moment(type_: Date | Time | Timestamp | Duration | Interval, random: Random) -> str:
    match type_:
        case Date():
            return _day(random).isoformat()
        case Time():
            return _clock(random.randrange(_DAY_MICROSECONDS))
        case Timestamp(fraction=fraction, zoned=zoned):
            day = dt.date(1971, 1, 1) + dt.timedelta(random.randrange(24_000)) if zoned else _day(random)
            microseconds = random.randrange(_DAY_MICROSECONDS)
            return f"{day.isoformat()} {_clock(microseconds - microseconds % 10 ** (6 - fraction))}"
        case Interval():
            size = 10**13
            return interval(random.randint(-5_000, 5_000), random.randint(-40_000, 40_000), random.randint(-size, size))
        case Duration():
            size = random.randint(-_DURATION_MICROSECONDS, _DURATION_MICROSECONDS)
            return f"-{_clock(-size)}" if size < 0 else _clock(size)


def _day(random: Random) -> dt.date:
    return dt.date.fromordinal(random.randint(1, dt.date.max.toordinal()))


def _clock(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"
