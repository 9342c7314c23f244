"""The pulse of a migration: leases prolonged, rows on their way noted, phases and log entries."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain.migrations.assignments import Assignment
from domain.migrations.progress import RunPhase, TablePhase
from domain.migrations.values import LogLevel, MigrationStatus
from infra.db.database import Database
from infra.db.stores.migrations.assignments import place_of
from infra.db.stores.migrations.stream import add_log

_BEAT = """
UPDATE migration_assignment SET
    lease_until = now() + make_interval(secs => :lease_s),
    table_number = :table_number, rows_under_way = :rows_under_way, bytes_under_way = :bytes_under_way
WHERE migration_id = :migration_id AND task = :task AND epoch = :epoch AND sequence = :sequence
  AND state = 'TAKEN' AND holder = :holder
RETURNING (SELECT status FROM migration WHERE id = :migration_id)
"""

_STATUS = "SELECT status FROM migration WHERE id = :migration_id"

_PHASE = "UPDATE migration_stream SET phase = :phase, moved = true WHERE migration_id = :migration_id"

_MOVED = "UPDATE migration_stream SET moved = true WHERE migration_id = :migration_id"

_TABLE_PHASE = """
UPDATE migration_table SET phase = :phase WHERE migration_id = :migration_id AND number = :number
"""


@dataclass(frozen=True)
class UnderWay:
    """What a lane has read of the chunk at hand, not committed yet; of no table when there is none."""

    table_number: int | None = None
    rows: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class Pulse:
    """The pulse that one worker process, the holder, gives to the migrations it works on."""

    database: Database
    holder: str
    lease_s: float

    async def beat(self, assignment: Assignment, under_way: UnderWay) -> MigrationStatus | None:
        """Prolong a lease and show what is on its way; return where the migration stands, or nothing if it is lost."""
        values = place_of(assignment) | {
            "holder": self.holder,
            "lease_s": self.lease_s,
            "table_number": under_way.table_number,
            "rows_under_way": under_way.rows,
            "bytes_under_way": under_way.size_bytes,
        }
        async with self.database.engine.begin() as connection:
            status = (await connection.execute(text(_BEAT), values)).scalar()
        return MigrationStatus(status) if status else None

    async def status(self, migration_id: UUID) -> MigrationStatus:
        """Return where a migration stands."""
        return MigrationStatus((await self.database.rows(_STATUS, migration_id=migration_id))[0]["status"])

    async def enter(self, migration_id: UUID, phase: RunPhase) -> None:
        """Note what is being done."""
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_PHASE), {"migration_id": migration_id, "phase": phase.value})

    async def table(self, migration_id: UUID, number: int, phase: TablePhase) -> None:
        """Note what happens to a table."""
        values = {"migration_id": migration_id, "number": number, "phase": phase.value}
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_MOVED), {"migration_id": migration_id})
            await connection.execute(text(_TABLE_PHASE), values)

    async def log(self, migration_id: UUID, level: LogLevel, message: str, **context: str) -> None:
        """Add an entry to a migration's log."""
        async with self.database.engine.begin() as connection:
            await add_log(connection, migration_id, level, message, context)
