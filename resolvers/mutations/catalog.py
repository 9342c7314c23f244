"""Fields that read what databases hold."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.catalog.commands import AnalyzeSchema
from domain.kernel.errors import NotFound
from schema.catalog import AnalyzeSchemaResult, AnalyzeSchemaSuccess
from schema.context import Info

Input = strawberry.argument(description="What is asked.")


async def analyze_schema(info: Info, input: Annotated[AnalyzeSchema, Input]) -> AnalyzeSchemaResult:  # noqa: A002
    """Read what a database holds, and keep it. The answer comes when it is read, at the latest after a minute."""
    id_ = await info.context.send(input)
    analysis = await info.context.loaders.analyses.load(id_)
    if analysis is None:
        raise NotFound(f"There is no analysis {id_}.")
    return AnalyzeSchemaSuccess(analysis=analysis)
