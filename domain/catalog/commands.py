"""What can be done in the catalog slice, each command with its handler under it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from domain.auth.ports import Throttle
from domain.catalog.aggregate import Analysis, Origin
from domain.catalog.ports import Introspector, Snapshots
from domain.catalog.values import SchemaAnalysisOptions, described, narrowed
from domain.connections.ports import ConnectionReader, Credentials
from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from domain.kernel.ports import Clock, Ids
from domain.kernel.work import Work
from domain.projects.aggregate import Actor
from domain.projects.commands import activity_signal


@dataclass(frozen=True, kw_only=True)
class AnalyzeSchema(Command[UUID]):
    """Read what a database holds, and keep it."""

    guard = needs(Right.OPERATE, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    """The connection's id."""
    options: SchemaAnalysisOptions | None = None
    """What to describe; by default everything."""


@dataclass(frozen=True)
class AnalyzeSchemaHandler:
    """Reads the schema first, with no transaction open, and then keeps it."""

    ids: Ids
    clock: Clock
    connections: ConnectionReader
    credentials: Credentials
    introspector: Introspector
    snapshots: Snapshots
    throttle: Throttle

    async def __call__(self, command: AnalyzeSchema, work: Work) -> UUID:
        """Analyse the schema and return the analysis's id."""
        user_id, connection_id = work.scope.user_id, command.connection_id
        await self.throttle.admit("analyze-schema", work.scope.client, str(user_id))
        connection = (await self.connections.connections(user_id, (connection_id,))).get(connection_id)
        if connection is None:
            raise NotFound(f"There is no connection {connection_id}.")
        found = await self.introspector.introspect(await self.credentials.open(connection_id))
        schema = narrowed(found.schema, command.options or SchemaAnalysisOptions())
        origin = Origin(connection_id, connection.project_id)
        short = await asyncio.to_thread(described, schema)  # long enough for others to notice, if done here
        analysis = Analysis.made(self.ids.new(), origin, short, found.duration_ms, Actor(user_id, self.clock.now()))
        await self.snapshots.save(work, analysis.id, schema)
        work.add(analysis)
        work.signal(activity_signal(connection.project_id))
        return analysis.id
