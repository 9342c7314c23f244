"""Reading DuckDB files: several sessions on one state, tables cut by row number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.errors import DatabaseError, SchemaDrift
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.moments import Moment, MomentMark, utc_text
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkScope,
    Consistency,
    PhysicalRange,
    TableCopy,
    WholeTable,
)
from infra.connectors.arrow import BATCH_BYTES_MAX, arrow_schema
from infra.connectors.duckdb import values
from infra.connectors.duckdb.capabilities import MEMORY
from infra.connectors.duckdb.digest import digest_table
from infra.connectors.duckdb.introspect import introspect
from infra.connectors.duckdb.misfit import profile_table
from infra.connectors.duckdb.session import Session, open_sessions, qualified, ran_out_of_memory
from infra.connectors.duckdb.sizes import KnownSizes, Window, condition, windows
from infra.connectors.files.stamp import stamp_marks
from infra.connectors.sql.text import orphans_query, quoted

READING_MEMORY: tuple[str, ...] = ("64MB", "512MB")
"""What DuckDB may hold while rows are read or digested, and what if that was too little; then as much as it wants.
It would keep all that it has read, up to most of the machine's memory."""

_UNLIMITED = f"RESET GLOBAL {MEMORY}"


class DuckdbSource:
    """A source whose sessions all see one state: while a file is open to be read, no process can write it."""

    def __init__(self, sessions: Sequence[Session], schema: str, moment: Moment) -> None:
        self.moment = moment
        self.readers = len(sessions)
        self._sessions = tuple(sessions)
        self._schema = schema
        self._allowed = READING_MEMORY
        self._thrifty_now = 0
        self._sizes = KnownSizes()
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        for session in sessions:
            self._free.put_nowait(session)

    @property
    def consistency(self) -> Consistency:
        """All tables as of one moment: the file is locked against writers."""
        return Consistency.SNAPSHOT

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the endpoint's schema."""
        async with self._session() as session:
            return await session.run(lambda connection: introspect(connection, self._schema))

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table by row number."""
        async with self._session() as session:
            return await session.run(lambda connection: split_table(connection, copy, rows_max))

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk; the next batch is prepared while the last one is written."""
        async with self._thrifty() as session:
            reading = _ChunkReading(copy, chunk.scope, self._sizes)
            pending = session.submit(reading.next_batch)
            try:
                while (batch := await pending) is not None:
                    pending = session.submit(reading.next_batch)
                    yield batch
            finally:
                if not pending.done():
                    session.interrupt()
                await asyncio.wait([pending])
                if not pending.cancelled():
                    pending.exception()
                await session.run(reading.close)

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row."""
        sql = orphans_query(qualified(table), qualified(key.references), key)
        async with self._session() as session:
            [(rows,)] = await session.run(lambda connection: connection.execute(sql).fetchall())
            return Rows(rows)

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit."""
        async with self._session() as session:
            return await session.run(lambda connection: profile_table(connection, copy, limits, rejecting))

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest in DuckDB."""
        async with self._thrifty() as session:
            return await session.run(
                lambda connection: digest_table(connection, self._sizes, table, columns, treatments)
            )

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest over the rows that DuckDB gives."""
        async with self._thrifty() as session:
            return await session.run(
                lambda connection: digest_table(connection, self._sizes, table, columns, (), hash_)
            )

    async def close(self) -> None:
        """End all sessions; with the last one the file is free again."""
        await _close_all(self._sessions)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        session = await self._free.get()
        try:
            yield session
        finally:
            self._free.put_nowait(session)

    @asynccontextmanager
    async def _thrifty(self) -> AsyncIterator[Session]:
        """Give a session to read many rows in little memory. Where that is too little there is more the next time.

        Raises:
            DatabaseError: memory was too little; `transient`, if there will be more.
        """
        async with self._session() as session:
            allowed = self._allowed
            sql = f"SET GLOBAL {MEMORY} = '{allowed[0]}'" if allowed else _UNLIMITED
            await session.run(lambda connection: connection.execute(sql))
            self._thrifty_now += 1
            try:
                yield session
            except DatabaseError as error:
                if not allowed or not ran_out_of_memory(error):
                    raise
                self._allowed = allowed[1:] if allowed == self._allowed else self._allowed
                raise DatabaseError(error.message, transient=True) from error
            finally:
                self._thrifty_now -= 1
                if not self._thrifty_now:
                    await asyncio.shield(session.submit(lambda connection: connection.execute(_UNLIMITED)))


