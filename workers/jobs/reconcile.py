"""Looking after work that nobody does, on and on, in every worker."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.kernel.errors import ConcurrencyConflict, ErrorCode
from domain.migrations.assignments import Assignment
from domain.migrations.report import Failure
from infra.db.stores.migrations.revival import LOOPING, Revival
from workers.jobs.duty import leave
from workers.jobs.workshop import Workshop

ROUND_S = 2.0
"""How long it takes at most until somebody looks, beside the lease itself. A look is one cheap statement."""

_log = structlog.get_logger(__name__)


class Reconciler:
    """Looks after work now and again. Not a job of the queue's: a full queue must not keep it waiting."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._revival = Revival(shop.container.database, self._is_waiting)
        self._missed: set[Assignment] = set()
        """What the queue did not hold at the last look, and no worker either."""
        self._missing: set[Assignment] = set()

    async def keep(self) -> None:
        """Look until cancelled."""
        interval_s = min(ROUND_S, self._shop.container.settings.worker_lease_s)
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError, ConcurrencyConflict) as error:
                _log.warning("cannot reconcile", error=type(error).__name__)
            await asyncio.sleep(interval_s)

    async def look(self) -> None:
        """Give out anew what was lost, and hand promised jobs to the queue.

        Raises:
            OSError: the queue cannot be reached.
            SQLAlchemyError: the control store cannot be reached.
            ConcurrencyConflict: others were faster again and again.
        """
        self._missed, self._missing = self._missing, set()
        for migration_id in await self._revival.suspects():
            revived = await self._revival.revive(migration_id)
            if revived is None:
                continue
            if revived.lost or revived.given:
                given = [assignment.task for assignment in revived.given]
                _log.warning("work was lost", migration=str(migration_id), lost=revived.lost, given=given)
            if revived.is_looping:
                failure = Failure(ErrorCode.INTERNAL, LOOPING.format(losses=revived.losses))
                await self._shop.pulse.fail(migration_id, failure)
                await leave(self._shop, migration_id)
            if revived.is_ending and revived.idle:
                await leave(self._shop, migration_id)
        while await self._shop.relay():
            pass

    async def _is_waiting(self, assignment: Assignment) -> bool:
        """Tell whether a job waits in the queue; one that is missing for the first time may just be on its way."""
        if await self._shop.container.doorbell.is_waiting(assignment.job):
            return True
        self._missing.add(assignment)
        return assignment not in self._missed
