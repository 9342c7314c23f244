"""Writing a database file: one session, every chunk in one transaction with its ledger row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.runs import RunRecord
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkReceipt,
    Refusals,
    TableCopy,
    Ticket,
)
from infra.connectors.files.session import C, FileConnection, FileSession
from infra.connectors.files.undo import FileUndo, FileUndoing
from infra.connectors.piecewise import rows_of, stored_piecewise

T = TypeVar("T")
C_contra = TypeVar("C_contra", bound=FileConnection, contravariant=True)


class FileWriting(FileUndoing[C_contra], Protocol[C_contra]):
    """How an engine writes: its words where they differ, its introspection, its digest."""

    def store(self, connection: C_contra, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch; if one of them is refused, leave the transaction as it was.

        Raises:
            ValueRejected: the file refuses one of the rows.
        """
        ...

    def roll_back(self, connection: C_contra) -> None:
        """End the transaction, if one is open, and undo it."""
        ...

    def introspect(self, connection: C_contra) -> DatabaseSchema:
        """Describe the database without the ledger."""
        ...

    def digest(self, connection: C_contra, table: TableName, columns: tuple[DigestColumn, ...], by: RowHash) -> Digest:
        """Compute a table's digest by a hash, or by the shared one if that cannot be had."""
        ...


class FileTarget(Generic[C]):
    """A target of one session; calls take turns, as a file has one writer at a time."""

    def __init__(self, session: FileSession[C], writing: FileWriting[C]) -> None:
        self._session = session
        self._writing = writing
        self._ledger = writing.ledger
        self._turn = asyncio.Lock()
        self._undo = FileUndo(writing, self._transaction, self._in_turn)

    @property
    def undo(self) -> FileUndo[C]:
        """What the file keeps so that runs can be taken back."""
        return self._undo

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the file, without the ledger."""
        return await self._in_turn(self._writing.introspect)

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""

        def count(connection: C) -> dict[TableName, Rows]:
            found = (table for table in tables if self._writing.has(connection, table))
            return {table: _count(connection, self._writing.named(table)) for table in found}

        return await self._in_turn(count)

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table."""
        await self._transaction(lambda connection: connection.execute(f"DELETE FROM {self._writing.named(table)}"))

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over: make the ledger if need be, and void every older ticket of the run."""
        return await self._transaction(lambda connection: self._ledger.take_over(connection, run_id, plan_hash))

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        return await self._in_turn(lambda connection: self._ledger.knows(connection, run_id))

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the ledger remembers."""
        return await self._in_turn(self._ledger.records)

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        return await self._in_turn(lambda connection: self._ledger.steps_done(connection, run_id))

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        return await self._in_turn(lambda connection: self._ledger.receipts(connection, run_id))

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows of the chunks in the file."""
        return await self._in_turn(lambda connection: self._ledger.rejected(connection, run_id, after, rows_max))

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done, in one transaction."""

        def run(connection: C) -> None:
            self._ledger.hold(connection, ticket)
            if not self._ledger.has_step(connection, ticket.run_id, step.number):
                undo = self._undo.undoing(connection, step)
                connection.execute(step.sql)
                self._ledger.note_step(connection, ticket.run_id, step, undo)

        await self._transaction(run)

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk and its receipt in one transaction; a chunk with a receipt is left alone."""
        async with self._turn:
            known = await self._session.run(lambda connection: self._begin_chunk(connection, chunk, ticket))
            if known is not None:
                return known
            try:
                receipt = await self._load(copy, chunk, batches, ticket, refusals)
                await self._session.run(lambda connection: self._finish_chunk(connection, ticket, receipt))
            except BaseException:
                await asyncio.shield(self._session.submit(self._writing.roll_back))
                raise
            return receipt

    def _begin_chunk(self, connection: C, chunk: Chunk, ticket: Ticket) -> ChunkReceipt | None:
        """Begin the transaction of a chunk; end it at once if the chunk has a receipt."""
        connection.execute(self._writing.begin)
        try:
            self._ledger.hold(connection, ticket)
            known = self._ledger.receipt(connection, ticket.run_id, chunk.table_number, chunk.number)
        except BaseException:
            self._writing.roll_back(connection)
            raise
        if known is not None:
            self._writing.roll_back(connection)
        return known

    async def _load(
        self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch], ticket: Ticket, refusals: Refusals | None
    ) -> ChunkReceipt:
        """Insert all rows of a chunk within its transaction, and return what its receipt will say."""
        rows = rejected = size = 0
        async for batch in batches:
            stored = await self._inserted(copy, ticket, refusals, batch)
            rows += stored.rows
            rejected += len(stored.rejected)
            size += batch.size_bytes
        read = Rows(rows + rejected)
        return ChunkReceipt(chunk.table_number, chunk.number, read, Rows(rows), Rows(rejected), Bytes(size))

    async def _inserted(self, copy: TableCopy, ticket: Ticket, refusals: Refusals | None, batch: Batch) -> Batch:
        """Insert a batch, all of it or what the file takes of it, and return it with the rows that were left out."""
        if refusals is None:
            await self._session.run(partial(self._insert, copy, ticket, self._writing.insert, rows_of(batch)))
        else:

            async def store(rows: pa.RecordBatch) -> None:
                await self._session.run(partial(self._insert, copy, ticket, self._writing.store, rows))

            stored, left_out = await stored_piecewise(batch, store, refusals)
            batch = replace(batch, rows=stored, rejected=(*batch.rejected, *left_out))
        await self._session.run(
            lambda connection: self._ledger.note_rejected(connection, ticket.run_id, batch.rejected)
        )
        return batch

    def _insert(
        self,
        copy: TableCopy,
        ticket: Ticket,
        insert: Callable[[C, TableCopy, pa.RecordBatch], None],
        rows: pa.RecordBatch,
        connection: C,
    ) -> None:
        insert(connection, copy, rows)
        if copy.added_key:
            self._undo.note_added(connection, copy, rows, ticket)

    def _finish_chunk(self, connection: C, ticket: Ticket, receipt: ChunkReceipt) -> None:
        self._ledger.note_chunk(connection, ticket.run_id, receipt)
        _commit(connection)

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from the stored values."""
        return await self.quick_digest(RowHash.MD5, table, columns)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from the stored values by a hash of the C helper's."""
        return await self._in_turn(lambda connection: self._writing.digest(connection, table, columns, hash_))

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        await self._transaction(lambda connection: self._ledger.note(connection, run_id, seal))

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do; the record stays."""
        await self._transaction(lambda connection: self._ledger.close(connection, run_id, seal))

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record; the ledger itself goes with its last run."""

        def forget(connection: C) -> None:
            if self._ledger.exists(connection):
                self._undo.drop_sides(connection, run_id)
            self._ledger.forget(connection, run_id)

        await self._transaction(forget)

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    async def _in_turn(self, work: Callable[[C], T]) -> T:
        async with self._turn:
            return await self._session.run(work)

    async def _transaction(self, work: Callable[[C], T]) -> T:
        def run(connection: C) -> T:
            connection.execute(self._writing.begin)
            try:
                result = work(connection)
                _commit(connection)
            except BaseException:
                self._writing.roll_back(connection)
                raise
            return result

        return await self._in_turn(run)


def _commit(connection: FileConnection) -> None:
    failpoint("target.commits")
    connection.execute("COMMIT")
    failpoint("target.committed")


def _count(connection: FileConnection, table: str) -> Rows:
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return Rows(rows)
