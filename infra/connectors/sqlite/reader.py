"""Reading SQLite files: several sessions on one moment, tables cut by row number or key."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pyarrow as pa

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.errors import ObjectMissing, SchemaDrift
from domain.kernel.values import Rows
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkScope,
    ColumnCopy,
    Consistency,
    Digest,
    DigestColumn,
    KeyRange,
    PhysicalRange,
    TableCopy,
    WholeTable,
)
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX, arrow_schema
from infra.connectors.sqlite import values
from infra.connectors.sqlite.capabilities import SNAPSHOT_ATTEMPTS
from infra.connectors.sqlite.digest import digest_table
from infra.connectors.sqlite.introspect import introspect
from infra.connectors.sqlite.misfit import profile_table
from infra.connectors.sqlite.session import Session, open_session
from infra.connectors.sqlite.split import row_number_name, split_table
from infra.connectors.sqlite.values import Misfit, Stored
from infra.connectors.sqltext import orphans_query, quoted


class SqliteSource:
    """A source of one or more sessions that all see the same moment."""

    def __init__(self, sessions: Sequence[Session], path: str) -> None:
        self._sessions = tuple(sessions)
        self._path = path
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        for session in sessions:
            self._free.put_nowait(session)

    @property
    def consistency(self) -> Consistency:
        """All tables as of one moment: every session reads inside one transaction, begun on the same state."""
        return Consistency.SNAPSHOT

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the file; the types are what the values say."""
        async with self._session() as session:
            return await session.run(lambda connection: introspect(connection, with_values=True))

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table by row number, or by key where rows have none."""
        async with self._session() as session:
            return await session.run(lambda connection: split_table(connection, copy, rows_max))

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk; the next batch is prepared while the last one is written."""
        async with self._session() as session:
            reading = await session.run(lambda connection: _ChunkReading(connection, copy, chunk.scope))
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
        sql = orphans_query(quoted(table.name), quoted(key.references.name), key)
        async with self._session() as session:
            return Rows(await session.run(lambda connection: int(connection.execute(sql).fetchone()[0])))

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit."""
        async with self._session() as session:
            return await session.run(lambda connection: profile_table(connection, copy, limits, rejecting))

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest from the stored values."""
        async with self._session() as session:
            return await session.run(lambda connection: digest_table(connection, table, columns, treatments))

    async def close(self) -> None:
        """End all sessions."""
        for session in self._sessions:
            session.interrupt()
            await session.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Session]:
        session = await self._free.get()
        try:
            yield session
        finally:
            self._free.put_nowait(session)


async def open_source(path: str, readers: int) -> SqliteSource:
    """Open up to `readers` sessions on one moment; fewer if the file changes too fast to prove it.

    Raises:
        ConnectFailed: no session could be opened.
    """
    for _ in range(SNAPSHOT_ATTEMPTS if readers > 1 else 0):
        sessions: list[Session] = []
        witness = await open_session(path, writable=False)
        try:
            before = await witness.run(_data_version)
            for _ in range(readers):
                session = await open_session(path, writable=False)
                sessions.append(session)
                await session.run(_begin)
            if await witness.run(_data_version) == before:
                return SqliteSource(sessions, path)
        except BaseException:
            await _close_all(sessions)
            raise
        finally:
            await witness.close()
        await _close_all(sessions)
    session = await open_session(path, writable=False)
    try:
        await session.run(_begin)
    except BaseException:
        await session.close()
        raise
    return SqliteSource([session], path)


async def _close_all(sessions: Sequence[Session]) -> None:
    for session in sessions:
        await session.close()


def _begin(connection: sqlite3.Connection) -> None:
    """Begin to read: the first statement fixes the moment."""
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another session commits (only comparable within one session)."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


class _ChunkReading:
    """One pass over a chunk, in Arrow batches."""

    def __init__(self, connection: sqlite3.Connection, copy: TableCopy, scope: ChunkScope) -> None:
        self._copy = copy
        self._schema = arrow_schema(copy)
        self._large = values.large_places([column.type for column in copy.columns])
        table = quoted(copy.source.name)
        columns = ", ".join(f"{table}.{quoted(column.source)}" for column in copy.columns)
        where, bounds = condition(connection, copy, scope)
        try:
            self._cursor = connection.execute(f"SELECT {columns} FROM {table}{where}", bounds)
        except sqlite3.OperationalError as error:
            if "no such" in str(error):
                raise SchemaDrift(f"Table {copy.source} is no longer as it was planned: {error}.") from error
            raise

    def next_batch(self, _: sqlite3.Connection) -> Batch | None:
        """Return the next rows, nothing after the last."""
        stored = values.fetch_columns(self._cursor, BATCH_ROWS_MAX, BATCH_BYTES_MAX, self._large)
        if not stored:
            return None
        arrays = [self._array(column, part) for column, part in zip(self._copy.columns, stored, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return Batch(batch.num_rows, batch.nbytes, batch)

    def _array(self, column: ColumnCopy, stored: Sequence[Stored]) -> pa.Array:
        try:
            return values.to_arrow(column.type, stored)
        except Misfit as error:
            raise SchemaDrift(
                f"Column {column.source} of {self._copy.source} holds what it did not hold when it was analysed:"
                f" {error}. Analyse the file again."
            ) from error

    def close(self, _: sqlite3.Connection) -> None:
        """End the pass."""
        self._cursor.close()


def condition(connection: sqlite3.Connection, copy: TableCopy, scope: ChunkScope) -> tuple[str, tuple[int | str, ...]]:
    """Return the WHERE clause of a chunk and what it binds."""
    table = quoted(copy.source.name)
    match scope:
        case WholeTable():
            return "", ()
        case PhysicalRange(first=first, last=last):
            number = row_number_name(connection, copy.source.name)
            if not number:
                raise ObjectMissing(f"Table {copy.source} has no row numbers any more.")
            if last is None:
                return f" WHERE {table}.{number} >= ?", (first,)
            return f" WHERE {table}.{number} >= ? AND {table}.{number} < ?", (first, last)
        case KeyRange(after=after, upto=upto):
            key = ", ".join(f"{table}.{quoted(column)}" for column in copy.key)
            marks = ", ".join("?" for _ in copy.key)
            parts = []
            if after is not None:
                parts.append(f"({key}) > ({marks})")
            if upto is not None:
                parts.append(f"({key}) <= ({marks})")
            where = f" WHERE {' AND '.join(parts)}" if parts else ""
            return where, (after or ()) + (upto or ())
