"""Writing SQLite files: one session, every chunk in one transaction with its ledger row."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pyarrow as pa

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.values import Bytes, Rows
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, Digest, DigestColumn, TableCopy, Ticket
from infra.connectors.sqlite import ledger
from infra.connectors.sqlite.digest import digest_table
from infra.connectors.sqlite.introspect import introspect
from infra.connectors.sqlite.places import to_stored
from infra.connectors.sqlite.session import Session, open_session
from infra.connectors.sqltext import quoted

T = TypeVar("T")


class SqliteTarget:
    """A target of one session; SQLite lets only one write at a time, so calls take turns."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = asyncio.Lock()

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the file, by its declarations alone; values are not looked at."""
        return await self._read(lambda connection: introspect(connection, with_values=False))

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""

        def count(connection: sqlite3.Connection) -> dict[TableName, Rows]:
            found = {}
            for table in tables:
                known = connection.execute(
                    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE", (table.name,)
                ).fetchone()
                if known is not None:
                    sql = f"SELECT count(*) FROM {quoted(table.name)}"
                    found[table] = Rows(connection.execute(sql).fetchone()[0])
            return found

        return await self._read(count)

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table."""
        await self._transaction(lambda connection: connection.execute(f"DELETE FROM {quoted(table.name)}"))

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over: make the ledger if need be, and void every older ticket of the run."""
        return await self._transaction(lambda connection: ledger.take_over(connection, run_id, plan_hash))

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        return await self._read(lambda connection: ledger.knows(connection, run_id))

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        return await self._read(lambda connection: ledger.steps(connection, run_id))

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        return await self._read(lambda connection: ledger.receipts(connection, run_id))

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done, in one transaction."""

        def run(connection: sqlite3.Connection) -> None:
            ledger.check(connection, ticket)
            if step.number not in ledger.steps(connection, ticket.run_id):
                connection.execute(step.sql)
                ledger.note_step(connection, ticket.run_id, step.number)

        await self._transaction(run)

    async def write(self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch], ticket: Ticket) -> ChunkReceipt:
        """Write a chunk and its receipt in one transaction; a chunk with a receipt is left alone."""
        async with self._turn:
            known = await self._session.run(lambda connection: _begin_chunk(connection, chunk, ticket))
            if known is not None:
                return known
            try:
                receipt = await self._load(copy, chunk, batches)
                await self._session.run(lambda connection: _finish_chunk(connection, ticket, receipt))
            except BaseException:
                await asyncio.shield(self._session.submit(_roll_back))
                raise
            return receipt

    async def _load(self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch]) -> ChunkReceipt:
        columns = ", ".join(quoted(column.target) for column in copy.columns)
        marks = ", ".join("?" for _ in copy.columns)
        sql = f"INSERT INTO {quoted(copy.target.name)} ({columns}) VALUES ({marks})"
        rows = size = 0
        async for batch in batches:
            await self._session.run(_Insertion(sql, copy, batch))
            rows += batch.rows
            size += batch.size_bytes
        return ChunkReceipt(copy.number, chunk.number, Rows(rows), Rows(rows), size_bytes=Bytes(size))

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from the stored values."""
        return await self._read(lambda connection: digest_table(connection, table, columns))

    async def close_run(self, run_id: str) -> None:
        """Forget a finished run; the ledger itself goes with its last run."""
        await self._transaction(lambda connection: ledger.forget(connection, run_id))

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        async with self._turn:
            return await self._session.run(work)

    async def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
            return result

        return await self._read(run)


async def open_target(path: str) -> SqliteTarget:
    """Open a file for writing; a missing one is made by the first write.

    Raises:
        ConnectFailed: no session could be opened.
    """
    return SqliteTarget(await open_session(path, writable=True))


class _Insertion:
    """The rows of one batch on their way into a table."""

    def __init__(self, sql: str, copy: TableCopy, batch: Batch) -> None:
        if not isinstance(batch.payload, pa.RecordBatch):
            raise TypeError("SQLite takes Arrow batches")
        self._sql = sql
        self._copy = copy
        self._arrays = batch.payload.columns

    def __call__(self, connection: sqlite3.Connection) -> None:
        columns = [to_stored(column, array) for column, array in zip(self._copy.columns, self._arrays, strict=True)]
        connection.executemany(self._sql, zip(*columns, strict=True))


def _begin_chunk(connection: sqlite3.Connection, chunk: Chunk, ticket: Ticket) -> ChunkReceipt | None:
    """Begin the transaction of a chunk; end it at once if the chunk has a receipt."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        ledger.check(connection, ticket)
        known = ledger.receipt(connection, ticket.run_id, chunk.table_number, chunk.number)
    except BaseException:
        _roll_back(connection)
        raise
    if known is not None:
        _roll_back(connection)
    return known


def _finish_chunk(connection: sqlite3.Connection, ticket: Ticket, receipt: ChunkReceipt) -> None:
    ledger.note_chunk(connection, ticket.run_id, receipt)
    connection.execute("COMMIT")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
