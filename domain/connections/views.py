"""What clients see of connections; never a password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.connections.values import ConnectionConfig, ConnectionState, Engine, ProbeFinding
from domain.kernel.errors import ErrorCode


@dataclass(frozen=True)
class Connection:
    """A way into one database."""

    id: UUID
    """Names the connection."""
    project_id: UUID
    """The project it belongs to."""
    name: str
    """What people call it."""
    type: Engine
    """The kind of database."""
    is_source: bool
    """Whether data may be read from it."""
    is_target: bool
    """Whether data may be written to it."""
    config: ConnectionConfig
    """Where the database is."""
    status: ConnectionState
    """What the last test has shown."""
    credentials_version: int
    """How often a password was set; 0 means that none is kept. The password itself is never shown."""
    created_at: datetime
    """When it was made."""
    updated_at: datetime
    """When it was last changed."""


@dataclass(frozen=True)
class ConnectionTest:
    """How one test of a connection went."""

    connection_id: UUID
    """The connection that was tested."""
    success: bool
    """Whether signing in worked and no right is missing."""
    code: ErrorCode | None
    """Why it failed, for programs; null if it did not."""
    message: str
    """Why it failed and what to do, for people; empty if it did not."""
    server_version: str
    """What the server calls itself; empty if there was no answer."""
    findings: tuple[ProbeFinding, ...]
    """What was looked at, each with advice where something is missing."""
    latency_ms: int
    """How long the whole test took, in milliseconds."""
    tested_at: datetime
    """When it was."""


@dataclass(frozen=True)
class ConnectionStatus:
    """Whether a connection works, as far as is known."""

    connection_id: UUID
    """The connection."""
    status: ConnectionState
    """What the last test has shown of the connection as it is now."""
    last_test: ConnectionTest | None
    """The last test, which may be of the connection as it was before a change; null if there was none."""


@dataclass(frozen=True)
class ConnectionMetrics:
    """What the tests of a connection in a span of time add up to. Latencies are of successful tests."""

    connection_id: UUID
    """The connection."""
    tests: int
    """How many tests there were."""
    failures: int
    """How many of them failed."""
    latency_min_ms: int | None
    """The shortest, in milliseconds; null without a successful test."""
    latency_median_ms: int | None
    """Half of them were at most this long."""
    latency_p95_ms: int | None
    """95 of 100 were at most this long."""
    latency_max_ms: int | None
    """The longest."""
