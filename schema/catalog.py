"""Analyses, and the model of schemas, as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.catalog import commands, model, values, views
from domain.catalog.spelling import spelled
from domain.connections.views import Connection as DatabaseConnection
from schema.connections import CONNECTION
from schema.context import Info
from schema.errors import Failure
from schema.expose import add_edges, expose_input, expose_type
from schema.paging import After, Connection, First, connection_at, connection_with, place_request

NameContains = Annotated[str, strawberry.argument(description="Only those with this text in their name, in any case.")]


async def _connection(root: strawberry.Parent[views.SchemaAnalysis], info: Info) -> DatabaseConnection | None:
    """The connection that the schema was read through; null once it is deleted."""
    return await info.context.loaders.connections.load(root.connection_id)


async def _tables(
    root: strawberry.Parent[views.SchemaAnalysis],
    info: Info,
    first: First = 20,
    after: After = None,
    name_contains: NameContains = "",
) -> Connection[model.Table]:
    """The tables, those that others refer to before those that refer to them where the engine allows it."""
    cut = views.TableCut(first, place_request(first, after), name_contains)
    page = await info.context.loaders.analyzed_tables.load((root.id, cut))
    return connection_with(
        [placed.table for placed in page.items],
        [str(placed.number) for placed in page.items],
        has_next=page.has_next,
        total=page.total,
    )


async def _views(
    root: strawberry.Parent[views.SchemaAnalysis], info: Info, first: First = 20, after: After = None
) -> Connection[model.View]:
    """The views."""
    return connection_at((await info.context.loaders.outlines.load(root.id)).views, first, after)


async def _sequences(
    root: strawberry.Parent[views.SchemaAnalysis], info: Info, first: First = 20, after: After = None
) -> Connection[model.Sequence]:
    """The sequences that no column owns."""
    return connection_at((await info.context.loaders.outlines.load(root.id)).sequences, first, after)


async def _others(
    root: strawberry.Parent[views.SchemaAnalysis], info: Info, first: First = 20, after: After = None
) -> Connection[model.OtherObject]:
    """Triggers, routines, types and the rest."""
    return connection_at((await info.context.loaders.outlines.load(root.id)).others, first, after)


async def _latest(root: strawberry.Parent[DatabaseConnection], info: Info) -> views.SchemaAnalysis | None:
    """The latest analysis of what the database holds; null if there is none yet."""
    return await info.context.loaders.latest_analyses.load(root.id)


def _name(root: strawberry.Parent[model.Table | model.View | model.Sequence]) -> str:
    """Its name, without a schema."""
    return root.name.name


def _schema(root: strawberry.Parent[model.Table | model.View | model.Sequence]) -> str:
    """The schema it lives in; empty where the engine has none, or for the default one."""
    return root.name.schema


def _logical_type(root: strawberry.Parent[model.Column]) -> str:
    """What its values mean, spelled alike for every engine, such as `decimal(10,2)`."""
    return spelled(root.type)


def _next_of_identity(root: strawberry.Parent[model.Identity]) -> str:
    """What the next row would get, as text, since it may exceed 2^53."""
    return str(root.next_value)


def _next_of_sequence(root: strawberry.Parent[model.Sequence]) -> str:
    """The number it would give next, as text, since it may exceed 2^53."""
    return str(root.next_value)


def _increment(root: strawberry.Parent[model.Sequence]) -> str:
    """How far one number is from the next, as text, since it may exceed 2^53."""
    return str(root.increment)


def _index_columns(root: strawberry.Parent[model.Index]) -> list[str]:
    """Its members in order: columns, and expressions in the engine's SQL."""
    return [part.column or part.expression for part in root.parts]


expose_type(model.TableName)
expose_type(model.Identity, hidden=("next_value", "increment", "default", "options"), next_value=_next_of_identity)
expose_type(model.Column, hidden=("type", "stored"), logical_type=_logical_type)
expose_type(model.Key, name="PrimaryKey")
expose_type(model.IndexPart)
expose_type(model.Index, columns=_index_columns)
expose_type(model.ForeignKey)
expose_type(model.Check, name="CheckConstraint")
expose_type(model.Table, hidden=("name",))
expose_type(
    model.Sequence,
    hidden=("name", "next_value", "increment", "minimum", "maximum", "options"),
    next_value=_next_of_sequence,
    increment=_increment,
)
expose_type(model.View, hidden=("name", "settings"))
add_edges(model.Table, name=_name, schema=_schema)
add_edges(model.Sequence, name=_name, schema=_schema)
add_edges(model.View, name=_name, schema=_schema)
expose_type(model.OtherObject, hidden=("settings",))
expose_type(values.SchemaCounts)
expose_type(
    views.SchemaAnalysis,
    connection=_connection,
    tables=_tables,
    views=_views,
    sequences=_sequences,
    others=_others,
)
add_edges(CONNECTION, schema_analysis=_latest)

expose_input(values.SchemaAnalysisOptions, "SchemaAnalysisOptions")
expose_input(commands.AnalyzeSchema, "AnalyzeSchemaInput")


@strawberry.type(description="The schema was read and kept.")
class AnalyzeSchemaSuccess:
    """The schema was read and kept."""

    analysis: views.SchemaAnalysis = strawberry.field(description="What the database holds.")


AnalyzeSchemaResult = Annotated[AnalyzeSchemaSuccess | Failure, strawberry.union("AnalyzeSchemaResult")]
