"""Canonical texts and digests in plain Python: the reference that every engine's SQL must equal.

The rules are those of `domain.catalog.types` and `domain.migrations.transfer.Digest`; here they
are applied one value at a time, in the form in which it crosses (its carrier).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import md5

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Carrier,
    Date,
    Decimal,
    Enumeration,
    Geometry,
    Integer,
    Json,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    carrier,
)
from domain.kernel.values import Rows
from domain.migrations.broken_texts import bytes_of_text
from domain.migrations.digests import Digest

Present = int | float | bool | str | bytes
"""A value as it crosses, by carrier."""

Carried = Present | None
"""A value, or None for NULL."""

NAN_TEXT = "7ff8000000000000"
"""How a digest spells every NaN."""


TEXT_BYTES_MAX = 1_000
"""The longest free text, in UTF-8 bytes, that enters the text of its row as it is."""

BINARY_BYTES_MAX = 64
"""The longest binary value, in bytes, that enters the text of its row as hex digits."""

PLAIN_NULL = "~"
"""Stands for NULL among plain texts; in these a `~` is followed by a digit (`escaped`)."""

SIZED_NULL = "-"
"""Stands for NULL among texts that begin with their length."""

_UTF8_CHARACTER_BYTES_MAX = 4


class Frame(Enum):
    """How values enter the text of their row, so that no two rows have the same (`domain.migrations.transfer.Digest`).

    Servers put commas behind texts for half of what it costs them to count the bytes of each.
    """

    PLAIN = "PLAIN"
    """`text,`, for texts without a comma: numbers, days and times. NULL is `~,`."""
    SIZED = "SIZED"
    """`n:text`, where n counts bytes, or `n:MD5` beyond the longest that is taken as it is. NULL is `-`."""
    HASHED = "HASHED"
    """`MD5,`, for what engines spell at some expense, or without any bound. NULL is `~,`."""


def frame(type_: LogicalType) -> Frame:
    """Return how values of a type enter the text of their row."""
    match type_:
        case Opaque() | Geometry() | Json(binary=True):
            return Frame.HASHED
        case Text() | Json() | Enumeration() | LabelSet() | Bits() | Binary():
            return Frame.SIZED
        case _:
            return Frame.PLAIN


class Link(Enum):
    """By which step a column's value enters the chain of its row (`domain.migrations.digests.RowHash.LOOKUP3`)."""

    SMALL = "SMALL"
    """A whole number of 32 bits, or a truth value, as a word."""
    LARGE = "LARGE"
    """A whole number of 64 bits: its high word, and then both words folded into one."""
    DAY = "DAY"
    """The days since 2000-01-01 as a word."""
    DECIMAL = "DECIMAL"
    """The digits in groups of four, with their weight."""
    TEXT = "TEXT"
    """The bytes that stand in the value's frame."""


CHAIN_KINDS_AT_ONCE = 15
"""After how many columns a step says what theirs did not: which are NULL, zero or negative."""

CHAIN_KIND_BITS = 2
"""The bits of that step's word for each of them: 0 for a value, 1 for NULL, 2 for zero, 3 for less."""

_WORD_BITS = 32
_DECIMAL_DIGITS_MAX = 100


def link(type_: LogicalType) -> Link:
    """Return by which step values of a type enter the chain of their row."""
    match type_:
        case Boolean():
            return Link.SMALL
        case Integer(bits, signed) if bits + (not signed) <= _WORD_BITS:
            return Link.SMALL
        case Integer(bits, signed) if bits + (not signed) <= 2 * _WORD_BITS:
            return Link.LARGE
        case Date():
            return Link.DAY
        case Decimal(int(precision), scale) if precision <= _DECIMAL_DIGITS_MAX and 0 <= (scale or 0) <= precision:
            return Link.DECIMAL
        case _:
            return Link.TEXT


def inline_max(type_: LogicalType) -> int:
    """Return the most bytes of a sized value that enter the text of its row as they are."""
    return BINARY_BYTES_MAX if carrier(type_) is Carrier.BYTES else TEXT_BYTES_MAX


def may_exceed(type_: LogicalType) -> bool:
    """Whether values that keep to a sized type may be too long to enter the text of their row as they are."""
    match type_:
        case Text(length=int(length)):
            return length * _UTF8_CHARACTER_BYTES_MAX > TEXT_BYTES_MAX
        case Binary(length=int(length)):
            return length > BINARY_BYTES_MAX
        case _:
            return True


def escaped(text: bytes) -> bytes:
    """Take the commas out of a plain text. Only engines whose columns hold anything have texts that this changes."""
    return text.replace(b"~", b"~0").replace(b",", b"~1") if b"," in text or b"~" in text else text


def float_text(value: float) -> str:
    """Spell a double by its 16 hex digits; one zero, one NaN."""
    if value != value:  # noqa: PLR0124 - the definition of NaN
        return NAN_TEXT
    return struct.pack(">d", value or 0.0).hex()


def canonical_text(type_: LogicalType, value: Present) -> str:
    """Spell a carried value canonically."""
    match carrier(type_):
        case Carrier.FLOAT64:
            return float_text(float(value))
        case Carrier.BOOL:
            return "1" if value else "0"
        case Carrier.BYTES:
            return bytes(value).hex() if isinstance(value, bytes) else str(value)
        case _:
            return str(value)


def digest_text(type_: LogicalType, value: Carried) -> bytes:
    """Spell a value as it enters the text of its row."""
    how = frame(type_)
    if value is None:
        return SIZED_NULL.encode() if how is Frame.SIZED else PLAIN_NULL.encode() + b","
    if how is Frame.PLAIN:
        return escaped(bytes_of_text(canonical_text(type_, value))) + b","
    content = value if isinstance(value, bytes) else bytes_of_text(str(value))
    if how is Frame.HASHED:
        return hash_text(content) + b","
    if len(content) > inline_max(type_):
        return b"%d:%s" % (len(content), hash_text(content))
    return b"%d:%s" % (len(content), bytes_of_text(canonical_text(type_, value)))


def hash_text(content: bytes | bytearray) -> bytes:
    """Return the lower-case hex MD5 of some bytes."""
    return md5(content, usedforsecurity=False).hexdigest().encode()


class DigestSum:
    """Adds up the digest of a table, row by row."""

    def __init__(self) -> None:
        self._rows = 0
        self._total = 0

    def add(self, row_texts: Iterable[bytes]) -> None:
        """Add some rows, each given as its text; 15 hex digits of a half are all of its bits but the lowest four."""
        hashes = [md5(text, usedforsecurity=False).digest() for text in row_texts]
        self._rows += len(hashes)
        self._total += sum([half >> 4 for (half, _) in struct.iter_unpack(">QQ", b"".join(hashes))])

    def count(self, rows: int) -> None:
        """Count some rows without their texts."""
        self._rows += rows

    def result(self) -> Digest:
        """Return the digest of the rows so far."""
        return Digest(Rows(self._rows), self._total)


def digest_rows(types: Sequence[LogicalType], rows: Iterable[Sequence[Carried]]) -> Digest:
    """Compute the digest of some rows of carried values."""
    total = DigestSum()
    total.add(b"".join(digest_text(type_, value) for type_, value in zip(types, row, strict=True)) for row in rows)
    return total.result()
