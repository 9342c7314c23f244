"""Reading a schema through the connector of its engine, within a bounded time."""

from __future__ import annotations

import asyncio
import time

from domain.catalog.ports import Introspected
from domain.connections.values import Endpoint
from domain.kernel.errors import DatabaseError
from infra.connectors.registry import connector_for

ANALYSIS_TIMEOUT_S = 60.0
"""How long reading a schema may take as a whole: it is done while the client waits."""


class ConnectorIntrospector:
    """Reads schemas of every kind of database there is a connector for."""

    async def introspect(self, endpoint: Endpoint) -> Introspected:
        """Describe everything in a database."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(ANALYSIS_TIMEOUT_S):
                source = await connector_for(endpoint.engine).open_source(endpoint, readers=1)
                try:
                    schema = await source.introspect()
                finally:
                    await source.close()
        except TimeoutError:
            raise DatabaseError(
                f"Reading the schema took longer than {ANALYSIS_TIMEOUT_S:.0f} seconds. "
                "Name one schema in the connection's config, or try again when the server is less busy."
            ) from None
        return Introspected(schema, round((time.monotonic() - started) * 1000))
