"""The list of a schema's objects, as the parity report counts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.catalog.model import DatabaseSchema, Table
from domain.migrations.schema_plan import ObjectKind, SchemaObject

_KINDS_OF_OTHERS = {
    "SCHEMA": ObjectKind.SCHEMA,
    "COMMENT": ObjectKind.COMMENT,
    "INDEX": ObjectKind.INDEX,
    "TRIGGER": ObjectKind.TRIGGER,
    "ROUTINE": ObjectKind.ROUTINE,
    "FUNCTION": ObjectKind.ROUTINE,
    "PROCEDURE": ObjectKind.ROUTINE,
    "PACKAGE": ObjectKind.ROUTINE,
    "PACKAGE BODY": ObjectKind.ROUTINE,
    "AGGREGATE": ObjectKind.ROUTINE,
    "TYPE": ObjectKind.TYPE,
    "ENUM TYPE": ObjectKind.TYPE,
    "COMPOSITE TYPE": ObjectKind.TYPE,
    "RANGE TYPE": ObjectKind.TYPE,
    "DOMAIN": ObjectKind.TYPE,
}


def inventory(schema: DatabaseSchema) -> tuple[SchemaObject, ...]:
    """Name every object of a schema once; a parity report has exactly one line for each.

    A computed column's expression belongs to its COLUMN. The comment of a table carries the
    table's name both as its own and as its table's; that of a column the column's. Of two others
    of one name (a function and a procedure, say) the second one's is followed by what it is.
    """
    objects: list[SchemaObject] = []
    for table in schema.tables:
        objects.extend(_of_table(table))
    objects.extend(SchemaObject(ObjectKind.SEQUENCE, str(sequence.name)) for sequence in schema.sequences)
    objects.extend(SchemaObject(ObjectKind.VIEW, str(view.name)) for view in schema.views)
    return (*objects, *_others(schema, set(objects)))


def _others(schema: DatabaseSchema, named: set[SchemaObject]) -> Iterator[SchemaObject]:
    for other in schema.others:
        item = SchemaObject(_KINDS_OF_OTHERS.get(other.kind.upper(), ObjectKind.OTHER), other.name, other.table)
        if item in named:
            item = replace(item, name=f"{other.name} ({other.kind.lower()})")
        named.add(item)
        yield item


def _of_table(table: Table) -> Iterator[SchemaObject]:
    name = str(table.name)
    yield SchemaObject(ObjectKind.TABLE, name)
    if table.comment:
        yield SchemaObject(ObjectKind.COMMENT, name, name)
    for column in table.columns:
        yield SchemaObject(ObjectKind.COLUMN, column.name, name)
        if column.default is not None:
            yield SchemaObject(ObjectKind.DEFAULT, column.name, name)
        if column.identity is not None:
            yield SchemaObject(ObjectKind.IDENTITY, column.name, name)
        if column.comment:
            yield SchemaObject(ObjectKind.COMMENT, column.name, name)
    if table.primary_key is not None:
        yield SchemaObject(ObjectKind.PRIMARY_KEY, table.primary_key.name, name)
    for index in table.indexes:
        yield SchemaObject(ObjectKind.INDEX, index.name, name)
    for key in table.foreign_keys:
        yield SchemaObject(ObjectKind.FOREIGN_KEY, key.name, name)
    for check in table.checks:
        yield SchemaObject(ObjectKind.CHECK, check.name, name)
