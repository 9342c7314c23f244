"""How one migration stands, all of it as of one moment: one statement, so one snapshot of the control store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kernel.errors import NotFound
from domain.migrations.progress import RunPhase
from domain.migrations.report import Failure
from domain.migrations.tally import RunClock, TableCount, progress
from domain.migrations.values import MigrationStatistics, MigrationStatus
from domain.migrations.views import (
    MigrationEventKind,
    MigrationFrame,
    MigrationProgress,
    MigrationStatusReport,
    RollbackProgress,
)
from infra.db.database import Database, build
from infra.db.stores.migrations.counters import COUNTS

_STATE = f"""
SELECT migration.id AS migration_id, status, started_at, ended_at, error, pause_reason, statistics, sequence, closed,
       phase,
       (SELECT jsonb_build_object('acts_done', acts_done, 'acts_total', acts_total) FROM migration_rollback
        WHERE migration_id = migration.id AND status = 'ROLLING_BACK') AS rollback,
       migration_stream.rows_per_second, migration_stream.bytes_per_second, clock_timestamp() AS now,
       (SELECT coalesce(json_agg(counted ORDER BY number), '[]') FROM ({COUNTS}) AS counted) AS tables
FROM migration JOIN migration_stream ON migration_stream.migration_id = migration.id
WHERE migration.id = :migration_id
"""


@dataclass(frozen=True)
class MigrationState:
    """Everything that changes while a migration goes on."""

    migration_id: UUID
    status: MigrationStatus
    started_at: datetime
    ended_at: datetime | None
    error: Failure | None
    pause_reason: Failure | None
    statistics: MigrationStatistics | None
    sequence: int
    closed: bool
    phase: RunPhase
    rows_per_second: float
    bytes_per_second: float
    now: datetime
    tables: tuple[TableCount, ...]
    rollback: RollbackProgress | None

    def progress(self) -> MigrationProgress:
        """Return how far it has come."""
        clock = RunClock(self.started_at, self.now, self.ended_at, self.rows_per_second, self.bytes_per_second)
        tables = (table.progress() for table in self.tables)
        return progress(self.migration_id, self.status, self.phase, tables, clock)

    def report(self) -> MigrationStatusReport:
        """Return where it stands."""
        whole = self.progress()
        return MigrationStatusReport(
            migration_id=self.migration_id,
            status=self.status,
            phase=whole.phase,
            sequence=self.sequence,
            started_at=self.started_at,
            ended_at=self.ended_at,
            error=self.error,
            pause_reason=self.pause_reason,
        )

    def snapshot(self) -> MigrationFrame:
        """Return the frame that a stream begins with. After the end its number leaves room for the TERMINAL one."""
        return MigrationFrame(
            migration_id=self.migration_id,
            sequence=self.sequence - 1 if self.closed else self.sequence,
            kind=MigrationEventKind.SNAPSHOT,
            occurred_at=self.now,
            status=self.status,
            progress=self.progress(),
            statistics=self.statistics,
            error=self.error,
            pause_reason=self.pause_reason,
            rollback=self.rollback,
        )


async def read_state(database: Database, migration_id: UUID) -> MigrationState:
    """Return how a migration stands now.

    Raises:
        NotFound: there is no such migration.
    """
    rows = await database.rows(_STATE, migration_id=migration_id)
    if not rows:
        raise NotFound(f"There is no migration {migration_id}.", path=("id",))
    return build(MigrationState, rows[0])
