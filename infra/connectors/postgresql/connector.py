"""The PostgreSQL connector."""

from __future__ import annotations

from domain.catalog.model import DatabaseSchema
from domain.connections.values import Endpoint, Probe
from domain.migrations.limits import Limit
from domain.migrations.schema_plan import SchemaPlan
from domain.migrations.transfer import Capabilities, ColumnCopy, Connector, Source, Target
from infra.connectors.postgresql.capabilities import CAPABILITIES
from infra.connectors.postgresql.ddl import plan_schema
from infra.connectors.postgresql.limits import limits
from infra.connectors.postgresql.probe import probe
from infra.connectors.postgresql.reader import PostgresqlSource
from infra.connectors.postgresql.writer import PostgresqlTarget


class PostgresqlConnector:
    """PostgreSQL 12 and later. Holds no state; sources and targets hold their sessions."""

    capabilities: Capabilities = CAPABILITIES

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """Connect and report the version and every right that is there or missing."""
        return await probe(endpoint, writable=writable)

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Open a snapshot with up to `readers` concurrent reading sessions."""
        return await PostgresqlSource.open(endpoint, readers)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        """Open up to `writers` concurrent writing sessions."""
        return await PostgresqlTarget.open(endpoint, writers)

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a column here for values of the source's meaning."""
        return limits(column)

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        """Say how to build a schema here."""
        return plan_schema(wanted, endpoint)


CONNECTOR: Connector = PostgresqlConnector()
