"""Tables of the connections slice. `credential` is a store; the rest are projections."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from infra.db.tables.columns import document, instant


class ConnectionRow(SQLModel, table=True):
    """A connection."""

    __tablename__ = "connection"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True)
    organization_id: UUID
    name: str
    type: str
    is_source: bool
    is_target: bool
    config: dict[str, Any] = document()
    credentials_version: int
    status: str
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ConnectionTestRow(SQLModel, table=True):
    """A test of a connection; `sequence` is the event's position."""

    __tablename__ = "connection_test"

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    connection_id: UUID = Field(index=True)
    success: bool
    code: str | None = None
    message: str
    server_version: str
    findings: list[dict[str, Any]] = document()
    latency_ms: int
    tested_at: datetime = instant()


class CredentialRow(SQLModel, table=True):
    """A connection's password, sealed under a key of its own that is wrapped by the instance's."""

    __tablename__ = "credential"

    connection_id: UUID = Field(primary_key=True)
    version: int
    format: int
    key_id: str = Field(index=True)
    wrapped_key: bytes
    ciphertext: bytes
    sealed_at: datetime = instant()
