"""The logical type lattice: what a value means, whichever engine holds it.

Every engine maps its native types into this lattice and out of it, so n engines need 2n tables
and not n². A logical type fixes two things for all engines:

* its **carrier**, the form in which a value crosses from source to target in a column batch;
* its **canonical text**, the one spelling of a value that every engine can produce in SQL. A
  value on a TEXT carrier *is* its canonical text, and digests are computed over it, so a value
  that arrives unchanged has the same digest at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Carrier(Enum):
    """The form in which a value crosses from source to target."""

    INT64 = "INT64"
    UINT64 = "UINT64"
    FLOAT64 = "FLOAT64"
    BOOL = "BOOL"
    TEXT = "TEXT"
    BYTES = "BYTES"


@dataclass(frozen=True)
class Integer:
    """A whole number of 8, 16, 24, 32, 64 or 128 bits. Canonical: decimal digits, `-` if negative."""

    bits: int
    signed: bool = True


@dataclass(frozen=True)
class Decimal:
    """An exact decimal. Without precision it is unconstrained.

    Canonical: plain digits with exactly `scale` places (an unconstrained one: as stored),
    `NaN`, `Infinity`, `-Infinity`.
    """

    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True)
class Float:
    """An IEEE 754 number of 32 or 64 bits.

    Canonical: the 16 lower-case hex digits of the big-endian double, negative zero taken as
    zero and every NaN as `7ff8000000000000`; so the text needs no agreement on rounding.
    """

    bits: int


@dataclass(frozen=True)
class Boolean:
    """True or false. Canonical: `1`, `0`."""


@dataclass(frozen=True)
class Text:
    """Unicode text of at most `length` characters. Canonical: itself."""

    length: int | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Binary:
    """Bytes, at most `length` of them. Canonical: lower-case hex digits."""

    length: int | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Date:
    """A calendar day. Canonical: `YYYY-MM-DD` (PostgreSQL also `infinity`, `-infinity`, `... BC`)."""


@dataclass(frozen=True)
class Time:
    """A time of day with `fraction` digits of a second. Canonical: `HH:MM:SS.ffffff`, and `+HH:MM` if zoned."""

    fraction: int = 6
    zoned: bool = False


@dataclass(frozen=True)
class Timestamp:
    """A date and time; zoned means an instant. Canonical: `YYYY-MM-DD HH:MM:SS.ffffff`, in UTC if zoned."""

    fraction: int = 6
    zoned: bool = False


@dataclass(frozen=True)
class Duration:
    """A signed length of time in hours (MySQL TIME). Canonical: `[-]HHH:MM:SS.ffffff`."""

    fraction: int = 6


@dataclass(frozen=True)
class Interval:
    """Months, days and microseconds, kept apart. Canonical: ISO 8601, as PostgreSQL's `iso_8601` style."""


@dataclass(frozen=True)
class Uuid:
    """A UUID. Canonical: 8-4-4-4-12 lower-case hex digits."""


@dataclass(frozen=True)
class Json:
    """A JSON document. `binary` means the engine keeps a parsed form (jsonb). Canonical: the engine's own text."""

    binary: bool = False


@dataclass(frozen=True)
class Enumeration:
    """One of a list of labels. Canonical: the label."""

    labels: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class LabelSet:
    """Any subset of a list of labels (MySQL SET). Canonical: the labels joined by commas, in declared order."""

    labels: tuple[str, ...]


@dataclass(frozen=True)
class Bits:
    """A string of bits. Canonical: the digits `0` and `1`, most significant first."""

    length: int | None = None
    varying: bool = False


@dataclass(frozen=True)
class Geometry:
    """A shape. Carried as EWKB-free WKB after a 4-byte little-endian SRID. Canonical: hex of that."""


@dataclass(frozen=True)
class Opaque:
    """A native type with no portable meaning (inet, arrays, ranges, ...). Canonical: the engine's own text."""

    declaration: str


LogicalType = (
    Integer
    | Decimal
    | Float
    | Boolean
    | Text
    | Binary
    | Date
    | Time
    | Timestamp
    | Duration
    | Interval
    | Uuid
    | Json
    | Enumeration
    | LabelSet
    | Bits
    | Geometry
    | Opaque
)


def carrier(type_: LogicalType) -> Carrier:
    """Return the form in which values of a type cross from source to target.

    Everything without an exact machine form in every engine crosses as its canonical text:
    decimals, dates and times among them (years beyond 9999, `infinity`, more than 38 digits).
    """
    match type_:
        case Integer(bits=128):
            return Carrier.TEXT
        case Integer(bits=64, signed=False):
            return Carrier.UINT64
        case Integer():
            return Carrier.INT64
        case Float():
            return Carrier.FLOAT64
        case Boolean():
            return Carrier.BOOL
        case Binary() | Geometry():
            return Carrier.BYTES
        case _:
            return Carrier.TEXT
