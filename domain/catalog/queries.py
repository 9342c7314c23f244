"""What can be asked of the catalog slice, each query with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.catalog.model import DatabaseSchema
from domain.catalog.ports import CatalogReader
from domain.catalog.views import PlacedTable, SchemaAnalysis, TableCut
from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.kernel.values import Page


@dataclass(frozen=True, kw_only=True)
class GetSchemaAnalysis(Query[SchemaAnalysis | None]):
    """Ask for the latest analysis of a connection."""

    guard = needs(Right.VIEW, Subject.CONNECTION, "connection_id")

    connection_id: UUID


@dataclass(frozen=True)
class GetSchemaAnalysisHandler:
    """Reads the latest analysis."""

    reader: CatalogReader

    async def __call__(self, query: GetSchemaAnalysis, scope: Scope) -> SchemaAnalysis | None:
        """Return the analysis, or nothing if there is none yet."""
        return (await self.reader.latest(scope.user_id, (query.connection_id,))).get(query.connection_id)


@dataclass(frozen=True, kw_only=True)
class GetLatestAnalyses(Query[dict[UUID, SchemaAnalysis]]):
    """Ask for the latest analysis of several connections at once."""

    guard = SIGNED_IN

    connection_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetLatestAnalysesHandler:
    """Reads latest analyses."""

    reader: CatalogReader

    async def __call__(self, query: GetLatestAnalyses, scope: Scope) -> dict[UUID, SchemaAnalysis]:
        """Return the analyses by connection id."""
        return await self.reader.latest(scope.user_id, query.connection_ids)


@dataclass(frozen=True, kw_only=True)
class GetAnalysesByIds(Query[dict[UUID, SchemaAnalysis]]):
    """Ask for several analyses at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetAnalysesByIdsHandler:
    """Reads analyses."""

    reader: CatalogReader

    async def __call__(self, query: GetAnalysesByIds, scope: Scope) -> dict[UUID, SchemaAnalysis]:
        """Return the analyses by id."""
        return await self.reader.analyses(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetAnalyzedTables(Query[dict[UUID, Page[PlacedTable]]]):
    """Ask for the same cut of the tables of several analyses at once."""

    guard = SIGNED_IN

    analysis_ids: tuple[UUID, ...]
    cut: TableCut


@dataclass(frozen=True)
class GetAnalyzedTablesHandler:
    """Reads tables."""

    reader: CatalogReader

    async def __call__(self, query: GetAnalyzedTables, scope: Scope) -> dict[UUID, Page[PlacedTable]]:
        """Return the tables by analysis id."""
        return await self.reader.tables(scope.user_id, query.analysis_ids, query.cut)


@dataclass(frozen=True, kw_only=True)
class GetOutlines(Query[dict[UUID, DatabaseSchema]]):
    """Ask what several analyses hold beside tables."""

    guard = SIGNED_IN

    analysis_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetOutlinesHandler:
    """Reads outlines."""

    reader: CatalogReader

    async def __call__(self, query: GetOutlines, scope: Scope) -> dict[UUID, DatabaseSchema]:
        """Return the schemas without their tables, by analysis id."""
        return await self.reader.outlines(scope.user_id, query.analysis_ids)