async def open_source(path: str, schema: str, readers: int) -> DuckdbSource:
    """Open up to `readers` sessions.

    Raises:
        ConnectFailed: no session could be opened.
    """
    sessions = await open_sessions(path, readers, writable=False)
    try:
        return DuckdbSource(sessions, schema, await sessions[0].run(partial(_moment, path)))
    except BaseException:
        await _close_all(sessions)
        raise


def _moment(path: str, connection: duckdb.DuckDBPyConnection) -> Moment:
    """Return the moment of an open file, which no other process can write to; blocks."""
    [(number,)] = connection.execute("SELECT txid_current()").fetchall()
    marks, identity = stamp_marks(Path(path))
    log = Path(f"{path}.wal")
    if log.exists():
        more, part = stamp_marks(log)
        marks = (*marks, *(MomentMark(f"log: {mark.name}", mark.value) for mark in more))
        identity = f"{identity}/{part}"
    return Moment(utc_text(datetime.now(UTC)), (*marks, MomentMark("transaction", str(number))), identity)


async def _close_all(sessions: Sequence[Session]) -> None:
    for session in reversed(sessions):  # the first one is the others' parent and ends them
        await session.close()


def split_table(connection: duckdb.DuckDBPyConnection, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
    """Cut a table into disjoint chunks of about `rows_max` rows; deleted rows leave gaps in the row numbers."""
    name = qualified(copy.source)
    [(rows, last)] = connection.execute(f"SELECT count(*), coalesce(max(rowid), -1) FROM {name}").fetchall()
    if rows <= rows_max:
        return (Chunk(copy.number, 0, WholeTable(), Rows(rows)),)
    if last + 1 == rows:
        starts = list(range(0, rows, rows_max))
    else:
        found = connection.execute(
            f"SELECT number FROM (SELECT rowid AS number, row_number() OVER (ORDER BY rowid) - 1 AS place FROM {name})"
            f" WHERE place % {int(rows_max)} = 0 ORDER BY number"
        ).fetchall()
        starts = [0, *(number for (number,) in found[1:])]
    ends: list[int | None] = [*starts[1:], None]
    return tuple(
        Chunk(copy.number, number, PhysicalRange(first, end), Rows(min(rows_max, rows - number * rows_max)))
        for number, (first, end) in enumerate(zip(starts, ends, strict=True))
    )


class _ChunkReading:
    """One pass over a chunk, in Arrow batches."""

    def __init__(self, copy: TableCopy, scope: ChunkScope, sizes: KnownSizes) -> None:
        self._sizes = sizes
        self._copy = copy
        self._scope = scope
        self._schema = arrow_schema(copy)
        self._batches: Iterator[Batch] | None = None
        self._reader: pa.RecordBatchReader | None = None

    def next_batch(self, connection: duckdb.DuckDBPyConnection) -> Batch | None:
        """Return the next rows, nothing after the last."""
        if self._batches is None:
            self._batches = self._read(connection)
        try:
            return next(self._batches, None)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            message = str(error).splitlines()[0]
            raise SchemaDrift(f"Table {self._copy.source} is no longer as it was planned: {message}") from error
        except (OSError, pa.ArrowException) as error:
            # This is how a failure of DuckDB comes through Arrow's stream interface.
            raise DatabaseError(f"Reading {self._copy.source} failed: {error}") from error

    def _read(self, connection: duckdb.DuckDBPyConnection) -> Iterator[Batch]:
        columns = tuple(DigestColumn(column.source, column.source_native, column.type) for column in self._copy.columns)
        asked = (self._copy.source, columns)
        for window in windows(connection, *asked, self._scope, self._sizes.of(connection, *asked)):
            yield from self._read_window(connection, window)

    def _read_window(self, connection: duckdb.DuckDBPyConnection, window: Window) -> Iterator[Batch]:
        columns = ", ".join(
            values.carried(f"source.{quoted(column.source)}", column.source_native, column.type)
            for column in self._copy.columns
        )
        sql = f"SELECT {columns} FROM {qualified(self._copy.source)} AS source{condition(window.scope)}"
        self._reader = connection.sql(sql).to_arrow_reader(window.batch_rows)
        for found in self._reader:
            batch = pa.RecordBatch.from_arrays(found.columns, schema=self._schema)
            yield from _cut(batch)
        self.close(connection)

    def close(self, _: duckdb.DuckDBPyConnection) -> None:
        """End the pass; a connection takes no other statement while a result is open on it."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _cut(batch: pa.RecordBatch) -> Iterator[Batch]:
    """Halve a batch until its parts are small enough."""
    if batch.nbytes <= BATCH_BYTES_MAX or batch.num_rows == 1:
        yield Batch(batch.num_rows, batch.nbytes, batch)
        return
    half = batch.num_rows // 2
    yield from _cut(batch.slice(0, half))
    yield from _cut(batch.slice(half))
