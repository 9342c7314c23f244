"""What the mappings slice needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.catalog.model import DatabaseSchema
from domain.connections.values import Endpoint
from domain.kernel.values import Page, PageRequest
from domain.mappings.values import TableMapping
from domain.mappings.views import SchemaMapping, SchemaValidation


@dataclass(frozen=True)
class PlanNote:
    """A table or column that a target cannot take as it is. Without a column it is about the table."""

    table: str
    column: str
    possible: bool
    """Whether something close to it is made instead."""
    reason: str


class SchemaPlanner(Protocol):
    """Knows how tables are built in a target."""

    async def notes(self, target: Endpoint, wanted: DatabaseSchema) -> tuple[PlanNote, ...]:
        """Plan the wanted tables, in the source's terms, and say what the target does not take as it is.

        Nothing is dialled; the endpoint needs no password.

        Raises:
            WherryError: no plan can be made at all.
        """
        ...


class MappingReader(Protocol):
    """The read side of the mappings slice. Everything is narrowed to what the viewer may see."""

    async def mappings(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaMapping]:
        """Return those of the mappings that the viewer may see."""
        ...

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], page: PageRequest
    ) -> dict[UUID, Page[SchemaMapping]]:
        """Return the same page of the mappings of each of the projects, newest first."""
        ...

    async def rules(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, tuple[TableMapping, ...]]:
        """Return what each of the mappings says."""
        ...

    async def validations(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, SchemaValidation]:
        """Return the last validation of each of the mappings that has one."""
        ...
