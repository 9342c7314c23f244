"""Sources and targets that try again what may be tried again as it stands.

Everything but the rows themselves: a lost session costs a moment, not the run. Rows are read and
written together, so their retry belongs to the chunk (`pipeline.copy_chunk`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar, cast

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.errors import DatabaseError, SnapshotLost
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, QuickDigests, RowHash
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.moments import Moment
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.rollback import TableUndone, TableUse, UndoBook, UndoStep
from domain.migrations.runs import RunRecord
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkReceipt,
    Consistency,
    Refusals,
    Source,
    TableCopy,
    Target,
    Ticket,
)
from workers.engine.retry import STANDARD_RETRY, retrying

T = TypeVar("T")


class PatientSource:
    """A source whose questions are asked again after a transient failure.

    If its snapshot is lost, it is opened anew; should that show the same moment, nothing is lost after all.
    """

    def __init__(self, source: Source, reopen: Callable[[], Awaitable[Source]]) -> None:
        self._source = source
        self._reopen = reopen
        self._renewing = asyncio.Lock()

    @property
    def consistency(self) -> Consistency:
        """What this source's reads have in common."""
        return self._source.consistency

    @property
    def readers(self) -> int:
        """How many of its sessions may be at work at once."""
        return self._source.readers

    @property
    def moment(self) -> Moment:
        """The state that its sessions see."""
        return self._source.moment

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database."""
        return await self._asked(lambda source: source.introspect())

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table into chunks."""
        return await self._asked(lambda source: source.split(copy, rows_max))

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncGenerator[Batch]:
        """Read a chunk, once."""
        source = self._source
        batches = source.read(copy, chunk)
        try:
            async for batch in batches:
                yield batch
        except SnapshotLost as lost:
            await self._renew(source, lost)
            raise DatabaseError(f"{lost.message} It was opened again and has not changed.", transient=True) from lost
        finally:
            if isinstance(batches, AsyncGenerator):
                await batches.aclose()

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row."""
        return await self._asked(lambda source: source.orphans(table, key))

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit."""
        return await self._asked(lambda source: source.profile(copy, limits, rejecting))

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest."""
        return await self._asked(lambda source: source.digest(table, columns, treatments))

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest by a hash of its capabilities."""
        return await self._asked(lambda source: cast("QuickDigests", source).quick_digest(hash_, table, columns))

    async def close(self) -> None:
        """End all sessions."""
        await self._source.close()

    async def _asked(self, question: Callable[[Source], Awaitable[T]]) -> T:
        """Ask until there is an answer, of another source of the same moment if need be."""
        source = self._source
        try:
            return await retrying(lambda: question(source), STANDARD_RETRY)
        except SnapshotLost as lost:
            await self._renew(source, lost)
        return await retrying(lambda: question(self._source), STANDARD_RETRY)

    async def _renew(self, old: Source, lost: SnapshotLost) -> None:
        """Put another source of the same moment in the place of one that is lost, unless somebody has done so.

        Raises:
            SnapshotLost: there is none: the database has changed, is out of reach, or nobody can tell.
        """
        async with self._renewing:
            if self._source is not old:
                return
            try:
                new = await retrying(self._reopen, STANDARD_RETRY)
            except DatabaseError as error:
                raise SnapshotLost(f"{lost.message} {error.message}") from lost
            if not new.moment.is_same_as(old.moment):
                await new.close()
                raise lost
            self._source = new
            await old.close()


class PatientUndo:
    """A book whose questions and acts, each of which done twice has the effect of once, are repeated."""

    def __init__(self, book: UndoBook) -> None:
        self._book = book

    @property
    def reason_against(self) -> str:
        """Why no run into this target can be taken back."""
        return self._book.reason_against

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Note how a table is used, and keep what its rollback will need."""
        await retrying(lambda: self._book.use(use, ticket), STANDARD_RETRY)

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """The tables that were there before a run."""
        return await retrying(lambda: self._book.uses(run_id), STANDARD_RETRY)

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """The steps that a run has done."""
        return await retrying(lambda: self._book.steps(run_id), STANDARD_RETRY)

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it."""
        return await retrying(lambda: self._book.begin(run_id, seal), STANDARD_RETRY)

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Run a step's statements and forget the step."""
        await retrying(lambda: self._book.take_back(step, ticket), STANDARD_RETRY)

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows of the run from a table that was there before it."""
        return await retrying(lambda: self._book.remove_rows(use, ticket), STANDARD_RETRY)

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Bring the rows back that the run has replaced."""
        await retrying(lambda: self._book.restore_rows(use, ticket), STANDARD_RETRY)

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the mark."""
        return await retrying(lambda: self._book.set_aside(mark, table, ticket), STANDARD_RETRY)


class PatientTarget:
    """A target whose questions and statements, each of which done twice has the effect of once, are repeated."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._undo = PatientUndo(target.undo)

    @property
    def undo(self) -> PatientUndo:
        """What the database keeps so that runs can be taken back."""
        return self._undo

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database, without the ledger."""
        return await retrying(self._target.introspect, STANDARD_RETRY)

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""
        return await retrying(lambda: self._target.row_counts(tables), STANDARD_RETRY)

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table."""
        await retrying(lambda: self._target.truncate(table), STANDARD_RETRY)

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over; taken twice, the second ticket counts."""
        return await retrying(lambda: self._target.open_run(run_id, plan_hash), STANDARD_RETRY)

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        return await retrying(lambda: self._target.knows_run(run_id), STANDARD_RETRY)

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the ledger remembers."""
        return await retrying(self._target.runs, STANDARD_RETRY)

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        return await retrying(lambda: self._target.steps_done(run_id), STANDARD_RETRY)

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        return await retrying(lambda: self._target.receipts(run_id), STANDARD_RETRY)

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows."""
        return await retrying(lambda: self._target.rejected(run_id, after, rows_max), STANDARD_RETRY)

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done."""
        await retrying(lambda: self._target.execute(step, ticket), STANDARD_RETRY)

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk and its receipt, once."""
        return await self._target.write(copy, chunk, batches, ticket, refusals)

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest."""
        return await retrying(lambda: self._target.digest(table, columns), STANDARD_RETRY)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest by a hash of its capabilities."""
        target = cast("QuickDigests", self._target)
        return await retrying(lambda: target.quick_digest(hash_, table, columns), STANDARD_RETRY)

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        await retrying(lambda: self._target.note_run(run_id, seal), STANDARD_RETRY)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do."""
        await retrying(lambda: self._target.close_run(run_id, seal), STANDARD_RETRY)

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record."""
        await retrying(lambda: self._target.forget_run(run_id), STANDARD_RETRY)

    async def close(self) -> None:
        """End all sessions."""
        await self._target.close()
