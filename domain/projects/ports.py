"""What the projects slice needs from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.kernel.values import Page, PageRequest
from domain.projects.views import Project, ProjectActivity, ProjectFilter, ProjectMember


class ProjectReader(Protocol):
    """The read side of the projects slice. Everything is narrowed to what the viewer may see."""

    async def projects(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Project]:
        """Return those of the projects that the viewer may see."""
        ...

    async def page(self, viewer: UUID, filter_: ProjectFilter, page: PageRequest) -> Page[Project]:
        """Return a page of the viewer's projects, newest first."""
        ...

    async def members(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, tuple[ProjectMember, ...]]:
        """Return the members of those of the projects that the viewer may see."""
        ...

    async def history(
        self, project_id: UUID, from_date: datetime | None, to_date: datetime | None, after: int, first: int
    ) -> tuple[ProjectActivity, ...]:
        """Return what happened in a project in that span and after that sequence number, oldest first."""
        ...


class OrganizationDirectory(Protocol):
    """Knows who belongs to an organisation."""

    async def is_member(self, organization_id: UUID, user_id: UUID) -> bool:
        """Tell whether a user is a member."""
        ...
