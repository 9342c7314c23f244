"""The streams of migrations and of their logs, for subscribers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from domain.kernel.ports import Feed
from domain.migrations.ports import FramesSince
from domain.migrations.signals import log_topic, migration_topic
from domain.migrations.views import MigrationEventKind, MigrationFrame, MigrationLogEntry
from infra.db.database import Database, build
from infra.db.readers.following import TICK_S, Shared, SharedRead, Tail
from infra.db.readers.migration_state import MigrationState, read_state
from infra.shapes import adapter

_FRAMES = """
SELECT frame FROM migration_event WHERE migration_id = :migration_id AND sequence > :known
ORDER BY sequence LIMIT :row_limit
"""

_ENTRIES = """
SELECT id, sequence, migration_id, level, message, context, repeated, logged_at
FROM migration_log WHERE migration_id = :migration_id AND sequence > :known
ORDER BY sequence LIMIT :row_limit
"""

_CLOSED = "SELECT closed FROM migration_stream WHERE migration_id = :migration_id"


BEHIND = 100
"""So many events before those of the first subscriber are read as well, for others who come back at the same time
and had seen a little less."""


class _Followed:
    """One migration as this process follows it."""

    def __init__(self, database: Database, migration_id: UUID) -> None:
        self._database = database
        self._migration_id = migration_id
        self.state = SharedRead(self._read_state)
        self._frames: Tail[MigrationFrame] | None = None
        self.closed = SharedRead(self._read_closed)
        self._entries: Tail[MigrationLogEntry] | None = None

    async def _read_state(self) -> MigrationState:
        return await read_state(self._database, self._migration_id)

    async def frames(self, known: int, *, fresh: bool) -> tuple[MigrationFrame, ...]:
        """Return the events after a number."""
        if self._frames is None:
            self._frames = Tail(self._read_frames, latest=max(0, known - BEHIND))
        return await self._frames.after(known, fresh=fresh)

    async def entries(self, known: int, *, fresh: bool) -> tuple[MigrationLogEntry, ...]:
        """Return the log entries after a number."""
        if self._entries is None:
            self._entries = Tail(self._read_entries, latest=known)
        return await self._entries.after(known, fresh=fresh)

    async def _read_closed(self) -> bool:
        rows = await self._database.rows(_CLOSED, migration_id=self._migration_id)
        return bool(rows[0]["closed"])

    async def _read_frames(self, known: int, limit: int) -> tuple[MigrationFrame, ...]:
        values = {"migration_id": self._migration_id, "known": known, "row_limit": limit}
        rows = await self._database.rows(_FRAMES, **values)
        return tuple(adapter(MigrationFrame).validate_python(row["frame"]) for row in rows)

    async def _read_entries(self, known: int, limit: int) -> tuple[MigrationLogEntry, ...]:
        values = {"migration_id": self._migration_id, "known": known, "row_limit": limit}
        return tuple(build(MigrationLogEntry, row) for row in await self._database.rows(_ENTRIES, **values))


class SqlMigrationFollower:
    """Lets many subscribers follow a migration for the price of one."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._followed: Shared[_Followed] = Shared()

    def frames(self, since: FramesSince) -> AsyncIterator[tuple[MigrationFrame, ...]]:
        """Yield what is new, at the latest every second even if that is nothing; ends after TERMINAL."""
        return self._frames(since)

    def entries(self, migration_id: UUID, after: int) -> AsyncIterator[tuple[MigrationLogEntry, ...]]:
        """Yield new log entries likewise; ends with the migration."""
        return self._entries(migration_id, after)

    async def _frames(self, since: FramesSince) -> AsyncGenerator[tuple[MigrationFrame, ...]]:
        id_, known, fresh = since.migration_id, since.after, True
        # Listening begins before the first look, so nothing that comes between the two is missed.
        async with self._feed.watch(migration_topic(id_)) as watch:
            with self._followed.of(id_, lambda: _Followed(self._database, id_)) as followed:
                state = await followed.state()
                if known is not None and known > state.sequence:
                    known = None
                while not (state.closed and known == state.sequence):
                    if known is None:
                        snapshot = (await followed.state()).snapshot()
                        known = snapshot.sequence
                        yield (snapshot,)
                    frames = await followed.frames(known, fresh=fresh)
                    if frames and frames[0].sequence != known + 1:
                        known = None  # what came between is no longer kept, so everything is told anew
                        continue
                    yield frames
                    if frames:
                        known, fresh = frames[-1].sequence, False
                        if frames[-1].kind is MigrationEventKind.TERMINAL:
                            return
                    else:
                        fresh = await watch.changed(TICK_S)

    async def _entries(self, migration_id: UUID, after: int) -> AsyncGenerator[tuple[MigrationLogEntry, ...]]:
        known, fresh, closed = after, True, False
        async with self._feed.watch(log_topic(migration_id)) as watch:
            with self._followed.of(migration_id, lambda: _Followed(self._database, migration_id)) as followed:
                while True:
                    entries = await followed.entries(known, fresh=fresh or closed)
                    if entries:
                        known, fresh = entries[-1].sequence, False
                        yield entries
                    elif closed:
                        return
                    else:
                        closed = await followed.closed.recent()
                        yield ()
                        # After the end one more look, which may find what was logged just before it.
                        fresh = closed or await watch.changed(TICK_S)
