"""Fields that tell of projects as things happen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import strawberry

from domain.projects.queries import GetProjectHistory
from domain.projects.views import ProjectActivity
from resolvers.queries.projects import ProjectId
from schema.context import Info

POLL_S = 5.0
"""How long a lost signal can delay an event."""

BATCH_MAX = 100


async def project_activity(
    info: Info,
    project_id: ProjectId,
    after: Annotated[int, strawberry.argument(description="The last sequence number you have; 0 for all.")] = 0,
) -> AsyncIterator[ProjectActivity]:
    """What happened in a project since `after`, and then what happens, as it happens."""
    async with info.context.feed.watch(f"project:{project_id}") as watch:
        while True:
            news = await info.context.send(GetProjectHistory(project_id=project_id, after=after, first=BATCH_MAX))
            for activity in news:
                yield activity
                after = activity.sequence
            if len(news) < BATCH_MAX:
                await watch.changed(POLL_S)
