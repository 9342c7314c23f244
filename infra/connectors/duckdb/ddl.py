"""How a wanted schema is built in DuckDB: statements, and a line of the report for every object.

References are made with their tables, and so are the keys of tables they point at; all other keys
and indexes once the rows are there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Listed
from contextlib import closing
from dataclasses import replace

import duckdb

from domain.catalog.model import (
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    ReferentialAction,
    Sequence,
    Table,
    TableName,
)
from domain.catalog.numbering import bounds, sequence_of, standing
from domain.catalog.types import Binary, Text
from domain.connections.values import Engine
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan
from infra.connectors.draft import Draft
from infra.connectors.duckdb import types
from infra.connectors.duckdb.references import References, columns_of, is_constraint, natives_of
from infra.connectors.duckdb.session import qualified
from infra.connectors.duckdb.trial import Translator
from infra.connectors.sql.expressions import transpile_view
from infra.connectors.sql.text import literal, quoted

_NOT_BUILT = {
    ObjectKind.TRIGGER: "DuckDB has no triggers.",
    ObjectKind.ROUTINE: "DuckDB has no stored routines.",
    ObjectKind.TYPE: "Columns of the type spell it out.",
    ObjectKind.OTHER: "DuckDB has nothing like it.",
}
_NOT_TOLD = {ObjectKind.ROUTINE: "DuckDB does not tell all of a macro (its parameters' defaults); create it by hand."}
"""What a DuckDB file cannot have of another one."""

_ORDERED_METHODS = frozenset({"art", "btree", "hash", "brin", ""})
_COMMENT_ON = re.compile("COMMENT ON (?:VIEW|COLUMN|SEQUENCE|INDEX) ")
_LAST = 2**63 - 1
"""The highest number of a sequence."""

_UNCERTAIN = "Its expression has no certain counterpart in DuckDB."


def plan_schema(wanted: DatabaseSchema, schema: str) -> SchemaPlan:
    """Say how to build a schema in one schema of a DuckDB file."""
    with closing(duckdb.connect(":memory:")) as trial:
        return _Planner(wanted, schema, trial).plan()


class _Planner:
    """Puts the objects of a wanted schema into DuckDB's words, one after the other."""

    def __init__(self, wanted: DatabaseSchema, schema: str, trial: duckdb.DuckDBPyConnection) -> None:
        self._draft = Draft(wanted, _NOT_BUILT | (_NOT_TOLD if wanted.engine is Engine.DUCKDB else {}))
        self._wanted = wanted
        self._schema = schema
        self._trial = trial
        self._sequences: dict[str, str] = {}
        self._names = {table.name.name.lower() for table in wanted.tables}

    def plan(self) -> SchemaPlan:
        """Plan everything in the order in which it is built."""
        if self._schema != "main":
            self._draft.step(
                Phase.BEFORE_DATA,
                SchemaObject(ObjectKind.SCHEMA, self._schema),
                f"CREATE SCHEMA IF NOT EXISTS {quoted(self._schema)}",
            )
        for sequence in self._wanted.sequences:
            made = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
            self._sequences[sequence.name.name] = self._add_sequence(made, sequence.name.name, sequence)
            self._draft.created(made)
        own = self._wanted.engine is Engine.DUCKDB
        spelled = [table if own else _in_own_types(table) for table in self._wanted.tables]
        references = References(self._wanted, natives_of(spelled))
        by_name = {table.name: table for table in spelled}
        built = {name: self._add_table(by_name[name], references) for name in references.order}
        for name, table in built.items():
            self._add_indexes(by_name[name], table, has_keys=references.points_at(name))
        for place, key, reason in references.left_out:
            self._draft.skipped(SchemaObject(ObjectKind.FOREIGN_KEY, key.name, str(place)), reason)
        tables = tuple(built[table.name] for table in self._wanted.tables)
        self._add_views()
        self._add_comments(tables)
        self._add_other_comments()
        return self._draft.plan(tables)

    def _in_schema(self, name: str) -> str:
        return qualified(TableName(name, self._schema))

    def _free_name(self, name: str, table: str) -> str:
        """Return a name that no other index, sequence or table of the schema has."""
        wanted, number = name or f"{table}_index", 1
        while wanted.lower() in self._names:
            wanted = f"{table}_{name}" if number == 1 else f"{table}_{name}_{number}"
            number += 1
        self._names.add(wanted.lower())
        return wanted

    def _add_sequence(self, made: SchemaObject, name: str, sequence: Identity | Sequence) -> str:
        free = self._free_name(name, "sequence")
        sql = f"CREATE SEQUENCE IF NOT EXISTS {self._in_schema(free)} {_numbers(sequence)}"
        self._draft.step(Phase.BEFORE_DATA, made, sql)
        if isinstance(sequence, Sequence) and standing(sequence, *bounds(sequence, -_LAST, _LAST))[1]:
            self._draft.step(Phase.BEFORE_DATA, made, f"SELECT nextval({literal(self._in_schema(free))})")
        return free

    def _add_table(self, table: Table, references: References) -> Table:
        """Plan a table with what DuckDB can only have from the start; return it in DuckDB's terms."""
        name = str(table.name)
        translator = Translator(self._wanted.engine, table.columns, self._trial)
        columns = tuple(self._column(name, column, translator) for column in table.columns)
        key = table.primary_key.columns if table.primary_key else ()
        is_own = self._wanted.engine is Engine.DUCKDB
        parts = [_definition(column, key, is_own=is_own) for column in columns]
        parts += self._checks(table, translator)
        if references.points_at(table.name):
            parts += [f"PRIMARY KEY ({_list(key)})"] if key else []
            parts += [f"UNIQUE ({_list(columns_of(index))})" for index in table.indexes if is_constraint(index)]
        for reference in references.of(table.name):
            other = self._in_schema(reference.references.name)
            here, there = _list(reference.columns), _list(reference.referenced_columns)
            parts.append(f"FOREIGN KEY ({here}) REFERENCES {other} ({there})")
            self._draft.replaced(SchemaObject(ObjectKind.FOREIGN_KEY, reference.name, name), _lost_actions(reference))
        made = SchemaObject(ObjectKind.TABLE, name)
        body = ",\n  ".join(parts)
        self._draft.step(Phase.BEFORE_DATA, made, f"CREATE TABLE {self._in_schema(table.name.name)} (\n  {body}\n)")
        self._draft.created(made)
        return replace(
            table,
            name=TableName(table.name.name, self._schema),
            columns=columns,
            foreign_keys=references.of(table.name),
        )

    def _checks(self, table: Table, translator: Translator) -> list[str]:
        parts = []
        for check in table.checks:
            made = SchemaObject(ObjectKind.CHECK, check.name, str(table.name))
            text = translator.check(check.expression)
            if not check.validated:
                self._draft.skipped(made, "Not all rows satisfy it, and DuckDB would refuse the others.")
            elif text is None:
                self._draft.skipped(made, _UNCERTAIN)
            else:
                self._draft.created(made)
                parts.append(f"CHECK ({text})")
        return parts

    def _column(self, table: str, column: Column, translator: Translator) -> Column:
        """Translate a column's default and expression, and note what becomes of it."""
        item = SchemaObject(ObjectKind.COLUMN, column.name, table)
        if column.generated is not None:
            text = translator.generated(column, column.generated)
            reason = "" if text else f"{_UNCERTAIN} The column holds the computed values."
            if text and column.generated_stored:
                reason = "DuckDB computes it whenever it is read."
            self._draft.replaced(item, reason)
            return replace(column, generated=text, generated_stored=False, default=None)
        self._draft.replaced(item, _lost_with_column(column, is_own=self._wanted.engine is Engine.DUCKDB))
        if column.identity is not None:
            made = SchemaObject(ObjectKind.IDENTITY, column.name, table)
            identity = replace(column.identity, next_value=_within(column.identity.next_value))
            name = self._add_sequence(made, f"{table}_{column.name}_seq", identity)
            self._draft.created(made)
            return replace(column, default=f"nextval({literal(self._in_schema(name))})", identity=identity)
        if column.default is None:
            return column
        made = SchemaObject(ObjectKind.DEFAULT, column.name, table)
        sequence = sequence_of(column.default)
        if sequence and sequence.name in self._sequences:
            text = f"nextval({literal(self._in_schema(self._sequences[sequence.name]))})"
        else:
            text = translator.default(column, column.default)
        if text is None:
            self._draft.skipped(made, f"{column.default} has no certain counterpart in DuckDB.")
        else:
            self._draft.created(made)
        return replace(column, default=text)

    def _add_indexes(self, table: Table, built: Table, *, has_keys: bool) -> None:
        """Plan keys and indexes; the key first, as nothing may depend on a table that is altered.

        `has_keys` tells that the table was made with its constraints.
        """
        name = str(table.name)
        if table.primary_key is not None:
            made = SchemaObject(ObjectKind.PRIMARY_KEY, table.primary_key.name, name)
            if not has_keys:
                columns = _list(table.primary_key.columns)
                sql = f"ALTER TABLE {qualified(built.name)} ADD PRIMARY KEY ({columns})"
                self._draft.step(Phase.INDEXES, made, sql)
            self._draft.created(made)
        translator = Translator(self._wanted.engine, built.columns, self._trial)
        for index in table.indexes:
            made = SchemaObject(ObjectKind.INDEX, index.name, name)
            if has_keys and is_constraint(index):
                self._draft.created(made)
            else:
                self._add_index(index, built, translator, made)

    def _add_index(self, index: Index, built: Table, translator: Translator, made: SchemaObject) -> None:
        reason = _why_not_indexed(index, built)
        parts = [quoted(part.column) if part.column else translator.index_part(part.expression) for part in index.parts]
        if not reason and any(part is None for part in parts):
            reason = _UNCERTAIN
        if reason:
            self._draft.skipped(made, reason)
            return
        columns = ", ".join(part for part in parts if part)
        name = self._free_name(index.name, built.name.name)
        unique = "UNIQUE " if index.unique else ""
        sql = f"CREATE {unique}INDEX {quoted(name)} ON {qualified(built.name)} ({columns})"
        self._draft.step(Phase.INDEXES, made, sql)
        self._draft.replaced(made, " ".join(_index_changes(index, name)))

    def _add_views(self) -> None:
        """Plan the views; one that DuckDB refuses is a line of the report."""
        own = self._wanted.engine is Engine.DUCKDB
        for view in self._wanted.views:
            made = SchemaObject(ObjectKind.VIEW, str(view.name))
            query = view.definition if own else transpile_view(view.definition, self._wanted.engine, Engine.DUCKDB)
            if query is None:
                self._draft.skipped(made, "Its query has no certain counterpart in DuckDB.")
                continue
            sql = f"CREATE VIEW {self._in_schema(view.name.name)} AS {query}"
            self._draft.step(Phase.FINISH, made, sql, optional=True)
            self._draft.replaced(made, "A plain view; DuckDB keeps no results of views." if view.materialized else "")

    def _add_comments(self, tables: Listed[Table]) -> None:
        for wanted, table in zip(self._wanted.tables, tables, strict=True):
            name = str(wanted.name)
            if table.comment:
                made = SchemaObject(ObjectKind.COMMENT, name, name)
                self._draft.step(
                    Phase.FINISH, made, f"COMMENT ON TABLE {qualified(table.name)} IS {literal(table.comment)}"
                )
                self._draft.created(made)
            for column in table.columns:
                if column.comment:
                    made = SchemaObject(ObjectKind.COMMENT, column.name, name)
                    place = f"{qualified(table.name)}.{quoted(column.name)}"
                    self._draft.step(Phase.FINISH, made, f"COMMENT ON COLUMN {place} IS {literal(column.comment)}")
                    self._draft.created(made)

    def _add_other_comments(self) -> None:
        """Plan the comments of another DuckDB file on what is no table."""
        for other in self._wanted.others if self._wanted.engine is Engine.DUCKDB else ():
            if other.kind == "COMMENT" and _COMMENT_ON.match(other.definition):
                made = SchemaObject(ObjectKind.COMMENT, other.name)
                sql = _COMMENT_ON.sub(lambda start: f"{start[0]}{quoted(self._schema)}.", other.definition, count=1)
                self._draft.step(Phase.FINISH, made, sql, optional=True)
                self._draft.created(made)


