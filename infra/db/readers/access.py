"""Which rights a user holds on an object."""

from __future__ import annotations

from uuid import UUID

from domain.auth.policy import ORGANIZATION_RIGHTS
from domain.auth.values import OrganizationRole
from domain.kernel.access import Right, Subject
from domain.projects.values import PROJECT_RIGHTS, ProjectRole
from infra.db.database import Database
from infra.db.readers.following import Shared, SharedRead

_ORGANIZATION = """
SELECT role AS organization_role, NULL AS project_role
FROM membership WHERE organization_id = :id AND user_id = :user_id
"""

_PROJECT = """
SELECT membership.role AS organization_role, project_member.role AS project_role
FROM project
JOIN membership ON membership.organization_id = project.organization_id AND membership.user_id = :user_id
LEFT JOIN project_member ON project_member.project_id = project.id AND project_member.user_id = :user_id
WHERE project.id = {project_id}
"""

ROLES_SQL: dict[Subject, str] = {
    Subject.ORGANIZATION: _ORGANIZATION,
    Subject.PROJECT: _PROJECT.format(project_id=":id"),
    Subject.ANALYSIS: _PROJECT.format(project_id="(SELECT project_id FROM schema_analysis WHERE id = :id)"),
    Subject.MAPPING: _PROJECT.format(project_id="(SELECT project_id FROM schema_mapping WHERE id = :id)"),
    Subject.CONNECTION: _PROJECT.format(project_id="(SELECT project_id FROM connection WHERE id = :id)"),
    Subject.MIGRATION: _PROJECT.format(project_id="(SELECT project_id FROM migration WHERE id = :id)"),
}
"""How the roles on each kind of object are found: those of things in a project are those on the project."""

VISIBLE_PROJECTS = """
visible_project AS (
    SELECT project.id
    FROM project
    JOIN membership ON membership.organization_id = project.organization_id AND membership.user_id = :viewer
    LEFT JOIN project_member ON project_member.project_id = project.id AND project_member.user_id = :viewer
    WHERE membership.role IN ('OWNER', 'ADMIN') OR project_member.role IS NOT NULL
)
"""
"""A common table expression: the projects that the user `:viewer` may see. Every reader joins it."""


class SqlAccess:
    """Rights, read from memberships and project roles."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reads: Shared[SharedRead[frozenset[Right]]] = Shared()

    async def rights(self, user_id: UUID, subject: Subject, id_: UUID) -> frozenset[Right]:
        """Return the user's rights on an object; none at all if it does not exist or is out of reach.

        Those who ask the same at the same time, as all subscribers do after a restart, share one read.
        """
        with self._reads.of(
            (user_id, subject, id_), lambda: SharedRead(lambda: self._read(user_id, subject, id_))
        ) as read:
            return await read()

    async def _read(self, user_id: UUID, subject: Subject, id_: UUID) -> frozenset[Right]:
        rows = await self._database.rows(ROLES_SQL[subject], user_id=user_id, id=id_)
        if not rows:
            return frozenset()
        organization_role = OrganizationRole(rows[0]["organization_role"])
        if subject is Subject.ORGANIZATION or organization_role is not OrganizationRole.MEMBER:
            return ORGANIZATION_RIGHTS[organization_role]
        project_role = rows[0]["project_role"]
        return PROJECT_RIGHTS[ProjectRole(project_role)] if project_role else frozenset()
