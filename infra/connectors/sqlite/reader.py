"""Reading SQLite files: several sessions on one moment, tables cut by row number or key."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.moments import Moment
from domain.migrations.transfer import (
    Batch,
    Chunk,
    Consistency,
    TableCopy,
)
from infra.connectors.sql.text import orphans_query, quoted
from infra.connectors.sqlite.capabilities import SNAPSHOT_ATTEMPTS
from infra.connectors.sqlite.digest import digest_table
from infra.connectors.sqlite.introspect import introspect
from infra.connectors.sqlite.misfit import profile_table
from infra.connectors.sqlite.moment import read_moment
from infra.connectors.sqlite.profile import TableProfile
from infra.connectors.sqlite.reading import open_reading
from infra.connectors.sqlite.session import Session, open_session
from infra.connectors.sqlite.split import split_table

_HELPERS_MAX = 3
"""How many more sessions look at the values of a table, each at a part of it."""


class SqliteSource:
    """A source of one or more sessions that all see the same moment."""

    def __init__(self, sessions: Sequence[Session], path: str, moment: Moment) -> None:
        self.moment = moment
        self.readers = len(sessions)
        self._sessions = tuple(sessions)
        self._path = path
        self._seen: dict[TableName, TableProfile] = {}  # all looks are at one moment, so they stay true
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        for session in sessions:
            self._free.put_nowait(session)

    @property
    def consistency(self) -> Consistency:
        """All tables as of one moment: every session reads inside one transaction, begun on the same state."""
        return Consistency.SNAPSHOT

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the file; the types are what the values say."""
        async with self._session() as session, AsyncExitStack() as stack:
            idle = min(self._free.qsize(), _HELPERS_MAX)
            helpers = [await stack.enter_async_context(self._session()) for _ in range(idle)]
            others = [await helper.run(lambda connection: connection) for helper in helpers]
            return await session.run(partial(introspect, with_values=True, seen=self._seen, others=others))

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table by row number, or by key where rows have none."""
        async with self._session() as session:
            seen = self._seen.get(copy.source)
            rows = None if seen is None else seen.rows
            return await session.run(lambda connection: split_table(connection, copy, rows_max, rows))

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk; the next batch is prepared while the last one is written."""
        async with self._session() as session:
            reading = await session.run(lambda connection: open_reading(connection, copy, chunk.scope))
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
            seen = self._seen.get(copy.source)
            return await session.run(lambda connection: profile_table(connection, copy, limits, rejecting, seen))

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest from the stored values."""
        async with self._session() as session:
            return await session.run(lambda connection: digest_table(connection, table, columns, treatments))

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from the stored values by a hash of the C helper's."""
        async with self._session() as session:
            return await session.run(lambda connection: digest_table(connection, table, columns, (), hash_))

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
                return SqliteSource(sessions, path, await sessions[0].run(partial(read_moment, path)))
        except BaseException:
            await _close_all(sessions)
            raise
        finally:
            await witness.close()
        await _close_all(sessions)
    session = await open_session(path, writable=False)
    try:
        await session.run(_begin)
        return SqliteSource([session], path, await session.run(partial(read_moment, path)))
    except BaseException:
        await session.close()
        raise


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
