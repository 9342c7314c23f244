"""What the auth slice needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.auth.views import Organization, User
from domain.kernel.values import Secret
from domain.kernel.work import Work


class PasswordHasher(Protocol):
    """Turns passwords into hashes that are slow to guess (argon2id)."""

    async def hash(self, password: Secret) -> str:
        """Return a salted hash."""
        ...

    async def verify(self, password: Secret, hash_: str | None) -> bool:
        """Tell whether the password belongs to the hash; without a hash take as long and say no."""
        ...


@dataclass(frozen=True)
class Account:
    """What signing in needs to know of a user."""

    user_id: UUID
    password_hash: str


class Accounts(Protocol):
    """The store of password hashes, apart from the events."""

    async def find(self, email: str) -> Account | None:
        """Find the account of an e-mail address in its stored (lower-case) spelling."""
        ...

    async def save(self, work: Work, account: Account, email: str) -> None:
        """Store an account in the command's transaction.

        Raises:
            Conflict: the address has an account.
        """
        ...


@dataclass(frozen=True)
class RefreshToken:
    """A fresh refresh token, the hash it is stored under, and its end."""

    text: str
    hash: str
    expires_at: datetime


class Tokens(Protocol):
    """Makes tokens."""

    def access(self, user_id: UUID, session_id: UUID, now: datetime) -> tuple[str, datetime]:
        """Return a signed access token and when it ends."""
        ...

    def refresh(self, now: datetime) -> RefreshToken:
        """Return a new refresh token."""
        ...

    def hash_refresh(self, token: Secret) -> str:
        """Return the hash under which a refresh token is stored."""
        ...


class Sessions(Protocol):
    """The store of sessions. A session is a chain of refresh tokens, each good for one use."""

    async def open(self, work: Work, session_id: UUID, user_id: UUID, token: RefreshToken) -> None:
        """Store a session's first refresh token."""
        ...

    async def rotate(self, work: Work, old_hash: str, token: RefreshToken, now: datetime) -> tuple[UUID, UUID] | None:
        """Use a refresh token up and store its successor.

        Returns (user id, session id), or nothing if the token is unknown, ended or used before; a
        used one ends the whole session, since either its owner or a thief has come second.
        """
        ...

    async def end(self, work: Work, session_id: UUID, now: datetime) -> None:
        """End a session."""
        ...


class Throttle(Protocol):
    """Slows guessing down."""

    async def admit(self, action: str, client: str, account: str = "") -> None:
        """Count an attempt from a network address, on an account if one is named.

        Raises:
            RateLimited: there were too many; says when to come back.
        """
        ...


class AuthReader(Protocol):
    """The read side of the auth slice."""

    async def users(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, User]:
        """Return those of the users who are the viewer or share an organisation with the viewer."""
        ...

    async def organizations(self, viewer: UUID) -> tuple[Organization, ...]:
        """Return the viewer's organisations, by name."""
        ...
