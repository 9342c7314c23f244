"""Which views can be made in the target, and what they read there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from domain.catalog.model import DatabaseSchema, TableName, View
from domain.catalog.names import in_order, mentions
from domain.migrations.plan import RunOptions
from domain.migrations.schema_plan import ObjectKind
from workers.engine.choose import Choice, is_chosen
from workers.engine.naming import Names

Skip = Callable[[str, str], None]
"""Told of each view that is left out, by its name, and why."""


def wanted_views(
    schema: DatabaseSchema, chosen: Mapping[TableName, Choice], options: RunOptions, names: Names, skip: Skip
) -> tuple[View, ...]:
    """Keep the views that read only what arrives, under its new names where the engine changes and they must be.

    The SQL of a view that goes to its own engine is not touched: it is left out if what it reads has a new name.
    """
    for view in schema.views:
        if not is_chosen(view.name, options):
            skip(str(view.name), "left out by the options of this run")
    named = {
        choice.table.name: choice.target.name
        for choice in chosen.values()
        if choice.is_changed and not choice.changed_columns and not names.is_own(schema)
    }
    missing = [table.name for table in schema.tables if table.name not in chosen]
    missing += [choice.table.name for choice in chosen.values() if choice.is_changed and choice.table.name not in named]
    missing += [view.name for view in schema.views if not is_chosen(view.name, options)]
    left = _readable(schema, missing, options, names, skip)
    made = []
    for view in in_order(left):
        target = names.relation(view.name, ObjectKind.VIEW)
        if target.name != view.name.name and not names.is_own(schema):
            named[view.name] = target.name
        query = _renamed(view, schema, named, names)
        if query is None:
            skip(str(target), "its query is not understood, and what it reads has a new name")
        else:
            made.append(replace(view, name=target, definition=query))
    return tuple(made)


def _readable(
    schema: DatabaseSchema, gone: list[TableName], options: RunOptions, names: Names, skip: Skip
) -> list[View]:
    """Leave out the views that read what does not arrive as it was, and those that read them."""
    missing = [spelling for name in gone for spelling in _spellings(name, schema, names)]
    left = [view for view in schema.views if is_chosen(view.name, options)]
    while broken := [view for view in left if mentions(view.definition, missing)]:
        for view in broken:
            skip(str(view.name), f"it reads {mentions(view.definition, missing)}, which does not arrive as it was")
        missing += [spelling for view in broken for spelling in _spellings(view.name, schema, names)]
        left = [view for view in left if view not in broken]
    return left


def _renamed(view: View, schema: DatabaseSchema, named: Mapping[TableName, str], names: Names) -> str | None:
    spellings = [spelling for name in named for spelling in _spellings(name, schema, names)]
    if not mentions(view.definition, spellings):
        return view.definition
    from domain.catalog.rewriting import with_new_names  # noqa: PLC0415 - it brings the SQL parser along

    return with_new_names(view.definition, schema.engine, named, names.default_schema(schema))


def _spellings(name: TableName, schema: DatabaseSchema, names: Names) -> tuple[str, ...]:
    """Return how queries may name a table or view; with its schema unless that is the default one."""
    if name.schema in ("", names.default_schema(schema)):
        return (name.name,)
    return (str(name), f'{name.schema}."{name.name}"', f'"{name.schema}".{name.name}', f'"{name.schema}"."{name.name}"')
