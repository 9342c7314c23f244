"""Tables of the auth slice. `account`, `session` and `refresh_token` are stores; the rest are projections."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from infra.db.tables.columns import instant


class AccountRow(SQLModel, table=True):
    """The hash of a user's password."""

    __tablename__ = "account"

    user_id: UUID = Field(primary_key=True)
    email: str = Field(unique=True)
    password_hash: str


class SessionRow(SQLModel, table=True):
    """A session, from sign-in to sign-out."""

    __tablename__ = "session"

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(index=True)
    ended_at: datetime | None = instant(nullable=True)


class RefreshTokenRow(SQLModel, table=True):
    """A refresh token of a session, by its hash."""

    __tablename__ = "refresh_token"

    hash: str = Field(primary_key=True)
    session_id: UUID = Field(index=True)
    expires_at: datetime = instant()
    used_at: datetime | None = instant(nullable=True)


class PersonRow(SQLModel, table=True):
    """A user as others see them."""

    __tablename__ = "person"

    id: UUID = Field(primary_key=True)
    email: str
    first_name: str
    last_name: str
    registered_at: datetime = instant()


class OrganizationRow(SQLModel, table=True):
    """An organisation."""

    __tablename__ = "organization"

    id: UUID = Field(primary_key=True)
    name: str
    created_at: datetime = instant()


class MembershipRow(SQLModel, table=True):
    """A user's role in an organisation."""

    __tablename__ = "membership"

    organization_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True, index=True)
    role: str
