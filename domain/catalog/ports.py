"""What the catalog slice needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.catalog.model import DatabaseSchema
from domain.catalog.views import PlacedTable, SchemaAnalysis, TableCut
from domain.connections.values import Endpoint
from domain.kernel.values import Page
from domain.kernel.work import Work


@dataclass(frozen=True)
class Introspected:
    """A schema and how long reading it took."""

    schema: DatabaseSchema
    duration_ms: int


class Introspector(Protocol):
    """Reads schemas out of databases."""

    async def introspect(self, endpoint: Endpoint) -> Introspected:
        """Describe everything in a database, within a bounded time.

        Raises:
            ConnectFailed: no session could be opened.
            DatabaseError: reading failed or took too long.
        """
        ...


class Snapshots(Protocol):
    """Keeps schemas, apart from the events."""

    async def save(self, work: Work, analysis_id: UUID, schema: DatabaseSchema) -> None:
        """Store an analysis's schema in the command's transaction."""
        ...

    async def load(self, analysis_id: UUID) -> DatabaseSchema:
        """Return an analysis's whole schema.

        Raises:
            NotFound: there is no such analysis.
        """
        ...


class CatalogReader(Protocol):
    """The read side of the catalog slice. Everything is narrowed to what the viewer may see."""

    async def analyses(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaAnalysis]:
        """Return those of the analyses that the viewer may see."""
        ...

    async def latest(self, viewer: UUID, connection_ids: tuple[UUID, ...]) -> dict[UUID, SchemaAnalysis]:
        """Return the latest analysis of each of the connections that has one, by connection."""
        ...

    async def tables(self, viewer: UUID, ids: tuple[UUID, ...], cut: TableCut) -> dict[UUID, Page[PlacedTable]]:
        """Return the same cut of the tables of each of the analyses, in the analysis's order."""
        ...

    async def outlines(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, DatabaseSchema]:
        """Return what each of the analyses holds beside tables."""
        ...
