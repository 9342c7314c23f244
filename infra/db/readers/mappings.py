"""The read side of the mappings slice."""

from __future__ import annotations

from uuid import UUID

from domain.kernel.errors import NotFound
from domain.kernel.values import Page, PageRequest
from domain.mappings.values import TableMapping
from domain.mappings.views import SchemaMapping, SchemaValidation
from infra.db.database import Database, build
from infra.db.readers.access import VISIBLE_PROJECTS
from infra.db.readers.paging import pages_of
from infra.shapes import adapter

_MAPPINGS = """
SELECT schema_mapping.id, project_id, name, source_schema_id, source_connection_id, target_schema_id,
    target_connection_id, status, table_count, created_at
FROM schema_mapping JOIN visible_project ON visible_project.id = project_id
"""

_BY_IDS = f"WITH {VISIBLE_PROJECTS} {_MAPPINGS} WHERE schema_mapping.id = ANY(CAST(:ids AS uuid[]))"

_OF_PROJECTS = f"{_MAPPINGS} WHERE project_id = ANY(CAST(:owners AS uuid[]))"

_RULES = f"""
WITH {VISIBLE_PROJECTS}
SELECT schema_mapping.id, rules FROM schema_mapping JOIN visible_project ON visible_project.id = project_id
WHERE schema_mapping.id = ANY(CAST(:ids AS uuid[]))
"""

_VALIDATIONS = f"""
WITH {VISIBLE_PROJECTS}
SELECT mapping_id, is_valid, errors, errors_total, validated_at
FROM schema_validation
JOIN schema_mapping ON schema_mapping.id = mapping_id
JOIN visible_project ON visible_project.id = project_id
WHERE mapping_id = ANY(CAST(:ids AS uuid[]))
"""

_OF_PROJECT = "SELECT rules FROM schema_mapping WHERE id = :id AND project_id = :project_id"


class SqlMappingReader:
    """Mappings, what they say, and their validations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mappings(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaMapping]:
        """Return those of the mappings that the viewer may see."""
        rows = await self._database.rows(_BY_IDS, viewer=viewer, ids=list(ids))
        return {row["id"]: build(SchemaMapping, row) for row in rows}

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], page: PageRequest
    ) -> dict[UUID, Page[SchemaMapping]]:
        """Return the same page of the mappings of each of the projects, newest first."""
        sql = (VISIBLE_PROJECTS, _OF_PROJECTS)
        return await pages_of(SchemaMapping, self._database, sql, "project_id", project_ids, page, viewer=viewer)

    async def rules(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, tuple[TableMapping, ...]]:
        """Return what each of the mappings says."""
        rows = await self._database.rows(_RULES, viewer=viewer, ids=list(ids))
        return {row["id"]: _tables(row["rules"]) for row in rows}

    async def validations(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaValidation]:
        """Return the last validation of each of the mappings that has one."""
        rows = await self._database.rows(_VALIDATIONS, viewer=viewer, ids=list(ids))
        return {row["mapping_id"]: build(SchemaValidation, row) for row in rows}


class SqlMappingBook:
    """What mappings say, for migrations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tables(self, mapping_id: UUID, project_id: UUID) -> tuple[TableMapping, ...]:
        """Return the mapping's tables.

        Raises:
            NotFound: the project has no such mapping.
        """
        rows = await self._database.rows(_OF_PROJECT, id=mapping_id, project_id=project_id)
        if not rows:
            message = f"Project {project_id} has no mapping {mapping_id}."
            raise NotFound(message, path=("config", "mappingId"))
        return _tables(rows[0]["rules"])


def _tables(rules: object) -> tuple[TableMapping, ...]:
    tables: tuple[TableMapping, ...] = adapter(tuple[TableMapping, ...]).validate_python(rules)
    return tables
