"""How far each table of a migration has come."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.work import Work
from domain.migrations.progress import TableProgress
from domain.migrations.tally import TableCount
from infra.db.database import build
from infra.db.work import session_of

COUNTS = """
SELECT migration_table.number, name, phase, row_estimate, size_bytes, rows_read, rows_written, rows_rejected,
       bytes_done, rows_per_second, rows_seen,
       CAST(coalesce(sum(rows_under_way), 0) AS bigint) AS rows_under_way,
       CAST(coalesce(sum(bytes_under_way), 0) AS bigint) AS bytes_under_way
FROM migration_table
LEFT JOIN migration_assignment ON migration_assignment.migration_id = migration_table.migration_id
    AND migration_assignment.table_number = migration_table.number AND migration_assignment.state = 'TAKEN'
WHERE migration_table.migration_id = :migration_id
GROUP BY migration_table.migration_id, migration_table.number
ORDER BY migration_table.number LIMIT 100000
"""


async def table_counts(connection: AsyncConnection, migration_id: UUID) -> tuple[TableCount, ...]:
    """Return the counters of all tables, in the plan's order."""
    rows = (await connection.execute(text(COUNTS), {"migration_id": migration_id})).mappings()
    return tuple(build(TableCount, row) for row in rows)


class SqlCounters:
    """Counters as command handlers see them."""

    async def tables(self, work: Work, migration_id: UUID) -> tuple[TableProgress, ...]:
        """Return how far all tables have come, in the plan's order."""
        counts = await table_counts(await session_of(work).connection(), migration_id)
        return tuple(count.progress() for count in counts)
