"""How a wanted schema is built in SQLite: statements, and a line of the report for every object."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from domain.catalog.model import (
    Column,
    DatabaseSchema,
    ForeignKey,
    Index,
    IndexPart,
    ReferentialAction,
    Table,
    TableName,
)
from domain.catalog.numbering import sequence_of
from domain.catalog.types import Enumeration, Integer
from domain.connections.values import Engine
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan
from infra.connectors.draft import Draft
from infra.connectors.sql.expressions import transpile_view
from infra.connectors.sql.text import literal, quoted
from infra.connectors.sqlite import types
from infra.connectors.sqlite.trial import Translator, ViewTrial, declared

_NOT_BUILT = {
    ObjectKind.COMMENT: "SQLite keeps no comments.",
    ObjectKind.SEQUENCE: "SQLite has no sequences.",
    ObjectKind.TRIGGER: "The body of a trigger is written in its engine's own language.",
    ObjectKind.ROUTINE: "SQLite has no stored routines.",
    ObjectKind.TYPE: "SQLite has no types of its own; columns of the type hold its text.",
    ObjectKind.OTHER: "SQLite has nothing like it.",
}
_ORDERED_METHODS = frozenset({"btree", "hash", "brin", "art", ""})


def plan_schema(wanted: DatabaseSchema) -> SchemaPlan:
    """Say how to build a schema in a SQLite file."""
    wanted = _without_notes(wanted) if wanted.engine is Engine.SQLITE else wanted
    planner = _Planner(wanted)
    tables = tuple(planner.add_table(table) for table in wanted.tables)
    for table, made in zip(wanted.tables, tables, strict=True):
        planner.add_indexes(table, made)
    planner.add_next_values(tables)
    planner.add_views()
    planner.add_triggers()
    return planner.draft.plan(tables)


class _Planner:
    """Puts the objects of a wanted schema into SQLite's words, one after the other."""

    def __init__(self, wanted: DatabaseSchema) -> None:
        self.draft = Draft(wanted, _NOT_BUILT)
        self._wanted = wanted
        self._names = {table.name.name.lower() for table in wanted.tables}
        self._numbered = _numbered_columns(wanted)

    def add_table(self, table: Table) -> Table:
        """Plan a table with its primary key, defaults, checks and foreign keys; return it in SQLite's terms."""
        name = str(table.name)
        key = table.primary_key.columns if table.primary_key else ()
        columns = tuple(self._native(table, column) for column in table.columns)
        translator = Translator(self._wanted, table, columns)
        columns = tuple(self._computed(name, column, translator) for column in columns)
        parts = [self._column(name, column, key, translator) for column in columns]
        if table.primary_key:
            self.draft.created(SchemaObject(ObjectKind.PRIMARY_KEY, table.primary_key.name, name))
            if not any(column.name in key and column.identity for column in columns):
                parts.append(_named(table.primary_key.name) + f"PRIMARY KEY ({_list(key)})")
        parts.extend(self._checks(table, translator))
        parts.extend(self._foreign_key(name, reference) for reference in table.foreign_keys)
        made = SchemaObject(ObjectKind.TABLE, name)
        body = ",\n  ".join(parts)
        sql = f"CREATE TABLE {quoted(table.name.name)} (\n  {body}\n){self._options(table)}"
        self.draft.step(Phase.BEFORE_DATA, made, sql)
        self.draft.created(made)
        return replace(table, columns=columns)

    def _options(self, table: Table) -> str:
        """Spell the options of a table of another SQLite file."""
        chosen = []
        for other in self._wanted.others if self._wanted.engine is Engine.SQLITE else ():
            if other.kind == "TABLE OPTION" and other.name == f"{table.name}.{other.definition}":
                chosen.append(other.definition)
                self.draft.created(SchemaObject(ObjectKind.OTHER, other.name))
        return " " + ", ".join(chosen) if chosen else ""

    def _native(self, table: Table, column: Column) -> Column:
        """Spell a column's type; a column numbered by SQLite must be the one INTEGER PRIMARY KEY."""
        name, place = str(table.name), (table.name, column.name)
        native = "INTEGER" if place in self._numbered else types.native(column.type)
        if self._wanted.engine is Engine.SQLITE:
            native = column.native
        self.draft.replaced(SchemaObject(ObjectKind.COLUMN, column.name, name), _lost_with_column(column))
        if column.identity is None:
            return replace(column, native=native)
        if not _is_row_number(table, column):
            reason = "SQLite numbers only a column that is the whole primary key."
            self.draft.skipped(SchemaObject(ObjectKind.IDENTITY, column.name, name), reason)
            return replace(column, native=native, identity=None)
        self.draft.created(SchemaObject(ObjectKind.IDENTITY, column.name, name))
        keeps_plain = self._wanted.engine is Engine.SQLITE and column.native != types.AUTOINCREMENT
        return replace(column, native="INTEGER" if keeps_plain else types.AUTOINCREMENT)

    def _computed(self, table: str, column: Column, translator: Translator) -> Column:
        """Translate a computed column's expression; without one the column holds the computed values."""
        if column.generated is None:
            return column
        text = translator.generated(column, column.generated)
        if text is None:
            reason = "Its expression has no certain counterpart in SQLite; the column holds the computed values."
            self.draft.replaced(SchemaObject(ObjectKind.COLUMN, column.name, table), reason)
        return replace(column, generated=text)

    def _column(self, table: str, column: Column, key: tuple[str, ...], translator: Translator) -> str:
        parts = [quoted(column.name), declared(column)]
        if column.collation and self._wanted.engine is Engine.SQLITE:
            parts.append(f"COLLATE {column.collation}")
        if column.identity is not None:
            parts.append("PRIMARY KEY")
            if column.native == types.AUTOINCREMENT:
                parts.append("AUTOINCREMENT")
            return " ".join(parts)
        if not column.nullable or column.name in key:
            parts.append("NOT NULL")
        if column.generated is not None:
            parts.append(
                f"GENERATED ALWAYS AS ({column.generated}) {'STORED' if column.generated_stored else 'VIRTUAL'}"
            )
        elif column.default is not None:
            text = translator.default(column, column.default)
            if text is None:
                reason = f"{column.default} has no certain counterpart in SQLite."
                reason = "SQLite has no sequences." if sequence_of(column.default) else reason
                self.draft.skipped(SchemaObject(ObjectKind.DEFAULT, column.name, table), reason)
            else:
                self.draft.created(SchemaObject(ObjectKind.DEFAULT, column.name, table))
                parts.append(f"DEFAULT ({text})")
        if isinstance(column.type, Enumeration):
            parts.append(f"CHECK ({quoted(column.name)} IN ({', '.join(map(literal, column.type.labels))}))")
        return " ".join(part for part in parts if part)

    def _checks(self, table: Table, translator: Translator) -> list[str]:
        parts = []
        for check in table.checks:
            text = translator.check(check.expression)
            if not check.validated:
                reason = "Not all rows satisfy it, and SQLite would refuse the others."
                self.draft.skipped(SchemaObject(ObjectKind.CHECK, check.name, str(table.name)), reason)
            elif text is None:
                reason = "Its condition has no certain counterpart in SQLite."
                self.draft.skipped(SchemaObject(ObjectKind.CHECK, check.name, str(table.name)), reason)
            else:
                self.draft.created(SchemaObject(ObjectKind.CHECK, check.name, str(table.name)))
                parts.append(f"{_named(check.name)}CHECK ({text})")
        return parts

    def _foreign_key(self, table: str, key: ForeignKey) -> str:
        self.draft.created(SchemaObject(ObjectKind.FOREIGN_KEY, key.name, table))
        text = (
            f"{_named(key.name)}FOREIGN KEY ({_list(key.columns)})"
            f" REFERENCES {quoted(key.references.name)} ({_list(key.referenced_columns)})"
        )
        if key.on_delete is not ReferentialAction.NO_ACTION:
            text += f" ON DELETE {key.on_delete.value}"
        if key.on_update is not ReferentialAction.NO_ACTION:
            text += f" ON UPDATE {key.on_update.value}"
        return f"{text} {key.deferral}" if key.deferral else text

    def add_indexes(self, table: Table, made: Table) -> None:
        """Plan a table's indexes; they are made after its rows are there."""
        translator = Translator(self._wanted, table, made.columns)
        for index in table.indexes:
            self._add_index(table.name, index, translator)

    def _add_index(self, table: TableName, index: Index, translator: Translator) -> None:
        made = SchemaObject(ObjectKind.INDEX, index.name, str(table))
        is_own = self._wanted.engine is Engine.SQLITE
        parts = [_index_part(part, translator, is_own=is_own) for part in index.parts]
        predicate = translator.predicate(index.predicate) if index.predicate else ""
        if index.method.lower() not in _ORDERED_METHODS:
            self.draft.skipped(made, f"SQLite has no {index.method} indexes.")
            return
        if predicate is None or any(part is None for part in parts):
            reason = "Its expression has no certain counterpart in SQLite."
            self.draft.skipped(made, reason)
            return
        name = self._free_name(index.name, table.name)
        unique = "UNIQUE " if index.unique else ""
        where = f" WHERE {predicate}" if predicate else ""
        columns = ", ".join(part for part in parts if part)
        sql = f"CREATE {unique}INDEX {quoted(name)} ON {quoted(table.name)} ({columns}){where}"
        self.draft.step(Phase.INDEXES, made, sql)
        changes = _index_changes(index, name)
        self.draft.replaced(made, " ".join(changes))

    def _free_name(self, name: str, table: str) -> str:
        """Return an index name that no other index or table of the file has."""
        wanted, number = name or f"{table}_index", 1
        while wanted.lower() in self._names or wanted.lower().startswith("sqlite_"):
            wanted = f"{table}_{name}" if number == 1 else f"{table}_{name}_{number}"
            number += 1
        self._names.add(wanted.lower())
        return wanted

    def add_next_values(self, tables: Sequence[Table]) -> None:
        """Plan what the next row of each numbered table gets."""
        for table in tables:
            for column in table.columns:
                if column.identity is None or column.native != types.AUTOINCREMENT:
                    continue
                name, last = literal(table.name.name), column.identity.next_value - 1
                found = f"FROM sqlite_sequence WHERE name = {name}"
                sql = (
                    "INSERT OR REPLACE INTO sqlite_sequence (rowid, name, seq)"
                    f" VALUES ((SELECT rowid {found}), {name}, max({last}, coalesce((SELECT seq {found}), 0)))"
                )
                self.draft.step(Phase.FINISH, SchemaObject(ObjectKind.IDENTITY, column.name, str(table.name)), sql)

    def add_views(self) -> None:
        """Plan the views; one that SQLite refuses is a line of the report."""
        own = self._wanted.engine is Engine.SQLITE
        with closing(ViewTrial(() if own else self.draft.statements(Phase.BEFORE_DATA))) as trial:
            self._add_views(trial, own=own)

    def _add_views(self, trial: ViewTrial, *, own: bool) -> None:
        for view in self._wanted.views:
            made = SchemaObject(ObjectKind.VIEW, str(view.name))
            query = view.definition if own else transpile_view(view.definition, self._wanted.engine, Engine.SQLITE)
            if query is None:
                self.draft.skipped(made, "Its query has no certain counterpart in SQLite.")
                continue
            sql = f"CREATE VIEW {quoted(view.name.name)} AS {query}"
            reason = "" if own else trial.refusal(view.name.name, sql)
            if reason:
                self.draft.skipped(made, f"SQLite cannot run its query: {reason}.")
                continue
            self.draft.step(Phase.FINISH, made, sql, optional=True)
            self.draft.replaced(made, "A plain view; SQLite keeps no results of views." if view.materialized else "")

    def add_triggers(self) -> None:
        """Plan the triggers of another SQLite file, word for word."""
        if self._wanted.engine is not Engine.SQLITE:
            return
        for other in self._wanted.others:
            if other.kind == "TRIGGER" and other.definition:
                made = SchemaObject(ObjectKind.TRIGGER, other.name)
                self.draft.step(Phase.FINISH, made, other.definition, optional=True)
                self.draft.created(made)


