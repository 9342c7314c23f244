"""What a folder of CSV files can do (`infra.connectors.folders.format`)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pyarrow as pa

from domain.catalog.model import Column
from domain.catalog.spelling import spelled
from domain.catalog.types import LogicalType, Text
from domain.connections.values import CsvFormat, Engine
from domain.kernel.errors import Conflict, ConnectFailed, DatabaseError, ErrorCode, SchemaDrift
from domain.kernel.values import Rows
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ChunkScope, PhysicalRange, WholeTable
from infra.connectors.csv import text
from infra.connectors.csv.dialect import Dialect, dialect_for
from infra.connectors.csv.encode import CsvWriter, header_line
from infra.connectors.csv.faults import Malformed, Record, find_fault, records
from infra.connectors.csv.infer import ColumnGuess
from infra.connectors.csv.rows import Reading, malformed
from infra.connectors.folders.disk import sync_file
from infra.connectors.folders.format import PartWriter, Piece, Stored, name_of

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Head:
    """The beginning of a file: its columns' names, and where its rows begin in its UTF-8 text."""

    names: tuple[str, ...]
    size: int


class CsvFiles:
    """CSV files of one format; without one, of the format that their names and RFC 4180 say."""

    engine = Engine.CSV
    suffix = ".csv"

    def __init__(self, csv: CsvFormat | None) -> None:
        self._given = csv

    @property
    def csv(self) -> CsvFormat | None:
        """How files are written."""
        return self._given or CsvFormat()

    def tables(self, folder: Path) -> Mapping[str, tuple[Path, ...]]:
        """Find the files of a folder; each is a table."""
        found: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            suffix = next(
                (end for end in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(end)), ""
            )
            if path.name.startswith(".") or not suffix or not path.is_file():
                continue
            name = name_of(path.name[: -len(suffix)])
            if name in found:
                raise ConnectFailed(
                    f"{found[name].name} and {path.name} would both be table {name}; keep one of them.",
                    code=ErrorCode.NOT_A_DATABASE,
                )
            found[name] = path
        return {name: (path,) for name, path in found.items()}

    def native(self, type_: LogicalType) -> str:
        """Return how a column is spelled in the manifest: by its meaning, as files have no types."""
        return spelled(type_)

    def layout(self, paths: Sequence[Path]) -> tuple[Column, ...]:
        """Return the columns that a file's header names, as texts."""
        head = self._head(paths[0], self._dialect(paths[0]))
        return tuple(Column(name, Text(), spelled(Text())) for name in head.names)

    def describe(self, paths: Sequence[Path], given: Mapping[str, LogicalType]) -> tuple[tuple[Column, ...], Rows]:
        """Return a table's columns with the narrowest types that all rows agree on."""
        stored = Stored(self.layout(paths), tuple(paths))
        guesses = {column.name: ColumnGuess() for column in stored.columns if column.name not in given}
        texts = tuple(DigestColumn(name, "", Text()) for name in guesses)
        rows = 0
        for batch in self.scan(stored, texts, WholeTable()):
            rows += batch.num_rows
            for guess, column in zip(guesses.values(), batch.columns, strict=True):
                guess.look(column)
        types = {name: guess.result() for name, guess in guesses.items()} | dict(given)
        columns = tuple(
            replace(column, type=types[column.name], native=spelled(types[column.name])) for column in stored.columns
        )
        return columns, Rows(rows)

    def split(self, stored: Stored, rows_max: int) -> tuple[Piece, ...]:
        """Cut a file by bytes where records end; one that is packed or not in UTF-8 stays whole."""
        path = stored.paths[0] if len(stored.paths) == 1 else None
        if path is None or path.suffix == ".gz" or not self._dialect(path).is_utf8:
            return (Piece(WholeTable(), Rows(0)),)
        dialect = self._dialect(path)
        cuts, estimates = [self._begin(path, dialect)], []
        for size, rows in self._stretches(path, dialect, cuts[0], rows_max):
            cuts.append(cuts[-1] + size)
            estimates.append(rows)
        if len(estimates) <= 1:
            return (Piece(WholeTable(), Rows(sum(estimates))),)
        ends: list[int | None] = [*cuts[1:-1], None]
        return tuple(
            Piece(PhysicalRange(first, end), Rows(rows))
            for first, end, rows in zip(cuts, ends, estimates, strict=False)
        )

    def _stretches(self, path: Path, dialect: Dialect, begin: int, rows_max: int) -> Iterator[tuple[int, int]]:
        """Give the sizes of stretches of whole records of about `rows_max` rows, and about how many rows each has."""
        with closing(path.open("rb")) as file:
            file.seek(begin)
            sample = next(text.blocks(file.read, dialect.quote, _HEAD_BYTES), b"")
            row_bytes = max(1, len(sample) // max(1, sample.count(b"\n")))
            file.seek(begin)
            for block in text.blocks(file.read, dialect.quote, max(1, row_bytes * rows_max)):
                yield len(block), max(1, len(block) // row_bytes)

    def scan(self, stored: Stored, columns: tuple[DigestColumn, ...], scope: ChunkScope) -> Iterator[pa.RecordBatch]:
        """Read some columns of a part of a table."""
        for path in stored.paths:
            try:
                yield from self._scan(path, stored, columns, scope)
            except FileNotFoundError as error:
                raise SchemaDrift(f"{path} is gone.") from error
            except (OSError, EOFError) as error:
                raise DatabaseError(f"{path} cannot be read: {error}.") from error

    def _scan(
        self, path: Path, stored: Stored, columns: tuple[DigestColumn, ...], scope: ChunkScope
    ) -> Iterator[pa.RecordBatch]:
        dialect = self._dialect(path)
        names = self._names(path, dialect, stored)
        reading = Reading(path, dialect, names, columns)
        first, last = (scope.first, scope.last) if isinstance(scope, PhysicalRange) else (0, None)
        with text.open_bytes(path) as file:
            if first:
                file.seek(first)
            read = text.reader(file, path, dialect, at_start=not first)
            skip = 0 if first else self._head(path, dialect).size
            yield from reading.batches(text.limited(read, None if last is None else last - first), first, skip)

    def writer(self, path: Path, columns: tuple[Column, ...]) -> PartWriter:
        """Begin a file."""
        dialect = Dialect(self.csv or CsvFormat())
        if len("\n\n".encode(dialect.format.encoding)) != 2 * len("\n".encode(dialect.format.encoding)):
            raise Conflict(f"Files in {dialect.format.encoding} are read but not written; write them in utf-8.")
        return CsvWriter(path, columns, dialect)

    def joined_name(self, stem: str, ready: Path) -> str:  # noqa: ARG002 - other kinds of files become folders
        """Return the name of a table's file."""
        return f"{stem}{self.suffix}"

    def join(self, paths: Sequence[Path], columns: tuple[Column, ...], to: Path) -> None:
        """Put files behind one another, the header of the first before all."""
        dialect = Dialect(self.csv or CsvFormat())
        header = header_line([column.name for column in columns], dialect)
        with to.open("wb") as whole:
            whole.write(header)
            for path in paths:
                with path.open("rb") as part:
                    if path.suffix != self.suffix or part.read(len(header)) != header:
                        raise Conflict(f"{path.name} is of another form than what would be added; use another folder.")
                    shutil.copyfileobj(part, whole, text.BLOCK_BYTES)
                    if part.tell() > len(header) and not _ends_with_line_end(part):
                        whole.write(b"\n")
        sync_file(to)

    def _dialect(self, path: Path) -> Dialect:
        return dialect_for(path.name, self._given)

    def _begin(self, path: Path, dialect: Dialect) -> int:
        """Return the place in a file at which its rows begin."""
        with path.open("rb") as file:
            mark = len(text.MARK) if file.read(len(text.MARK)) == text.MARK else 0
        return mark + self._head(path, dialect).size

    def _names(self, path: Path, dialect: Dialect, stored: Stored) -> tuple[str, ...]:
        """Return the names of a file's columns in their order.

        Raises:
            SchemaDrift: it has others than its manifest says.
        """
        known = tuple(column.name for column in stored.columns)
        if not dialect.format.header:
            return known
        found = self._head(path, dialect).names
        if found != known:
            raise SchemaDrift(f"{path} has the columns {', '.join(found)[:200]}, not {', '.join(known)[:200]}.")
        return found

    def _head(self, path: Path, dialect: Dialect) -> Head:
        """Read a file's first record. Columns without a name of their own are named by their places."""
        with text.open_bytes(path) as file:
            read = text.reader(file, path, dialect, at_start=True)
            block = next(text.blocks(read, dialect.quote, _HEAD_BYTES), b"")
        first = next(_records(path, block, dialect), None)
        if first is None:
            return Head((), len(block))
        if not dialect.format.header:
            return Head(tuple(f"column_{place}" for place in range(1, len(first.fields) + 1)), 0)
        try:
            texts = [(field.content or b"").decode() for field in first.fields]
        except UnicodeDecodeError:
            fault = find_fault(block, len(first.fields), dialect) or Malformed(0, "the header cannot be read")
            raise malformed(path, block, fault, 0) from None
        return Head(_unique(texts), first.end)


def _records(path: Path, block: bytes, dialect: Dialect) -> Iterator[Record]:
    try:
        yield from records(block, dialect)
    except Malformed as fault:
        raise malformed(path, block, fault, 0) from None


def _unique(texts: Sequence[str]) -> tuple[str, ...]:
    """Return names for columns: those without one are named by their places, those of a name twice are numbered."""
    names: list[str] = []
    for place, found in enumerate(texts, 1):
        name = wanted = found or f"column_{place}"
        number = 1
        while name in names or (name != found and name in texts):
            number += 1
            name = f"{wanted}_{number}"
        names.append(name)
    return tuple(names)


def _ends_with_line_end(file: IO[bytes]) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
