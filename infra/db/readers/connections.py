"""The read side of the connections slice."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.connections.views import Connection, ConnectionMetrics, ConnectionTest
from domain.kernel.values import Page, PageRequest
from infra.db.database import Database, build
from infra.db.readers.access import VISIBLE_PROJECTS
from infra.db.readers.paging import pages_of

_CONNECTIONS = """
SELECT connection.id, project_id, name, type, is_source, is_target, config, status, credentials_version,
    created_at, updated_at
FROM connection JOIN visible_project ON visible_project.id = project_id
"""

_BY_IDS = f"WITH {VISIBLE_PROJECTS} {_CONNECTIONS} WHERE connection.id = ANY(CAST(:ids AS uuid[]))"

_OF_PROJECTS = f"{_CONNECTIONS} WHERE project_id = ANY(CAST(:owners AS uuid[]))"

_LAST_TESTS = f"""
WITH {VISIBLE_PROJECTS}
SELECT DISTINCT ON (connection_id)
    connection_id, success, code, message, server_version, findings, latency_ms, tested_at
FROM connection_test
JOIN connection ON connection.id = connection_id
JOIN visible_project ON visible_project.id = project_id
WHERE connection_id = ANY(CAST(:ids AS uuid[]))
ORDER BY connection_id, sequence DESC
"""

_METRICS = """
SELECT CAST(:connection_id AS uuid) AS connection_id,
    count(*) AS tests,
    count(*) FILTER (WHERE NOT success) AS failures,
    min(latency_ms) FILTER (WHERE success) AS latency_min_ms,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE success) AS latency_median_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE success) AS latency_p95_ms,
    max(latency_ms) FILTER (WHERE success) AS latency_max_ms
FROM connection_test
WHERE connection_id = :connection_id AND tested_at >= :from_date AND tested_at <= :to_date
"""


class SqlConnectionReader:
    """Connections and their tests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def connections(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Connection]:
        """Return those of the connections that the viewer may see."""
        rows = await self._database.rows(_BY_IDS, viewer=viewer, ids=list(ids))
        return {row["id"]: build(Connection, row) for row in rows}

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], page: PageRequest
    ) -> dict[UUID, Page[Connection]]:
        """Return the same page of the connections of each of the projects, newest first."""
        sql = (VISIBLE_PROJECTS, _OF_PROJECTS)
        return await pages_of(Connection, self._database, sql, "project_id", project_ids, page, viewer=viewer)

    async def last_tests(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, ConnectionTest]:
        """Return the last test of each of the connections that has one."""
        rows = await self._database.rows(_LAST_TESTS, viewer=viewer, ids=list(ids))
        return {row["connection_id"]: build(ConnectionTest, row) for row in rows}

    async def metrics(self, connection_id: UUID, from_date: datetime, to_date: datetime) -> ConnectionMetrics:
        """Add up the tests of a connection in a span of time."""
        rows = await self._database.rows(_METRICS, connection_id=connection_id, from_date=from_date, to_date=to_date)
        return build(ConnectionMetrics, rows[0])
