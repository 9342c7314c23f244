"""What the target should hold: the chosen tables under their new names, and what goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.catalog.model import DatabaseSchema, ForeignKey, Index, Key, Table, TableName
from domain.catalog.names import mentions
from domain.catalog.numbering import next_value_of, sequence_of
from domain.kernel.values import Rows
from domain.migrations.plan import RunOptions
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, SchemaObject
from workers.engine.choose import Choice, is_chosen
from workers.engine.naming import Names
from workers.engine.wanted_views import wanted_views

Orphans = Mapping[tuple[TableName, ForeignKey], Rows]
"""Rows per foreign key, named by its source table, whose reference finds no row."""


@dataclass
class _Lines:
    """The parity lines of one planning; `skip` and `replaced` are how rules add to them."""

    parity: list[Parity] = field(default_factory=list)

    def skip(self, kind: ObjectKind, name: str, table: str, reason: str) -> None:
        self.parity.append(Parity(SchemaObject(kind, name, table), Outcome.SKIPPED, reason))

    def replaced(self, kind: ObjectKind, name: str, table: str, reason: str) -> None:
        self.parity.append(Parity(SchemaObject(kind, name, table), Outcome.REPLACED, reason))


def wanted_schema(
    schema: DatabaseSchema, choices: tuple[Choice, ...], options: RunOptions, orphans: Orphans, names: Names
) -> tuple[DatabaseSchema, tuple[Parity, ...]]:
    """Return the schema to build, still in the source's terms, and a line for all that is left out of it."""
    lines = _Lines()
    chosen = {choice.table.name: choice for choice in choices}
    for table in schema.tables:
        if table.name not in chosen:
            reason = "left out by the options of this run" if table.columns else "it has no columns"
            lines.skip(ObjectKind.TABLE, str(table.name), "", reason)
    for sequence in schema.sequences:
        if not is_chosen(sequence.name, options):
            lines.skip(ObjectKind.SEQUENCE, str(sequence.name), "", "left out by the options of this run")
    sequences = tuple(sequence for sequence in schema.sequences if is_chosen(sequence.name, options))
    views = wanted_views(
        schema, chosen, options, names, lambda name, reason: lines.skip(ObjectKind.VIEW, name, "", reason)
    )
    numbers = {each.name: names.relation(each.name, ObjectKind.SEQUENCE) for each in sequences}
    tables = tuple(_table(choice, chosen, orphans, lines) for choice in choices)
    if not names.is_own(schema):
        tables = tuple(_numbered(table, numbers, names.default_schema(schema)) for table in tables)
    wanted = replace(
        schema,
        tables=tables,
        sequences=tuple(replace(each, name=numbers[each.name]) for each in sequences),
        views=views,
    )
    return wanted, (*names.parity, *lines.parity)


def _numbered(table: Table, numbers: Mapping[TableName, TableName], default_schema: str) -> Table:
    """Return a table whose defaults take their numbers from the sequences under their new names."""
    columns = []
    for column in table.columns:
        name = sequence_of(column.default)
        found = name and (numbers.get(name) or numbers.get(TableName(name.name, name.schema or default_schema)))
        columns.append(replace(column, default=next_value_of(found.name)) if found else column)
    return replace(table, columns=tuple(columns))


def _table(choice: Choice, chosen: Mapping[TableName, Choice], orphans: Orphans, lines: _Lines) -> Table:
    table, renames, name = choice.table, dict(choice.renames), str(choice.target)
    columns = []
    for source, target in choice.renames:
        column = next(column for column in table.columns if column.name == source)
        if column.generated and (word := mentions(column.generated, choice.changed_columns)):
            reason = f"its expression uses column {word}, which is mapped; its values are copied instead"
            lines.replaced(ObjectKind.COLUMN, target, name, reason)
            column = replace(column, generated=None, generated_stored=False)
        columns.append(replace(column, name=target))
    checks = []
    for check in table.checks:
        if word := mentions(check.expression, choice.changed_columns):
            lines.skip(ObjectKind.CHECK, check.name, name, f"it uses column {word}, which is mapped")
        else:
            checks.append(check)
    indexes = [_index(index, choice, lines) for index in table.indexes]
    keys = [_foreign_key(key, choice, chosen, orphans, lines) for key in table.foreign_keys]
    return replace(
        table,
        name=choice.target,
        columns=tuple(columns),
        primary_key=_primary_key(table.primary_key, renames, name, lines),
        indexes=tuple(index for index in indexes if index),
        foreign_keys=tuple(key for key in keys if key),
        checks=tuple(checks),
    )


def _primary_key(key: Key | None, renames: Mapping[str, str], table: str, lines: _Lines) -> Key | None:
    if key is None:
        return None
    if all(column in renames for column in key.columns):
        include = tuple(renames[column] for column in key.include if column in renames)
        return replace(key, columns=tuple(renames[column] for column in key.columns), include=include)
    lines.skip(ObjectKind.PRIMARY_KEY, key.name or table, table, "one of its columns is not copied")
    return None


def _index(index: Index, choice: Choice, lines: _Lines) -> Index | None:
    renames = dict(choice.renames)
    reason = ""
    if any(column not in renames for column in (*(part.column for part in index.parts if part.column), *index.include)):
        reason = "one of its columns is not copied"
    for sql in (index.predicate, *(part.expression for part in index.parts)):
        if word := mentions(sql, choice.changed_columns):
            reason = f"it uses column {word}, which is mapped"
    if reason:
        lines.skip(ObjectKind.INDEX, index.name, str(choice.target), reason)
        return None
    parts = tuple(replace(part, column=renames.get(part.column, "")) for part in index.parts)
    return replace(index, parts=parts, include=tuple(renames[column] for column in index.include))


def _foreign_key(
    key: ForeignKey, choice: Choice, chosen: Mapping[TableName, Choice], orphans: Orphans, lines: _Lines
) -> ForeignKey | None:
    renames, other = dict(choice.renames), chosen.get(key.references)
    theirs = dict(other.renames) if other else {}
    lost = orphans.get((choice.table.name, key), Rows(0))
    if other is None:
        reason = f"it refers to table {key.references}, which is not copied"
    elif any(column not in renames for column in key.columns):
        reason = "one of its columns is not copied"
    elif any(column not in theirs for column in key.referenced_columns):
        reason = f"it refers to a column of {key.references} that is not copied"
    elif lost:
        reason = f"{lost} rows refer to no row of {key.references}"
    else:
        return replace(
            key,
            columns=tuple(renames[column] for column in key.columns),
            references=other.target,
            referenced_columns=tuple(theirs[column] for column in key.referenced_columns),
            unset=tuple(renames[column] for column in key.unset),
        )
    lines.skip(ObjectKind.FOREIGN_KEY, key.name, str(choice.target), reason)
    return None
