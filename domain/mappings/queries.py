"""What can be asked about mappings, each query with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.kernel.values import Page, PageRequest
from domain.mappings.ports import MappingReader
from domain.mappings.values import TableMapping
from domain.mappings.views import SchemaMapping, SchemaValidation


@dataclass(frozen=True, kw_only=True)
class GetMappingsByIds(Query[dict[UUID, SchemaMapping]]):
    """Ask for several mappings at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetMappingsByIdsHandler:
    """Reads mappings."""

    reader: MappingReader

    async def __call__(self, query: GetMappingsByIds, scope: Scope) -> dict[UUID, SchemaMapping]:
        """Return the mappings by id."""
        return await self.reader.mappings(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetSchemaMappings(Query[Page[SchemaMapping]]):
    """Ask for a page of a project's mappings."""

    guard = needs(Right.VIEW, Subject.PROJECT, "project_id")

    project_id: UUID
    page: PageRequest = PageRequest()


@dataclass(frozen=True)
class GetSchemaMappingsHandler:
    """Reads a page of mappings."""

    reader: MappingReader

    async def __call__(self, query: GetSchemaMappings, scope: Scope) -> Page[SchemaMapping]:
        """Return the page."""
        return (await self.reader.pages(scope.user_id, (query.project_id,), query.page))[query.project_id]


@dataclass(frozen=True, kw_only=True)
class GetMappingsOfProjects(Query[dict[UUID, Page[SchemaMapping]]]):
    """Ask for the same page of the mappings of several projects at once."""

    guard = SIGNED_IN

    project_ids: tuple[UUID, ...]
    page: PageRequest


@dataclass(frozen=True)
class GetMappingsOfProjectsHandler:
    """Reads a page of mappings per project."""

    reader: MappingReader

    async def __call__(self, query: GetMappingsOfProjects, scope: Scope) -> dict[UUID, Page[SchemaMapping]]:
        """Return the pages by project id; one out of reach has an empty one."""
        return await self.reader.pages(scope.user_id, query.project_ids, query.page)


@dataclass(frozen=True, kw_only=True)
class GetMappingRules(Query[dict[UUID, tuple[TableMapping, ...]]]):
    """Ask what several mappings say."""

    guard = SIGNED_IN

    mapping_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetMappingRulesHandler:
    """Reads rules."""

    reader: MappingReader

    async def __call__(self, query: GetMappingRules, scope: Scope) -> dict[UUID, tuple[TableMapping, ...]]:
        """Return the tables of each mapping, by mapping id."""
        return await self.reader.rules(scope.user_id, query.mapping_ids)


@dataclass(frozen=True, kw_only=True)
class GetValidations(Query[dict[UUID, SchemaValidation]]):
    """Ask for the last validation of several mappings at once."""

    guard = SIGNED_IN

    mapping_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetValidationsHandler:
    """Reads validations."""

    reader: MappingReader

    async def __call__(self, query: GetValidations, scope: Scope) -> dict[UUID, SchemaValidation]:
        """Return the last validations by mapping id."""
        return await self.reader.validations(scope.user_id, query.mapping_ids)


@dataclass(frozen=True, kw_only=True)
class GetSchemaValidation(Query[SchemaValidation | None]):
    """Ask for the last validation of a mapping."""

    guard = needs(Right.VIEW, Subject.MAPPING, "mapping_id")

    mapping_id: UUID


@dataclass(frozen=True)
class GetSchemaValidationHandler:
    """Reads the last validation."""

    reader: MappingReader

    async def __call__(self, query: GetSchemaValidation, scope: Scope) -> SchemaValidation | None:
        """Return the validation, or nothing if there is none yet."""
        return (await self.reader.validations(scope.user_id, (query.mapping_id,))).get(query.mapping_id)
