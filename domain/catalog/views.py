"""What clients see of analyses. The parts of a schema are the model's own shapes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.catalog.model import Table
from domain.catalog.values import SchemaCounts
from domain.connections.values import Engine


@dataclass(frozen=True)
class SchemaAnalysis:
    """What a database held at one moment."""

    id: UUID
    """Names the analysis."""
    connection_id: UUID
    """The connection it was read through."""
    project_id: UUID
    """The project it belongs to."""
    type: Engine
    """The kind of database."""
    server_version: str
    """What the server calls itself."""
    hash: str
    """The SHA-256 of the structure: equal as long as nothing but rows has changed."""
    counts: SchemaCounts
    """How many of each kind of thing there are."""
    duration_ms: int
    """How long reading it took, in milliseconds."""
    analyzed_at: datetime
    """When it was read."""


@dataclass(frozen=True)
class TableCut:
    """A wish for up to `first` tables of an analysis after the one with number `after`, in the analysis's order."""

    first: int = 20
    after: int = -1
    name_contains: str = ""


@dataclass(frozen=True)
class PlacedTable:
    """A table and its number in its analysis."""

    number: int
    table: Table
