"""Fields that make and check mappings."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from domain.mappings.commands import CreateSchemaMapping, ValidateSchemaMapping
from domain.mappings.views import SchemaMapping
from schema.context import Info
from schema.mappings import (
    CreateSchemaMappingResult,
    SchemaMappingSuccess,
    ValidateSchemaMappingResult,
    ValidateSchemaMappingSuccess,
)

Input = strawberry.argument(description="What is asked.")


async def create_schema_mapping(
    info: Info,
    input: Annotated[CreateSchemaMapping, Input],  # noqa: A002
) -> CreateSchemaMappingResult:
    """Say which tables and columns become which; without mappings, all of them, each under its own name."""
    return SchemaMappingSuccess(mapping=await _changed(info, input))


async def validate_schema_mapping(
    info: Info,
    input: Annotated[ValidateSchemaMapping, Input],  # noqa: A002
) -> ValidateSchemaMappingResult:
    """Check a mapping against what source and target hold, and against what the target can hold."""
    mapping = await _changed(info, input)
    info.context.loaders.validations.clear_all()
    validation = await info.context.loaders.validations.load(mapping.id)
    if validation is None:
        raise NotFound(f"There is no mapping {mapping.id}.")
    return ValidateSchemaMappingSuccess(mapping=mapping, validation=validation)


async def _changed(info: Info, command: Command[UUID]) -> SchemaMapping:
    """Send a command that answers with a mapping's id, and return the mapping."""
    id_ = await info.context.send(command)
    info.context.loaders.mappings.clear_all()
    mapping = await info.context.loaders.mappings.load(id_)
    if mapping is None:
        raise NotFound(f"There is no mapping {id_}.")
    return mapping
