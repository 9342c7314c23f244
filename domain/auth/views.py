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
    """The user's id."""
    email: str
    """The e-mail address, in lower case."""
    first_name: str
    """The first name."""
    last_name: str
    """The last name."""
    registered_at: datetime
    """When the user signed up."""


@dataclass(frozen=True)
class Organization:
    """A group of people who share projects, with the viewer's own role in it."""

    id: UUID
    """The organisation's id."""
    name: str
    """The organisation's name."""
    role: OrganizationRole
    """Your own role in it."""
    created_at: datetime
    """When it was founded."""


@dataclass(frozen=True)
class Session:
    """A session's tokens. Shown once, when the session starts or is refreshed."""

    access_token: str
    """Goes into the `Authorization: Bearer` header, or a WebSocket's connection parameters."""
    access_expires_at: datetime
    """When the access token ends."""
    refresh_token: str
    """Buys the next tokens, once; a second use ends the session."""
    refresh_expires_at: datetime
    """When the refresh token ends."""
