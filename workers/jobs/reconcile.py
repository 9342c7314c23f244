"""Looking after work that nobody does, on and on, in every worker."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.migrations.assignments import Assignment
from domain.migrations.facts import NoteCancelled
from domain.migrations.progress import RunStatus
from domain.migrations.values import MigrationStatus
from infra.db.stores.migrations.revival import Revival, Revived
from workers.jobs.prepare import prepared_run
from workers.jobs.report import stored_report
from workers.jobs.workshop import Workshop

ROUND_S = 10.0
"""How long it takes at most until somebody looks, beside the lease itself."""

_log = structlog.get_logger(__name__)


async def keep_reconciling(shop: Workshop) -> None:
    """Look now and again until cancelled. Not a job of the queue's: a full queue must not keep it waiting."""
    interval_s = min(ROUND_S, shop.container.settings.worker_lease_s)
    while True:
        try:
            await reconcile(shop)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("cannot reconcile", error=type(error).__name__)
        await asyncio.sleep(interval_s)


async def reconcile(shop: Workshop) -> None:
    """Give out anew what was lost, and hand promised jobs to the queue.

    Raises:
        OSError: the queue cannot be reached.
        SQLAlchemyError: the control store cannot be reached.
    """

    async def is_waiting(assignment: Assignment) -> bool:
        return await shop.container.doorbell.is_waiting(assignment.job)

    revival = Revival(shop.container.database, is_waiting)
    for migration_id in await revival.suspects():
        revived = await revival.revive(migration_id)
        if revived is None:
            continue
        if revived.lost or revived.given:
            given = [assignment.task for assignment in revived.given]
            _log.warning("work was lost", migration=str(migration_id), lost=revived.lost, given=given)
        if revived.status is MigrationStatus.CANCELLING and revived.idle:
            await _cancelled(shop, revived)
    while await shop.relay():
        pass


async def _cancelled(shop: Workshop, revived: Revived) -> None:
    """End a migration whose end was asked for and that nobody works on any more."""
    stored = await shop.plans.find(revived.migration_id)
    prepared = prepared_run(stored) if stored else None
    report = await stored_report(shop.container.database, revived.migration_id, RunStatus.CANCELLED, prepared)
    await shop.tell(NoteCancelled(migration_id=revived.migration_id, report=report))
