"""Finding what a mapping names in the source, and making the identity mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.catalog.model import Column, DatabaseSchema, Key, Table, TableName
from domain.catalog.names import near
from domain.mappings.values import ColumnMapping, IssueCode, IssueSeverity, MappingIssue, TableMapping


@dataclass(frozen=True)
class Pair:
    """A source table, its name in the target, and its columns that are copied, each with its name there."""

    table: Table
    target: str
    columns: tuple[tuple[Column, str], ...]

    def wanted(self) -> Table:
        """Return the table as the target should hold it, its types still in the source's terms."""
        names = {column.name: name for column, name in self.columns}
        key = self.table.primary_key
        whole = key is not None and all(column in names for column in key.columns)
        return Table(
            TableName(self.target),
            tuple(
                replace(column, name=name, default=None, generated=None, on_update=None, identity=None)
                for column, name in self.columns
            ),
            primary_key=Key(tuple(names[column] for column in key.columns)) if key and whole else None,
        )


@dataclass(frozen=True)
class Paired:
    """The tables that could be found, and what is wrong with the others."""

    pairs: tuple[Pair, ...]
    issues: tuple[MappingIssue, ...]


def identity(source: DatabaseSchema) -> tuple[TableMapping, ...]:
    """Map every table to one of its own name; where two schemas have a table of one name, with its schema."""
    times = Counter(table.name.name for table in source.tables)
    return tuple(
        TableMapping(table.name.name if times[table.name.name] == 1 else str(table.name), table.name.name)
        for table in source.tables
    )


def paired(mappings: tuple[TableMapping, ...], source: DatabaseSchema) -> Paired:
    """Find the source's side of each mapping, and what is named twice on either side."""
    known: dict[str, Table] = {}
    for each in reversed(source.tables):  # so that of two with one name the first is meant
        known |= {each.name.name: each, str(each.name): each}
    pairs: list[Pair] = []
    issues: list[MappingIssue] = []
    for mapping in mappings:
        table = known.get(mapping.source_table)
        if table is None:
            hint = near(mapping.source_table, [other.name.name for other in source.tables])
            issues.append(
                error(IssueCode.SOURCE_TABLE_NOT_FOUND, (mapping.source_table,), f"The source has no such table{hint}.")
            )
            continue
        columns, wrong = _columns(mapping, table)
        pairs.append(Pair(table, mapping.target_table, columns))
        issues += wrong
    sources, targets = [str(pair.table.name) for pair in pairs], [pair.target for pair in pairs]
    issues += _repeated(IssueCode.SOURCE_TABLE_REPEATED, (), sources, "Each source table can be mapped once.")
    issues += _repeated(IssueCode.TARGET_TABLE_REPEATED, (), targets, "Each target table can be filled from one table.")
    return Paired(tuple(pairs), tuple(issues))


def _columns(mapping: TableMapping, table: Table) -> tuple[tuple[tuple[Column, str], ...], tuple[MappingIssue, ...]]:
    if not mapping.columns:
        return tuple((column, column.name) for column in table.columns), ()
    found: list[tuple[Column, str]] = []
    issues: list[MappingIssue] = []
    for item in mapping.columns:
        column = table.column(item.source_column)
        if column is None:
            hint = near(item.source_column, [each.name for each in table.columns])
            path = (mapping.source_table, item.source_column)
            issues.append(error(IssueCode.SOURCE_COLUMN_NOT_FOUND, path, f"The source table has no such column{hint}."))
        else:
            found.append((column, item.target_column))
    issues += _repeated_columns(mapping, mapping.columns)
    return tuple(found), tuple(issues)


def _repeated_columns(mapping: TableMapping, columns: tuple[ColumnMapping, ...]) -> list[MappingIssue]:
    sources, targets = [item.source_column for item in columns], [item.target_column for item in columns]
    return [
        *_repeated(
            IssueCode.SOURCE_COLUMN_REPEATED, (mapping.source_table,), sources, "Each column can be mapped once."
        ),
        *_repeated(
            IssueCode.TARGET_COLUMN_REPEATED,
            (mapping.target_table,),
            targets,
            "Each target column can be filled from one column.",
        ),
    ]


def _repeated(code: IssueCode, above: tuple[str, ...], names: Iterable[str], message: str) -> list[MappingIssue]:
    return [error(code, (*above, name), message) for name, times in Counter(names).items() if times > 1]


def error(code: IssueCode, path: tuple[str, ...], message: str) -> MappingIssue:
    """Return an issue that keeps a mapping from being used."""
    return MappingIssue(code, IssueSeverity.ERROR, path, message)


def warning(code: IssueCode, path: tuple[str, ...], message: str) -> MappingIssue:
    """Return an issue that may do no harm."""
    return MappingIssue(code, IssueSeverity.WARNING, path, message)
