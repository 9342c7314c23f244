"""Password hashes and sessions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from domain.auth.ports import Account, RefreshToken
from domain.kernel.errors import Conflict
from domain.kernel.work import Work
from infra.db.database import Database, build
from infra.db.tables.auth import AccountRow, RefreshTokenRow, SessionRow
from infra.db.work import session_of


class SqlAccounts:
    """Password hashes by e-mail address."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, email: str) -> Account | None:
        """Find the account of an e-mail address."""
        rows = await self._database.rows("SELECT user_id, password_hash FROM account WHERE email = :email", email=email)
        return build(Account, rows[0]) if rows else None

    async def save(self, work: Work, account: Account, email: str) -> None:
        """Store an account in the command's transaction."""
        session = session_of(work)
        session.add(AccountRow(user_id=account.user_id, email=email, password_hash=account.password_hash))
        try:
            await session.flush()
        except IntegrityError as error:
            raise Conflict("This e-mail address has an account already. Sign in with it.", path=("email",)) from error


class SqlSessions:
    """Sessions as chains of refresh tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, work: Work, session_id: UUID, user_id: UUID, token: RefreshToken) -> None:
        """Store a session's first refresh token."""
        session = session_of(work)
        session.add(SessionRow(id=session_id, user_id=user_id))
        session.add(RefreshTokenRow(hash=token.hash, session_id=session_id, expires_at=token.expires_at))

    async def rotate(self, work: Work, old_hash: str, token: RefreshToken, now: datetime) -> tuple[UUID, UUID] | None:
        """Use a refresh token up and store its successor."""
        session = session_of(work)
        old = await session.get(RefreshTokenRow, old_hash, with_for_update=True)
        if old is None or old.expires_at <= now:
            return None
        if old.used_at is not None:
            await self.end(work, old.session_id, now)
            return None
        owner = await session.get(SessionRow, old.session_id)
        if owner is None or owner.ended_at is not None:
            return None
        old.used_at = now
        session.add(RefreshTokenRow(hash=token.hash, session_id=owner.id, expires_at=token.expires_at))
        return owner.user_id, owner.id

    async def end(self, work: Work, session_id: UUID, now: datetime) -> None:
        """End a session."""
        await session_of(work).exec(update(SessionRow).where(col(SessionRow.id) == session_id).values(ended_at=now))

    async def is_alive(self, session_id: UUID) -> bool:
        """Tell whether a session exists and has not ended."""
        sql = "SELECT 1 FROM session WHERE id = :id AND ended_at IS NULL"
        return bool(await self._database.rows(sql, id=session_id))
