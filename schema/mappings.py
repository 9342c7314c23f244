"""Mappings as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.catalog.views import SchemaAnalysis
from domain.connections.views import Connection as DatabaseConnection
from domain.mappings import commands, values, views
from domain.projects.views import Project
from schema.context import Info
from schema.errors import Failure
from schema.expose import add_edges, expose_input, expose_type
from schema.paging import After, Connection, First, connection_at, connection_of, page_request
from schema.projects import PROJECT


async def _project(root: strawberry.Parent[views.SchemaMapping], info: Info) -> Project | None:
    """The project that the mapping belongs to."""
    return await info.context.loaders.projects.load(root.project_id)


async def _source(root: strawberry.Parent[views.SchemaMapping], info: Info) -> SchemaAnalysis | None:
    """The analysis of the source it was made from."""
    return await info.context.loaders.analyses.load(root.source_schema_id)


async def _target(root: strawberry.Parent[views.SchemaMapping], info: Info) -> SchemaAnalysis | None:
    """The analysis of the target it was made from; null if the target was not looked at."""
    return await info.context.loaders.analyses.load(root.target_schema_id) if root.target_schema_id else None


async def _source_connection(root: strawberry.Parent[views.SchemaMapping], info: Info) -> DatabaseConnection | None:
    """The connection to the source; null once it is deleted."""
    return await info.context.loaders.connections.load(root.source_connection_id)


async def _target_connection(root: strawberry.Parent[views.SchemaMapping], info: Info) -> DatabaseConnection | None:
    """The connection to the target; null if it is for any target, or once the connection is deleted."""
    return await info.context.loaders.connections.load(root.target_connection_id) if root.target_connection_id else None


async def _tables(
    root: strawberry.Parent[views.SchemaMapping], info: Info, first: First = 20, after: After = None
) -> Connection[values.TableMapping]:
    """Which tables are copied, and how, in the mapping's order."""
    return connection_at(await info.context.loaders.mapping_rules.load(root.id), first, after)


async def _validation(root: strawberry.Parent[views.SchemaMapping], info: Info) -> views.SchemaValidation | None:
    """The last validation of the mapping; null if there was none."""
    return await info.context.loaders.validations.load(root.id)


async def _mappings(
    root: strawberry.Parent[Project], info: Info, first: First = 20, after: After = None
) -> Connection[views.SchemaMapping]:
    """The project's mappings, newest first."""
    key = (root.id, page_request(first, after))
    return connection_of(await info.context.loaders.project_mappings.load(key))


expose_type(values.ColumnMapping)
expose_type(values.TableMapping)
expose_type(values.MappingIssue)
expose_type(views.SchemaValidation)
expose_type(
    views.SchemaMapping,
    project=_project,
    source=_source,
    target=_target,
    source_connection=_source_connection,
    target_connection=_target_connection,
    tables=_tables,
    validation=_validation,
)
add_edges(PROJECT, schema_mappings=_mappings)

expose_input(commands.ColumnMappingInput, "ColumnMappingInput")
expose_input(commands.TableMappingInput, "TableMappingInput")
expose_input(commands.CreateSchemaMapping, "CreateSchemaMappingInput")
expose_input(commands.ValidationOptions, "ValidationOptions")
expose_input(commands.ValidateSchemaMapping, "ValidateSchemaMappingInput")


@strawberry.type(description="The mapping is as asked.")
class SchemaMappingSuccess:
    """The mapping is as asked."""

    mapping: views.SchemaMapping = strawberry.field(description="The mapping.")


@strawberry.type(description="The mapping was checked; whether it is valid, the validation says.")
class ValidateSchemaMappingSuccess:
    """The mapping was checked."""

    mapping: views.SchemaMapping = strawberry.field(description="The mapping with its new status.")
    validation: views.SchemaValidation = strawberry.field(description="What was found.")


CreateSchemaMappingResult = Annotated[SchemaMappingSuccess | Failure, strawberry.union("CreateSchemaMappingResult")]
ValidateSchemaMappingResult = Annotated[
    ValidateSchemaMappingSuccess | Failure, strawberry.union("ValidateSchemaMappingResult")
]
