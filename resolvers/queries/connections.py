"""Fields that look at connections."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from domain.connections import views
from domain.connections.queries import GetConnectionMetrics, GetConnections, GetConnectionStatus
from resolvers.queries.projects import ProjectId
from schema.context import Info
from schema.paging import After, Connection, First, connection_of, page_request

ConnectionId = Annotated[UUID, strawberry.argument(description="The connection's id.")]


async def connection(info: Info, id: ConnectionId) -> views.Connection | None:  # noqa: A002  # the argument's name in the API
    """A connection, or null if there is none within your reach."""
    return await info.context.loaders.connections.load(id)


async def connections(
    info: Info, project_id: ProjectId, first: First = 20, after: After = None
) -> Connection[views.Connection]:
    """A project's connections, newest first."""
    query = GetConnections(project_id=project_id, page=page_request(first, after))
    return connection_of(await info.context.send(query))


async def connection_status(info: Info, connection_id: ConnectionId) -> views.ConnectionStatus:
    """Whether a connection works, as far as its last test tells. To find out now, send testConnection."""
    return await info.context.send(GetConnectionStatus(connection_id=connection_id))


async def connection_metrics(
    info: Info,
    connection_id: ConnectionId,
    from_date: Annotated[datetime, strawberry.argument(description="Only tests from this moment on.")],
    to_date: Annotated[datetime, strawberry.argument(description="Only tests up to this moment.")],
) -> views.ConnectionMetrics:
    """What the tests of a connection in a span of time add up to."""
    query = GetConnectionMetrics(connection_id=connection_id, from_date=from_date, to_date=to_date)
    return await info.context.send(query)
