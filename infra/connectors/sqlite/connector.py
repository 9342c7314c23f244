"""The SQLite connector."""

from __future__ import annotations

import sqlite3

from domain.catalog.model import DatabaseSchema
from domain.connections.values import Endpoint, Probe, ProbeFinding
from domain.kernel.errors import DatabaseError, ErrorCode
from domain.kernel.threads import in_thread
from domain.migrations.limits import Limit
from domain.migrations.schema_plan import SchemaPlan
from domain.migrations.transfer import Capabilities, ColumnCopy, Source, Target
from infra.connectors.files.probing import try_to_create
from infra.connectors.sqlite import ddl, limits, reader, writer
from infra.connectors.sqlite.capabilities import CAPABILITIES
from infra.connectors.sqlite.session import Session, open_session


class SqliteConnector:
    """Reads and writes SQLite files."""

    @property
    def capabilities(self) -> Capabilities:
        """What SQLite can do."""
        return CAPABILITIES

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """Open the file and see whether it can be read, and written if that is wanted; it stays as it is."""
        if writable and (found := await in_thread(try_to_create, endpoint.path)):
            return Probe(sqlite3.sqlite_version, (found,))
        session = await open_session(endpoint.path, writable=writable)
        try:
            findings = [ProbeFinding("read", passed=True)]
            if writable:
                findings.append(await _try_to_write(session))
        finally:
            await session.close()
        return Probe(sqlite3.sqlite_version, tuple(findings))

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Open up to `readers` sessions that all see one moment."""
        return await reader.open_source(endpoint.path, readers)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:  # noqa: ARG002 - SQLite lets one write
        """Open the one session that writes."""
        return await writer.open_target(endpoint.path)

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a column here for values of the source's meaning."""
        return limits.limits(column)

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:  # noqa: ARG002 - a file is one schema
        """Say how to build a schema here."""
        return ddl.plan_schema(wanted)


async def _try_to_write(session: Session) -> ProbeFinding:
    """Take the lock that a writer needs, and give it back."""

    def begin(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE _wherry_probe (number INTEGER)")
        connection.execute("ROLLBACK")

    advice = "Give the right to write to the file and its folder."
    try:
        await session.run(begin)
    except DatabaseError as error:
        if error.code is not ErrorCode.PRIVILEGE_MISSING:
            advice = error.message
        return ProbeFinding("write", passed=False, advice=advice)
    return ProbeFinding("write", passed=True)


CONNECTOR = SqliteConnector()
