"""From the counters of tables to how far a migration has come and what it adds up to. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kernel.values import Bytes, Rows
from domain.migrations.progress import RunPhase, TablePhase, TableProgress
from domain.migrations.values import MigrationStatistics, MigrationStatus, TableStatistics
from domain.migrations.views import MigrationProgress

RATE_MEMORY_S = 5.0
"""What happened this long ago weighs a third in a rate."""

_OPEN = frozenset({TablePhase.WAITING, TablePhase.COPYING})


@dataclass(frozen=True)
class TableCount:
    """What is known of one table: what its chunks have brought over, and what is on its way."""

    number: int
    name: str
    phase: TablePhase
    row_estimate: Rows
    size_bytes: Bytes
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows
    bytes_done: Bytes
    rows_per_second: float
    rows_seen: Rows = Rows(0)
    """`rows` when the rate was last reckoned."""
    rows_under_way: Rows = Rows(0)
    bytes_under_way: Bytes = Bytes(0)

    @property
    def rows(self) -> int:
        """Rows read, those on their way included."""
        return self.rows_read + self.rows_under_way

    @property
    def bytes(self) -> int:
        """Bytes read, those on their way included."""
        return self.bytes_done + self.bytes_under_way

    @property
    def is_at_work(self) -> bool:
        """Whether something happens in it now."""
        return self.rows_under_way > 0 or self.phase in (TablePhase.COPYING, TablePhase.VERIFYING)

    def progress(self) -> TableProgress:
        """Return how far the table has come. The bytes to come are reckoned by the rows to come."""
        rows, done = self.rows, self.bytes
        open_ = self.phase in _OPEN
        total = max(self.row_estimate, rows) if open_ else rows
        if not open_:
            bytes_total = done
        elif rows:
            bytes_total = max(done, done * total // rows)
        else:
            bytes_total = self.size_bytes
        return TableProgress(
            name=self.name,
            phase=self.phase,
            rows_read=Rows(rows),
            rows_written=self.rows_written,
            rows_rejected=self.rows_rejected,
            rows_total=Rows(total),
            bytes_done=Bytes(done),
            bytes_total=Bytes(bytes_total),
            rows_per_second=self.rows_per_second if self.phase is TablePhase.COPYING else 0.0,
        )


@dataclass(frozen=True)
class RunClock:
    """A migration's times and rates at one moment."""

    started_at: datetime
    now: datetime
    ended_at: datetime | None = None
    rows_per_second: float = 0.0
    bytes_per_second: float = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start to now, or to the end."""
        return ((self.ended_at or self.now) - self.started_at).total_seconds()


_PHASES = {
    MigrationStatus.COMPLETED: RunPhase.DONE,
    MigrationStatus.ROLLING_BACK: RunPhase.ROLLBACK,
    MigrationStatus.ROLLED_BACK: RunPhase.ROLLBACK,
}
"""Where the status alone says what is being done, or was done last."""


def progress(
    migration_id: UUID, status: MigrationStatus, phase: RunPhase, tables: Iterable[TableProgress], clock: RunClock
) -> MigrationProgress:
    """Add the tables up. Only a completed migration is at 100 %, and only a running one has rates."""
    counted = tuple(tables)
    done, total = sum(table.bytes_done for table in counted), sum(table.bytes_total for table in counted)
    percentage = 100.0 if status is MigrationStatus.COMPLETED else min(99.9, 100 * done / total) if total else 0.0
    copying = status is MigrationStatus.RUNNING
    bytes_rate = clock.bytes_per_second if copying else 0.0
    rejected, written = sum(table.rows_rejected for table in counted), sum(table.rows_written for table in counted)
    return MigrationProgress(
        migration_id=migration_id,
        status=status,
        phase=_PHASES.get(status, phase),
        processed_records=Rows(written + rejected),
        total_records=Rows(sum(table.rows_total for table in counted)),
        percentage=round(percentage, 2),
        eta_s=round((total - done) / bytes_rate, 1) if bytes_rate > 0 else None,
        rows_read=Rows(sum(table.rows_read for table in counted)),
        rows_written=Rows(written),
        rows_rejected=Rows(rejected),
        bytes_done=Bytes(done),
        bytes_total=Bytes(total),
        rows_per_second=clock.rows_per_second if copying else 0.0,
        bytes_per_second=bytes_rate,
        elapsed_s=round(clock.elapsed_s, 3),
        tables=counted,
    )


def smoothed(rate: float, amount: float, elapsed_s: float) -> float:
    """Return a rate that has taken in `amount` over the last `elapsed_s`; the first one counts in full."""
    if elapsed_s <= 0:
        return rate
    now = max(0.0, amount) / elapsed_s
    weight = 1 - math.exp(-elapsed_s / RATE_MEMORY_S) if rate else 1.0
    return rate + weight * (now - rate)


def statistics(tables: Iterable[TableProgress], started_at: datetime | None, now: datetime) -> MigrationStatistics:
    """Add up what has arrived from the start until now."""
    counted = tuple(tables)
    duration_s = (now - started_at).total_seconds() if started_at else 0.0
    written = sum(table.rows_written for table in counted)
    return MigrationStatistics(
        total_records=Rows(sum(table.rows_total for table in counted)),
        processed_records=Rows(written),
        failed_records=Rows(sum(table.rows_rejected for table in counted)),
        duration_s=round(duration_s, 3),
        average_speed=round(written / duration_s, 1) if duration_s > 0 else 0.0,
        table_statistics=tuple(TableStatistics(table.name, table.rows_written) for table in counted),
    )