def _without_notes(wanted: DatabaseSchema) -> DatabaseSchema:
    """Leave out what we have noted of the values of another file's columns: here they are the same."""
    tables = [
        replace(table, columns=tuple(replace(column, comment="") for column in table.columns))
        for table in wanted.tables
    ]
    return replace(wanted, tables=tuple(tables))


def _numbered_columns(wanted: DatabaseSchema) -> set[tuple[TableName, str]]:
    """Return the columns that SQLite numbers, and those that refer to them, which must be integers too."""
    found = {
        (table.name, column.name)
        for table in wanted.tables
        for column in table.columns
        if column.identity is not None and _is_row_number(table, column)
    }
    before = -1
    while len(found) > before:
        before = len(found)
        for table in wanted.tables:
            for key in table.foreign_keys:
                pairs = zip(key.columns, key.referenced_columns, strict=False)
                found |= {(table.name, here) for here, there in pairs if (key.references, there) in found}
    return found


def _is_row_number(table: Table, column: Column) -> bool:
    """Whether a numbered column can be SQLite's row number."""
    key = table.primary_key.columns if table.primary_key else ()
    return key == (column.name,) and isinstance(column.type, Integer) and column.type.bits <= 64  # noqa: PLR2004


def _lost_with_column(column: Column) -> str:
    """Say what a column loses on its way, nothing if it loses nothing."""
    return f"SQLite does not set it on every update ({column.on_update})." if column.on_update else ""


def _index_part(part: IndexPart, translator: Translator, *, is_own: bool) -> str | None:
    """Spell a member of an index, or None if SQLite cannot have it."""
    if part.prefix is not None:
        text: str | None = f"substr({quoted(part.column)}, 1, {part.prefix})"
    elif part.column:
        text = quoted(part.column)
    else:
        text = translator.index_part(part.expression)
        text = text and f"({text})"
    if text and is_own and part.operator_class:
        text = f"{text} {part.operator_class}"
    return f"{text} DESC" if text and part.descending else text


def _index_changes(index: Index, name: str) -> list[str]:
    """Say how a made index differs from the wanted one."""
    changes = []
    if name != index.name:
        changes.append(f"Named {name}: names are unique in a SQLite file.")
    if index.method.lower() not in ("btree", "art", ""):
        changes.append(f"A b-tree instead of {index.method}.")
    if any(part.prefix is not None for part in index.parts):
        changes.append("Indexes the first characters by an expression.")
    if index.include:
        changes.append("SQLite stores no further columns in an index.")
    return changes


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _named(name: str) -> str:
    return f"CONSTRAINT {quoted(name)} " if name else ""
