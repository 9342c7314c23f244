"""Snapshots of schemas: a row for each table, so that a page of tables is a page of rows."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from sqlalchemy import insert

from domain.catalog.model import DatabaseSchema, Table
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import NotFound
from domain.kernel.work import Work
from infra.db.database import Database
from infra.db.tables.catalog import SchemaSnapshotRow, SchemaSnapshotTableRow
from infra.db.work import session_of

T = TypeVar("T")

_OUTLINE = "SELECT outline FROM schema_snapshot WHERE analysis_id = :id"
_TABLES = "SELECT body FROM schema_snapshot_table WHERE analysis_id = :id ORDER BY number"


class SqlSnapshots:
    """Schemas as they were found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, work: Work, analysis_id: UUID, schema: DatabaseSchema) -> None:
        """Store an analysis's schema."""
        session = session_of(work)
        session.add(SchemaSnapshotRow(analysis_id=analysis_id, outline=written(replace(schema, tables=()))))
        bodies = await asyncio.to_thread(lambda: [written(table) for table in schema.tables])
        rows = [
            {"analysis_id": analysis_id, "number": number, "name": str(table.name), "body": body}
            for number, (table, body) in enumerate(zip(schema.tables, bodies, strict=True))
        ]
        if rows:
            await session.exec(insert(SchemaSnapshotTableRow).values(), params=rows)

    async def load(self, analysis_id: UUID) -> DatabaseSchema:
        """Return an analysis's whole schema."""
        outlines = await self._database.rows(_OUTLINE, id=analysis_id)
        if not outlines:
            raise NotFound(f"There is no analysis {analysis_id}.")
        tables = await self._database.rows(_TABLES, id=analysis_id)
        outline = read(DatabaseSchema, outlines[0]["outline"])
        bodies = [row["body"] for row in tables]
        return replace(outline, tables=await asyncio.to_thread(lambda: tuple(read(Table, body) for body in bodies)))


def written(shape: object) -> str:
    """Return a shape as JSON text."""
    return json.dumps(to_json(shape), separators=(",", ":"))


def read(class_: type[T], text: str) -> T:
    """Return the shape that JSON text describes."""
    return from_json(class_, json.loads(text))