def _in_own_types(table: Table) -> Table:
    """Return a table with its columns' types in DuckDB's words."""
    return replace(table, columns=tuple(replace(column, native=types.native(column.type)) for column in table.columns))


def _definition(column: Column, key: tuple[str, ...], *, is_own: bool) -> str:
    """Return a column as it stands in a CREATE TABLE."""
    text = f"{quoted(column.name)} {column.native}"
    if column.collation and is_own:
        text += f" COLLATE {column.collation}"
    if column.generated is not None:
        return f"{text} GENERATED ALWAYS AS ({column.generated}) VIRTUAL"
    if not column.nullable or column.name in key:
        text += " NOT NULL"
    return f"{text} DEFAULT ({column.default})" if column.default is not None else text


def _lost_with_column(column: Column, *, is_own: bool) -> str:
    """Say what a column loses on its way, nothing if it loses nothing."""
    lost = [f"DuckDB does not set it on every update ({column.on_update})."] if column.on_update else []
    match column.type:
        case Text(length=int(length)) if not is_own:
            lost.append(f"DuckDB does not hold texts to {length} characters.")
        case Binary(length=int(length)) if not is_own:
            lost.append(f"DuckDB does not hold values to {length} bytes.")
    return " ".join(lost)


def _lost_actions(key: ForeignKey) -> str:
    """Say which actions of a foreign key DuckDB does not have; nothing if it has all."""
    lost = {key.on_delete, key.on_update} - {ReferentialAction.NO_ACTION, ReferentialAction.RESTRICT}
    names = " and ".join(sorted(action.value for action in lost))
    return f"DuckDB has no {names}; it refuses the change." if lost else ""


