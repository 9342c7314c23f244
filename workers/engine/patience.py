"""Sources and targets that try again what may be tried again as it stands.

Everything but the rows themselves: a lost session costs a moment, not the run. Rows are read and
written together, so their retry belongs to the chunk (`pipeline.copy_chunk`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.values import Rows
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.rollback import TableUndone, TableUse, UndoBook, UndoStep
from domain.migrations.runs import RunRecord
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkReceipt,
    Consistency,
    Digest,
    DigestColumn,
    Source,
    TableCopy,
    Target,
    Ticket,
)
from workers.engine.retry import STANDARD_RETRY, retrying


class PatientSource:
    """A source whose questions are asked again after a transient failure."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def consistency(self) -> Consistency:
        """What this source's reads have in common."""
        return self._source.consistency

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database."""
        return await retrying(self._source.introspect, STANDARD_RETRY)

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table into chunks."""
        return await retrying(lambda: self._source.split(copy, rows_max), STANDARD_RETRY)

    def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk, once."""
        return self._source.read(copy, chunk)

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row."""
        return await retrying(lambda: self._source.orphans(table, key), STANDARD_RETRY)

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit."""
        return await retrying(lambda: self._source.profile(copy, limits, rejecting), STANDARD_RETRY)

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest."""
        return await retrying(lambda: self._source.digest(table, columns, treatments), STANDARD_RETRY)

    async def close(self) -> None:
        """End all sessions."""
        await self._source.close()


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

    async def set_aside(self, run_id: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the run."""
        return await retrying(lambda: self._book.set_aside(run_id, table, ticket), STANDARD_RETRY)


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

    async def write(self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch], ticket: Ticket) -> ChunkReceipt:
        """Write a chunk and its receipt, once."""
        return await self._target.write(copy, chunk, batches, ticket)

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest."""
        return await retrying(lambda: self._target.digest(table, columns), STANDARD_RETRY)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do."""
        await retrying(lambda: self._target.close_run(run_id, seal), STANDARD_RETRY)

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record."""
        await retrying(lambda: self._target.forget_run(run_id), STANDARD_RETRY)

    async def close(self) -> None:
        """End all sessions."""
        await self._target.close()
