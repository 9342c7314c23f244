"""Whether mapped columns fit the tables that the target already has."""

from __future__ import annotations

from collections.abc import Iterator

from domain.catalog.model import Column, DatabaseSchema, Table
from domain.catalog.names import near
from domain.catalog.narrowing import loss
from domain.catalog.types import carrier
from domain.mappings.pairing import Pair, error, warning
from domain.mappings.values import IssueCode, MappingIssue


def fitted(pairs: tuple[Pair, ...], target: DatabaseSchema) -> tuple[tuple[MappingIssue, ...], tuple[Pair, ...]]:
    """Return what is wrong with the tables that are there, and the pairs whose table is still to be made."""
    there = {table.name.name: table for table in reversed(target.tables)}
    issues: list[MappingIssue] = []
    for pair in pairs:
        table = there.get(pair.target)
        if table is not None:
            issues += _of_table(pair, table)
    return tuple(issues), tuple(pair for pair in pairs if pair.target not in there)


def _of_table(pair: Pair, table: Table) -> Iterator[MappingIssue]:
    names = [column.name for column in table.columns]
    for column, name in pair.columns:
        taker = table.column(name)
        if taker is None:
            message = f"The target table is there already and has no such column{near(name, names)}."
            yield error(IssueCode.TARGET_COLUMN_NOT_FOUND, (pair.target, name), message)
        else:
            yield from _of_column(pair, column, taker)
    filled = {name for _, name in pair.columns}
    for column in table.columns:
        if column.name not in filled and _needs_value(column):
            message = "This target column may not be NULL and has no default: map a column to it, or give it a default."
            yield error(IssueCode.TARGET_COLUMN_UNFILLED, (pair.target, column.name), message)


def _of_column(pair: Pair, source: Column, target: Column) -> Iterator[MappingIssue]:
    path = (pair.target, target.name)
    if target.generated is not None:
        yield error(IssueCode.TARGET_COLUMN_COMPUTED, path, "This target column is computed and takes no values.")
        return
    if source.nullable and not target.nullable:
        message = f"{source.name} may be NULL and this target column may not: such rows would be rejected."
        yield warning(IssueCode.NULL_NOT_ALLOWED, path, message)
    if source.native.casefold() == target.native.casefold() and source.type == target.type:
        return
    if carrier(source.type) is not carrier(target.type):
        message = f"{target.native} does not take {source.native} exactly. Change the column's type, or map elsewhere."
        yield error(IssueCode.TYPE_INCOMPATIBLE, path, message)
    elif lost := loss(source.type, target.type):
        message = f"{source.native} becomes {target.native}: {lost}; such rows would be rejected."
        yield warning(IssueCode.TYPE_NARROWER, path, message)


def _needs_value(column: Column) -> bool:
    optional = column.nullable or column.default is not None or column.identity is not None
    return not (optional or column.generated is not None)
