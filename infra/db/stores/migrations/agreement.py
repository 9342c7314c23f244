"""Making chunks and counters agree with the ledger in the target, which alone decides what is done."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.migrations.transfer import ChunkReceipt

_CHUNKS = """
WITH held AS (
    SELECT * FROM unnest(CAST(:tables AS integer[]), CAST(:numbers AS bigint[])) AS held (of_table, of_chunk)),
agreed AS (
    SELECT table_number, number, of_chunk IS NOT NULL AS is_held
    FROM migration_chunk LEFT JOIN held ON of_table = table_number AND of_chunk = number
    WHERE migration_id = :migration_id)
UPDATE migration_chunk AS chunk SET state = CASE WHEN is_held THEN 'DONE' ELSE 'PENDING' END
FROM agreed
WHERE migration_id = :migration_id AND chunk.table_number = agreed.table_number AND chunk.number = agreed.number
  AND (state = 'DONE') <> is_held
"""

_TABLES = """
WITH held AS (
    SELECT of_table, sum(read) AS read, sum(written) AS written, sum(rejected) AS rejected, sum(size) AS size
    FROM unnest(CAST(:tables AS integer[]), CAST(:read AS bigint[]), CAST(:written AS bigint[]),
                CAST(:rejected AS bigint[]), CAST(:sizes AS bigint[])) AS held (of_table, read, written, rejected, size)
    GROUP BY of_table),
open AS (
    SELECT table_number, count(*) AS chunks FROM migration_chunk
    WHERE migration_id = :migration_id AND state <> 'DONE' GROUP BY table_number)
UPDATE migration_table AS counted SET
    rows_read = coalesce(held.read, 0), rows_written = coalesce(held.written, 0),
    rows_rejected = coalesce(held.rejected, 0), bytes_done = coalesce(held.size, 0),
    chunks_left = coalesce(open.chunks, 0),
    phase = CASE WHEN open.chunks IS NULL THEN 'COPIED' WHEN held.read IS NULL THEN 'WAITING' ELSE 'COPYING' END
FROM migration_table AS self
LEFT JOIN held ON held.of_table = self.number LEFT JOIN open ON open.table_number = self.number
WHERE self.migration_id = :migration_id AND counted.migration_id = self.migration_id AND counted.number = self.number
"""


async def agree(connection: AsyncConnection, migration_id: UUID, held: tuple[ChunkReceipt, ...]) -> None:
    """Take chunks for done if and only if the target holds their receipts, and count rows by these."""
    of = {"migration_id": migration_id, "tables": [receipt.table_number for receipt in held]}
    await connection.execute(text(_CHUNKS), {**of, "numbers": [receipt.chunk_number for receipt in held]})
    counts = {
        "read": [receipt.rows_read for receipt in held],
        "written": [receipt.rows_written for receipt in held],
        "rejected": [receipt.rows_rejected for receipt in held],
        "sizes": [receipt.size_bytes for receipt in held],
    }
    await connection.execute(text(_TABLES), {**of, **counts})
