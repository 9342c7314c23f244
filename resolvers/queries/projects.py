"""Fields that look at projects."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from domain.projects.queries import GetProjectHistory, GetProjects
from domain.projects.views import Project, ProjectActivity, ProjectFilter
from schema.context import Info
from schema.paging import After, Connection, First, connection_of, page_request

ProjectId = Annotated[UUID, strawberry.argument(description="The project's id.")]


async def project(info: Info, id: ProjectId) -> Project | None:  # noqa: A002  # the argument's name in the API
    """A project, or null if there is none within your reach."""
    return await info.context.loaders.projects.load(id)


async def projects(
    info: Info,
    first: First = 20,
    after: After = None,
    filter: Annotated[  # noqa: A002  # the argument's name in the API
        ProjectFilter | None, strawberry.argument(description="Which projects to list; all conditions must hold.")
    ] = None,
) -> Connection[Project]:
    """Your projects, newest first."""
    query = GetProjects(filter=filter or ProjectFilter(), page=page_request(first, after))
    return connection_of(await info.context.send(query))


async def project_history(
    info: Info,
    project_id: ProjectId,
    from_date: Annotated[datetime | None, strawberry.argument(description="Nothing before this moment.")] = None,
    to_date: Annotated[datetime | None, strawberry.argument(description="Nothing after this moment.")] = None,
    after: Annotated[int, strawberry.argument(description="Only what has a greater sequence number.")] = 0,
    first: First = 100,
) -> list[ProjectActivity]:
    """What happened in a project, oldest first."""
    query = GetProjectHistory(project_id=project_id, from_date=from_date, to_date=to_date, after=after, first=first)
    return list(await info.context.send(query))
