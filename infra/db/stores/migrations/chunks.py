"""The queue of chunks, shared by lanes in any number of processes.

A claim is made under the plan's epoch. When a worker is lost the plan gets a new epoch, and with it
every older claim is void: nothing has to be cleaned up, and no stale worker can hide a chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from sqlalchemy import text

from domain.kernel.codec import from_json
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Rows
from domain.migrations.progress import TablePhase
from domain.migrations.transfer import Chunk, ChunkReceipt, ChunkScope
from infra.db.database import Database

ATTEMPTS_MAX = 5
"""A chunk that was claimed this often without coming through is dead, and the migration with it."""

_FREE = """
migration_id = :migration_id AND (state = 'PENDING' OR (state = 'CLAIMED' AND epoch < :epoch))
"""

_CLAIM = f"""
UPDATE migration_chunk SET state = 'CLAIMED', lane = :lane, epoch = :epoch, attempts = attempts + 1
WHERE (migration_id, table_number, number) = (
    SELECT migration_id, table_number, number FROM migration_chunk
    WHERE {_FREE} AND attempts < {ATTEMPTS_MAX}
      AND EXISTS (SELECT 1 FROM migration_plan WHERE migration_id = :migration_id AND epoch = :epoch)
    ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING table_number, number, scope, row_estimate
"""

_BEGIN_TABLE = """
UPDATE migration_table SET phase = :phase
WHERE migration_id = :migration_id AND number = :number AND phase = 'WAITING'
"""

_OURS = """
migration_id = :migration_id AND table_number = :table_number AND number = :number
AND state = 'CLAIMED' AND lane = :lane AND epoch = :epoch
"""

_RELEASE = f"UPDATE migration_chunk SET state = 'PENDING', attempts = attempts - 1 WHERE {_OURS}"

_FAIL = f"UPDATE migration_chunk SET state = 'DEAD', error = :error WHERE {_OURS}"

_COMPLETE = """
UPDATE migration_chunk SET state = 'DONE', reading = :reading
WHERE migration_id = :migration_id AND table_number = :table_number AND number = :number AND state <> 'DONE'
RETURNING 1
"""

_COUNT = """
UPDATE migration_table SET
    rows_read = rows_read + :rows_read, rows_written = rows_written + :rows_written,
    rows_rejected = rows_rejected + :rows_rejected, bytes_done = bytes_done + :size_bytes,
    chunks_left = chunks_left - 1,
    phase = CASE WHEN chunks_left = 1 THEN 'COPIED' ELSE 'COPYING' END
WHERE migration_id = :migration_id AND number = :table_number
RETURNING chunks_left
"""

_LANDED = """
UPDATE migration_assignment SET table_number = NULL, rows_under_way = 0, bytes_under_way = 0
WHERE migration_id = :migration_id AND task = :lane AND epoch = :epoch
"""

_BURY = f"""
UPDATE migration_chunk SET state = 'DEAD' WHERE {_FREE} AND attempts >= {ATTEMPTS_MAX}
"""

_LEFT = """
SELECT count(*) FILTER (WHERE state <> 'DEAD') AS open,
       min(error) FILTER (WHERE state = 'DEAD') AS error, count(*) FILTER (WHERE state = 'DEAD') AS dead
FROM migration_chunk WHERE migration_id = :migration_id AND state <> 'DONE'
"""

_READINGS = "SELECT DISTINCT reading FROM migration_chunk WHERE migration_id = :migration_id AND state = 'DONE' LIMIT 2"


@dataclass(frozen=True)
class Left:
    """What is left of a migration's chunks: those to be copied yet, and those given up."""

    open: int
    dead: int
    error: str


@dataclass(frozen=True)
class Chunks:
    """The chunks of one migration as one lane sees them, under one ticket."""

    database: Database
    migration_id: UUID
    lane: str
    epoch: int

    @property
    def _who(self) -> dict[str, object]:
        return {"migration_id": self.migration_id, "lane": self.lane, "epoch": self.epoch}

    async def claim(self) -> Chunk | None:
        """Claim the first free chunk; nothing if none is free, or the ticket is void."""
        async with self.database.engine.begin() as connection:
            row = (await connection.execute(text(_CLAIM), self._who)).mappings().first()
            if row is None:
                return None
            table = {"number": row["table_number"], "phase": TablePhase.COPYING.value}
            await connection.execute(text(_BEGIN_TABLE), {"migration_id": self.migration_id, **table})
        # A union is as good as a class to the codec, though not to the type of its argument.
        scope = from_json(cast(type[ChunkScope], ChunkScope), row["scope"])
        return Chunk(row["table_number"], row["number"], scope, Rows(row["row_estimate"]))

    async def release(self, chunk: Chunk) -> None:
        """Give a claimed chunk back untouched; the attempt does not count."""
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_RELEASE), self._who | _place(chunk))

    async def fail(self, chunk: Chunk, error: str) -> None:
        """Give a claimed chunk up, and note why it does not come through."""
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_FAIL), self._who | _place(chunk) | {"error": error})

    async def complete(self, receipt: ChunkReceipt, reading: str) -> bool:
        """Count a chunk that is in the target, once; tell whether its table is complete now.

        What the ledger in the target says holds whoever brings the news, so the ticket is not looked at.
        """
        values: dict[str, object] = {
            "migration_id": self.migration_id,
            "table_number": receipt.table_number,
            "number": receipt.chunk_number,
        }
        async with self.database.engine.begin() as connection:
            fresh = (await connection.execute(text(_COMPLETE), values | {"reading": reading})).first()
            if fresh is None:
                return False
            counts = {
                "rows_read": receipt.rows_read,
                "rows_written": receipt.rows_written,
                "rows_rejected": receipt.rows_rejected,
                "size_bytes": receipt.size_bytes,
            }
            del values["number"]
            left: int = (await connection.execute(text(_COUNT), values | counts)).scalar_one()
            await connection.execute(text(_LANDED), self._who)
        failpoint("chunk.counted")
        return left == 0

    async def left(self) -> Left:
        """Return what is left, after burying what was claimed too often and never came through."""
        async with self.database.engine.begin() as connection:
            await connection.execute(text(_BURY), {"migration_id": self.migration_id, "epoch": self.epoch})
            row = (await connection.execute(text(_LEFT), {"migration_id": self.migration_id})).mappings().one()
        return Left(row["open"], row["dead"], row["error"] or "")


async def read_readings(database: Database, migration_id: UUID) -> tuple[str, ...]:
    """Return which reading sessions a migration's copied chunks came from."""
    rows = await database.rows(_READINGS, migration_id=migration_id)
    return tuple(row["reading"] for row in rows)


def _place(chunk: Chunk) -> dict[str, object]:
    return {"table_number": chunk.table_number, "number": chunk.number}
