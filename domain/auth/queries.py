"""What can be asked of the auth slice, each query with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.auth.ports import AuthReader
from domain.auth.views import Organization, User
from domain.kernel.access import SIGNED_IN
from domain.kernel.messages import Query
from domain.kernel.scope import Scope


@dataclass(frozen=True, kw_only=True)
class GetUsersByIds(Query[dict[UUID, User]]):
    """Ask for several users at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetUsersByIdsHandler:
    """Reads users who share an organisation with the asker."""

    reader: AuthReader

    async def __call__(self, query: GetUsersByIds, scope: Scope) -> dict[UUID, User]:
        """Return the users by id."""
        return await self.reader.users(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetOrganizations(Query[tuple[Organization, ...]]):
    """Ask for one's own organisations."""

    guard = SIGNED_IN


@dataclass(frozen=True)
class GetOrganizationsHandler:
    """Reads the asker's organisations."""

    reader: AuthReader

    async def __call__(self, query: GetOrganizations, scope: Scope) -> tuple[Organization, ...]:  # noqa: ARG002
        """Return the organisations, by name."""
        return await self.reader.organizations(scope.user_id)
