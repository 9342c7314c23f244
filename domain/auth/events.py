"""What has happened to users and organisations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.auth.values import OrganizationRole
from domain.kernel.messages import Event


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event):
    """Somebody has signed up."""

    user_id: UUID
    email: str
    first_name: str
    last_name: str


@dataclass(frozen=True, kw_only=True)
class OrganizationCreated(Event):
    """An organisation was founded."""

    organization_id: UUID
    name: str
    created_by: UUID


@dataclass(frozen=True, kw_only=True)
class MemberJoined(Event):
    """A user has become a member of an organisation, or got another role in it."""

    organization_id: UUID
    user_id: UUID
    role: OrganizationRole


UserEvent = UserRegistered
OrganizationEvent = OrganizationCreated | MemberJoined
EVENTS = (UserRegistered, OrganizationCreated, MemberJoined)
