"""Canonical texts and digests in plain Python: the reference that every engine's SQL must equal.

The rules are those of `domain.catalog.types` and `domain.migrations.transfer.Digest`; here they
are applied one value at a time, in the form in which it crosses (its carrier).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from hashlib import md5

from domain.catalog.types import Carrier, Json, LogicalType, Opaque, Text, carrier
from domain.kernel.values import Rows
from domain.migrations.transfer import Digest

Present = int | float | bool | str | bytes
"""A value as it crosses, by carrier."""

Carried = Present | None
"""A value, or None for NULL."""

NAN_TEXT = "7ff8000000000000"
"""How a digest spells every NaN."""


def is_hashed(type_: LogicalType) -> bool:
    """Whether values of a type enter a row's text as their MD5, because they may be large."""
    match type_:
        case Text(length=None) | Json() | Opaque():
            return True
        case _:
            return carrier(type_) is Carrier.BYTES


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
    """Spell a value as it enters the text of its row: `-`, or `<n>:<text>`."""
    if value is None:
        return b"-"
    if is_hashed(type_):
        content = value if isinstance(value, bytes) else str(value).encode()
        text = hash_text(content)
    else:
        text = canonical_text(type_, value).encode()
    return b"%d:%s" % (len(text), text)


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
