"""Opening, taking over and closing runs in the ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from domain.kernel.errors import Conflict, DatabaseError, ErrorCode, NotFound
from domain.kernel.failpoints import failpoint
from domain.migrations.runs import RunRecord, RunState, shelved
from domain.migrations.transfer import ChunkReceipt, Ticket
from infra.clock import first_epoch
from infra.connectors.mysql import ledger
from infra.connectors.mysql.capabilities import LOCK_WAIT_S
from infra.connectors.mysql.rejects import rejected_row

if TYPE_CHECKING:
    from domain.migrations.rejects import Place, RejectedRow
    from infra.connectors.mysql.session import Control, Row

_TAKEOVER_TRIES = 5
_GONE_TIMEOUT_S = 30
_GONE_POLL_S = 0.05


class RunBook:
    """The ledger's runs, as seen from a control session."""

    def __init__(self, control: Control, database: str) -> None:
        self._control = control
        self._database = database

    async def take(self, run_id: str, plan_hash: str) -> Ticket:
        """Open a run, or take it over from whoever has it.

        Raises:
            Conflict: the ledger knows this run under another plan.
            DatabaseError: the ledger's tables may not be created, or the run could not be had in time.
        """
        await self._control.rows(f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}")
        for attempt in range(1, _TAKEOVER_TRIES + 1):
            try:
                return await self._take_once(run_id, plan_hash)
            except DatabaseError as error:
                is_passing = error.code in (ErrorCode.DATABASE_BUSY, ErrorCode.TABLE_NOT_FOUND)
                if not is_passing or attempt == _TAKEOVER_TRIES:
                    raise
        raise DatabaseError(f"run {run_id} could not be taken over", transient=True)

    async def knows(self, run_id: str) -> bool:
        """Whether the ledger holds the run, not finished yet."""
        known = await self.record(run_id)
        return known is not None and known.state is RunState.OPEN

    async def records(self) -> tuple[RunRecord, ...]:
        """All runs, in the order in which they began."""
        return tuple(ledger.record(row) for row in await self._rows_if_any(ledger.RECORDS, ()))

    async def record(self, run_id: str) -> RunRecord | None:
        """One run, or nothing."""
        return next((found for found in await self.records() if found.run_id == run_id), None)

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the run's schema steps that are done."""
        return frozenset(int(number) for (number,) in await self._rows_if_any(ledger.STEPS_DONE, (run_id,)))

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the run's chunks."""
        return tuple(ledger.receipt(row) for row in await self._rows_if_any(ledger.RECEIPTS, (run_id,)))

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the run's next rejected rows behind a place."""
        args = (run_id, *(after or (-1, -1, -1)), rows_max)
        return tuple(rejected_row(row) for row in await self._rows_if_any(ledger.REJECTED, args))

    async def note(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        if await self.knows(run_id):
            await self._control.rows(ledger.NOTE_RUN, (seal, run_id), doing="noting something of a run")

    async def close(self, run_id: str, seal: str) -> None:
        """Note that nothing is left to do for a run."""
        if await self.knows(run_id):
            await self._control.rows(ledger.CLOSE_RUN, (seal, run_id), doing="closing a run")

    async def begin_undo(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it, once nobody writes for it any more.

        Raises:
            NotFound: the ledger does not know the run.
        """
        known = await self.record(run_id)
        if known is None:
            raise NotFound(f"This database remembers no run {run_id}.")
        await self._end_writers(run_id, known.epoch)
        kept = known.seal if known.state is RunState.UNDOING else seal
        await self._control.rows(ledger.BEGIN_UNDO, (kept, run_id, known.epoch), doing="beginning a rollback")
        return Ticket(run_id, known.epoch + 1, known.plan_hash)

    async def rows_if_any(self, sql: str, args: tuple[object, ...]) -> list[Row]:
        """Return rows of the ledger, none if there is no ledger."""
        return await self._rows_if_any(sql, args)

    async def forget(self, run_id: str) -> None:
        """Forget a run, and drop the ledger if it was the last one."""
        if await self.record(run_id) is not None:
            await self._remove(run_id)
        await self._drop_if_empty()

    async def _remove(self, run_id: str) -> None:
        """Remove all that is kept of a run; its own row goes last, so that this may be done again."""
        for (side,) in await self._control.rows(ledger.SIDES, (run_id,), doing="forgetting a run"):
            await self._control.rows(f"DROP TABLE IF EXISTS {side}", doing="dropping what was kept for a run")
            failpoint("undo.staged")
        for statement in ledger.FORGET_RUN:
            await self._control.rows(statement, (run_id,), doing="forgetting a run")
            failpoint("undo.staged")

    async def _drop_if_empty(self) -> None:
        """Drop the ledger if no run is left in it.

        It is locked meanwhile, so no run can begin between the look and the drop. A user who may not
        lock or drop tables leaves an empty ledger behind.
        """
        try:
            await self._control.rows(ledger.HOLD_LEDGER, doing="locking the ledger")
        except DatabaseError as error:
            if error.code in (ErrorCode.PRIVILEGE_MISSING, ErrorCode.TABLE_NOT_FOUND):
                return
            raise
        try:
            if not await self._control.value(ledger.RUNS_LEFT):
                await self._control.rows(ledger.DROP_LEDGER, doing="dropping the empty ledger")
        except DatabaseError as error:
            if error.code is not ErrorCode.PRIVILEGE_MISSING:
                raise
        finally:
            await self._control.rows("UNLOCK TABLES")

    async def _take_once(self, run_id: str, plan_hash: str) -> Ticket:
        for statement in ledger.CREATE_LEDGER:
            await self._control.rows(statement, doing="creating the ledger")
        known = await self.record(run_id)
        if known is not None:
            await self._end_writers(run_id, known.epoch)
            await self._shelve(known)
        first = known.epoch + 1 if known else first_epoch()
        await self._control.rows(ledger.TAKE_RUN, (run_id, plan_hash, first), doing=f"opening run {run_id}")
        epoch = int(await self._control.value(ledger.TAKEN_EPOCH))
        held = await self.record(run_id)
        if held is not None and held.state is RunState.UNDOING:
            raise Conflict(f"run {run_id} is being rolled back; finish that first")
        if held is not None and held.plan_hash != plan_hash:
            raise Conflict(
                f"run {run_id} is under way in this database with another plan; finish or roll back that one first"
            )
        if not epoch:
            raise DatabaseError(f"the session was lost while run {run_id} was opened", transient=True)
        return Ticket(run_id, epoch, plan_hash)

    async def _shelve(self, known: RunRecord) -> None:
        """Put a closed run away under another id; its own row comes last, so that this may be done again."""
        if known.state is RunState.CLOSED:
            for statement in ledger.SHELVE_RUN:
                await self._control.rows(
                    statement, (shelved(known.run_id, known.epoch), known.run_id), doing="putting a closed run away"
                )

    async def _end_writers(self, run_id: str, epoch: int) -> None:
        """End the sessions that write with a ticket of an epoch; one that is frozen would keep its locks forever."""
        names = [ledger.writer_lock(self._database, run_id, epoch, slot) for slot in range(ledger.WRITER_SLOTS)]
        asked = ", ".join("IS_USED_LOCK(%s)" for _ in names)
        holders = (await self._control.rows(f"SELECT {asked}", tuple(names), doing="looking for other writers"))[0]
        for holder in holders:
            if holder is not None:
                await end_session(self._control, int(holder))

    async def _rows_if_any(self, sql: str, args: tuple[object, ...]) -> list[Row]:
        """Return rows of the ledger, none if there is no ledger."""
        try:
            return await self._control.rows(sql, args, doing="reading the ledger")
        except DatabaseError as error:
            if error.code is ErrorCode.TABLE_NOT_FOUND:
                return []
            raise


async def end_session(control: Control, connection_id: int) -> None:
    """End another session of ours at the server and wait until it is gone, its transaction with it.

    Raises:
        DatabaseError: it is still there after half a minute (a long rollback).
    """
    alive = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s"
    try:
        await control.rows(f"KILL CONNECTION {connection_id}", doing="ending a session")
    except DatabaseError:
        if await control.value(alive, (connection_id,)):
            raise
        return
    for _ in range(round(_GONE_TIMEOUT_S / _GONE_POLL_S)):
        if not await control.value(alive, (connection_id,), doing="waiting for a session's end"):
            return
        await asyncio.sleep(_GONE_POLL_S)
    raise DatabaseError(f"session {connection_id} is still rolling back; try again later", transient=True)
