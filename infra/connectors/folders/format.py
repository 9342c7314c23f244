"""The words that folders of files share: what a table is there, and what each kind of file must be able to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

import pyarrow as pa

from domain.catalog.model import Column
from domain.catalog.types import LogicalType
from domain.connections.values import CsvFormat, Engine
from domain.kernel.values import Rows
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ChunkScope

PRIVATE = ".wherry"
"""The sub-folder of what is not finished. Whoever reads the folder leaves it alone."""

STEM_BYTES_MAX = 180
"""Longest file name made of a table's name, without suffix; file systems take 255 bytes."""

_PLAIN_SIGNS = " !#$&'()+,;=@[]^_`{}~.-"
_HASH_DIGITS = 16


@dataclass(frozen=True)
class Stored:
    """A table as it lies in a folder: its columns, in the files' order, and its files."""

    columns: tuple[Column, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Piece:
    """A part of a table that can be read by itself, and about how many rows it has."""

    scope: ChunkScope
    rows: Rows


class PartWriter(Protocol):
    """A file that is being written. It is closed or abandoned by whoever made it."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows: one column per column of the table, in its order, each on its type's carrier.

        Raises:
            ValueRejected: a value has no exact place in such a file.
        """
        ...

    def close(self) -> None:
        """Write what is left, and see that it is on the disk."""
        ...

    def abandon(self) -> None:
        """Close the file without a care for what is in it."""
        ...


class FolderFormat(Protocol):
    """A kind of file that holds a table. Its methods block; none keeps anything open after it returns."""

    @property
    def engine(self) -> Engine:
        """The kind of database that a folder of such files is."""
        ...

    @property
    def suffix(self) -> str:
        """How the names of files end that we write, with the dot."""
        ...

    @property
    def csv(self) -> CsvFormat | None:
        """How CSV files are written; nothing for other kinds."""
        ...

    def tables(self, folder: Path) -> Mapping[str, tuple[Path, ...]]:
        """Find the tables of a folder without a manifest: every table's files by its name.

        Raises:
            ConnectFailed: two files would be one table.
        """
        ...

    def native(self, type_: LogicalType) -> str:
        """Return how a column is spelled that holds every value of a type exactly."""
        ...

    def layout(self, paths: Sequence[Path]) -> tuple[Column, ...]:
        """Return a table's columns in their order, as far as they are known without a look at the rows."""
        ...

    def describe(self, paths: Sequence[Path], given: Mapping[str, LogicalType]) -> tuple[tuple[Column, ...], Rows]:
        """Return a table's columns and how many rows it has, from all of its rows; some types may be given.

        Raises:
            DatabaseError: a file cannot be read to its end.
        """
        ...

    def split(self, stored: Stored, rows_max: int) -> tuple[Piece, ...]:
        """Cut a table into pieces of about `rows_max` rows where that can be done exactly."""
        ...

    def scan(self, stored: Stored, columns: tuple[DigestColumn, ...], scope: ChunkScope) -> Iterator[pa.RecordBatch]:
        """Read some columns of a part of a table as they cross, in batches of a bounded size.

        Raises:
            SchemaDrift: a value is not of its column's type, or a file not of the table's form.
        """
        ...

    def writer(self, path: Path, columns: tuple[Column, ...]) -> PartWriter:
        """Begin a file with the rows of a table."""
        ...

    def joined_name(self, stem: str, ready: Path) -> str:
        """Return the name under which a finished file or folder of a table is kept."""
        ...

    def join(self, paths: Sequence[Path], columns: tuple[Column, ...], to: Path) -> None:
        """Make one whole of a table's files, which stay as they are; the new one is on the disk when this returns.

        Raises:
            Conflict: one of the files is of another form.
        """
        ...


def stem_of(name: str) -> str:
    """Return the file name, without suffix, of a table: readable, allowed everywhere, and unlike any other's."""
    safe = "".join(sign if _is_safe(sign) else quote(sign, safe="") for sign in name)
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe.encode()) <= STEM_BYTES_MAX:
        return safe
    digest = md5(name.encode(), usedforsecurity=False).hexdigest()[:_HASH_DIGITS]
    start = safe.encode()[: STEM_BYTES_MAX - _HASH_DIGITS - 1].decode(errors="ignore")
    return f"{start}-{digest}"


def _is_safe(sign: str) -> bool:
    return sign.isalnum() or sign in _PLAIN_SIGNS


def name_of(stem: str) -> str:
    """Return the table's name that a file name, without suffix, spells."""
    return unquote(stem)
