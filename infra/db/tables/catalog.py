"""Tables of the catalog slice. The snapshots are stores; `schema_analysis` is a projection."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from infra.db.tables.columns import document, instant


class SchemaAnalysisRow(SQLModel, table=True):
    """An analysis."""

    __tablename__ = "schema_analysis"

    id: UUID = Field(primary_key=True)
    connection_id: UUID = Field(index=True)
    project_id: UUID = Field(index=True)
    type: str
    server_version: str
    hash: str
    counts: dict[str, Any] = document()
    duration_ms: int
    analyzed_at: datetime = instant()


class SchemaSnapshotRow(SQLModel, table=True):
    """What an analysis holds beside tables, as the codec's JSON. Text, since JSONB takes no NUL character."""

    __tablename__ = "schema_snapshot"

    analysis_id: UUID = Field(primary_key=True)
    outline: str = Field(sa_type=Text)


class SchemaSnapshotTableRow(SQLModel, table=True):
    """One table of an analysis, as the codec's JSON."""

    __tablename__ = "schema_snapshot_table"

    analysis_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    name: str
    body: str = Field(sa_type=Text)
