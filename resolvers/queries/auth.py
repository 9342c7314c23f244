"""Fields that look at users and organisations."""

from __future__ import annotations

from domain.auth.queries import GetOrganizations
from domain.auth.views import Organization, User
from domain.kernel.errors import Unauthenticated
from schema.context import Info


async def viewer(info: Info) -> User:
    """Who is signed in."""
    principal = info.context.scope.principal
    found = await info.context.loaders.users.load(principal.user_id) if principal else None
    if found is None:
        raise Unauthenticated("Sign in first.")
    return found


async def organizations(info: Info) -> list[Organization]:
    """The organisations you belong to, by name."""
    return list(await info.context.send(GetOrganizations()))
