"""The read side of the projects slice."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from domain.kernel.values import Page, PageRequest
from domain.projects.views import Project, ProjectActivity, ProjectFilter, ProjectMember
from infra.db.database import Database, build
from infra.db.readers.access import VISIBLE_PROJECTS
from infra.db.readers.paging import page_of

_COLUMNS = "id, organization_id, name, description, status, created_at, updated_at"

_PROJECTS = f"""
WITH {VISIBLE_PROJECTS}
SELECT {_COLUMNS} FROM project JOIN visible_project USING (id) WHERE id = ANY(CAST(:ids AS uuid[]))
"""

_PAGE = f"""
WITH {VISIBLE_PROJECTS}
SELECT {_COLUMNS} FROM project JOIN visible_project USING (id)
WHERE (CAST(:organization_id AS uuid) IS NULL OR organization_id = :organization_id)
  AND (CAST(:status AS text) IS NULL OR status = :status)
  AND (CAST(:name_contains AS text) IS NULL OR position(lower(:name_contains) IN lower(name)) > 0)
"""

_MEMBERS = f"""
WITH {VISIBLE_PROJECTS}
SELECT project_id, user_id, role, assigned_at
FROM project_member JOIN visible_project ON visible_project.id = project_id
WHERE project_id = ANY(CAST(:ids AS uuid[]))
ORDER BY project_id, assigned_at, user_id
"""

_HISTORY = """
SELECT sequence, project_id, kind, subject_id, summary, actor_id, occurred_at
FROM project_activity
WHERE project_id = :project_id AND sequence > :after
  AND (CAST(:from_date AS timestamptz) IS NULL OR occurred_at >= :from_date)
  AND (CAST(:to_date AS timestamptz) IS NULL OR occurred_at <= :to_date)
ORDER BY sequence LIMIT :first
"""


class SqlProjectReader:
    """Projects, their members and their history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def projects(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Project]:
        """Return those of the projects that the viewer may see."""
        rows = await self._database.rows(_PROJECTS, viewer=viewer, ids=list(ids))
        return {row["id"]: build(Project, row) for row in rows}

    async def page(self, viewer: UUID, filter_: ProjectFilter, page: PageRequest) -> Page[Project]:
        """Return a page of the viewer's projects, newest first."""
        return await page_of(
            Project,
            self._database,
            _PAGE,
            page,
            viewer=viewer,
            organization_id=filter_.organization_id,
            status=filter_.status.value if filter_.status else None,
            name_contains=filter_.name_contains,
        )

    async def members(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, tuple[ProjectMember, ...]]:
        """Return the members of those of the projects that the viewer may see."""
        found: defaultdict[UUID, list[ProjectMember]] = defaultdict(list)
        for row in await self._database.rows(_MEMBERS, viewer=viewer, ids=list(ids)):
            found[row["project_id"]].append(build(ProjectMember, row))
        return {project_id: tuple(members) for project_id, members in found.items()}

    async def history(
        self, project_id: UUID, from_date: datetime | None, to_date: datetime | None, after: int, first: int
    ) -> tuple[ProjectActivity, ...]:
        """Return what happened in a project in that span and after that sequence number, oldest first."""
        rows = await self._database.rows(
            _HISTORY, project_id=project_id, from_date=from_date, to_date=to_date, after=after, first=first
        )
        return tuple(build(ProjectActivity, row) for row in rows)
