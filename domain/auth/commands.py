"""What can be done in the auth slice, each command with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from annotated_types import Len

from domain.auth.aggregate import Organization, User
from domain.auth.ports import Account, Accounts, PasswordHasher, RefreshToken, Sessions, Throttle, Tokens
from domain.auth.views import Session
from domain.kernel.access import PUBLIC, SIGNED_IN
from domain.kernel.errors import ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.ports import Clock, Ids
from domain.kernel.values import Secret
from domain.kernel.work import Work


@dataclass(frozen=True, kw_only=True)
class RegisterUser(Command[UUID]):
    """Sign up. The password has 12 to 128 characters; what they are is up to you."""

    guard = PUBLIC

    email: Annotated[str, Len(3, 254)]
    """The e-mail address to sign in with."""
    password: Annotated[Secret, Len(12, 128)]
    """12 to 128 characters."""
    first_name: Annotated[str, Len(1, 100)]
    """The first name."""
    last_name: Annotated[str, Len(1, 100)]
    """The last name."""


@dataclass(frozen=True)
class RegisterUserHandler:
    """Stores the user as an event and the password's hash apart from it."""

    ids: Ids
    clock: Clock
    hasher: PasswordHasher
    accounts: Accounts
    throttle: Throttle

    async def __call__(self, command: RegisterUser, work: Work) -> UUID:
        """Register the user and return the new id."""
        await self.throttle.admit("register", work.scope.client)
        email = _email(command.email)
        account = Account(self.ids.new(), await self.hasher.hash(command.password))
        await self.accounts.save(work, account, email)
        work.add(User.register(account.user_id, email, (command.first_name, command.last_name), self.clock.now()))
        return account.user_id


@dataclass(frozen=True, kw_only=True)
class SignIn(Command[Session | None]):
    """Start a session with e-mail address and password."""

    guard = PUBLIC

    email: Annotated[str, Len(3, 254)]
    """The e-mail address."""
    password: Annotated[Secret, Len(1, 128)]
    """The password."""


@dataclass(frozen=True)
class SignInHandler:
    """Checks the password, in the same time whether or not the account exists."""

    ids: Ids
    clock: Clock
    hasher: PasswordHasher
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    throttle: Throttle

    async def __call__(self, command: SignIn, work: Work) -> Session | None:
        """Return a new session, or nothing if address and password do not belong together."""
        email = command.email.strip().lower()
        await self.throttle.admit("sign-in", work.scope.client, email)
        account = await self.accounts.find(email)
        fits = await self.hasher.verify(command.password, account.password_hash if account else None)
        if account is None or not fits:
            return None
        now, session_id = self.clock.now(), self.ids.new()
        token = self.tokens.refresh(now)
        await self.sessions.open(work, session_id, account.user_id, token)
        return _session(self.tokens.access(account.user_id, session_id, now), token)


@dataclass(frozen=True, kw_only=True)
class RefreshSession(Command[Session | None]):
    """Buy the next tokens of a session with its refresh token."""

    guard = PUBLIC

    refresh_token: Annotated[Secret, Len(1, 512)]
    """The session's latest refresh token."""


@dataclass(frozen=True)
class RefreshSessionHandler:
    """Uses up the old refresh token."""

    clock: Clock
    sessions: Sessions
    tokens: Tokens

    async def __call__(self, command: RefreshSession, work: Work) -> Session | None:
        """Return the session's next tokens, or nothing if the token buys none."""
        now = self.clock.now()
        token = self.tokens.refresh(now)
        owner = await self.sessions.rotate(work, self.tokens.hash_refresh(command.refresh_token), token, now)
        return _session(self.tokens.access(*owner, now), token) if owner else None


@dataclass(frozen=True, kw_only=True)
class SignOut(Command[None]):
    """End the session that sends this."""

    guard = SIGNED_IN


@dataclass(frozen=True)
class SignOutHandler:
    """Ends the session; its access token dies with it."""

    clock: Clock
    sessions: Sessions

    async def __call__(self, command: SignOut, work: Work) -> None:  # noqa: ARG002  # the scope says which session
        """End the sender's session."""
        if work.scope.principal is not None:
            await self.sessions.end(work, work.scope.principal.session_id, self.clock.now())


@dataclass(frozen=True, kw_only=True)
class CreateOrganization(Command[UUID]):
    """Found an organisation. Its founder is its first owner."""

    guard = SIGNED_IN

    name: Annotated[str, Len(1, 100)]
    """What to call it, 1 to 100 characters."""


@dataclass(frozen=True)
class CreateOrganizationHandler:
    """Founds the organisation."""

    ids: Ids
    clock: Clock

    async def __call__(self, command: CreateOrganization, work: Work) -> UUID:
        """Found the organisation and return its id."""
        id_ = self.ids.new()
        work.add(Organization.found(id_, command.name.strip(), work.scope.user_id, self.clock.now()))
        return id_


def _session(access: tuple[str, datetime], refresh: RefreshToken) -> Session:
    access_token, access_expires_at = access
    return Session(access_token, access_expires_at, refresh.text, refresh.expires_at)


def _email(text: str) -> str:
    """Return an address in the one spelling we store.

    Only the shape is checked; whether mail arrives there is for a confirmation to find out.
    """
    local, at, host = text.strip().lower().rpartition("@")
    if not (local and at and "." in host.strip(".")) or any(character.isspace() for character in local + host):
        raise ValidationFailed("This is no e-mail address; one looks like name@example.org.", path=("email",))
    return f"{local}@{host}"