def _why_not_indexed(index: Index, table: Table) -> str:
    """Say why DuckDB cannot have an index; nothing if it can."""
    if index.method.lower() not in _ORDERED_METHODS:
        return f"DuckDB has no {index.method} indexes."
    if index.predicate:
        return "DuckDB has no partial indexes."
    if any(part.prefix is not None for part in index.parts):
        return "DuckDB cannot index the first characters of a text."
    for part in index.parts:
        column = table.column(part.column)
        if column is not None and not types.can_be_indexed(column.native):
            return f"DuckDB cannot index a column of type {column.native}."
    return ""


def _index_changes(index: Index, name: str) -> list[str]:
    """Say how a made index differs from the wanted one."""
    changes = []
    if name != index.name:
        changes.append(f"Named {name}: names are unique in a schema of DuckDB.")
    if any(part.descending for part in index.parts):
        changes.append("DuckDB's indexes have no direction.")
    if index.include:
        changes.append("DuckDB stores no further columns in an index.")
    return changes


def _list(names: Listed[str]) -> str:
    return ", ".join(map(quoted, names))


def _numbers(sequence: Identity | Sequence) -> str:
    """Spell what a sequence gives; without bounds DuckDB's go up from 1, or down from -1."""
    increment = sequence.increment
    if isinstance(sequence, Identity):
        bound = f" MINVALUE {sequence.next_value}" if increment > 0 and sequence.next_value < 1 else ""
        bound = f" MAXVALUE {sequence.next_value}" if increment < 0 and sequence.next_value > -1 else bound
        return f"INCREMENT BY {increment}{bound} START WITH {sequence.next_value}"
    lowest, highest = bounds(sequence, -_LAST, _LAST)
    start, _ = standing(sequence, lowest, highest)
    cycle = " CYCLE" if sequence.cycle else ""
    return f"INCREMENT BY {increment} MINVALUE {lowest} MAXVALUE {highest} START WITH {start}{cycle}"


def _within(next_value: int) -> int:
    """Return where a sequence stands; at the last number of all it gives nothing more."""
    return min(max(next_value, -_LAST), _LAST)
