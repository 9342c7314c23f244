"""PostgreSQL as a source: many sessions, one snapshot."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.errors import DatabaseError, ObjectMissing, SchemaDrift
from domain.kernel.threads import in_thread
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.transfer import Batch, Chunk, Consistency, TableCopy, WireFormat
from infra.connectors.postgresql import relation, session
from infra.connectors.postgresql.copy_out import copied_out
from infra.connectors.postgresql.digest import digest, quick_digest
from infra.connectors.postgresql.failures import DRIVER_ERRORS, read_error, reported
from infra.connectors.postgresql.introspect import introspect
from infra.connectors.postgresql.misfit import profile
from infra.connectors.postgresql.names import identifier, identifiers
from infra.connectors.postgresql.passing import PassingSums
from infra.connectors.postgresql.snapshot import Snapshot, hold, join, open_reader
from infra.connectors.postgresql.split import condition, split

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import asyncpg

    from domain.connections.values import Endpoint
    from domain.migrations.misfits import ColumnLimit, Profile, Treatment


LENT_MAX = 32
"""After being lent so often a session begins its transaction anew: until its end it keeps locks on every table that
it has read and on their indexes, and the server has room for some thousands of all sessions together."""


@dataclass
class _Reader:
    """A reading session, and how often it was lent in its present transaction."""

    connection: asyncpg.Connection
    lent: int = 0


class PostgresqlSource:
    """Reading sessions that all see one snapshot; a session that failed is replaced by a fresh one."""

    consistency = Consistency.SNAPSHOT

    def __init__(self, endpoint: Endpoint, snapshot: Snapshot, readers: int) -> None:
        self.moment = snapshot.moment
        self.readers = readers
        self._endpoint = endpoint
        self._snapshot = snapshot
        self._places = asyncio.Semaphore(readers)
        self._idle: list[_Reader] = []

    @classmethod
    async def open(cls, endpoint: Endpoint, readers: int) -> PostgresqlSource:
        """Take the snapshot; reading sessions open when they are needed."""
        return cls(endpoint, await hold(endpoint), max(1, readers))

    async def introspect(self) -> DatabaseSchema:
        """Describe the endpoint's schema, or all of them."""
        async with self._session() as connection:
            with reported(f"{self._endpoint.label} could not be described"):
                return await introspect(connection, self._endpoint)

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table by its key along an index, or else by pages."""
        async with self._session() as connection:
            with reported(f"Table {copy.source} could not be divided into chunks"):
                return await split(connection, await relation.get(connection, copy.source), copy, rows_max)

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk by COPY, as column batches or as COPY's own binary stream."""
        doing = f"Table {copy.source}, chunk {chunk.number} could not be read"
        async with self._session() as connection:
            try:
                found = await relation.get(connection, copy.source)
                batches = _binary(connection, found, copy, chunk)
                if copy.format is WireFormat.ARROW:
                    from infra.connectors.postgresql.columnar import columnar  # noqa: PLC0415 - brings Arrow along

                    batches = columnar(connection, found, copy, chunk)
                async with aclosing(batches):
                    async for batch in batches:
                        yield batch
            except ObjectMissing as error:
                raise SchemaDrift(f"{doing}: {error.message}") from error
            except DRIVER_ERRORS as error:
                raise read_error(error, doing) from error

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row; a reference with a NULL in it refers to nothing."""
        given = " AND ".join(f"c.{identifier(name)} IS NOT NULL" for name in key.columns)
        same = " AND ".join(
            f"p.{identifier(theirs)} = c.{identifier(ours)}"
            for ours, theirs in zip(key.columns, key.referenced_columns, strict=True)
        )
        async with self._session() as connection:
            with reported(f"Key {key.name} of table {table} could not be checked"):
                child = await relation.get(connection, table)
                parent = await relation.get(connection, key.references)
                query = (
                    f"SELECT count(*) FROM {child.rows} c WHERE {given} "
                    f"AND NOT EXISTS (SELECT FROM {parent.rows} p WHERE {same})"
                )
                return Rows(await connection.fetchval(query))

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit over the snapshot."""
        async with self._session() as connection:
            with reported(f"The values of table {copy.source} could not be looked at"):
                found = await relation.get(connection, copy.source)
                return await profile(connection, found, copy, limits, rejecting)

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest over the snapshot."""
        async with self._session() as connection:
            with reported(f"Table {table} could not be digested"):
                return await digest(connection, await relation.get(connection, table), columns, treatments)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest over the snapshot by the server's own hash."""
        async with self._session() as connection:
            with reported(f"Table {table} could not be digested"):
                return await quick_digest(connection, await relation.get(connection, table), hash_, columns)

    async def close(self) -> None:
        """End all sessions and let the snapshot go."""
        idle, self._idle = self._idle, []
        readers = (reader.connection for reader in idle)
        await asyncio.gather(*(session.close(connection) for connection in (*readers, self._snapshot.keeper)))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a session. One that failed, or was left amid a COPY, is not lent again."""
        async with self._places:
            self._snapshot.check()
            reader = self._idle.pop() if self._idle else _Reader(await open_reader(self._endpoint, self._snapshot))
            try:
                if reader.lent == LENT_MAX:
                    await join(reader.connection, self._endpoint, self._snapshot)
                    reader.lent = 0
                reader.lent += 1
                yield reader.connection
            except BaseException:
                reader.connection.terminate()
                raise
            self._idle.append(reader)
            await self._snapshot.confirm()  # without its locks, a table might have been emptied meanwhile


async def _binary(
    connection: asyncpg.Connection, found: relation.Relation, copy: TableCopy, chunk: Chunk
) -> AsyncGenerator[Batch, None]:
    """Pass the binary stream on untouched; its last piece has the number of rows.

    Raises:
        DatabaseError: there were not as many rows in it as the server says.
    """
    names = identifiers(tuple(column.source for column in copy.columns))
    query = f"SELECT {names} FROM {found.rows}{condition(copy, chunk.scope)}"
    sums = PassingSums(copy)
    async with aclosing(copied_out(connection, query, "binary")) as blocks:
        async for block in blocks:
            part = await in_thread(sums.add, block.data) if sums.has_work else ()
            if block.rows is not None and sums.has_work and block.rows != sums.rows:
                raise DatabaseError(f"The server sent {block.rows} rows of {copy.source}, {sums.rows} were understood.")
            yield Batch(block.rows or 0, Bytes(len(block.data)), block.data, sums=part)
