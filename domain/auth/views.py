"""What clients see of users, organisations and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.auth.values import OrganizationRole


@dataclass(frozen=True)
class User:
    """A person with an account."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    registered_at: datetime


@dataclass(frozen=True)
class Organization:
    """A group of people who share projects, with the viewer's own role in it."""

    id: UUID
    name: str
    role: OrganizationRole
    created_at: datetime


@dataclass(frozen=True)
class Session:
    """A session's tokens. Shown once, when the session starts or is refreshed."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    refresh_expires_at: datetime
