"""One assignment in a worker's hands: taken under a lease, kept alive while the work goes on, and left in order."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.kernel.errors import ConcurrencyConflict, ErrorCode, Fenced, WherryError
from domain.kernel.failpoints import failpoint
from domain.migrations.assignments import ROLLBACK, Assignment
from domain.migrations.facts import NoteCancelled, NoteFailed, NotePaused, NoteTables
from domain.migrations.pausing import pause_after
from domain.migrations.progress import RunStatus
from domain.migrations.report import Failure
from domain.migrations.rolling_back import NoteRollbackFailed
from domain.migrations.signals import MigrationLogged, MigrationProgressUpdated
from domain.migrations.values import LogLevel, MigrationStatus
from infra.db.readers.migration_brief import Brief, read_brief
from infra.db.stores.migrations.chunks import read_readings
from infra.db.stores.migrations.progress import show_progress
from infra.db.stores.migrations.pulse import UnderWay
from workers.engine.concurrency import cancelled
from workers.engine.control import Ask, ControlSwitch, Stopped, attended, check
from workers.engine.retry import RetryPolicy
from workers.jobs.report import stored_report
from workers.jobs.settle import settle
from workers.jobs.stall import StallWatch, where_everything_waits, write_dump
from workers.jobs.workshop import Workshop

BEAT_S = 0.5
"""How often a duty gives a sign of life, shows its progress, and looks whether it should stop."""

TRUSTED = 0.8
"""The part of a lease for which it is taken for granted that nobody else has taken over."""

PATIENCE = RetryPolicy(attempts_max=6, pause_s=1.0, pause_max_s=15.0)
"""About half a minute in all, beside what the engine does about single statements."""

UNEXPECTED = "Something went wrong on our side; the worker's log says what."

NO_MEMORY = (
    "The worker has not enough memory for what it had in hand. Rows of a chunk may be very long: choose a smaller "
    "batchSize or give workers more memory, and resume."
)

_log = structlog.get_logger(__name__)

_ASKS = {MigrationStatus.PAUSING: Ask.PAUSE, MigrationStatus.PAUSED: Ask.PAUSE, MigrationStatus.CANCELLING: Ask.CANCEL}


class Duty:
    """An assignment while it is worked on."""

    def __init__(self, shop: Workshop, assignment: Assignment) -> None:
        self.shop = shop
        self.assignment = assignment
        self.migration_id = assignment.migration_id
        self.control = ControlSwitch()
        self.under_way = UnderWay()
        self.table_done = False
        """Whether a table was completed that has not been told of."""
        self.patience = PATIENCE
        """How the work as a whole is tried again when a database is away for a while."""
        self.stall = StallWatch(shop.container.settings.worker_stall_s)
        self.lost = False
        """Whether the assignment is no longer ours."""
        self._beaten_at = -math.inf
        """When the last sign of life was sent that arrived."""

    async def brief(self) -> Brief:
        """Return what is to be known of the migration."""
        return await read_brief(self.shop.container.database, self.migration_id)

    async def log(self, level: LogLevel, message: str, **context: str) -> None:
        """Add an entry to the migration's log."""
        await self.shop.pulse.log(self.migration_id, level, message, **context)
        await self.shop.publish(MigrationLogged.of(self.migration_id))

    async def keep(self) -> None:
        """Give signs of life until cancelled, or until the assignment is lost."""
        while not self.lost:
            self.shop.in_hand[self.assignment] = time.monotonic()
            try:
                await self._beat()
                if self.stall.begins_to_stall():
                    await self._tell_stall()
            except (SQLAlchemyError, OSError, WherryError) as error:
                _log.warning("a sign of life is missing", error=type(error).__name__)
            await asyncio.sleep(BEAT_S)

    async def show(self, *, now: bool = False) -> None:
        """Tell subscribers how far the migration has come; `now` even if that was told a moment ago."""
        database = self.shop.container.database
        shown = await (
            show_progress(database, self.migration_id, 0) if now else show_progress(database, self.migration_id)
        )
        if shown:
            await self.shop.publish(MigrationProgressUpdated.of(self.migration_id))

    async def look(self) -> None:
        """Give a sign of life, and find out what is wanted.

        Raises:
            Stopped: a pause or the end of the migration is wanted.
        """
        await self._beat()
        await check(self.control)

    async def ask(self) -> Ask:
        """Say what is wanted; if the lease may have run out meanwhile, after a sign of life.

        A process that was frozen does not know it, and would go on for a moment. That matters where no ticket in
        the target could have been made void meanwhile, since there is none yet.
        """
        if time.monotonic() - self._beaten_at > TRUSTED * self.shop.container.settings.worker_lease_s:
            await self._beat()
        return self.control.asked

    async def is_to_stop(self) -> bool:
        """Tell whether somebody waits for the last worker to leave the migration: to fail, pause or end."""
        status = (await self.brief()).status
        stopping = status in (MigrationStatus.PAUSING, MigrationStatus.CANCELLING)
        return stopping or (not status.is_settled and await self.shop.pulse.failure(self.migration_id) is not None)

    def _is_undone(self, status: MigrationStatus) -> bool:
        """Tell whether what this duty is about is being rolled back meanwhile."""
        return status is MigrationStatus.ROLLING_BACK and self.assignment.task != ROLLBACK

    async def _tell_stall(self) -> None:
        settings, task = self.shop.container.settings, self.assignment.task
        name = f"{self.migration_id}-{task}"
        dump = await asyncio.to_thread(write_dump, settings.home, name, where_everything_waits())
        _log.warning("nothing moves", job=self.assignment.key, dump=str(dump))
        await self.log(
            LogLevel.WARNING,
            f"Nothing has moved for {settings.worker_stall_s:.0f} s. A server may be waiting for a lock, be busy with "
            "one long statement, or be out of reach; the worker's diagnostics say what is waited for.",
            task=task,
        )

    async def _beat(self) -> None:
        sent_at = time.monotonic()
        standing = await self.shop.pulse.beat(self.assignment, self.under_way)
        self._beaten_at = sent_at
        self.lost = standing is None
        if standing is None or standing.is_failing or standing.status.is_settled or self._is_undone(standing.status):
            self.control.set(Ask.CANCEL)
            return
        self.control.set(_ASKS.get(standing.status, Ask.RUN))
        if self.table_done:
            self.table_done = False
            await self.shop.tell(NoteTables(migration_id=self.migration_id))
        await self.show()


