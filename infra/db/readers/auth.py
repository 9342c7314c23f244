"""The read side of the auth slice."""

from __future__ import annotations

from uuid import UUID

from domain.auth.views import Organization, User
from infra.db.database import Database, build

_USERS = """
SELECT id, email, first_name, last_name, registered_at
FROM person
WHERE id = ANY(CAST(:ids AS uuid[])) AND (id = :viewer OR id IN (
    SELECT theirs.user_id FROM membership AS mine JOIN membership AS theirs USING (organization_id)
    WHERE mine.user_id = :viewer))
"""

_ORGANIZATIONS = """
SELECT organization.id, organization.name, membership.role, organization.created_at
FROM membership JOIN organization ON organization.id = membership.organization_id
WHERE membership.user_id = :viewer
ORDER BY organization.name, organization.id LIMIT 1000
"""

_IS_MEMBER = "SELECT 1 FROM membership WHERE organization_id = :organization_id AND user_id = :user_id"


class SqlAuthReader:
    """Users and organisations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def users(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, User]:
        """Return those of the users who are the viewer or share an organisation with the viewer."""
        rows = await self._database.rows(_USERS, viewer=viewer, ids=list(ids))
        return {row["id"]: build(User, row) for row in rows}

    async def organizations(self, viewer: UUID) -> tuple[Organization, ...]:
        """Return the viewer's organisations, by name."""
        return tuple(build(Organization, row) for row in await self._database.rows(_ORGANIZATIONS, viewer=viewer))

    async def is_member(self, organization_id: UUID, user_id: UUID) -> bool:
        """Tell whether a user is a member of an organisation."""
        return bool(await self._database.rows(_IS_MEMBER, organization_id=organization_id, user_id=user_id))
