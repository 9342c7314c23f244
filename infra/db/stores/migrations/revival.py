"""Finding work that nobody does although somebody should, and giving it out anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, text

from domain.migrations.assignments import FINISH, PREPARE, ROLLBACK, Assignment
from domain.migrations.values import MigrationStatus
from infra.clock import SystemClock
from infra.db import outbox
from infra.db.database import Database
from infra.db.stores.migrations.assignments import give

MIGRATIONS_MAX = 100
"""So many migrations are looked after at a time; the rest wait for the next round."""

RING_S = 5
"""A job that was given out this long ago should be in the queue, or in a worker's hands."""

RING_MAX_S = 120
"""A job that was given out this long ago is given out again, whatever the queue says."""

_AT_WORK = ("PENDING", "PLANNING", "RUNNING", "VERIFYING", "PAUSING", "CANCELLING", "ROLLING_BACK")

_SUSPECTS = f"""
SELECT migration.id FROM migration
JOIN migration_stream ON migration_stream.migration_id = migration.id
WHERE status = ANY(:at_work) AND coalesce(not_before <= now(), true) AND (
    EXISTS (SELECT 1 FROM migration_assignment WHERE migration_id = migration.id AND (
        (state = 'TAKEN' AND lease_until < now())
        OR (state = 'GIVEN' AND given_at < now() - make_interval(secs => {RING_S}))))
    OR NOT EXISTS (SELECT 1 FROM migration_assignment
        WHERE migration_id = migration.id AND state IN ('GIVEN', 'TAKEN')))
ORDER BY migration.id LIMIT {MIGRATIONS_MAX}
"""

LOSSES_MAX = 5
"""A migration whose workers are lost this often in a row, with nothing new done in between, has failed."""

BACKOFF_S = 2.0
BACKOFF_MAX_S = 60.0
"""After the second loss in a row its work waits before it is given out again: twice as long each time."""

LOOPING = (
    "Every worker that took this migration up was lost, {losses} times in a row, and nothing new was done in between. "
    "The workers' logs and the system's (out of memory?) say why; resume it once that is mended."
)

_LOSS = f"""
UPDATE migration_stream AS stream SET
    losses = CASE WHEN done > mark THEN 1 ELSE losses + 1 END, mark = done,
    not_before = now() + make_interval(secs => CASE WHEN done > mark OR losses = 0 THEN 0
        ELSE least({BACKOFF_MAX_S}, {BACKOFF_S} * power(2, losses - 1)) END)
FROM (SELECT (SELECT count(*) FROM migration_chunk WHERE migration_id = :migration_id AND state = 'DONE')
           + (SELECT count(*) FROM migration_table
              WHERE migration_id = :migration_id AND phase IN ('VERIFIED', 'DIFFERENT'))
           + coalesce((SELECT acts FROM migration_rollback WHERE migration_id = :migration_id), 0)
           + 1 AS done) AS so_far
WHERE migration_id = :migration_id RETURNING losses, not_before > now() AS waits
"""

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"

_STATUS = """
SELECT status, failure IS NOT NULL AS is_failing
FROM migration JOIN migration_stream ON migration_id = id WHERE id = :migration_id
"""

_ALL = f"""
SELECT task, epoch, sequence, state, coalesce(lease_until < now(), false) AS expired,
       given_at < now() - make_interval(secs => {RING_S}) AS due,
       given_at < now() - make_interval(secs => {RING_MAX_S}) AS overdue
FROM migration_assignment WHERE migration_id = :migration_id ORDER BY task FOR UPDATE
"""

_LOSE = """
UPDATE migration_assignment
SET state = 'LOST', holder = '', table_number = NULL, rows_under_way = 0, bytes_under_way = 0
WHERE migration_id = :migration_id AND task = ANY(:tasks)
"""

IsWaiting = Callable[[Assignment], Awaitable[bool]]
"""Tells whether an assignment's job waits in the queue."""


@dataclass(frozen=True)
class Revived:
    """What was found of one migration: assignments given out anew, and whether nobody has anything in hand.

    One that is ending needs nothing but that the last worker says so, or somebody in its place.
    """

    lost: tuple[str, ...]
    given: tuple[Assignment, ...]
    is_ending: bool
    idle: bool
    losses: int = 0
    """How often in a row workers were lost with nothing new done, if one was lost just now."""

    @property
    def is_looping(self) -> bool:
        """Whether there is no use in trying again."""
        return self.losses >= LOSSES_MAX


