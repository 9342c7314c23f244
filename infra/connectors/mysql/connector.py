"""MySQL and MariaDB, as the engine sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.connectors.mysql import ddl, limits
from infra.connectors.mysql.capabilities import CAPABILITIES
from infra.connectors.mysql.probe import probe
from infra.connectors.mysql.reader import MysqlSource
from infra.connectors.mysql.writer import MysqlTarget

if TYPE_CHECKING:
    from domain.catalog.model import DatabaseSchema
    from domain.connections.values import Endpoint, Probe
    from domain.migrations.limits import Limit
    from domain.migrations.schema_plan import SchemaPlan
    from domain.migrations.transfer import Capabilities, ColumnCopy, Source, Target


class MysqlConnector:
    """How to test, read and write MySQL and MariaDB, and to spell a schema for them."""

    @property
    def capabilities(self) -> Capabilities:
        """What MySQL and MariaDB can do."""
        return CAPABILITIES

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """Connect and report the version and every right that is there or missing.

        Raises:
            ConnectFailed: no session could be opened; `code` says why.
        """
        return await probe(endpoint, writable=writable)

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Open a snapshot with up to `readers` concurrent reading sessions.

        Raises:
            ConnectFailed: no session could be opened.
        """
        return await MysqlSource.open(endpoint, readers)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        """Open up to `writers` concurrent writing sessions.

        Raises:
            ConnectFailed: no session could be opened.
        """
        return await MysqlTarget.open(endpoint, writers)

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a column here for values of the source's meaning."""
        return limits.limits(column)

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        """Say how to build a schema in the endpoint's database; MySQL has no schemas inside one."""
        del endpoint
        return ddl.plan_schema(wanted)


CONNECTOR = MysqlConnector()
