"""Fields that look at mappings."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.mappings.queries import GetSchemaMappings, GetSchemaValidation
from domain.mappings.views import SchemaMapping, SchemaValidation
from resolvers.queries.projects import ProjectId
from schema.context import Info
from schema.paging import After, Connection, First, connection_of, page_request

MappingId = Annotated[UUID, strawberry.argument(description="The mapping's id.")]


async def schema_mapping(info: Info, id: MappingId) -> SchemaMapping | None:  # noqa: A002  # the argument's name in the API
    """A mapping, or null if there is none within your reach."""
    return await info.context.loaders.mappings.load(id)


async def schema_mappings(
    info: Info, project_id: ProjectId, first: First = 20, after: After = None
) -> Connection[SchemaMapping]:
    """A project's mappings, newest first."""
    query = GetSchemaMappings(project_id=project_id, page=page_request(first, after))
    return connection_of(await info.context.send(query))


async def schema_validation(info: Info, mapping_id: MappingId) -> SchemaValidation | None:
    """The last validation of a mapping; null if there is none yet. To make one, send validateSchemaMapping."""
    return await info.context.send(GetSchemaValidation(mapping_id=mapping_id))
