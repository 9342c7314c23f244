"""A MySQL database as a source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from domain.kernel.errors import ObjectMissing, SchemaDrift, SnapshotLost
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import Digest, RowHash
from domain.migrations.transfer import Batch
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX
from infra.connectors.gathering import all_of
from infra.connectors.mysql.bulk import BulkSession
from infra.connectors.mysql.columns import Layout
from infra.connectors.mysql.digest import quick_digest, table_digest
from infra.connectors.mysql.introspect import introspect
from infra.connectors.mysql.names import quoted, table_sql
from infra.connectors.mysql.native_columns import NativeLayout, misfit
from infra.connectors.mysql.profile import counted, parts, profile_table
from infra.connectors.mysql.rowstream import RowStream, Taker
from infra.connectors.mysql.runs import end_session
from infra.connectors.mysql.scope import condition
from infra.connectors.mysql.session import Control
from infra.connectors.mysql.snapshot import Begun, begin_snapshot
from infra.connectors.mysql.split import split
from infra.connectors.mysql.wire import BulkConnection
from infra.connectors.native import has_native
from infra.connectors.profiling import Counted
from infra.connectors.row_sums import RowSummer

if TYPE_CHECKING:
    import pyarrow as pa

    from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
    from domain.connections.values import Endpoint
    from domain.migrations.digests import DigestColumn
    from domain.migrations.misfits import ColumnLimit, Profile, Treatment
    from domain.migrations.transfer import Chunk, TableCopy

_DRAIN_ALONE_S = 0.2
"""How long the rest of an abandoned result is read away before the server is told to stop it, in seconds."""


class MysqlSource:
    """Reading sessions in one snapshot where the server can give one."""

    def __init__(self, sessions: list[BulkSession], control: Control, begun: Begun) -> None:
        self.consistency = begun.consistency
        self.moment = begun.moment
        self.readers = len(sessions)
        self._sessions = sessions
        self._control = control
        self._free: asyncio.Queue[BulkSession] = asyncio.Queue()
        for session in sessions:
            self._free.put_nowait(session)

    @classmethod
    async def open(cls, endpoint: Endpoint, readers: int) -> MysqlSource:
        """Open up to `readers` sessions in one snapshot; fewer, where they could not see the same moment.

        Raises:
            ConnectFailed: no session could be opened.
        """
        control = Control(endpoint)
        sessions: list[BulkSession] = []
        try:
            await control.open()
            for _ in range(max(1, readers)):
                sessions.append(await BulkSession.open(endpoint))  # noqa: PERF401 - what is open must be closed
            begun = await begin_snapshot(sessions, control)
            for session in sessions[begun.usable :]:
                await session.close()
        except BaseException:
            await _close_all(sessions, control)
            raise
        return cls(sessions[: begun.usable], control, begun)

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database."""
        return await introspect(self._control)

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table into chunks along its key; without a usable key it is one chunk."""
        async with self._session() as session:
            return await session.call(
                lambda connection: split(connection, copy, rows_max), doing=f"cutting {copy.source} into chunks"
            )

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk, one batch ahead of whoever consumes it.

        Raises:
            SchemaDrift: a table or column is no longer as the copy says.
            DatabaseError: the database failed; `transient` tells whether to try again.
        """
        reading: _Reading[Any] = _Reading(copy, NativeLayout.of(copy) if has_native() else Layout.of(copy))
        where = condition(copy, chunk)
        sql = f"SELECT {reading.form.list_sql} FROM {table_sql(copy.source)}" + (f" WHERE {where}" if where else "")
        doing = f"reading {copy.source}"
        session = await self._borrowed()
        ahead: asyncio.Task[Batch | None] | None = None
        try:
            await session.call(lambda connection: reading.start(connection, sql), doing=doing)
            ahead = asyncio.create_task(session.call(reading.next_batch, doing=doing))
            while (batch := await asyncio.shield(ahead)) is not None:
                ahead = asyncio.create_task(session.call(reading.next_batch, doing=doing))
                yield batch
        except ValueError as error:
            raise misfit(copy, error) from error
        except ObjectMissing as error:
            raise SchemaDrift(f"{copy.source} changed since it was looked at: {error.message}") from error
        finally:
            try:
                if ahead is not None:
                    await self._end(session, reading, ahead)
            finally:
                self._free.put_nowait(session)

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row; a reference with a NULL in it refers to nothing."""
        pairs = " AND ".join(
            f"p.{quoted(there)} = c.{quoted(here)}"
            for here, there in zip(key.columns, key.referenced_columns, strict=True)
        )
        given = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
        sql = (
            f"SELECT COUNT(*) FROM {table_sql(table)} c WHERE {given} "
            f"AND NOT EXISTS (SELECT 1 FROM {table_sql(key.references)} p WHERE {pairs})"
        )
        async with self._session() as session:
            found = await session.rows(sql, doing=f"looking for orphans of {key.name} in {table}")
        return Rows(int(found[0][0]))

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit in the snapshot, in parts of the table on all free sessions."""
        doing = f"looking at the values of {copy.source}"

        async def counts(rows: str) -> tuple[int, ...]:
            async with self._session() as session:
                return await session.call(lambda connection: counted(connection, rows, limits), doing=doing)

        async with self._session() as session:
            found = await session.call(lambda connection: parts(connection, copy, len(self._sessions)), doing=doing)
        every = await all_of(*(counts(rows) for rows in found))
        summed = Counted(limits, tuple(sum(column) for column in zip(*every, strict=True)))
        async with self._session() as session:
            return await session.call(
                lambda connection: profile_table(connection, copy, summed, rejecting), doing=doing
            )

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest in the snapshot; without columns only the rows are counted."""
        return await self._digested(table, lambda connection: table_digest(connection, table, columns, treatments))

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in the snapshot by two CRCs, if the server has them."""
        del hash_  # there is one beside MD5
        return await self._digested(table, lambda connection: quick_digest(connection, table, columns))

    async def _digested(self, table: TableName, compute: Callable[[BulkConnection], Digest]) -> Digest:
        async with self._session() as session:
            try:
                return await session.call(compute, doing=f"computing the digest of {table}")
            except asyncio.CancelledError:
                # The server would go on computing: it notices that nobody listens when it answers.
                await asyncio.shield(end_session(self._control, session.connection_id))
                raise

    async def close(self) -> None:
        """End all sessions; whoever closes twice closes once."""
        sessions, self._sessions = self._sessions, []
        await _close_all(sessions, self._control)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[BulkSession]:
        session = await self._borrowed()
        try:
            yield session
        finally:
            self._free.put_nowait(session)

    async def _borrowed(self) -> BulkSession:
        """Wait for a free session. A lost one is not replaced: a new one would see another moment."""
        while True:
            session = await self._free.get()
            if not session.is_lost:
                return session
            if all(each.is_lost for each in self._sessions):
                self._free.put_nowait(session)
                raise SnapshotLost("The source's sessions have ended, and its snapshot is lost with them.")

    async def _end(self, session: BulkSession, stream: _Reading[Any], ahead: asyncio.Task[Batch | None]) -> None:
        """Bring a session that may be in the middle of a result back to where it can be asked again."""
        await asyncio.wait([ahead])
        if not ahead.cancelled():
            ahead.exception()  # already raised by the reading, or of no interest to whoever stopped it
        if stream.is_over or session.is_lost:
            return
        rest = asyncio.ensure_future(session.call(stream.drain, doing="ending a read"))
        done, _ = await asyncio.wait([rest], timeout=_DRAIN_ALONE_S)
        if not done:
            await self._control.rows(f"KILL QUERY {session.connection_id}", doing="stopping an abandoned read")
        await rest


