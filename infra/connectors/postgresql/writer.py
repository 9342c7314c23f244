"""PostgreSQL as a target: COPY in, with the receipt in the same transaction."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.errors import DatabaseError
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, TableCopy, Ticket
from infra.connectors.postgresql import ledger, references, rejects, relation, undo
from infra.connectors.postgresql.backend import Backend, committed, ended, given_up, opened, transaction
from infra.connectors.postgresql.digest import digest, quick_digest
from infra.connectors.postgresql.failures import DRIVER_ERRORS, reported, write_error
from infra.connectors.postgresql.introspect import introspect
from infra.connectors.postgresql.loading import loaded, loaded_piecewise
from infra.connectors.postgresql.session import close
from infra.connectors.sidetables import overheard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pyarrow as pa

    from domain.connections.values import Endpoint
    from domain.migrations.runs import RunRecord
    from domain.migrations.transfer import Refusals


class PostgresqlTarget:
    """Writing sessions, opened when they are needed and lent to one caller at a time."""

    def __init__(self, endpoint: Endpoint, first: Backend, writers: int) -> None:
        self._endpoint = endpoint
        self._places = asyncio.Semaphore(writers)
        self._idle = [first]
        self._undo = undo.PostgresqlUndo(self._session)

    @property
    def undo(self) -> undo.PostgresqlUndo:
        """What the database keeps so that runs can be taken back."""
        return self._undo

    @classmethod
    async def open(cls, endpoint: Endpoint, writers: int) -> PostgresqlTarget:
        """Open the first session, so that a wrong address shows at once."""
        return cls(endpoint, await opened(endpoint), max(1, writers))

    async def introspect(self) -> DatabaseSchema:
        """Describe the endpoint's schema, or all of them; the ledger has a schema of its own."""
        async with self._session(f"{self._endpoint.label} could not be described") as backend:
            return await introspect(backend.connection, self._endpoint)

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""
        counts: dict[TableName, Rows] = {}
        async with self._session("The target's rows could not be counted") as backend:
            for table in tables:
                found = await relation.find(backend.connection, table)
                if found is not None:
                    counts[table] = Rows(await backend.connection.fetchval(f"SELECT count(*) FROM {found.rows}"))
        return counts

    async def truncate(self, table: TableName) -> None:
        """Remove all rows. Foreign keys of other tables that forbid it are set aside till the end of a run."""
        async with self._session(f"Table {table} could not be emptied") as backend:
            connection = backend.connection
            async with connection.transaction():
                await undo.empty(connection, await relation.get(connection, table))

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over, ending the sessions of earlier tickets."""
        async with self._session(f"Run {run_id} could not be opened") as backend:
            return await ledger.take_over(backend.connection, run_id, plan_hash)

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        async with self._session("The ledger could not be read") as backend:
            return await ledger.knows(backend.connection, run_id)

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the ledger remembers."""
        async with self._session("The ledger could not be read") as backend:
            return await ledger.records(backend.connection)

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        async with self._session("The ledger could not be read") as backend:
            return await ledger.steps_done(backend.connection, run_id)

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        async with self._session("The ledger could not be read") as backend:
            return await ledger.receipts(backend.connection, run_id)

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows of the chunks in the target."""
        async with self._session("The ledger could not be read") as backend:
            return await ledger.rejected(backend.connection, run_id, after, rows_max)

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it, in one transaction."""
        doing = f"{step.object.kind.value.lower().replace('_', ' ')} {step.object.name} could not be made"
        async with self._session(doing) as backend:
            async with transaction(backend):
                await ledger.enter(backend.connection, ticket)
                if not await ledger.has_step(backend.connection, ticket.run_id, step.number):
                    back = await undo.undoing(backend.connection, step)
                    await backend.connection.execute(step.sql)
                    await ledger.note_step(backend.connection, ticket, step, back)
            if await committed(backend):
                return
        await ended(self._endpoint, backend)
        if step.number not in await self.steps_done(ticket.run_id):
            raise DatabaseError(f"{doing}: the connection was lost.", transient=True)

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """COPY a chunk and note its receipt, in one transaction."""
        doing = f"Chunk {chunk.number} of table {copy.target} could not be written"
        async with self._session(doing) as backend:
            try:
                await _free_of_references(backend.connection, copy, ticket)
                async with transaction(backend):
                    await ledger.enter(backend.connection, ticket)
                    done = await ledger.claim(backend.connection, ticket.run_id, chunk)
                    if done is None:
                        heard: list[pa.RecordBatch] = []
                        done, rejected = await _loaded(backend.connection, copy, chunk, batches, refusals, heard)
                        if copy.added_key:
                            await undo.note_added(backend.connection, copy, heard, ticket.run_id)
                        await rejects.note(backend.connection, ticket.run_id, rejected)
                        await ledger.note_chunk(backend.connection, ticket, done)
                if await committed(backend):
                    return done
            except DRIVER_ERRORS as error:
                raise write_error(error, doing) from error
        return await self._settled(backend, chunk, ticket, doing)

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in the database."""
        async with self._session(f"Table {table} could not be digested") as backend:
            return await digest(backend.connection, await relation.get(backend.connection, table), columns)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest by the server's own hash."""
        async with self._session(f"Table {table} could not be digested") as backend:
            found = await relation.get(backend.connection, table)
            return await quick_digest(backend.connection, found, hash_, columns)

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        async with self._session(f"Nothing could be noted of run {run_id}") as backend:
            await ledger.note(backend.connection, run_id, seal)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do, and restore what was set aside; the record stays."""
        async with self._session(f"Run {run_id} could not be closed") as backend:
            await ledger.close(backend.connection, run_id, seal)

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record; with the last one the ledger goes."""
        async with self._session(f"Run {run_id} could not be forgotten") as backend:
            await ledger.forget(backend.connection, run_id)

    async def close(self) -> None:
        """End all sessions."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(close(backend.connection) for backend in idle))

    async def _settled(self, lost: Backend, chunk: Chunk, ticket: Ticket, doing: str) -> ChunkReceipt:
        """Decide what became of a COMMIT whose answer never came: once its session is gone, the ledger knows."""
        await ended(self._endpoint, lost)
        async with self._session(doing) as backend:
            known = await ledger.receipt(backend.connection, ticket.run_id, chunk)
        if known is None:
            raise DatabaseError(f"{doing}: the connection was lost.", transient=True)
        return known

    @asynccontextmanager
    async def _session(self, doing: str) -> AsyncIterator[Backend]:
        """Lend a session; one that is closed or amid a transaction afterwards is not lent again."""
        async with self._places:
            backend = self._idle.pop() if self._idle else await opened(self._endpoint)
            try:
                with reported(doing):
                    yield backend
            except asyncio.CancelledError:
                backend.connection.terminate()
                await asyncio.shield(given_up(self._endpoint, backend))
                raise
            finally:
                if backend.connection.is_closed() or backend.connection.is_in_transaction():
                    backend.connection.terminate()
                else:
                    self._idle.append(backend)


async def _free_of_references(connection: asyncpg.Connection, copy: TableCopy, ticket: Ticket) -> None:
    """Set a table's foreign keys aside, as rows arrive in any order. Who may not do that must send parents first.

    Raises:
        DatabaseError: a crash of the server would empty the table, and the ledger would still hold its receipts.
    """
    found = await relation.get(connection, copy.target)
    if found.is_unlogged:
        raise DatabaseError(f"{copy.target} is UNLOGGED, so a crash empties it; run ALTER TABLE ... SET LOGGED")
    if await references.has_own(connection, found):
        with suppress(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await ledger.enter(connection, ticket)
                await references.set_own_aside(connection, ticket.run_id, found)


async def _loaded(
    connection: asyncpg.Connection,
    copy: TableCopy,
    chunk: Chunk,
    batches: AsyncIterator[Batch],
    refusals: Refusals | None,
    heard: list[pa.RecordBatch],
) -> tuple[ChunkReceipt, list[RejectedRow]]:
    if refusals is not None:
        return await loaded_piecewise(connection, copy, chunk, batches, refusals, heard)
    return await loaded(connection, copy, chunk, overheard(batches, heard) if copy.added_key else batches)
