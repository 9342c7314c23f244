"""What has happened to mappings."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.messages import Event
from domain.mappings.values import MappingIssue, TableMapping


@dataclass(frozen=True, kw_only=True)
class SchemaMappingCreated(Event):
    """A mapping from one analysed schema was made, onto a connection's database or onto none in particular."""

    mapping_id: UUID
    project_id: UUID
    name: str
    source_schema_id: UUID
    source_connection_id: UUID
    target_schema_id: UUID | None
    target_connection_id: UUID | None
    tables: tuple[TableMapping, ...]
    created_by: UUID


@dataclass(frozen=True, kw_only=True)
class SchemaValidationCompleted(Event):
    """A mapping was checked against the schemas. `errors` are the first of `errors_total` issues."""

    mapping_id: UUID
    project_id: UUID
    is_valid: bool
    errors: tuple[MappingIssue, ...]
    errors_total: int
    validated_by: UUID


SchemaMappingEvent = SchemaMappingCreated | SchemaValidationCompleted
EVENTS = (SchemaMappingCreated, SchemaValidationCompleted)
