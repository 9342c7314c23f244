"""How a wanted schema is kept by a folder of files: one file per table, all the rest in the manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import cast

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    Index,
    IndexPart,
    Sequence,
    Table,
    TableName,
    View,
)
from domain.connections.values import Engine
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import DatabaseError, ValidationFailed
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan
from infra.connectors.draft import Draft
from infra.connectors.folders.format import FolderFormat
from infra.connectors.folders.manifest import Entry
from infra.connectors.sql.expressions import transpile, transpile_view

KEPT = "Kept in the manifest for whoever reads the folder; files enforce nothing."
_UNCERTAIN = "Its expression has no certain counterpart in DuckDB's SQL, which the manifest is written in."
_NOT_BUILT = {
    ObjectKind.TRIGGER: "Files have no triggers.",
    ObjectKind.ROUTINE: "Files have no stored routines.",
    ObjectKind.TYPE: "Columns of the type spell it out.",
    ObjectKind.OTHER: "Files have nothing like it.",
}
_ORDERED_METHODS = frozenset({"art", "btree", "hash", "brin", ""})


@dataclass(frozen=True)
class MakeTable:
    """The step that makes a table without rows."""

    entry: Entry
    origin: str


@dataclass(frozen=True)
class MakeObject:
    """The step that notes a view or a sequence."""

    made: View | Sequence
    origin: str


@dataclass(frozen=True)
class JoinTable:
    """The step that makes a table's file of its parts."""

    name: str


FolderStep = MakeTable | MakeObject | JoinTable


def read_step(text: str) -> FolderStep:
    """Return what a step of a plan says.

    Raises:
        DatabaseError: it is none of ours.
    """
    try:
        return from_json(cast(type[FolderStep], FolderStep), json.loads(text))
    except (ValueError, ValidationFailed) as error:
        raise DatabaseError(f"This is no step that a folder of files knows: {text[:80]}") from error


def plan_schema(wanted: DatabaseSchema, files: FolderFormat) -> SchemaPlan:
    """Say how a folder keeps a schema."""
    return _Planner(wanted, files).plan()


class _Planner:
    """Puts the objects of a wanted schema into the manifest's words, one after the other."""

    def __init__(self, wanted: DatabaseSchema, files: FolderFormat) -> None:
        self._draft = Draft(wanted, _NOT_BUILT)
        self._wanted = wanted
        self._files = files
        self._own = wanted.engine.is_folder
        self._origin = wanted.engine.value

    def plan(self) -> SchemaPlan:
        """Plan everything."""
        tables = tuple(self._table(table) for table in self._wanted.tables)
        for sequence in self._wanted.sequences:
            made = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
            self._step(Phase.BEFORE_DATA, made, MakeObject(replace(sequence, name=_bare(sequence.name)), self._origin))
            self._draft.replaced(made, KEPT)
        for view in self._wanted.views:
            self._view(view)
        for table in tables:
            made = SchemaObject(ObjectKind.TABLE, str(table.name))
            self._step(Phase.FINISH, made, JoinTable(table.name.name))
        return self._draft.plan(tables)

    def _step(self, phase: Phase, made: SchemaObject, step: FolderStep) -> None:
        self._draft.step(phase, made, json.dumps(to_json(step), ensure_ascii=False))

    def _view(self, view: View) -> None:
        made = SchemaObject(ObjectKind.VIEW, str(view.name))
        query = view.definition if self._own else transpile_view(view.definition, self._wanted.engine, Engine.DUCKDB)
        if query is None:
            self._draft.skipped(made, "Its query has no certain counterpart in DuckDB's SQL.")
            return
        step = MakeObject(View(_bare(view.name), query, view.materialized), self._origin)
        self._step(Phase.BEFORE_DATA, made, step)
        self._draft.replaced(made, "Kept in the manifest as a query in DuckDB's SQL; a folder shows no views.")

    def _table(self, table: Table) -> Table:
        name = str(table.name)
        made = SchemaObject(ObjectKind.TABLE, name)
        built = Table(
            _bare(table.name),
            tuple(self._column(name, column) for column in table.columns),
            table.primary_key,
            tuple(kept for index in table.indexes if (kept := self._index(name, index)) is not None),
            tuple(replace(key, references=_bare(key.references)) for key in table.foreign_keys),
            tuple(rule for check in table.checks if (rule := self._check(name, check)) is not None),
            table.comment,
        )
        entry = Entry(built, tuple(column.native for column in table.columns))
        self._step(Phase.BEFORE_DATA, made, MakeTable(entry, self._origin))
        self._draft.created(made)
        if table.primary_key is not None:
            self._draft.replaced(SchemaObject(ObjectKind.PRIMARY_KEY, table.primary_key.name, name), KEPT)
        for key in table.foreign_keys:
            self._draft.replaced(SchemaObject(ObjectKind.FOREIGN_KEY, key.name, name), KEPT)
        if table.comment:
            self._draft.created(SchemaObject(ObjectKind.COMMENT, name, name))
        return built

    def _column(self, table: str, column: Column) -> Column:
        """Put a column into the manifest's words; what an engine would compute is kept as plain values."""
        made = SchemaObject(ObjectKind.COLUMN, column.name, table)
        reason = "The file holds the computed values." if column.generated is not None else ""
        if column.on_update:
            reason = f"Nothing sets it on every update ({column.on_update})."
        self._draft.replaced(made, reason)
        if column.identity is not None:
            self._draft.replaced(SchemaObject(ObjectKind.IDENTITY, column.name, table), KEPT)
        if column.comment:
            self._draft.created(SchemaObject(ObjectKind.COMMENT, column.name, table))
        return Column(
            column.name,
            column.type,
            self._files.native(column.type),
            column.nullable,
            self._default(table, column),
            column.identity,
            comment=column.comment,
        )

    def _default(self, table: str, column: Column) -> str | None:
        if column.default is None or column.generated is not None:
            return None
        made = SchemaObject(ObjectKind.DEFAULT, column.name, table)
        text = self._expression(column.default)
        if text is None:
            self._draft.skipped(made, f"{column.default} has no certain counterpart in DuckDB's SQL.")
        else:
            self._draft.replaced(made, KEPT)
        return text

    def _check(self, table: str, check: Check) -> Check | None:
        made = SchemaObject(ObjectKind.CHECK, check.name, table)
        text = self._expression(check.expression)
        if text is None:
            self._draft.skipped(made, _UNCERTAIN)
            return None
        self._draft.replaced(made, KEPT)
        return Check(check.name, text)

    def _index(self, table: str, index: Index) -> Index | None:
        made = SchemaObject(ObjectKind.INDEX, index.name, table)
        if index.method.lower() not in _ORDERED_METHODS:
            self._draft.skipped(made, f"An index of kind {index.method} means something in its own engine only.")
            return None
        parts = [self._index_part(part) for part in index.parts]
        predicate = self._expression(index.predicate) if index.predicate else ""
        if predicate is None or any(part is None for part in parts):
            self._draft.skipped(made, _UNCERTAIN)
            return None
        self._draft.replaced(made, KEPT)
        kept = tuple(part for part in parts if part is not None)
        return replace(index, parts=kept, predicate=predicate, method="btree")

    def _index_part(self, part: IndexPart) -> IndexPart | None:
        if not part.expression:
            return replace(part, operator_class="")
        text = self._expression(part.expression)
        return None if text is None else replace(part, expression=text, operator_class="")

    def _expression(self, text: str) -> str | None:
        return text if self._own else transpile(text, self._wanted.engine, Engine.DUCKDB)


def _bare(name: TableName) -> TableName:
    return TableName(name.name)
