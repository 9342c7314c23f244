"""The states of the source that the lanes of a migration have read."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from domain.kernel.codec import from_json, to_json
from domain.migrations.moments import Moment
from infra.db.database import Database

_NOTE = """
INSERT INTO migration_moment (migration_id, reading, moment, noted_at)
VALUES (:migration_id, :reading, CAST(:moment AS jsonb), now())
"""

_MOMENTS = """
SELECT moment FROM migration_moment AS noted
WHERE migration_id = :migration_id AND EXISTS (
    SELECT FROM migration_chunk AS chunk
    WHERE chunk.migration_id = noted.migration_id AND chunk.reading = noted.reading AND state = 'DONE')
ORDER BY noted_at
"""


async def note_moment(database: Database, migration_id: UUID, reading: str, moment: Moment) -> None:
    """Note the state that a reading session sees."""
    values = {"migration_id": migration_id, "reading": reading, "moment": json.dumps(to_json(moment))}
    async with database.engine.begin() as connection:
        await connection.execute(text(_NOTE), values)


async def read_moments(database: Database, migration_id: UUID) -> tuple[Moment, ...]:
    """Return the states that copied chunks were read in, the first one first."""
    rows = await database.rows(_MOMENTS, migration_id=migration_id)
    return tuple(from_json(Moment, row["moment"]) for row in rows)
