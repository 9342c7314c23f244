"""One chunk on its way into a folder: a file of its own, which counts from the moment it is noted."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from domain.catalog.model import Table
from domain.catalog.narrowing import loss
from domain.catalog.types import carrier
from domain.kernel.errors import Conflict, ErrorCode, ObjectMissing, ValueRejected
from domain.kernel.values import Bytes, Rows
from domain.migrations.rejects import RejectedRow
from domain.migrations.transfer import Chunk, ChunkReceipt, TableCopy, Ticket
from infra.connectors.arrow import ARROW_TYPES
from infra.connectors.folders import book
from infra.connectors.folders.book import LEDGER, Book, Part
from infra.connectors.folders.contents import Folder
from infra.connectors.folders.disk import explained, remove, sync_folder
from infra.connectors.folders.manifest import Entry

_RUN_DIGITS = 12


@dataclass(frozen=True)
class Writing:
    """What is being written: a chunk of a table, by whom, into which table of the folder."""

    copy: TableCopy
    chunk: Chunk
    ticket: Ticket
    entry: Entry

    def part_name(self, suffix: str) -> str:
        """Return a name that nobody else writes: run and epoch are in it, and a number of its own."""
        run = hashlib.sha256(self.ticket.run_id.encode()).hexdigest()[:_RUN_DIGITS]
        place = f"{self.chunk.table_number}-{self.chunk.number}"
        return f"{run}-{self.ticket.epoch}-{place}-{secrets.token_hex(4)}{suffix}"


class PartDraft:
    """A part while it is written. `give_up` is called at the end in any case; a finished part is then left alone."""

    def __init__(self, folder: Folder, book_: Book, writing: Writing) -> None:
        self._book = book_
        self._writing = writing
        self._file = book_.private / writing.part_name(folder.files.suffix)
        self._draft = self._file.with_name(f"{self._file.name}.draft")
        self._rows = self._size = 0
        self._is_finished = False
        self._rejected: list[RejectedRow] = []
        self._required = [column.name for column in writing.entry.table.columns if not column.nullable]
        with explained(f"Writing to {folder.path}"):
            self._part = folder.files.writer(self._draft, writing.entry.table.columns)

    def append(self, rows: pa.RecordBatch) -> None:
        """Append some rows, all or none of them.

        Raises:
            ValueRejected: a value has no place in the file, or is NULL where none may be.
        """
        with explained(f"Writing {self._writing.entry.table.name}"):
            self._part.write(self._arranged(rows))
        self._rows += rows.num_rows

    def count(self, size_bytes: int, rejected: Sequence[RejectedRow]) -> None:
        """Count the bytes of a batch, and keep its rejected rows."""
        self._size += size_bytes
        self._rejected.extend(rejected)

    def _arranged(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Put columns into the file's order; those that are not copied are NULL."""
        places = {column.target: place for place, column in enumerate(self._writing.copy.columns)}
        columns: list[pa.Array] = []
        for column in self._writing.entry.table.columns:
            place = places.get(column.name)
            missing = pa.nulls(rows.num_rows, ARROW_TYPES[carrier(column.type)])
            values = missing if place is None else rows.column(place)
            if values.null_count and column.name in self._required:
                raise ValueRejected(
                    f"Column {column.name} of {self._writing.entry.table.name} must not be NULL.", path=(column.name,)
                )
            columns.append(values)
        return pa.RecordBatch.from_arrays(columns, names=[f"c{place}" for place in range(len(columns))])

    def finish(self) -> ChunkReceipt:
        """See that the part is on the disk, and note it with its receipt.

        Raises:
            Fenced: the ticket is void.
        """
        writing = self._writing
        with explained(f"Writing {writing.entry.table.name}"):
            self._part.close()
            self._draft.replace(self._file)
            sync_folder(self._book.private)
        rejected = Rows(len(self._rejected))
        receipt = ChunkReceipt(
            writing.copy.number,
            writing.chunk.number,
            Rows(self._rows + rejected),
            Rows(self._rows),
            rejected,
            Bytes(self._size),
        )
        run_id = writing.ticket.run_id
        with self._book.writing() as connection:
            LEDGER.hold(connection, writing.ticket)
            known = LEDGER.receipt(connection, run_id, receipt.table_number, receipt.chunk_number)
            if known is None:
                book.note_part(connection, Part(self._file.name, run_id, writing.entry.table.name.name, self._rows))
                LEDGER.note_rejected(connection, run_id, self._rejected)
                LEDGER.note_chunk(connection, run_id, receipt)
        if known is not None:
            remove(self._file)
        self._is_finished = True
        return known or receipt

    def give_up(self) -> None:
        """Remove what was written, unless it was finished."""
        if not self._is_finished:
            self._part.abandon()
            remove(self._draft)
            remove(self._file)


def check_fit(copy: TableCopy, table: Table) -> None:
    """Make sure that a table of the folder keeps every value of the columns that come to it.

    Raises:
        ObjectMissing: it lacks a column.
        Conflict: a column's type is too narrow to promise that.
    """
    for column in copy.columns:
        there = table.column(column.target)
        if there is None:
            raise ObjectMissing(f"Table {table.name} has no column {column.target}.", code=ErrorCode.COLUMN_NOT_FOUND)
        if there.type != column.type and (reason := loss(column.type, there.type)):
            raise Conflict(
                f"Column {column.target} of {table.name} is {there.native} by the folder's manifest: {reason}. "
                "Write to another folder, or map to another table."
            )
