"""The report of a migration whose work was shared out: counters of the control store, objects of the plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.kernel.values import Rows
from domain.migrations.moments import Moment, distinct
from domain.migrations.progress import RunProgress, RunStatus
from domain.migrations.report import RunReport
from domain.migrations.transfer import ChunkReceipt, Consistency
from infra.clock import SystemClock
from infra.db.readers.migration_state import read_state
from infra.db.stores.migrations.chunks import read_readings
from infra.db.stores.migrations.moments import read_moments
from infra.stored_run import is_ours, prepared_run
from workers.engine.finish import Finish
from workers.engine.progress import Meter
from workers.engine.report import run_report
from workers.jobs.workshop import Workshop


@dataclass(frozen=True)
class LastReading:
    """What the reads of the comparison have in common, and the state of the source that they see."""

    consistency: Consistency
    moment: Moment


class _Unheard:
    """Nobody listens to a meter that only adds up."""

    async def report(self, progress: RunProgress) -> None:
        """Take no note."""


async def stored_report(
    shop: Workshop,
    migration_id: UUID,
    status: RunStatus,
    finish: Finish | None = None,
    last: LastReading | None = None,
) -> RunReport:
    """Return the report of a migration as far as it has come.

    `last` is the reading of the comparison. If the rows came from one session alone, its consistency
    counts; if from several, that of the comparison, provided that they all saw the same moment, or
    that it has shown by digests that they hold together.
    """
    database = shop.container.database
    state = await read_state(database, migration_id)
    readings = await read_readings(database, migration_id)
    stored = await shop.plans.find(migration_id)
    prepared = prepared_run(stored) if stored and is_ours(stored) else None
    meter = Meter(str(migration_id), _Unheard())
    consistency = Consistency.CHUNK
    if prepared is not None:
        totals = [
            ChunkReceipt(count.number, 0, count.rows_read, count.rows_written, count.rows_rejected)
            for count in state.tables
        ]
        meter.follow(prepared.plan.tables, totals)
        shared = are_shared(readings)
        together = last.consistency if last else Consistency.CHUNK
        consistency = together if shared or not readings else consistency_of(readings[0])
        prepared = replace(prepared, resumed=shared)
    moments = await read_moments(database, migration_id)
    moments = distinct((*moments, last.moment) if last else moments)
    report = run_report(status, meter, consistency, prepared, finish, None, moments)
    return _timed(report, state.started_at)


def reading_of(consistency: Consistency, session: str) -> str:
    """Return the name of a reading session, which tells what its reads have in common."""
    return f"{consistency.value}:{session}"


def are_shared(readings: tuple[str, ...]) -> bool:
    """Tell whether rows may come from more than one reading session.

    A chunk that only the target's ledger knows of, since its worker was lost before it could note it,
    comes from a session without a name.
    """
    return len(readings) > 1 or "" in readings


def consistency_of(reading: str) -> Consistency:
    """Return what the reads of a session have in common."""
    return Consistency(reading.partition(":")[0])


def _timed(report: RunReport, started_at: datetime) -> RunReport:
    """Return the report with the time since the start of the migration, not of this job."""
    seconds = (SystemClock().now() - started_at).total_seconds()
    written = Rows(sum(table.rows_written for table in report.tables))
    return replace(report, seconds=round(seconds, 3), rows_per_second=round(written / seconds, 1) if seconds else 0.0)
