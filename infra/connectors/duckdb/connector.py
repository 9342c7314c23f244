"""The DuckDB connector."""

from __future__ import annotations

import duckdb

from domain.catalog.model import DatabaseSchema
from domain.connections.values import Endpoint, Probe, ProbeFinding
from domain.kernel.errors import DatabaseError
from domain.kernel.threads import in_thread
from domain.migrations.limits import Limit
from domain.migrations.schema_plan import SchemaPlan
from domain.migrations.transfer import Capabilities, ColumnCopy, Source, Target
from infra.connectors.duckdb import ddl, limits, reader, target
from infra.connectors.duckdb.capabilities import CAPABILITIES, DEFAULT_SCHEMA
from infra.connectors.duckdb.session import Session, open_sessions
from infra.connectors.files.probing import try_to_create


class DuckdbConnector:
    """Reads and writes DuckDB files."""

    @property
    def capabilities(self) -> Capabilities:
        """What DuckDB can do."""
        return CAPABILITIES

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """Open the file and see whether it can be read, and written if that is wanted; it stays as it is."""
        if writable and (found := await in_thread(try_to_create, endpoint.path)):
            return Probe(duckdb.__version__, (found,))
        [session] = await open_sessions(endpoint.path, 1, writable=writable)
        try:
            findings = [ProbeFinding("read", passed=True)]
            if writable:
                findings.append(await _try_to_write(session))
        finally:
            await session.close()
        return Probe(duckdb.__version__, tuple(findings))

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Open up to `readers` sessions; the file is locked against writers until they are closed."""
        return await reader.open_source(endpoint.path, _schema(endpoint), readers)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:  # noqa: ARG002 - DuckDB lets one write
        """Open the one session that writes."""
        return await target.open_target(endpoint.path, _schema(endpoint))

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a column here for values of the source's meaning."""
        return limits.limits(column)

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        """Say how to build a schema here."""
        return ddl.plan_schema(wanted, _schema(endpoint))


def _schema(endpoint: Endpoint) -> str:
    return endpoint.schema or DEFAULT_SCHEMA


async def _try_to_write(session: Session) -> ProbeFinding:
    """Make a table and take it back."""

    def make(connection: duckdb.DuckDBPyConnection) -> None:
        for statement in ("BEGIN TRANSACTION", "CREATE TABLE _wherry_probe (number INTEGER)", "ROLLBACK"):
            connection.execute(statement)

    try:
        await session.run(make)
    except DatabaseError as error:
        return ProbeFinding("write", passed=False, advice=error.message)
    return ProbeFinding("write", passed=True)


CONNECTOR = DuckdbConnector()
