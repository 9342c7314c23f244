"""The plans of migrations: stored once the target's tables stand ready, with the ticket they are carried out under."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.codec import JsonValue, to_json
from domain.kernel.errors import Fenced
from domain.migrations.assignments import Assignment
from domain.migrations.progress import TablePhase
from domain.migrations.transfer import Chunk, ChunkReceipt, TableCopy
from infra.db.database import Database
from infra.db.stores.migrations.agreement import agree
from infra.db.stores.migrations.assignments import HOLDS, place_of

_PLAN = "SELECT epoch, prepared, is_checked, is_void FROM migration_plan WHERE migration_id = :migration_id"

_SAVE = """
INSERT INTO migration_plan (migration_id, epoch, prepared) VALUES (:migration_id, :epoch, CAST(:prepared AS jsonb))
ON CONFLICT (migration_id) DO UPDATE SET epoch = excluded.epoch, prepared = excluded.prepared, is_checked = true,
        is_void = false
    WHERE migration_plan.epoch < excluded.epoch
RETURNING 1
"""

_FORGET = (
    "DELETE FROM migration_chunk WHERE migration_id = :migration_id",
    "DELETE FROM migration_table WHERE migration_id = :migration_id",
    "DELETE FROM migration_reject WHERE migration_id = :migration_id",
    "DELETE FROM migration_moment WHERE migration_id = :migration_id",
)

_ADD_TABLE = """
INSERT INTO migration_table
    (migration_id, number, name, phase, row_estimate, size_bytes, chunks_left, rows_read, rows_written, rows_rejected,
     bytes_done, rows_seen, rows_per_second)
VALUES (:migration_id, :number, :name, :phase, :row_estimate, :size_bytes, :chunks_left, :rows_read, :rows_written,
        :rows_rejected, :bytes_done, :rows_read, 0)
"""

_ADD_CHUNK = """
INSERT INTO migration_chunk
    (migration_id, table_number, number, place, scope, row_estimate, state, lane, epoch, attempts, error, reading)
VALUES (:migration_id, :table_number, :number, :place, CAST(:scope AS jsonb), :row_estimate, 'PENDING', '', 0, 0,
        '', '')
"""


@dataclass(frozen=True)
class StoredPlan:
    """A plan as it is stored: the engine's prepared run as JSON, and the epoch of its present ticket.

    One that is not checked must be compared with the source before it is carried out any further. One
    that is void is to be taken back and made anew.
    """

    epoch: int
    prepared: JsonValue
    is_checked: bool = True
    is_void: bool = False


@dataclass(frozen=True)
class TableWork:
    """What is to be done for one table: its remaining chunks, and the receipts of those that are done."""

    copy: TableCopy
    chunks: tuple[Chunk, ...]
    receipts: tuple[ChunkReceipt, ...]


class Plans:
    """Stores plans on behalf of the one assignment that prepares a migration."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, migration_id: UUID) -> StoredPlan | None:
        """Return a migration's plan, once there is one."""
        rows = await self._database.rows(_PLAN, migration_id=migration_id)
        return StoredPlan(**rows[0]) if rows else None

    async def save(
        self,
        by: Assignment,
        plan: StoredPlan,
        work: Iterable[TableWork] | None = None,
        held: Iterable[ChunkReceipt] | None = None,
    ) -> None:
        """Store a plan with its tables and chunks, or, without work, only the new ticket of a known one.

        Chunks are claimed in the order of the work. With `held`, all that the target's ledger holds of
        a known plan, chunks and counters are made to agree with it.

        From here on claims of chunks under an older ticket are void.

        Raises:
            Fenced: another worker has taken the migration over.
        """
        of = {"migration_id": by.migration_id}
        async with self._database.engine.begin() as connection:
            holds = (await connection.execute(text(HOLDS), place_of(by))).first() is not None
            values = {**of, "epoch": plan.epoch, "prepared": json.dumps(plan.prepared)}
            if not holds or (await connection.execute(text(_SAVE), values)).first() is None:
                raise Fenced("another worker has taken this migration over")
            if work is not None:
                for statement in _FORGET:
                    await connection.execute(text(statement), of)
                await _add_work(connection, by.migration_id, tuple(work))
            if held is not None:
                await agree(connection, by.migration_id, tuple(held))

    async def agree(self, migration_id: UUID, held: tuple[ChunkReceipt, ...]) -> None:
        """Make a migration's chunks and counters agree with all that the target's ledger holds of it."""
        async with self._database.engine.begin() as connection:
            await agree(connection, migration_id, held)


async def _add_work(connection: AsyncConnection, migration_id: UUID, work: tuple[TableWork, ...]) -> None:
    tables = [_table_row(migration_id, each) for each in work]
    chunks = [chunk for each in work for chunk in each.chunks]
    rows = [_chunk_row(migration_id, place, chunk) for place, chunk in enumerate(chunks)]
    if tables:
        await connection.execute(text(_ADD_TABLE), tables)
    if rows:
        await connection.execute(text(_ADD_CHUNK), rows)


def _table_row(migration_id: UUID, work: TableWork) -> dict[str, object]:
    done = work.receipts
    rows_read = sum(receipt.rows_read for receipt in done)
    return {
        "migration_id": migration_id,
        "number": work.copy.number,
        "name": str(work.copy.source),
        "phase": (TablePhase.WAITING if work.chunks else TablePhase.COPIED).value,
        "row_estimate": rows_read + sum(chunk.row_estimate for chunk in work.chunks),
        "size_bytes": work.copy.size_bytes,
        "chunks_left": len(work.chunks),
        "rows_read": rows_read,
        "rows_written": sum(receipt.rows_written for receipt in done),
        "rows_rejected": sum(receipt.rows_rejected for receipt in done),
        "bytes_done": sum(receipt.size_bytes for receipt in done),
    }


def _chunk_row(migration_id: UUID, place: int, chunk: Chunk) -> dict[str, object]:
    return {
        "migration_id": migration_id,
        "table_number": chunk.table_number,
        "number": chunk.number,
        "place": place,
        "scope": json.dumps(to_json(chunk.scope)),
        "row_estimate": chunk.row_estimate,
    }
