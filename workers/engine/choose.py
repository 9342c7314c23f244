"""Which tables are copied, under which names, with which columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.catalog.names import matches, near
from domain.kernel.errors import ErrorCode, ObjectMissing, ValidationFailed
from domain.mappings.values import TableMapping
from domain.migrations.plan import RunOptions


@dataclass(frozen=True)
class Choice:
    """A source table that is copied, its name in the target, and its columns' new names in source order.

    `is_mapped` tells that the user chose the name.
    """

    table: Table
    target: TableName
    renames: tuple[tuple[str, str], ...]
    is_mapped: bool = False

    @property
    def changed_columns(self) -> tuple[str, ...]:
        """Source columns that are left out or renamed; expressions that mention them no longer hold."""
        kept = {source for source, target in self.renames if source == target}
        return tuple(column.name for column in self.table.columns if column.name not in kept)

    @property
    def is_changed(self) -> bool:
        """Whether the table arrives under another name or with other columns."""
        return self.target.name != self.table.name.name or bool(self.changed_columns)


def choose(schema: DatabaseSchema, options: RunOptions) -> tuple[Choice, ...]:
    """Return the tables to copy, in the source's order; one without columns has no rows to speak of.

    Raises:
        ObjectMissing: an option names a table or column that the source does not have.
        ValidationFailed: two tables or columns would get the same name, or one is mapped twice.
    """
    mapped = _mapped_tables(schema, options.mappings)
    _check_patterns(schema, options)
    choices = tuple(
        _choice(table, mapped.get(table.name))
        for table in schema.tables
        if table.columns and is_chosen(table.name, options) and (not options.mappings or table.name in mapped)
    )
    _refuse_twice("target table", [str(choice.target) for choice in choices if choice.is_mapped])
    return choices


def is_chosen(name: TableName, options: RunOptions) -> bool:
    """Tell whether the include and exclude patterns let an object in."""
    included = not options.include or matches(name, options.include)
    return included and not matches(name, options.exclude)


def _mapped_tables(schema: DatabaseSchema, mappings: tuple[TableMapping, ...]) -> dict[TableName, TableMapping]:
    _refuse_twice("source table", [mapping.source_table for mapping in mappings])
    return {_find(schema, mapping.source_table).name: mapping for mapping in mappings}


def _find(schema: DatabaseSchema, name: str) -> Table:
    for table in schema.tables:
        if name in (table.name.name, str(table.name)):
            return table
    hint = near(name, [table.name.name for table in schema.tables])
    raise ObjectMissing(f"the source has no table {name}{hint}", path=(name,))


def _check_patterns(schema: DatabaseSchema, options: RunOptions) -> None:
    """Refuse a pattern that lets nothing in: far more often a slip than a wish."""
    names = [table.name for table in schema.tables]
    names += [view.name for view in schema.views]
    names += [sequence.name for sequence in schema.sequences]
    for pattern in options.include:
        if not any(matches(name, [pattern]) for name in names):
            hint = near(pattern, [name.name for name in names])
            raise ObjectMissing(f"the source has no table {pattern}{hint}", path=(pattern,))


def _choice(table: Table, mapping: TableMapping | None) -> Choice:
    if mapping is None:
        return Choice(table, TableName(table.name.name), tuple((column.name, column.name) for column in table.columns))
    if not mapping.columns:
        renames = tuple((column.name, column.name) for column in table.columns)
        return Choice(table, TableName(mapping.target_table), renames, is_mapped=True)
    for item in mapping.columns:
        if table.column(item.source_column) is None:
            hint = near(item.source_column, [column.name for column in table.columns])
            raise ObjectMissing(
                f"table {table.name} has no column {item.source_column}{hint}",
                code=ErrorCode.COLUMN_NOT_FOUND,
                path=(str(table.name), item.source_column),
            )
    _refuse_twice(f"column of {table.name}", [item.source_column for item in mapping.columns])
    _refuse_twice(f"column of {mapping.target_table}", [item.target_column for item in mapping.columns])
    wanted = {item.source_column: item.target_column for item in mapping.columns}
    renames = tuple((column.name, wanted[column.name]) for column in table.columns if column.name in wanted)
    return Choice(table, TableName(mapping.target_table), renames, is_mapped=True)


def _refuse_twice(what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValidationFailed(f"{what} is named twice: {', '.join(twice)}")
