"""The read side of the catalog slice."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from domain.catalog.model import DatabaseSchema, Table
from domain.catalog.views import PlacedTable, SchemaAnalysis, TableCut
from domain.kernel.values import Page
from infra.db.database import Database, build
from infra.db.readers.access import VISIBLE_PROJECTS
from infra.db.stores.catalog import read

_COLUMNS = """
schema_analysis.id, connection_id, project_id, type, server_version, hash, counts, duration_ms, analyzed_at
"""

_ANALYSES = f"""
WITH {VISIBLE_PROJECTS}
SELECT {_COLUMNS}
FROM schema_analysis JOIN visible_project ON visible_project.id = project_id
WHERE schema_analysis.id = ANY(CAST(:ids AS uuid[]))
"""

_LATEST = f"""
WITH {VISIBLE_PROJECTS}
SELECT DISTINCT ON (connection_id) {_COLUMNS}
FROM schema_analysis JOIN visible_project ON visible_project.id = project_id
WHERE connection_id = ANY(CAST(:ids AS uuid[]))
ORDER BY connection_id, schema_analysis.id DESC
"""

_FOUND = f"""
WITH {VISIBLE_PROJECTS}, found AS (
    SELECT analysis_id, number, name FROM schema_snapshot_table
    JOIN schema_analysis ON schema_analysis.id = analysis_id
    JOIN visible_project ON visible_project.id = project_id
    WHERE analysis_id = ANY(CAST(:ids AS uuid[]))
      AND position(lower(:name_contains) IN lower(schema_snapshot_table.name)) > 0
)
"""

_TOTALS = f"{_FOUND} SELECT analysis_id, count(*) AS total FROM found GROUP BY analysis_id"

_TABLES = f"""{_FOUND}, numbered AS (
    SELECT analysis_id, number, row_number() OVER (PARTITION BY analysis_id ORDER BY number) AS place
    FROM found WHERE number > :after
)
SELECT analysis_id, number, body
FROM numbered JOIN schema_snapshot_table USING (analysis_id, number)
WHERE place <= :row_limit ORDER BY analysis_id, number
"""

_OUTLINES = f"""
WITH {VISIBLE_PROJECTS}
SELECT analysis_id, outline
FROM schema_snapshot
JOIN schema_analysis ON schema_analysis.id = analysis_id
JOIN visible_project ON visible_project.id = project_id
WHERE analysis_id = ANY(CAST(:ids AS uuid[]))
"""


class SqlCatalogReader:
    """Analyses and what they hold."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def analyses(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaAnalysis]:
        """Return those of the analyses that the viewer may see."""
        rows = await self._database.rows(_ANALYSES, viewer=viewer, ids=list(ids))
        return {row["id"]: build(SchemaAnalysis, row) for row in rows}

    async def latest(self, viewer: UUID, connection_ids: tuple[UUID, ...]) -> dict[UUID, SchemaAnalysis]:
        """Return the latest analysis of each of the connections that has one, by connection."""
        rows = await self._database.rows(_LATEST, viewer=viewer, ids=list(connection_ids))
        return {row["connection_id"]: build(SchemaAnalysis, row) for row in rows}

    async def tables(self, viewer: UUID, ids: tuple[UUID, ...], cut: TableCut) -> dict[UUID, Page[PlacedTable]]:
        """Return the same cut of the tables of each of the analyses, in the analysis's order."""
        wanted = {"viewer": viewer, "ids": list(ids), "name_contains": cut.name_contains}
        totals = {row["analysis_id"]: row["total"] for row in await self._database.rows(_TOTALS, **wanted)}
        found: defaultdict[UUID, list[PlacedTable]] = defaultdict(list)
        for row in await self._database.rows(_TABLES, after=cut.after, row_limit=cut.first + 1, **wanted):
            found[row["analysis_id"]].append(PlacedTable(row["number"], read(Table, row["body"])))
        return {
            id_: Page(tuple(found[id_][: cut.first]), len(found[id_]) > cut.first, totals.get(id_, 0)) for id_ in ids
        }

    async def outlines(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, DatabaseSchema]:
        """Return what each of the analyses holds beside tables."""
        rows = await self._database.rows(_OUTLINES, viewer=viewer, ids=list(ids))
        return {row["analysis_id"]: read(DatabaseSchema, row["outline"]) for row in rows}
