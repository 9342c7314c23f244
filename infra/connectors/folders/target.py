"""Writing a folder of files: every chunk is a part of its own, every table is made whole at the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pyarrow as pa

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.errors import DatabaseError, ErrorCode, ObjectMissing
from domain.kernel.threads import in_thread
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.runs import RunRecord
from domain.migrations.schema_plan import Phase, Step
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkReceipt,
    Refusals,
    TableCopy,
    Ticket,
    WholeTable,
)
from infra.connectors.folders import book
from infra.connectors.folders.book import LEDGER, Book, Part
from infra.connectors.folders.contents import Folder, known_columns
from infra.connectors.folders.digest import count_rows, digest_rows
from infra.connectors.folders.format import Stored
from infra.connectors.folders.manifest import Entry, Manifest, save_manifest, schema_of
from infra.connectors.folders.part import PartDraft, Writing, check_fit
from infra.connectors.folders.plan import JoinTable, MakeObject, MakeTable, read_step
from infra.connectors.folders.undo import FolderUndo
from infra.connectors.folders.whole import emptied, make_whole
from infra.connectors.piecewise import rows_of, stored_piecewise
from infra.connectors.threads import DriverThread

T = TypeVar("T")


class FolderTarget:
    """A target that several writers may share, in one process or in many."""

    def __init__(self, folder: Folder, version: str, writers: int) -> None:
        self._folder = folder
        self._files = folder.files
        self._version = version
        self._book = Book(folder.path)
        self._turns = asyncio.Semaphore(writers)
        self._undo = FolderUndo(folder, self._book)

    @property
    def undo(self) -> FolderUndo:
        """What the folder keeps so that runs can be taken back: nothing."""
        return self._undo

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the folder as it is by now."""
        return schema_of(await in_thread(self._manifest), self._version)

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""

        def count() -> dict[TableName, Rows]:
            there = {entry.table.name.name: entry.rows for entry in self._manifest().tables}
            for part in self._parts():
                there[part.name] += part.rows
            return {table: Rows(there[table.name]) for table in tables if table.name in there}

        return await in_thread(count)

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table."""
        await in_thread(emptied, self._folder, self._book, table)

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over: make the book if need be, and void every older ticket of the run."""

        def take() -> Ticket:
            self._book.settle()
            there = None if self._book.is_active() else self._folder.described()
            with self._book.writing() as connection:
                if there is not None:
                    book.begin(connection, there)
                return LEDGER.take_over(connection, run_id, plan_hash)

        return await in_thread(take)

    async def knows_run(self, run_id: str) -> bool:
        """Whether the book holds an unfinished run of this id."""
        return await in_thread(self._knows, run_id)

    def _knows(self, run_id: str) -> bool:
        return self._read(lambda connection: LEDGER.knows(connection, run_id), without=False)

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""

        def found(connection: sqlite3.Connection) -> frozenset[int]:
            return LEDGER.steps_done(connection, run_id)

        return await in_thread(self._read, found, frozenset())

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the folder."""

        def found(connection: sqlite3.Connection) -> tuple[ChunkReceipt, ...]:
            return LEDGER.receipts(connection, run_id)

        return await in_thread(self._read, found, ())

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done."""
        await in_thread(self._execute, step, ticket)

    def _execute(self, step: Step, ticket: Ticket) -> None:
        if step.phase is Phase.FINISH and not self._has_step(ticket.run_id, step.number):
            wanted = read_step(step.sql)
            if isinstance(wanted, JoinTable):
                make_whole(self._folder, self._book, wanted.name, ticket)
        with self._book.writing() as connection:
            LEDGER.hold(connection, ticket)
            if LEDGER.has_step(connection, ticket.run_id, step.number):
                return
            wanted = read_step(step.sql)
            if isinstance(wanted, MakeTable):
                name = wanted.entry.table.name
                if book.load_entry(connection, name.name) is not None:
                    raise DatabaseError(f"Table {name} is there already.")
                book.save_entry(connection, wanted.entry, wanted.origin)
            elif isinstance(wanted, MakeObject):
                book.add_object(connection, wanted.made, wanted.origin)
            LEDGER.note_step(connection, ticket.run_id, step, ())

    def _has_step(self, run_id: str, number: int) -> bool:
        return self._read(lambda connection: LEDGER.has_step(connection, run_id, number), without=False)

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk as a part, and then the note of it with its receipt; a chunk with a receipt is left alone."""
        async with self._turns:
            thread = DriverThread("folder")
            try:
                entry = await thread.run(self._begin_chunk, copy, chunk, ticket)
                if isinstance(entry, ChunkReceipt):
                    return entry
                return await self._write_part(thread, Writing(copy, chunk, ticket, entry), batches, refusals)
            finally:
                thread.close()

    def _begin_chunk(self, copy: TableCopy, chunk: Chunk, ticket: Ticket) -> Entry | ChunkReceipt:
        with self._book.writing() as connection:
            LEDGER.hold(connection, ticket)
            known = LEDGER.receipt(connection, ticket.run_id, chunk.table_number, chunk.number)
            entry = book.load_entry(connection, copy.target.name)
        if known is not None:
            return known
        if entry is None:
            raise ObjectMissing(f"There is no table {copy.target}.", code=ErrorCode.TABLE_NOT_FOUND)
        check_fit(copy, entry.table)
        return entry

    async def _write_part(
        self, thread: DriverThread, writing: Writing, batches: AsyncIterator[Batch], refusals: Refusals | None
    ) -> ChunkReceipt:
        draft = await thread.run(PartDraft, self._folder, self._book, writing)

        async def store(rows: pa.RecordBatch) -> None:
            await thread.run(draft.append, rows)

        try:
            async for batch in batches:
                rejected = batch.rejected
                if refusals is None:
                    await store(rows_of(batch))
                else:
                    _, left_out = await stored_piecewise(batch, store, refusals)
                    rejected = (*rejected, *left_out)
                draft.count(batch.size_bytes, rejected)
            return await thread.run(draft.finish)
        finally:
            await asyncio.shield(thread.submit(draft.give_up))

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the book remembers."""
        return await in_thread(self._read, LEDGER.records, ())

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows of the chunks in the folder."""

        def found(connection: sqlite3.Connection) -> tuple[RejectedRow, ...]:
            return LEDGER.rejected(connection, run_id, after, rows_max)

        return await in_thread(self._read, found, ())

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from its files, parts among them."""
        return await self.quick_digest(RowHash.MD5, table, columns)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from its files by a hash of the C helper's."""

        def compute() -> Digest:
            stored = self._stored(table)
            known_columns(stored, table, columns)
            batches = self._files.scan(stored, columns, WholeTable())
            return digest_rows(batches, columns, hash_) if columns else count_rows(batches)

        return await in_thread(compute)

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""

        def note() -> None:
            if self._knows(run_id):
                with self._book.writing() as connection:
                    LEDGER.note(connection, run_id, seal)

        await in_thread(note)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Make every table of the run whole, write the manifest, and note that nothing is left to do."""

        def close() -> None:
            if not self._knows(run_id):
                return
            for name in {part.name: None for part in self._parts() if part.run_id == run_id}:
                make_whole(self._folder, self._book, name)
            save_manifest(self._folder.path, self._manifest())
            with self._book.writing() as connection:
                LEDGER.close(connection, run_id, seal)

        await in_thread(close)

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record; the book goes with its last run."""

        def forget() -> None:
            if self._read(lambda connection: LEDGER.record(connection, run_id), None) is None:
                return
            with self._book.writing() as connection:
                LEDGER.forget(connection, run_id)
            self._book.clear()

        await self.close_run(run_id)
        await in_thread(forget)

    async def close(self) -> None:
        """Nothing is open between two calls."""

    def _stored(self, table: TableName) -> Stored:
        """Return where a table's rows are, parts among them."""
        entry, parts = None, tuple[Part, ...]()
        if self._book.is_active():
            entry = self._read(lambda connection: book.load_entry(connection, table.name), None)
            parts = self._read(lambda connection: book.parts_of(connection, table.name), ())
        else:
            entry = self._folder.described().entry(table.name)
        if entry is None:
            raise ObjectMissing(f"There is no table {table}.", code=ErrorCode.TABLE_NOT_FOUND)
        whole = self._folder.stored(entry)
        return Stored(whole.columns, (*whole.paths, *(self._book.private / part.file for part in parts)))

    def _manifest(self) -> Manifest:
        """Return what the folder holds: by its book while a run is unfinished, or else as any reader sees it."""
        if self._book.is_active():
            with self._book.reading() as connection:
                if connection is not None:
                    return book.load(connection)
        return self._folder.described()

    def _parts(self) -> tuple[Part, ...]:
        return self._read(book.parts_of, ()) if self._book.is_active() else ()

    def _read(self, look: Callable[[sqlite3.Connection], T], without: T) -> T:
        with self._book.reading() as connection:
            return without if connection is None else look(connection)
