"""Fingerprints of tables: what they are made of, by which hashes, and who can compute which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.catalog.model import TableName
from domain.catalog.types import LogicalType
from domain.kernel.values import Rows


class RowHash(Enum):
    """A hash of the texts of rows, the cheapest for a database first."""

    POSTGRESQL = "POSTGRESQL"
    """LOOKUP3 with texts as PostgreSQL prints them: only between two of its databases."""
    TEXT = "TEXT"
    """Lookup3 of a row's whole text, as a number without a sign: the cheapest where the C helper digests both ends."""
    LOOKUP3 = "LOOKUP3"
    """Bob Jenkins's lookup3, 64 bits with a sign, column after column: what was found so far is the seed of the next
    step (`domain.migrations.canonical.Link`). PostgreSQL has a function for each step, and need not make a text of a
    number to call it."""
    CRC = "CRC"
    """CRC-32 times CRC-32C, as MariaDB has both. The product is what keeps the sum of hashes from being blind for
    rows that swap values: either CRC alone is linear."""
    MD5 = "MD5"
    """The number that the first 15 hex digits of the MD5 spell: every engine has it, so it decides if others differ."""

    @property
    def is_of_row_texts(self) -> bool:
        """Whether it is computed from canonical texts, so that anybody can who has the values."""
        return self is not RowHash.POSTGRESQL


@dataclass(frozen=True)
class DigestColumn:
    """A column as digests see it: its name and native type here, and what its values mean."""

    name: str
    native: str
    type: LogicalType


@dataclass(frozen=True)
class Digest:
    """An order-free fingerprint of the rows of a table; equal multisets of rows have equal digests.

    The text of a row is made of its columns' canonical texts (`domain.catalog.types`), in order:

    * numbers, days, times, truth values and UUIDs are followed by a comma, which none of them
      contains; NULL is `~,`;
    * Text, Json, Enumeration, LabelSet, Bits and Binary follow their length in (UTF-8) bytes and a
      colon; texts of more than 1,000 bytes, and binary values of more than 64, as the lower-case
      hex MD5 of their bytes, so no engine has to build a row as large as its largest value; NULL
      is `-`;
    * Opaque, Geometry and Json that is kept parsed enter as that MD5 and a comma; NULL is `~,`.

    Should a comma or `~` be in a text of the first kind after all (SQLite keeps anything in any
    column), `~1` or `~0` stand for it. So rows that differ have texts that differ.

    `total` is the exact sum, over all rows, of the hash of the row, mostly that of its text: about 60 bits a row, so
    rows that differ go unnoticed once in 10^18.
    """

    rows: Rows
    total: int
    by: RowHash = RowHash.MD5


class QuickDigests(Protocol):
    """A source or target that knows hashes which are cheaper for it than the one all engines share.

    Databases can be compared by one that both know. Should they differ, the shared one decides: a hash
    may be another one in another version.
    """

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest by a hash of its capabilities.

        One that this very database does not have is answered with a digest by the shared one.
        """
        ...
