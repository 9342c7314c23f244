"""What can be asked about projects, each query with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from annotated_types import Interval

from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.kernel.values import Page, PageRequest
from domain.projects.ports import ProjectReader
from domain.projects.views import Project, ProjectActivity, ProjectFilter, ProjectMember


@dataclass(frozen=True, kw_only=True)
class GetProjectsByIds(Query[dict[UUID, Project]]):
    """Ask for several projects at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetProjectsByIdsHandler:
    """Reads projects."""

    reader: ProjectReader

    async def __call__(self, query: GetProjectsByIds, scope: Scope) -> dict[UUID, Project]:
        """Return the projects by id."""
        return await self.reader.projects(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetProjects(Query[Page[Project]]):
    """Ask for a page of one's projects."""

    guard = SIGNED_IN

    filter: ProjectFilter = ProjectFilter()
    page: PageRequest = PageRequest()


@dataclass(frozen=True)
class GetProjectsHandler:
    """Reads a page of projects."""

    reader: ProjectReader

    async def __call__(self, query: GetProjects, scope: Scope) -> Page[Project]:
        """Return the page."""
        return await self.reader.page(scope.user_id, query.filter, query.page)


@dataclass(frozen=True, kw_only=True)
class GetProjectMembers(Query[dict[UUID, tuple[ProjectMember, ...]]]):
    """Ask who belongs to several projects at once."""

    guard = SIGNED_IN

    project_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetProjectMembersHandler:
    """Reads project members."""

    reader: ProjectReader

    async def __call__(self, query: GetProjectMembers, scope: Scope) -> dict[UUID, tuple[ProjectMember, ...]]:
        """Return the members by project id."""
        return await self.reader.members(scope.user_id, query.project_ids)


@dataclass(frozen=True, kw_only=True)
class GetProjectHistory(Query[tuple[ProjectActivity, ...]]):
    """Ask what happened in a project, oldest first."""

    guard = needs(Right.VIEW, Subject.PROJECT, "project_id")

    project_id: UUID
    from_date: datetime | None = None
    to_date: datetime | None = None
    after: int = 0
    first: Annotated[int, Interval(ge=1, le=100)] = 100


@dataclass(frozen=True)
class GetProjectHistoryHandler:
    """Reads a project's history."""

    reader: ProjectReader

    async def __call__(self, query: GetProjectHistory, scope: Scope) -> tuple[ProjectActivity, ...]:  # noqa: ARG002
        """Return the history."""
        return await self.reader.history(query.project_id, query.from_date, query.to_date, query.after, query.first)
