"""The schema itself: its committed text, and that it explains itself."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
)

from resolvers.root import build_schema
from resolvers.sdl import SNAPSHOT, sdl

STANDARD = {"Boolean", "Float", "ID", "Int", "String"}


def test_the_committed_schema_is_the_one_we_serve() -> None:
    assert SNAPSHOT.read_text() == sdl(), "run `make sdl` and look at what changed"


def test_every_element_of_the_schema_is_described() -> None:
    schema: GraphQLSchema = build_schema()._schema

    assert sorted(_undescribed(schema)) == []


def _undescribed(schema: GraphQLSchema) -> Iterator[str]:
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or name in STANDARD:
            continue
        if not type_.description and not isinstance(type_, GraphQLUnionType):
            yield name
        if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType)):
            for field_name, field in type_.fields.items():
                if not field.description:
                    yield f"{name}.{field_name}"
                yield from (f"{name}.{field_name}({a})" for a, arg in field.args.items() if not arg.description)
        if isinstance(type_, GraphQLInputObjectType):
            yield from (f"{name}.{field_name}" for field_name, field in type_.fields.items() if not field.description)
        if isinstance(type_, GraphQLEnumType):
            yield from (f"{name}.{value}" for value, item in type_.values.items() if not item.description)