TakerT = TypeVar("TakerT", bound=Taker)


class _Form(Protocol[TakerT]):
    """How rows become batches: `Layout` in Python, `NativeLayout` in C."""

    @property
    def list_sql(self) -> str: ...

    @property
    def result_columns(self) -> int: ...

    def taker(self) -> TakerT: ...

    def batch(self, taken: TakerT) -> pa.RecordBatch: ...


class _Reading(Generic[TakerT]):
    """One chunk's query and how its rows become batches; used on the session's thread."""

    def __init__(self, copy: TableCopy, form: _Form[TakerT]) -> None:
        self.form = form
        self._summer = RowSummer([column.type for column in copy.columns], copy.sums)
        self._stream: RowStream | None = None

    @property
    def is_over(self) -> bool:
        return self._stream is None or self._stream.is_over

    def start(self, connection: BulkConnection, sql: str) -> None:
        self._stream = RowStream(connection, self.form.result_columns)
        self._stream.start(sql)

    def next_batch(self, connection: BulkConnection) -> Batch | None:
        del connection
        if self._stream is None or self._stream.is_over:
            return None
        taker = self.form.taker()
        self._stream.take(taker, BATCH_BYTES_MAX, BATCH_ROWS_MAX)
        if not taker.rows:
            return None
        batch = self.form.batch(taker)
        return Batch(batch.num_rows, Bytes(batch.nbytes), batch, sums=self._summer.sums(batch))

    def drain(self, connection: BulkConnection) -> None:
        del connection
        if self._stream is not None:
            self._stream.drain()


async def _close_all(sessions: list[BulkSession], control: Control) -> None:
    for session in sessions:
        await session.close()
    await control.close()
