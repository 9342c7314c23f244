"""Both ends of a run: the connectors, where they point, and the open sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.connections.values import Endpoint
from domain.kernel.errors import ValidationFailed
from domain.migrations.transfer import Connector, Source, Target


@dataclass(frozen=True)
class Route:
    """From where to where: endpoints and the connectors that open them."""

    source_connector: Connector
    source_endpoint: Endpoint
    target_connector: Connector
    target_endpoint: Endpoint

    def check(self) -> None:
        """Refuse a database as its own target.

        Raises:
            ValidationFailed: both endpoints name the same database and schema.
        """
        if _place(self.source_endpoint) == _place(self.target_endpoint):
            raise ValidationFailed(f"source and target are the same database: {self.source_endpoint.label}")


@dataclass(frozen=True)
class Ends:
    """A route with sessions open at both ends. A worker process holds one while it works on a run."""

    route: Route
    source: Source
    target: Target


@asynccontextmanager
async def open_ends(route: Route, *, parallel: int) -> AsyncIterator[Ends]:
    """Open source and target for up to `parallel` lanes, and close both whatever happens.

    Raises:
        ValidationFailed: source and target are the same database.
        ConnectFailed: no session could be opened on one of them.
    """
    route.check()
    source = await route.source_connector.open_source(route.source_endpoint, readers=parallel)
    try:
        writers = min(parallel, route.target_connector.capabilities.writers_max)
        target = await route.target_connector.open_target(route.target_endpoint, writers=writers)
        try:
            yield Ends(route, source, target)
        finally:
            await target.close()
    finally:
        await source.close()


def _place(endpoint: Endpoint) -> tuple[str, ...]:
    if endpoint.engine.is_file:
        return (endpoint.engine.value, endpoint.path, endpoint.schema)
    return (endpoint.engine.value, endpoint.host.lower(), str(endpoint.port), endpoint.database, endpoint.schema)