class Revival:
    """Looks after the work of all migrations. Any number of workers may do so at the same time."""

    def __init__(self, database: Database, is_waiting: IsWaiting) -> None:
        self._database = database
        self._is_waiting = is_waiting

    async def suspects(self) -> tuple[UUID, ...]:
        """Return the migrations that deserve a look."""
        rows = await self._database.rows(_SUSPECTS, at_work=list(_AT_WORK))
        return tuple(row["id"] for row in rows)

    async def revive(self, migration_id: UUID) -> Revived | None:
        """Give out anew what was lost; nothing if another worker is just looking after this migration."""
        of = {"migration_id": migration_id}
        async with self._database.transaction() as session:
            connection = await session.connection()
            locked = (await connection.execute(text(_LOCK), {"name": f"revive {migration_id}"})).scalar()
            if not locked:
                return None
            rows = (await connection.execute(text(_ALL), of)).mappings().all()
            state = (await connection.execute(text(_STATUS), of)).mappings().one()
            status = MigrationStatus(state["status"])
            is_ending = state["is_failing"] or status in (MigrationStatus.PAUSING, MigrationStatus.CANCELLING)
            lost = [row for row in rows if await self._is_lost(migration_id, row)]
            tasks = [row["task"] for row in lost]
            in_hand = [row for row in rows if row["state"] in ("TAKEN", "GIVEN") and row["task"] not in tasks]
            given = () if is_ending else _anew(migration_id, status, _Found(rows, lost, in_hand))
            await connection.execute(text(_LOSE), {**of, "tasks": tasks})
            losses = 0
            if given and any(row["state"] == "TAKEN" for row in lost):
                losses, waits = (await connection.execute(text(_LOSS), of)).one()
                given = () if waits or losses >= LOSSES_MAX else given
            for assignment in given:
                await give(connection, assignment)
            outbox.put(session, [assignment.job for assignment in given], SystemClock().now())
            await session.commit()
        # What was given out for an ending migration, and that nobody has taken, need not be waited for.
        idle = not any(row["state"] == "TAKEN" for row in in_hand) if is_ending else not in_hand and not given
        return Revived(tuple(tasks), given, is_ending, idle, losses)

    async def _is_lost(self, migration_id: UUID, row: RowMapping) -> bool:
        if row["state"] == "TAKEN":
            return bool(row["expired"])
        if row["state"] != "GIVEN" or not row["due"]:
            return False
        return row["overdue"] or not await self._is_waiting(_assignment(migration_id, row))


@dataclass(frozen=True)
class _Found:
    """A migration's assignments: all of them, the lost ones, and those that somebody has or will get."""

    all: Sequence[RowMapping]
    lost: Sequence[RowMapping]
    in_hand: Sequence[RowMapping]

    def has(self, task: str) -> bool:
        """Tell whether somebody has a task, or will get it."""
        return any(row["task"] == task for row in self.in_hand)


def _anew(migration_id: UUID, status: MigrationStatus, found: _Found) -> tuple[Assignment, ...]:
    """Say what must be given out anew.

    A lane whose worker is lost may still be writing, so the whole run gets a new ticket, which voids
    the old one: that is what preparing does for a migration that is prepared already. A lane that no
    worker ever took is simply given out again.
    """
    if found.in_hand and not found.lost:
        return ()
    alone = {MigrationStatus.VERIFYING: FINISH, MigrationStatus.ROLLING_BACK: ROLLBACK}.get(status)
    if alone is not None:
        return () if found.has(alone) else (_next(migration_id, alone, found.all),)
    if found.has(PREPARE):
        return ()
    if found.lost and all(row["state"] == "GIVEN" for row in found.lost):
        return tuple(_next(migration_id, row["task"], found.all) for row in found.lost)
    return (_next(migration_id, PREPARE, found.all),)


def _next(migration_id: UUID, task: str, rows: Sequence[RowMapping]) -> Assignment:
    for row in rows:
        if row["task"] == task:
            return Assignment(migration_id, task, row["epoch"], row["sequence"] + 1)
    return Assignment(migration_id, task, epoch=0, sequence=1)


def _assignment(migration_id: UUID, row: RowMapping) -> Assignment:
    return Assignment(migration_id, row["task"], row["epoch"], row["sequence"])
