"""Analyses: what a database held at one moment. They never change."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.catalog.events import SchemaAnalyzed
from domain.catalog.values import Description
from domain.kernel.aggregate import Aggregate
from domain.projects.aggregate import Actor


@dataclass(frozen=True)
class Origin:
    """Where a schema was read."""

    connection_id: UUID
    project_id: UUID


class Analysis(Aggregate[SchemaAnalyzed]):
    """One reading of a database's schema."""

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.origin = Origin(id_, id_)
        self.hash = ""

    @classmethod
    def made(cls, id_: UUID, origin: Origin, found: Description, duration_ms: int, actor: Actor) -> Analysis:
        """Note that a schema was read."""
        analysis = cls(id_)
        analysis.record(
            SchemaAnalyzed(
                occurred_at=actor.now,
                analysis_id=id_,
                connection_id=origin.connection_id,
                project_id=origin.project_id,
                type=found.type,
                server_version=found.server_version,
                hash=found.hash,
                counts=found.counts,
                duration_ms=duration_ms,
                analyzed_by=actor.user_id,
            )
        )
        return analysis

    def apply(self, event: SchemaAnalyzed) -> None:
        """Change the state as the event says."""
        self.origin, self.hash = Origin(event.connection_id, event.project_id), event.hash
