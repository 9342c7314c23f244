"""What clients see of mappings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.mappings.values import MappingIssue, MappingStatus


@dataclass(frozen=True)
class SchemaMapping:
    """Which source tables and columns become which target tables and columns."""

    id: UUID
    """Names the mapping."""
    project_id: UUID
    """The project it belongs to."""
    name: str
    """What people call it."""
    source_schema_id: UUID
    """The analysis of the source it was made from."""
    source_connection_id: UUID
    """The connection to the source."""
    target_schema_id: UUID | None
    """The analysis of the target it was made from; null if the target was not looked at."""
    target_connection_id: UUID | None
    """The connection to the target; null if it is for any target."""
    status: MappingStatus
    """What the last validation has shown."""
    table_count: int
    """How many tables it maps."""
    created_at: datetime
    """When it was made."""


@dataclass(frozen=True)
class SchemaValidation:
    """What a validation of a mapping has found."""

    mapping_id: UUID
    """The mapping."""
    is_valid: bool
    """Whether nothing was found that keeps it from being used."""
    errors: tuple[MappingIssue, ...]
    """What was found, at most the first 1000."""
    errors_total: int
    """How much was found in all."""
    validated_at: datetime
    """When it was."""
