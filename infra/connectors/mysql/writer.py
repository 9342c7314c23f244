"""A MySQL database as a target."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from domain.kernel.errors import DatabaseError, ValueRejected
from domain.kernel.threads import in_thread
from domain.kernel.values import Rows
from infra.connectors.mysql import ledger, undo
from infra.connectors.mysql.bulk import BulkSession
from infra.connectors.mysql.digest import quick_digest, table_digest
from infra.connectors.mysql.introspect import introspect
from infra.connectors.mysql.journal import run_step
from infra.connectors.mysql.loading import ChunkLoad, InfileInput, Input, InsertInput, commit, is_duplicate
from infra.connectors.mysql.names import table_sql
from infra.connectors.mysql.pieces import loaded_piecewise
from infra.connectors.mysql.runs import RunBook, end_session
from infra.connectors.mysql.session import Control
from infra.connectors.sidetables import overheard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pyarrow as pa

    from domain.catalog.model import DatabaseSchema, TableName
    from domain.connections.values import Endpoint
    from domain.migrations.digests import Digest, DigestColumn, RowHash
    from domain.migrations.rejects import Place, RejectedRow
    from domain.migrations.runs import RunRecord
    from domain.migrations.schema_plan import Step
    from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, Refusals, TableCopy, Ticket
    from infra.connectors.mysql.wire import BulkConnection

T = TypeVar("T")

_PACKET_SHARE = 2
"""INSERT statements are kept to this fraction of `max_allowed_packet`, since escapes are counted roughly."""


@dataclass
class _Seat:
    """A place for a writing session: opened when first needed, and anew after a loss."""

    session: BulkSession | None = None
    lock: str = ""


class MysqlTarget:
    """Writing sessions, and the ledger of finished chunks in the database they write to."""

    def __init__(self, endpoint: Endpoint, control: Control, writers: int, settings: tuple[bool, int]) -> None:
        self._endpoint = endpoint
        self._control = control
        self._runs = RunBook(control, endpoint.database)
        self._allows_infile, self._packet_bytes_max = settings
        self._seats = tuple(_Seat() for _ in range(max(1, writers)))
        self._free: asyncio.Queue[_Seat] = asyncio.Queue()
        for seat in self._seats:
            self._free.put_nowait(seat)
        self._checked_tables: set[TableName] = set()
        self._undo = undo.MysqlUndo(self._runs, self._at_work)

    @property
    def undo(self) -> undo.MysqlUndo:
        """What the database keeps so that runs can be taken back."""
        return self._undo

    @classmethod
    async def open(cls, endpoint: Endpoint, writers: int) -> MysqlTarget:
        """Open the control session; writing sessions follow as they are needed.

        Raises:
            ConnectFailed: no session could be opened.
        """
        control = Control(endpoint)
        try:
            await control.open()
            infile, packet = (await control.rows("SELECT @@local_infile, @@max_allowed_packet"))[0]
        except BaseException:
            await control.close()
            raise
        return cls(endpoint, control, writers, (bool(infile), int(packet)))

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database, without the ledger."""
        return await introspect(self._control)

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""
        known = await self._control.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type <> 'VIEW'",
            doing="listing the target's tables",
        )
        names = {name for (name,) in known}
        counts: dict[TableName, Rows] = {}
        for table in tables:
            if table.name in names:
                count = await self._control.value(
                    f"SELECT COUNT(*) FROM {table_sql(table)}", doing=f"counting the rows of {table}"
                )
                counts[table] = Rows(int(count))
        return counts

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table, also of one that others refer to."""
        async with self._session() as seat:
            session = await self._opened(seat)
            await session.rows("SET SESSION foreign_key_checks = 0", doing=f"emptying {table}")
            await session.rows(f"TRUNCATE TABLE {table_sql(table)}", doing=f"emptying {table}")

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over: end the sessions that write for older tickets, and void these.

        Raises:
            Conflict: the ledger knows this run under another plan.
            DatabaseError: the ledger's tables may not be created.
        """
        return await self._runs.take(run_id, plan_hash)

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        return await self._runs.knows(run_id)

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the ledger remembers."""
        return await self._runs.records()

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        return await self._runs.steps_done(run_id)

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        return await self._runs.receipts(run_id)

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows of the chunks in the target."""
        return await self._runs.rejected(run_id, after, rows_max)

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done; done twice it has the effect of once.

        Raises:
            Fenced: the ticket is void.
            DatabaseError: the statement failed; nothing was noted.
        """
        doing = f"creating {step.object.kind.value.lower().replace('_', ' ')} {step.object.name}"
        await self._at_work(ticket, lambda connection: run_step(connection, step, ticket), doing)

    async def _at_work(self, ticket: Ticket, work: Callable[[BulkConnection], T], doing: str) -> T:
        """Run some work on a session that takes part in a run, with no transaction left open."""
        async with self._session() as seat:
            session = await self._opened(seat)
            await self._hold_lock(seat, session, ticket)
            try:
                return await session.call(work, doing=doing)
            except DatabaseError:
                if not session.is_lost:
                    await session.call(lambda connection: connection.rollback(), doing=doing)
                raise

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk and its receipt in one transaction; a chunk with a receipt is left alone.

        Raises:
            Fenced: the ticket is void.
            ValueRejected: a value has no exact place; nothing of the chunk was written.
            DatabaseError: the database failed; nothing of the chunk was written.
        """
        await self._check_table(copy.target)
        doing = f"writing {copy.target}"
        async with self._session() as seat:
            session = await self._opened(seat)
            await self._hold_lock(seat, session, ticket)
            heard: list[pa.RecordBatch] = []
            afterwards = partial(undo.note_added, copy=copy, batches=heard, rows_by=self._input, run_id=ticket.run_id)
            load = ChunkLoad(copy, chunk, ticket, self._input(copy), afterwards if copy.added_key else None)
            try:
                written = await session.call(load.begin, doing=doing)
                if written is not None:
                    return written
                if refusals is None:
                    receipt = await _loaded(session, load, overheard(batches, heard) if copy.added_key else batches)
                else:
                    receipt = await loaded_piecewise(session, load, batches, self._input, refusals, heard)
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError):
                    session.abandon()  # the server may be waiting for a lock, and would not end its input before
                await _undo(session, load)
                if isinstance(error, ValueRejected) and is_duplicate(error):
                    written = await session.call(load.receipt, doing=doing)
                    if written is not None:
                        return written
                raise
            return await self._committed(session, load, receipt, doing)

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in the database; without columns only the rows are counted."""
        async with self._session() as seat:
            session = await self._opened(seat)
            return await session.call(
                lambda connection: table_digest(connection, table, columns), doing=f"computing the digest of {table}"
            )

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in the database by two CRCs, if it has them."""
        del hash_  # there is one beside MD5
        async with self._session() as seat:
            session = await self._opened(seat)
            return await session.call(
                lambda connection: quick_digest(connection, table, columns), doing=f"computing the digest of {table}"
            )

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        await self._runs.note(run_id, seal)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do; the record stays."""
        await self._runs.close(run_id, seal)

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record; the ledger itself goes with its last run."""
        await self._runs.forget(run_id)

    async def close(self) -> None:
        """End all sessions."""
        for seat in self._seats:
            if seat.session is not None:
                await seat.session.close()
                seat.session = None
        await self._control.close()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[_Seat]:
        """Lend a seat. A session that was lost is ended at the server too: what it held must not stand in the way."""
        seat = await self._free.get()
        try:
            yield seat
        finally:
            if seat.session is not None and seat.session.is_lost:
                lost, seat.session, seat.lock = seat.session, None, ""
                await asyncio.shield(self._retire(lost))
            self._free.put_nowait(seat)

    async def _retire(self, session: BulkSession) -> None:
        await session.close()
        await end_session(self._control, session.connection_id)

    async def _opened(self, seat: _Seat) -> BulkSession:
        """Return the seat's session, a new one if the one it had was ended while it was idle."""
        if seat.session is not None:
            try:
                await seat.session.rows("DO 0", doing="using a session again")
            except DatabaseError:
                lost, seat.session, seat.lock = seat.session, None, ""
                await lost.close()
        if seat.session is None:
            seat.session = await BulkSession.open(self._endpoint, loads=self._allows_infile, sends_rows=True)
        return seat.session

    async def _hold_lock(self, seat: _Seat, session: BulkSession, ticket: Ticket) -> None:
        """Hold one of the locks by which whoever takes the run over finds this session."""
        names = [
            ledger.writer_lock(self._endpoint.database, ticket.run_id, ticket.epoch, slot)
            for slot in range(ledger.WRITER_SLOTS)
        ]
        if seat.lock in names:
            return
        if seat.lock:
            await session.rows("SELECT RELEASE_LOCK(%s)", (seat.lock,), doing="changing to another run")
            seat.lock = ""
        for name in names:
            found = await session.rows("SELECT GET_LOCK(%s, 0)", (name,), doing="joining a run")
            if found[0][0] == 1:
                seat.lock = name
                return
        raise DatabaseError(f"{ledger.WRITER_SLOTS} sessions write for run {ticket.run_id} already", transient=True)

    def _input(self, copy: TableCopy) -> Input:
        if self._allows_infile:
            return InfileInput(copy)
        return InsertInput(copy, self._packet_bytes_max // _PACKET_SHARE)

    async def _check_table(self, table: TableName) -> None:
        """Refuse a table whose engine has no transactions: a chunk's rows and receipt could part.

        Raises:
            DatabaseError: the table's engine is not InnoDB.
        """
        if table in self._checked_tables:
            return
        engine = await self._control.value(
            "SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
            (table.name,),
            doing=f"looking at {table}",
        )
        if engine is not None and engine != "InnoDB":
            raise DatabaseError(f"{table} is kept by {engine}, without transactions; run ALTER TABLE ... ENGINE=InnoDB")
        if engine is not None:
            self._checked_tables.add(table)

    async def _committed(
        self, session: BulkSession, load: ChunkLoad, receipt: ChunkReceipt, doing: str
    ) -> ChunkReceipt:
        """Commit; if the session is lost on the way, end it for good and let the ledger say what happened."""
        try:
            await session.call(commit, doing=doing)
        except DatabaseError:
            if not session.is_lost:
                await _undo(session, load)
                raise
            await end_session(self._control, session.connection_id)
            fresh = await BulkSession.open(self._endpoint)
            try:
                found = await fresh.call(load.receipt, doing="looking whether a commit arrived")
            finally:
                await fresh.close()
            if found is None:
                raise
            return found
        return receipt


async def _loaded(session: BulkSession, load: ChunkLoad, batches: AsyncIterator[Batch]) -> ChunkReceipt:
    """Store a chunk whose transaction is begun, and its receipt; the commit is left to do."""
    doing = f"writing {load.copy.target}"
    await session.call(load.input.begin, doing=doing)
    await _feed(session, load, batches, doing)
    return await session.call(load.finish, doing=doing)


async def _feed(session: BulkSession, load: ChunkLoad, batches: AsyncIterator[Batch], doing: str) -> None:
    """Send batches; one is spelled while the one before is sent."""
    sending: asyncio.Task[None] | None = None
    try:
        async for batch in batches:
            prepared = await in_thread(load.input.prepare, batch.payload)
            if sending is not None:
                await sending
            load.count(batch)
            send = partial(load.send, prepared=prepared)
            sending = asyncio.create_task(session.call(send, doing=doing))
        if sending is not None:
            await sending
    except asyncio.CancelledError:
        if sending is not None:
            sending.cancel()  # which cuts the line, so that nothing is waited for
        raise
    finally:
        if sending is not None and not sending.done():
            await asyncio.wait([sending])


async def _undo(session: BulkSession, load: ChunkLoad) -> None:
    """Undo what was begun; a lost session is undone by the server."""
    if not session.is_lost:
        await asyncio.shield(session.call(load.cancel, doing="undoing a chunk"))
