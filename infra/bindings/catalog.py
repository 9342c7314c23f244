"""Handlers of the catalog slice."""

from __future__ import annotations

from domain.catalog import commands, queries
from domain.kernel.messages import Binding
from infra.bindings.ports import Ports
from infra.connectors.introspection import ConnectorIntrospector
from infra.db.readers.catalog import SqlCatalogReader
from infra.db.readers.connections import SqlConnectionReader
from infra.db.stores.catalog import SqlSnapshots
from infra.db.stores.connections import SqlCredentials


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    reader = SqlCatalogReader(ports.database)
    analyze = commands.AnalyzeSchemaHandler(
        ids=ports.ids,
        clock=ports.clock,
        connections=SqlConnectionReader(ports.database),
        credentials=SqlCredentials(ports.database, ports.envelope, ports.files),
        introspector=ConnectorIntrospector(),
        snapshots=SqlSnapshots(ports.database),
        throttle=ports.throttle,
    )
    return (
        commands.AnalyzeSchema.handled_by(analyze),
        queries.GetSchemaAnalysis.handled_by(queries.GetSchemaAnalysisHandler(reader)),
        queries.GetLatestAnalyses.handled_by(queries.GetLatestAnalysesHandler(reader)),
        queries.GetAnalysesByIds.handled_by(queries.GetAnalysesByIdsHandler(reader)),
        queries.GetAnalyzedTables.handled_by(queries.GetAnalyzedTablesHandler(reader)),
        queries.GetOutlines.handled_by(queries.GetOutlinesHandler(reader)),
    )