async def perform(shop: Workshop, key: str, work: Callable[[Duty], Awaitable[None]]) -> None:
    """Do the assignment that a job's key names, unless it has been replaced or is in other hands.

    Expected failures end the migration. A control store that cannot be reached does not, nor one in which
    others were faster again and again: the lease then runs out, or the end is told by whoever looks after it.
    """
    assignment = Assignment.of_key(key)
    try:
        if not await shop.leases.take(assignment):
            return
        failpoint("job.taken")
        await _attended(Duty(shop, assignment), work)
    except (SQLAlchemyError, OSError, ConcurrencyConflict) as error:
        _log.warning("control store out of reach", error=type(error).__name__, job=key)


async def _attended(duty: Duty, work: Callable[[Duty], Awaitable[None]]) -> None:
    """Do what a duty is about while signs of life are given."""
    keeper = asyncio.create_task(duty.keep())
    try:
        if await _done(duty, work):
            await leave(duty.shop, duty.migration_id)
    finally:
        await cancelled([keeper])
        duty.shop.in_hand.pop(duty.assignment, None)


async def _done(duty: Duty, work: Callable[[Duty], Awaitable[None]]) -> bool:
    """Do the work and give the assignment up; tell whether it came to no good end and was ours to the last."""
    shop, assignment = duty.shop, duty.assignment
    try:
        await duty.look()
        await attended(lambda: work(duty), duty.control)
        failpoint("job.done")
        stopping = await duty.is_to_stop()
    except Stopped:
        _log.debug("stopped", job=assignment.key)
    except Fenced as error:
        _log.info("taken over by another worker", job=assignment.key, reason=error.message)
        await shop.leases.finish(assignment)
        return False
    except WherryError as error:
        await shop.pulse.fail(duty.migration_id, Failure(error.code, error.message))
    except asyncio.CancelledError:
        await shop.leases.put_back(assignment)
        raise
    except (SQLAlchemyError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a driver throws must end the migration, not hang it
        _log.error("crashed", job=assignment.key, exc_info=error)
        reason = NO_MEMORY if isinstance(error, MemoryError) else UNEXPECTED
        await shop.pulse.fail(duty.migration_id, Failure(ErrorCode.INTERNAL, reason))
    else:
        await shop.leases.finish(assignment)
        return stopping
    if duty.lost:
        return False
    await duty.show(now=True)
    await shop.leases.finish(assignment)
    return True


async def leave(shop: Workshop, migration_id: UUID) -> None:
    """Note the failure, pause or wished-for end of a migration, once the last worker has left it."""
    if await shop.leases.in_hand(migration_id):
        return
    failure = await shop.pulse.failure(migration_id)
    brief = await read_brief(shop.container.database, migration_id)
    if brief.status is MigrationStatus.ROLLING_BACK:
        if failure is not None:
            await shop.tell(NoteRollbackFailed(migration_id=migration_id, failure=failure))
        return
    reason = None
    if failure is not None:
        has_copied = bool(await read_readings(shop.container.database, migration_id))
        reason = pause_after(failure, has_copied=has_copied)
    if reason and brief.status is MigrationStatus.CANCELLING:
        reason = failure = None  # what is to end needs nobody's help any more
    is_pausing = failure is None and brief.status is MigrationStatus.PAUSING
    has_lost = await shop.leases.has_lost(migration_id)  # a worker that may be asleep in a transaction
    if has_lost if is_pausing else (failure is not None or brief.status is MigrationStatus.CANCELLING):
        await settle(shop, migration_id, brief, for_good=has_lost or failure is None, asleep=has_lost)
    if is_pausing:
        await shop.tell(NotePaused(migration_id=migration_id))
        return
    if reason and await shop.plans.find(migration_id) is not None:  # before its plan stands there is nothing to keep
        await shop.tell(NotePaused(migration_id=migration_id, reason=reason))
        return
    status = RunStatus.FAILED if failure else RunStatus.CANCELLED
    report = await stored_report(shop, migration_id, status)
    if failure is None:
        await shop.tell(NoteCancelled(migration_id=migration_id, report=report))
    else:
        report = replace(report, error=failure)
        await shop.tell(NoteFailed(migration_id=migration_id, failure=failure, report=report))
