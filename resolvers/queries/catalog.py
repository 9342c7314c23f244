"""Fields that look at what databases hold."""

from __future__ import annotations

from domain.catalog.queries import GetSchemaAnalysis
from domain.catalog.views import SchemaAnalysis
from resolvers.queries.connections import ConnectionId
from schema.context import Info


async def schema_analysis(info: Info, connection_id: ConnectionId) -> SchemaAnalysis | None:
    """The latest analysis of a connection; null if there is none yet. To make one, send analyzeSchema."""
    return await info.context.send(GetSchemaAnalysis(connection_id=connection_id))
