"""Who has which part of a migration's work in hand, by leases that the control store's clock ends."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.work import Work
from domain.migrations.assignments import Assignment
from infra.clock import SystemClock
from infra.db import outbox
from infra.db.database import Database
from infra.db.work import session_of

_THIS = "migration_id = :migration_id AND task = :task AND epoch = :epoch AND sequence = :sequence"

_GIVE = """
INSERT INTO migration_assignment
    (migration_id, task, epoch, sequence, state, given_at, holder, rows_under_way, bytes_under_way)
VALUES (:migration_id, :task, :epoch, :sequence, 'GIVEN', now(), '', 0, 0)
ON CONFLICT (migration_id, task) DO UPDATE SET
    epoch = excluded.epoch, sequence = excluded.sequence, state = 'GIVEN', given_at = now(), holder = '',
    lease_until = NULL, table_number = NULL, rows_under_way = 0, bytes_under_way = 0
"""

HOLDS = f"SELECT 1 FROM migration_assignment WHERE {_THIS} AND state = 'TAKEN' FOR UPDATE"

_LAST = """
SELECT epoch, sequence FROM migration_assignment WHERE migration_id = :migration_id AND task = :task FOR UPDATE
"""

_UNDER_WAY = """
SELECT 1 FROM migration_assignment
WHERE migration_id = :migration_id AND state = 'TAKEN' AND lease_until > now() LIMIT 1
"""

_LOST = """
SELECT 1 FROM migration_assignment
WHERE migration_id = :migration_id AND (state = 'LOST' OR (state = 'TAKEN' AND lease_until <= now()))
UNION ALL SELECT 1 FROM migration_stream WHERE migration_id = :migration_id AND losses > 0
LIMIT 1
"""
"""Whose task was given out anew has left no other trace than that somebody was lost."""

_TAKE = f"""
UPDATE migration_assignment SET state = 'TAKEN', holder = :holder, lease_until = now() + make_interval(secs => :lease_s)
WHERE {_THIS} AND state = 'GIVEN' RETURNING 1
"""

_LEAVE = f"""
UPDATE migration_assignment
SET state = :state, holder = '', lease_until = NULL, table_number = NULL, rows_under_way = 0, bytes_under_way = 0
WHERE {_THIS} AND state = 'TAKEN' AND holder = :holder RETURNING 1
"""

_RENEW = f"""
UPDATE migration_assignment SET lease_until = now() + make_interval(secs => :lease_s)
WHERE {_THIS} AND state = 'TAKEN' AND holder = :holder RETURNING 1
"""


WAITED_S = 1.0
"""Work that was given out so long ago and is in nobody's hands waits for a worker with room for it."""

_WAITING = """
SELECT 1 FROM migration_assignment
JOIN migration ON migration.id = migration_assignment.migration_id AND migration.ended_at IS NULL
WHERE state = 'GIVEN' AND given_at BETWEEN now() - interval '10 minutes' AND now() - make_interval(secs => :waited_s)
LIMIT 1
"""

_UNCLAIM = """
UPDATE migration_chunk SET state = 'PENDING', attempts = attempts - 1
WHERE migration_id = :migration_id AND lane = :task AND epoch = :epoch AND state = 'CLAIMED'
"""


def place_of(assignment: Assignment) -> dict[str, object]:
    """Return what names an assignment's row in SQL."""
    return {
        "migration_id": assignment.migration_id,
        "task": assignment.task,
        "epoch": assignment.epoch,
        "sequence": assignment.sequence,
    }


async def give(connection: AsyncConnection, assignment: Assignment) -> None:
    """Give an assignment out, in place of an earlier one of the same task."""
    await connection.execute(text(_GIVE), place_of(assignment))


class SqlAssignments:
    """Assignments as command handlers see them."""

    async def give(self, work: Work, assignments: tuple[Assignment, ...]) -> None:
        """Give assignments out; their jobs go out at the commit."""
        connection = await session_of(work).connection()
        for assignment in assignments:
            await give(connection, assignment)
            work.enqueue(assignment.job)

    async def give_anew(self, work: Work, migration_id: UUID, task: str) -> None:
        """Give a task out once more, under the next number; its job goes out at the commit."""
        connection = await session_of(work).connection()
        found = await connection.execute(text(_LAST), {"migration_id": migration_id, "task": task})
        epoch, sequence = found.first() or (0, 0)
        await self.give(work, (Assignment(migration_id, task, epoch, sequence + 1),))

    async def holds(self, work: Work, assignment: Assignment) -> bool:
        """Tell whether an assignment still stands, and keep it so to the end of the transaction."""
        connection = await session_of(work).connection()
        return (await connection.execute(text(HOLDS), place_of(assignment))).first() is not None

    async def under_way(self, work: Work, migration_id: UUID) -> bool:
        """Tell whether a worker has an assignment of the migration in hand."""
        connection = await session_of(work).connection()
        return (await connection.execute(text(_UNDER_WAY), {"migration_id": migration_id})).first() is not None


@dataclass(frozen=True)
class Leases:
    """Assignments as one worker process, the holder, sees them."""

    database: Database
    holder: str
    lease_s: float

    async def take(self, assignment: Assignment) -> bool:
        """Take an assignment in hand; false if it was replaced, taken or done meanwhile."""
        values = place_of(assignment) | {"holder": self.holder, "lease_s": self.lease_s}
        return await self._one(_TAKE, values)

    async def renew(self, assignment: Assignment) -> bool:
        """Prolong the lease on an assignment in hand; false if it is lost."""
        return await self._one(_RENEW, place_of(assignment) | {"holder": self.holder, "lease_s": self.lease_s})

    async def others_wait(self) -> bool:
        """Tell whether work waits because no worker has room for it."""
        return bool(await self.database.rows(_WAITING, waited_s=WAITED_S))

    async def finish(self, assignment: Assignment) -> None:
        """Note that an assignment is done."""
        await self._one(_LEAVE, place_of(assignment) | {"holder": self.holder, "state": "DONE"})

    async def put_back(self, assignment: Assignment) -> None:
        """Give an assignment back as it was, with any chunk that was claimed for it; the same job may be run again."""
        values = place_of(assignment) | {"holder": self.holder, "state": "GIVEN"}
        async with self.database.engine.begin() as connection:
            if (await connection.execute(text(_LEAVE), values)).first() is not None:
                await connection.execute(text(_UNCLAIM), values)

    async def go_on(self, assignment: Assignment) -> None:
        """Give an assignment in hand out anew, under the next sequence number, so that others get their turn."""
        following = Assignment(assignment.migration_id, assignment.task, assignment.epoch, assignment.sequence + 1)
        async with self.database.transaction() as session:
            connection = await session.connection()
            values = place_of(assignment) | {"holder": self.holder, "state": "DONE"}
            if (await connection.execute(text(_LEAVE), values)).first() is not None:
                await give(connection, following)
                outbox.put(session, [following.job], SystemClock().now())
            await session.commit()

    async def in_hand(self, migration_id: UUID) -> bool:
        """Tell whether any worker has an assignment of the migration in hand."""
        return bool(await self.database.rows(_UNDER_WAY, migration_id=migration_id))

    async def has_lost(self, migration_id: UUID) -> bool:
        """Tell whether a worker that had an assignment of the migration in hand was lost, and may only be asleep."""
        return bool(await self.database.rows(_LOST, migration_id=migration_id))

    async def _one(self, sql: str, values: dict[str, object]) -> bool:
        async with self.database.engine.begin() as connection:
            result = await connection.execute(text(sql), values)
            return result.returns_rows and result.first() is not None
