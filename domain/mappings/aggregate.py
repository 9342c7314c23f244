"""Mappings and their rules."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.aggregate import Aggregate
from domain.mappings.events import SchemaMappingCreated, SchemaMappingEvent, SchemaValidationCompleted
from domain.mappings.values import MappingIssue, MappingStatus, TableMapping
from domain.projects.aggregate import Actor

ISSUES_KEPT_MAX = 1_000
"""How many issues of one validation are kept; the rest are counted."""


@dataclass(frozen=True)
class Route:
    """Where a mapping leads from and to: connections, and the analyses of them that it was made from."""

    source_connection_id: UUID
    source_schema_id: UUID
    target_connection_id: UUID | None = None
    target_schema_id: UUID | None = None


class SchemaMapping(Aggregate[SchemaMappingEvent]):
    """Which source tables and columns become which target tables and columns."""

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.project_id = id_
        self.name = ""
        self.route = Route(id_, id_)
        self.tables: tuple[TableMapping, ...] = ()
        self.status = MappingStatus.UNVALIDATED

    @classmethod
    def create(
        cls, id_: UUID, project_id: UUID, name: str, route: Route, tables: tuple[TableMapping, ...], actor: Actor
    ) -> SchemaMapping:
        """Make a mapping."""
        mapping = cls(id_)
        mapping.record(
            SchemaMappingCreated(
                occurred_at=actor.now,
                mapping_id=id_,
                project_id=project_id,
                name=name,
                source_schema_id=route.source_schema_id,
                source_connection_id=route.source_connection_id,
                target_schema_id=route.target_schema_id,
                target_connection_id=route.target_connection_id,
                tables=tables,
                created_by=actor.user_id,
            )
        )
        return mapping

    def note_validation(self, issues: tuple[MappingIssue, ...], *, is_valid: bool, actor: Actor) -> None:
        """Note what a validation has found."""
        self.record(
            SchemaValidationCompleted(
                occurred_at=actor.now,
                mapping_id=self.id,
                project_id=self.project_id,
                is_valid=is_valid,
                errors=issues[:ISSUES_KEPT_MAX],
                errors_total=len(issues),
                validated_by=actor.user_id,
            )
        )

    def apply(self, event: SchemaMappingEvent) -> None:
        """Change the state as the event says."""
        match event:
            case SchemaMappingCreated():
                self.project_id, self.name, self.tables = event.project_id, event.name, event.tables
                self.route = Route(
                    event.source_connection_id,
                    event.source_schema_id,
                    event.target_connection_id,
                    event.target_schema_id,
                )
            case SchemaValidationCompleted():
                self.status = MappingStatus.VALID if event.is_valid else MappingStatus.INVALID
