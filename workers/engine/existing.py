"""What the target already holds: whether it may be used, and what then need not be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.catalog.model import Column, DatabaseSchema, Table, TableName
from domain.catalog.types import carrier
from domain.kernel.errors import Conflict, ErrorCode, ObjectMissing, TargetNotEmpty
from domain.kernel.values import Rows
from domain.migrations.digests import Digest
from domain.migrations.plan import MigrationPlan, OnExisting
from domain.migrations.schema_plan import ObjectKind, SchemaObject
from domain.migrations.transfer import ColumnCopy, TableCopy
from workers.engine.plan import fastest_format

_NAMED_MAX = 10


@dataclass(frozen=True)
class Baseline:
    """What a target table held before the run, so that verification can tell the run's rows from these.

    The digest is missing where it can no longer be known: after an interruption.
    """

    table_number: int
    rows: Rows
    digest: Digest | None = None


def find_table(catalog: DatabaseSchema, name: TableName) -> Table | None:
    """Return a target table by its planned name; a side without schema means the default one."""
    for table in catalog.named(name.name):
        if table.name.schema == name.schema or not (table.name.schema and name.schema):
            return table
    return None


def existing_tables(plan: MigrationPlan, catalog: DatabaseSchema) -> tuple[TableName, ...]:
    """Return the planned target tables that are already there."""
    return tuple(copy.target for copy in plan.tables if find_table(catalog, copy.target) is not None)


def refuse_filled(plan: MigrationPlan, counts: Mapping[TableName, Rows]) -> None:
    """Refuse to start on target tables that hold rows, unless the plan says what to do with them.

    Raises:
        TargetNotEmpty: some of them do.
    """
    filled = [f"{name} ({rows} rows)" for name, rows in counts.items() if rows]
    if plan.on_existing is not OnExisting.FAIL or not filled:
        return
    more = f" and {len(filled) - _NAMED_MAX} more" if len(filled) > _NAMED_MAX else ""
    raise TargetNotEmpty(
        f"target tables already hold rows: {', '.join(filled[:_NAMED_MAX])}{more}; "
        "empty them, or choose to truncate them or to append to them"
    )


def adopted(
    plan: MigrationPlan, source: DatabaseSchema, catalog: DatabaseSchema, made: frozenset[SchemaObject]
) -> MigrationPlan:
    """Return the plan with the column types of tables that others made in the target, which `catalog` describes.

    `made` are the run's own objects.

    Raises:
        ObjectMissing: such a table lacks a column.
        Conflict: such a table has a column that cannot take the values, or needs one we do not have.
    """
    others = made_by_others(plan, catalog, made)
    tables = []
    for copy in plan.tables:
        table = others.get(copy.source)
        if table is None:
            tables.append(copy)
        else:
            tables.append(fitted(copy, table, source.table(copy.source)))
            _refuse_unfilled(copy, table)
    return replace(plan, tables=tuple(tables))


def made_by_others(
    plan: MigrationPlan, catalog: DatabaseSchema, made: frozenset[SchemaObject]
) -> dict[TableName, Table]:
    """Return the target tables that are there and not the run's own, by the tables copied into them."""
    own = {item.name for item in made if item.kind is ObjectKind.TABLE}
    return {
        copy.source: table
        for copy in plan.tables
        if (table := find_table(catalog, copy.target)) and not {str(copy.target), copy.target.name} & own
    }


def fitted(copy: TableCopy, table: Table, origin: Table | None = None) -> TableCopy:
    """Return the copy with the column types of a table that is already there.

    Values cross as they are stored only between columns that are declared alike: to all others by what they mean to
    `origin`, the source table.

    Raises:
        ObjectMissing: the table lacks a column.
        Conflict: the table has a column that cannot take the values.
    """
    columns = tuple(_fitted_column(column, table, origin) for column in copy.columns)
    shared = frozenset({copy.format})
    return replace(copy, columns=columns, format=fastest_format(columns, shared))


def _fitted_column(column: ColumnCopy, table: Table, origin: Table | None) -> ColumnCopy:
    there = table.column(column.target)
    if there is None:
        raise ObjectMissing(
            f"target table {table.name} is already there and has no column {column.target}",
            code=ErrorCode.COLUMN_NOT_FOUND,
            path=(str(table.name), column.target),
        )
    same = there.native.casefold() == column.target_native.casefold()
    original = origin and origin.column(column.source)
    type_ = original.type if original and not same else column.type
    if there.generated is not None or not (same or carrier(there.type) is carrier(type_)):
        raise Conflict(
            f"target table {table.name} is already there and its column {there.name} is {there.native}, "
            f"which does not take {column.source_native} exactly; rename or drop the table, or map to another one"
        )
    return column if same else replace(column, type=type_, target_native=there.native)


def _refuse_unfilled(copy: TableCopy, table: Table) -> None:
    written = {column.target for column in copy.columns}
    for there in table.columns:
        if there.name not in written and _needs_value(there):
            raise Conflict(
                f"target table {table.name} is already there and its column {there.name} needs a value "
                "that the source does not have"
            )


def _needs_value(column: Column) -> bool:
    optional = column.nullable or column.default is not None or column.identity is not None
    return not (optional or column.generated is not None)
