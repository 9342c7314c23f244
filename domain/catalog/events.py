"""What has happened in the catalog. The schema itself is a snapshot beside the events; they name it by id and hash."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.catalog.values import SchemaCounts
from domain.connections.values import Engine
from domain.kernel.messages import Event


@dataclass(frozen=True, kw_only=True)
class SchemaAnalyzed(Event):
    """A database's schema was read and kept. `hash` is that of its structure."""

    analysis_id: UUID
    connection_id: UUID
    project_id: UUID
    type: Engine
    server_version: str
    hash: str
    counts: SchemaCounts
    duration_ms: int
    analyzed_by: UUID


EVENTS = (SchemaAnalyzed,)
