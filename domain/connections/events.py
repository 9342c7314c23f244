"""What has happened to connections. No event holds a password; `key_id` names the key it is sealed under."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.connections.values import ConnectionConfig, Engine, ProbeFinding
from domain.kernel.errors import ErrorCode
from domain.kernel.messages import Event


@dataclass(frozen=True, kw_only=True)
class ConnectionCreated(Event):
    """A connection was made in a project. Without a password the credentials' version is 0."""

    connection_id: UUID
    project_id: UUID
    organization_id: UUID
    name: str
    type: Engine
    is_source: bool
    is_target: bool
    config: ConnectionConfig
    credentials_version: int
    key_id: str
    created_by: UUID


@dataclass(frozen=True, kw_only=True)
class ConnectionUpdated(Event):
    """A connection has got another name, use or place. `moved` says that earlier tests say nothing of it now."""

    connection_id: UUID
    project_id: UUID
    name: str
    is_source: bool
    is_target: bool
    config: ConnectionConfig
    moved: bool
    updated_by: UUID


@dataclass(frozen=True, kw_only=True)
class ConnectionCredentialsUpdated(Event):
    """A connection has got another password."""

    connection_id: UUID
    project_id: UUID
    credentials_version: int
    key_id: str
    updated_by: UUID


@dataclass(frozen=True, kw_only=True)
class ConnectionTested(Event):
    """Somebody has tried a connection out. `code` and `message` say why it failed, if it did."""

    connection_id: UUID
    project_id: UUID
    success: bool
    code: ErrorCode | None
    message: str
    server_version: str
    findings: tuple[ProbeFinding, ...]
    latency_ms: int
    tested_by: UUID


@dataclass(frozen=True, kw_only=True)
class ConnectionDeleted(Event):
    """A connection was taken out of its project, its password with it."""

    connection_id: UUID
    project_id: UUID
    name: str
    deleted_by: UUID


ConnectionEvent = (
    ConnectionCreated | ConnectionUpdated | ConnectionCredentialsUpdated | ConnectionTested | ConnectionDeleted
)
EVENTS = (ConnectionCreated, ConnectionUpdated, ConnectionCredentialsUpdated, ConnectionTested, ConnectionDeleted)
