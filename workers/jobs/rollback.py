"""The job that puts a migration's target back as it was before."""

from __future__ import annotations

from typing import Any

from domain.kernel.errors import Conflict, DatabaseError, NotFound
from domain.kernel.failpoints import failpoint
from domain.migrations.rollback import RollbackOptions, RollbackReport, RollbackState
from domain.migrations.rolling_back import NoteRolledBack
from domain.migrations.transfer import Target
from infra.db.stores.migrations.rollbacks import RollbackBook
from workers.engine.ends import open_target
from workers.engine.retry import retrying
from workers.engine.rollback import RollbackPlan, allowed_rollback, carry_out, is_untouched
from workers.jobs.duty import Duty, perform
from workers.jobs.workshop import KEY, run_id


async def rollback_migration(ctx: dict[str, Any], _migration_id: str) -> None:
    """Roll a migration back; arq calls this."""
    await perform(ctx[KEY], ctx["job_id"], lambda duty: retrying(lambda: _roll_back(duty), duty.patience))


async def _roll_back(duty: Duty) -> None:
    brief = await duty.brief()
    book = RollbackBook(duty.shop.container.database, duty.assignment)
    earlier = await book.earlier()
    connector, endpoint = await duty.shop.target(brief)
    async with open_target(connector, endpoint) as target:
        plan = await _plan(duty, target, brief.rollback or RollbackOptions(), earlier)
        if plan is not None:
            await _carry_out(duty, target, plan, book)
        else:
            await target.forget_run(run_id(duty.migration_id))  # an empty ledger may have been left behind
    failpoint("undo.finished")
    state = await book.earlier()
    report = state.report if state else RollbackReport(run_id(duty.migration_id), (), (), ())
    await duty.shop.tell(NoteRolledBack(migration_id=duty.migration_id, report=report))
    failpoint("job.told")


async def _carry_out(duty: Duty, target: Target, plan: RollbackPlan, book: RollbackBook) -> None:
    """Do what is planned; if the target does not even let it begin, it was refused, and nothing has begun.

    Raises:
        DatabaseError: the target failed.
    """
    try:
        await carry_out(target, plan, duty.control, _Noting(duty, book))
    except DatabaseError:
        if await is_untouched(target, plan.record.run_id):
            await book.withdraw()
        raise


async def _plan(
    duty: Duty, target: Target, options: RollbackOptions, earlier: RollbackState | None
) -> RollbackPlan | None:
    """Return what is to be done; nothing if the target has forgotten the run as it should, or never heard of it.

    Raises:
        Conflict: it may not be done, or the target has forgotten the run for a reason of its own.
        DatabaseError: the target failed.
    """
    try:
        return await allowed_rollback(target, run_id(duty.migration_id), options)
    except NotFound as error:
        is_over = earlier is not None and earlier.is_done
        if is_over or await duty.shop.plans.find(duty.migration_id) is None:
            return None
        raise Conflict(
            "The target remembers nothing of this migration: it was rolled back or forgotten from the command line, "
            "or its connection leads to another database now."
        ) from error


class _Noting:
    """Notes each act before the next one is done, and wakes those who follow the migration."""

    def __init__(self, duty: Duty, book: RollbackBook) -> None:
        self._duty = duty
        self._book = book

    async def report(self, state: RollbackState) -> None:
        """Take note."""
        await self._book.report(state)
        self._duty.stall.moved()
        await self._duty.show()
