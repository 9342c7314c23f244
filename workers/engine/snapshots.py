"""What becomes of a run when the source's snapshot is lost, and which snapshots its rows were read in.

A run notes the moment it reads in its target's ledger. When that moment is lost it pauses: the rows
that are copied and those that are not would come from two states of the source. Somebody who knows
the source chooses whether to copy all of it again from one state, or to go on with another one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from domain.kernel.errors import Conflict, DatabaseError, SnapshotLost
from domain.migrations.moments import CHOICES, Moment, OnLostSnapshot, distinct
from domain.migrations.pausing import pause_after
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackOptions
from domain.migrations.transfer import Target
from workers.engine.control import Control
from workers.engine.ends import Ends
from workers.engine.prepare import RunRequest
from workers.engine.rollback import Unheard, allowed_rollback, carry_out, is_beginning_again
from workers.engine.seal import note, noted

T = TypeVar("T")


async def choose_snapshot(ends: Ends, request: RunRequest, control: Control) -> None:
    """Do what was chosen for a run that has lost its snapshot; other runs need no choice.

    A run that was interrupted while it took itself back goes on with that first. One that goes on with another
    snapshot needs the choice again should it be interrupted once more: it may still start over.

    Raises:
        Conflict: nothing was chosen, or what was copied cannot be taken back.
        DatabaseError: the target failed.
    """
    if await is_beginning_again(ends.target, request.run_id):
        await take_back(ends.target, request.run_id, control)
    seal = await noted(ends.target, request.run_id)
    if not seal.lost or request.restart:
        return
    if request.on_lost_snapshot is None:
        raise Conflict(f"This run has lost its snapshot and needs a choice: {CHOICES}. {seal.lost}")
    if request.on_lost_snapshot is OnLostSnapshot.RESTART:
        await take_back(ends.target, request.run_id, control)


async def take_back(target: Target, run_id: str, control: Control) -> None:
    """Remove all that an unfinished run has brought into the target, so that it can begin again.

    Raises:
        Conflict: it cannot be taken back.
        DatabaseError: the target failed.
    """
    if not (await target.knows_run(run_id) or await is_beginning_again(target, run_id)):
        return
    if target.undo.reason_against:
        await target.forget_run(run_id)
        return
    plan = await allowed_rollback(target, run_id, RollbackOptions())
    await carry_out(target, replace(plan, begins_again=True), control, Unheard())


async def take_back_unseen(target: Target, run_id: str, control: Control) -> bool:
    """Take an unfinished run back that copied before anybody had looked at the values; return whether it was one.

    So is one that was interrupted before it could note that, and has made nothing.

    Raises:
        DatabaseError: the target failed.
    """
    unseen = (await noted(target, run_id)).unseen or await _has_only_begun(target, run_id)
    if unseen:
        await take_back(target, run_id, control)
    return unseen


async def _has_only_begun(target: Target, run_id: str) -> bool:
    return (
        await target.knows_run(run_id)
        and not await target.steps_done(run_id)
        and not await target.undo.uses(run_id)
        and not await target.receipts(run_id)
    )


async def begin_reading(ends: Ends, run_id: str) -> tuple[Moment, ...]:
    """Note the moment that a run reads from now on; return all that its rows were read in, this one last.

    Raises:
        DatabaseError: the target failed.
    """
    seal = await noted(ends.target, run_id)
    moments = distinct((*seal.moments, ends.source.moment))
    await note(ends.target, run_id, replace(seal, moments=moments))
    return moments


async def note_lost(ends: Ends, run_id: str, lost: SnapshotLost) -> Failure | None:
    """Note that a run has lost its snapshot, and return why it pauses and what to choose from.

    Raises:
        DatabaseError: the target failed.
    """
    seal = await noted(ends.target, run_id)
    await note(ends.target, run_id, replace(seal, lost=lost.message))
    return pause_after(Failure(lost.code, lost.message), has_copied=True)


async def retaken(work: Callable[[], Awaitable[T]]) -> T:
    """Do what begins with a snapshot of its own, to which nothing is bound that was done before.

    Raises:
        DatabaseError: that snapshot was lost, which may pass with another one.
    """
    try:
        return await work()
    except SnapshotLost as lost:
        raise DatabaseError(lost.message, transient=True) from lost
