"""The one session that writes a DuckDB file, and how it takes the rows of a chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import duckdb

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, Refusals, TableCopy, Ticket
from infra.connectors.duckdb import values
from infra.connectors.duckdb.capabilities import CAPABILITIES, MEMORY, MEMORY_MAX
from infra.connectors.duckdb.session import open_sessions, ran_out_of_memory
from infra.connectors.duckdb.streaming import Drawn, whole_groups
from infra.connectors.duckdb.writer import DuckdbWriting, insert_stream
from infra.connectors.files.session import FileSession
from infra.connectors.files.target import FileTarget

STEPS_TOGETHER = 256
"""After so many schema steps the log is put into the file: until then each index of a table, however small, holds
blocks of memory that cannot be had back, most of a MiB, and DuckDB itself goes by the size of the log."""

GROUP_BYTES_MAX = 48 * 1024 * 1024
"""Rows of more bytes are given to DuckDB before they fill a group: every thread of DuckDB's holds one, and the next is
joined meanwhile. Rows of up to 400 bytes fill theirs."""


class StreamingTarget(FileTarget[duckdb.DuckDBPyConnection]):
    """A target that gives DuckDB the rows of a chunk as one stream, where nothing has to be done batch by batch."""

    def __init__(self, session: FileSession[duckdb.DuckDBPyConnection], writing: DuckdbWriting) -> None:
        super().__init__(session, writing)
        self._is_thrifty = True
        self._steps = 0

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done, in one transaction; now and then make room for more."""
        await super().execute(step, ticket)
        self._steps += 1
        if self._steps % STEPS_TOGETHER == 0:
            await self._in_turn(lambda connection: connection.execute("CHECKPOINT"))

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk and its receipt in one transaction, in little memory unless that was not enough before.

        Raises:
            DatabaseError: a row was refused; or, if `transient`, memory was too little, but is not next time.
        """
        async with self._thrifty():
            return await super().write(copy, chunk, batches, ticket, refusals)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in little memory, by a hash of the C helper's.

        Raises:
            DatabaseError: it failed; or, if `transient`, memory was too little, but is not next time.
        """
        async with self._thrifty():
            return await super().quick_digest(hash_, table, columns)

    @asynccontextmanager
    async def _thrifty(self) -> AsyncIterator[None]:
        """Limit DuckDB's memory for a while, unless that was too little before."""
        if not self._is_thrifty:
            yield
            return
        try:
            await self._session.run(_limit_memory)
            yield
        except DatabaseError as error:
            if not ran_out_of_memory(error):
                raise
            self._is_thrifty = False
            raise DatabaseError(error.message, transient=True) from error
        finally:
            await asyncio.shield(self._session.submit(lambda connection: connection.execute(f"RESET GLOBAL {MEMORY}")))

    async def _load(
        self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch], ticket: Ticket, refusals: Refusals | None
    ) -> ChunkReceipt:
        if refusals is not None or not _can_stream(copy):
            return await super()._load(copy, chunk, batches, ticket, refusals)
        drawn = Drawn(batches)

        def insert(connection: duckdb.DuckDBPyConnection) -> None:
            insert_stream(connection, copy, whole_groups(drawn, CAPABILITIES.rows_together, GROUP_BYTES_MAX))

        inserting = asyncio.ensure_future(self._session.run(insert))
        try:
            await asyncio.shield(inserting)
        except BaseException as error:
            await drawn.close()
            inserting.cancel()
            await asyncio.wait([inserting])
            if drawn.failure is not None and isinstance(error, DatabaseError):
                raise drawn.failure from error
            raise
        return ChunkReceipt(chunk.table_number, chunk.number, Rows(drawn.rows), Rows(drawn.rows), Rows(0), drawn.size)


def _limit_memory(connection: duckdb.DuckDBPyConnection) -> None:
    """Limit DuckDB's memory; indexes whose rows are only in the log yet let go of theirs once these are in the file."""
    limit = f"SET GLOBAL {MEMORY} = '{MEMORY_MAX}'"
    try:
        connection.execute(limit)
    except duckdb.OutOfMemoryException:
        connection.execute("CHECKPOINT")
        connection.execute(limit)


def _can_stream(copy: TableCopy) -> bool:
    """Whether rows need not be looked at once more, before they are inserted or after."""
    changes = any(values.may_change(column.type, column.target_native) for column in copy.columns)
    return bool(copy.columns) and not (copy.treatments or copy.added_key or changes)


async def open_target(path: str, schema: str) -> StreamingTarget:
    """Open a file for writing; a missing one is made.

    Raises:
        ConnectFailed: no session could be opened.
    """
    [session] = await open_sessions(path, 1, writable=True)
    return StreamingTarget(session, DuckdbWriting(schema))
