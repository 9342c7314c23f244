"""Tables of the mappings slice; all are projections."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from infra.db.tables.columns import document, instant


class SchemaMappingRow(SQLModel, table=True):
    """A mapping with what it says."""

    __tablename__ = "schema_mapping"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True)
    name: str
    source_schema_id: UUID
    source_connection_id: UUID
    target_schema_id: UUID | None = None
    target_connection_id: UUID | None = None
    status: str
    table_count: int
    rules: list[dict[str, Any]] = document()
    created_at: datetime = instant()


class SchemaValidationRow(SQLModel, table=True):
    """The last validation of a mapping."""

    __tablename__ = "schema_validation"

    mapping_id: UUID = Field(primary_key=True)
    is_valid: bool
    errors: list[dict[str, Any]] = document()
    errors_total: int
    validated_at: datetime = instant()
