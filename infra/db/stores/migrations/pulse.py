"""The pulse of a migration: leases prolonged, rows on their way noted, phases and log entries."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from domain.migrations.assignments import Assignment
from domain.migrations.progress import RunPhase, TablePhase
from domain.migrations.report import Failure
from domain.migrations.values import LogLevel, MigrationStatus
from infra.db.database import Database, build
from infra.db.stores.migrations.assignments import place_of
from infra.db.stores.migrations.stream import add_log
from infra.shapes import adapter

_BEAT = """
UPDATE migration_assignment SET
    lease_until = now() + make_interval(secs => :lease_s),
    table_number = :table_number, rows_under_way = :rows_under_way, bytes_under_way = :bytes_under_way
WHERE migration_id = :migration_id AND task = :task AND epoch = :epoch AND sequence = :sequence
  AND state = 'TAKEN' AND holder = :holder
RETURNING (SELECT status FROM migration WHERE id = :migration_id) AS status,
    (SELECT failure IS NOT NULL FROM migration_stream WHERE migration_id = :migration_id) AS is_failing
"""

_FAIL = """
UPDATE migration_stream SET failure = CAST(:failure AS jsonb) WHERE migration_id = :migration_id AND failure IS NULL
"""

_FAILURE = "SELECT failure FROM migration_stream WHERE migration_id = :migration_id AND failure IS NOT NULL"

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
class Standing:
    """Where a migration stands, and whether it will fail as soon as all workers have left it."""

    status: MigrationStatus
    is_failing: bool


@dataclass(frozen=True)
class Pulse:
    """The pulse that one worker process, the holder, gives to the migrations it works on."""

    database: Database
    holder: str
    lease_s: float

    async def beat(self, assignment: Assignment, under_way: UnderWay) -> Standing | None:
        """Prolong a lease and show what is on its way; return where the migration stands, or nothing if it is lost."""
        values = place_of(assignment) | {
            "holder": self.holder,
            "lease_s": self.lease_s,
            "table_number": under_way.table_number,
            "rows_under_way": under_way.rows,
            "bytes_under_way": under_way.size_bytes,
        }
        async with self.database.engine.begin() as connection:
            row = (await connection.execute(text(_BEAT), values)).mappings().first()
        return build(Standing, row) if row else None

    async def fail(self, migration_id: UUID, failure: Failure) -> None:
        """Note why a migration will fail, unless there is a reason already; all lanes then stop."""
        values = {"migration_id": migration_id, "failure": adapter(Failure).dump_json(failure).decode()}
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_FAIL), values)

    async def failure(self, migration_id: UUID) -> Failure | None:
        """Return why a migration will fail, if it will."""
        rows = await self.database.rows(_FAILURE, migration_id=migration_id)
        return adapter(Failure).validate_python(rows[0]["failure"]) if rows else None

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
