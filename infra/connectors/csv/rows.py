"""The rows of a CSV file as they cross, and where in the file what cannot be read stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from domain.catalog.spelling import spelled
from domain.catalog.types import Json, Opaque, Text
from domain.kernel.errors import DatabaseError, SchemaDrift
from domain.migrations.digests import DigestColumn
from infra.connectors.broken_texts import is_sound
from infra.connectors.csv import text, values
from infra.connectors.csv.dialect import Dialect
from infra.connectors.csv.faults import NO_UTF8, Malformed, find_fault, position, records
from infra.connectors.csv.parse import Parser
from infra.connectors.folders.digest import schema_of

_SHOWN = 80


class Reading:
    """One pass over some columns of a file or of a part of it."""

    def __init__(self, path: Path, dialect: Dialect, names: Sequence[str], columns: tuple[DigestColumn, ...]) -> None:
        self._path = path
        self._dialect = dialect
        self._columns = columns
        self._places = [names.index(column.name) for column in columns]
        types = {place: values.parsed_as(column.type) for place, column in zip(self._places, columns, strict=True)}
        self._parser = Parser(dialect, len(names), types)
        self._order = list(types)
        self._schema = schema_of(columns)
        self._lines = 0
        self._first = 0

    def batches(self, read: text.Read, first: int, skip: int) -> Iterator[pa.RecordBatch]:
        """Read on to the end. `first` is the place in the file at which reading begins, `skip` the size of its head.

        Raises:
            DatabaseError: the file is malformed, or a value is not of its column's type; it is told where.
        """
        self._first = first
        try:
            for block in text.blocks(read, self._dialect.quote):
                rows = block[skip:]
                self._lines += block.count(b"\n", 0, skip)
                skip = max(0, skip - len(block))
                if rows:
                    yield self._batch(rows)
                self._lines += rows.count(b"\n")
        except DatabaseError as error:
            if str(self._path) not in error.message:
                raise type(error)(f"{self._path}: {error.message}") from error
            raise

    def _batch(self, block: bytes) -> pa.RecordBatch:
        try:
            found = self._parser.parse(block)
            if not self._columns:
                return found
            parsed = dict(zip(self._order, found.columns, strict=True))
            columns = [
                self._carried(block, column, parsed[place])
                for place, column in zip(self._places, self._columns, strict=True)
            ]
        except Malformed as fault:
            raise malformed(self._path, block, fault, self._lines_before()) from None
        except pa.ArrowInvalid as error:
            raise self._misplaced(block, error) from error
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _carried(self, block: bytes, column: DigestColumn, parsed: pa.Array) -> pa.Array:
        if not isinstance(column.type, Text | Json | Opaque) and not is_sound(parsed):
            raise find_fault(block, self._parser.columns, self._dialect) or Malformed(0, NO_UTF8)
        try:
            return values.carried(column.type, parsed)
        except values.Misfit as misfit:
            raise self._no_value(block, misfit.place, column, misfit.text) from None

    def _misplaced(self, block: bytes, error: pa.ArrowInvalid) -> DatabaseError:
        """Find the value that Arrow could not read: each column is read again, by its texts."""
        for place, column in zip(self._places, self._columns, strict=True):
            wanted = values.parsed_as(column.type)
            texts = Parser(self._dialect, self._parser.columns, {place: pa.large_string()}).parse(block).column(0)
            for row, found in enumerate(texts.to_pylist()):
                try:
                    pa.scalar(found, pa.large_string()).cast(wanted)
                except pa.ArrowInvalid:
                    return self._no_value(block, row, column, found)
        return SchemaDrift(f"{self._path}, behind line {self._lines_before()}: {error}")

    def _no_value(self, block: bytes, row: int, column: DigestColumn, found: str) -> SchemaDrift:
        kept = records(block, self._dialect, skip_empty=self._parser.columns > 1)
        record = next(islice(kept, row, None))
        name = self._places[self._columns.index(column)]
        lines, sign = position(block, record.fields[name].start)
        return SchemaDrift(
            f"{self._path}, line {self._lines_before() + lines + 1}, character {sign}: {found[:_SHOWN]!r} in column "
            f"{column.name} is no {spelled(column.type)}.",
            path=(column.name,),
        )

    def _lines_before(self) -> int:
        """Count the lines of the file before the block at hand."""
        if not self._first:
            return self._lines
        with self._path.open("rb") as file:
            read = text.limited(file.read, self._first)
            return self._lines + sum(data.count(b"\n") for data in iter(lambda: read(text.BLOCK_BYTES), b""))


def malformed(path: Path, block: bytes, fault: Malformed, lines_before: int) -> DatabaseError:
    """Say where a file is malformed, and what to do."""
    lines, sign = position(block, fault.place)
    return DatabaseError(f"{path}, line {lines_before + lines + 1}, character {sign}: {fault.reason}.")
