"""Fields that tell of migrations as they go on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from domain.migrations import queries, views
from resolvers.queries.migrations import MigrationId, MinLevel
from schema.context import Info

T = TypeVar("T")

CHECK_S = 10.0
"""A stream asks at least this often whether its subscriber may still see it."""


async def migration_events(
    info: Info,
    id: MigrationId,  # noqa: A002  # the argument's name in the API
    after: Annotated[
        int | None, strawberry.argument(description="The sequence number of the last event you have, to go on from it.")
    ] = None,
) -> AsyncIterator[views.MigrationFrame]:
    """Everything as it is now, then every change with the next number, up to the end of the migration."""
    stream = await info.context.send(queries.FollowMigration(migration_id=id, after=after))
    async for frames in _allowed(info, id, stream):
        for frame in frames:
            yield frame


async def migration_logs(
    info: Info,
    id: MigrationId,  # noqa: A002  # as above
    min_level: MinLevel = None,
    after: Annotated[int, strawberry.argument(description="The sequence number of the last entry you have.")] = 0,
) -> AsyncIterator[views.MigrationLogEntry]:
    """A migration's log from its beginning, and then each new entry, up to the end of the migration."""
    stream = await info.context.send(queries.FollowMigrationLog(migration_id=id, after=after))
    wanted = min_level.and_above if min_level else None
    async for entries in _allowed(info, id, stream):
        for entry in entries:
            if wanted is None or entry.level.value in wanted:
                yield entry


async def _allowed(info: Info, id_: UUID, stream: AsyncIterator[T]) -> AsyncIterator[T]:
    """Yield what a stream yields for as long as the subscriber may see the migration.

    Raises:
        NotFound: the migration is out of the subscriber's reach now.
        Unauthenticated: the session has ended.
    """
    checked = time.monotonic()
    async for told in stream:
        if time.monotonic() - checked >= CHECK_S:
            await info.context.require_session()
            await info.context.send(queries.MayViewMigration(migration_id=id_))
            checked = time.monotonic()
        yield told
