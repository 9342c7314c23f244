"""Primary keys, indexes and checks after the rows are there; foreign keys after those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.model import Check, ForeignKey, Index, IndexPart, ReferentialAction, Table
from domain.catalog.types import Binary
from domain.migrations.schema_plan import ObjectKind, Phase
from infra.connectors.postgresql.capabilities import BTREE_LIKE_METHODS
from infra.connectors.postgresql.ddl_tables import renamed
from infra.connectors.postgresql.draft import Draft, NameSpace, of_table
from infra.connectors.postgresql.names import identifier, identifiers, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

_FULLTEXT = frozenset({"fulltext"})


def add_keys(draft: Draft, table: Table, made: Table) -> None:
    """Plan a table's primary key, indexes and checks. `made` is the table in PostgreSQL's terms."""
    constraints = NameSpace()
    _add_primary_key(draft, table, made)
    for index in table.indexes:
        _add_index(draft, table, made, index)
    for check in table.checks:
        _add_check(draft, table, made, check, constraints)


def add_foreign_keys(draft: Draft, table: Table, made: Table, tables: Sequence[Table]) -> None:
    """Plan a table's foreign keys; one that the data does not satisfy is a line of the report."""
    constraints = NameSpace()
    for key in table.foreign_keys:
        _add_foreign_key(draft, table, made, key, _referenced(draft, key, tables), constraints)


def _add_primary_key(draft: Draft, table: Table, made: Table) -> None:
    """Add the primary key unless the table has one (it may have been there before)."""
    key = made.primary_key
    if key is None:
        return
    item = of_table(ObjectKind.PRIMARY_KEY, key.name, table)
    own_name = f"{made.name.name}_pkey"
    name = draft.relations(made.name.schema).take(*((key.name, own_name) if draft.is_own and key.name else (own_name,)))
    spelled = draft.spelled(made.name)
    include = f" INCLUDE ({identifiers(key.include)})" if key.include and draft.is_own else ""
    sql = (
        f"DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = {literal(spelled)}::regclass "
        f"AND contype = 'p') THEN ALTER TABLE {spelled} ADD CONSTRAINT {identifier(name)} "
        f"PRIMARY KEY ({identifiers(key.columns)}){include}{_after(key.deferral)}; END IF; END $do$"
    )
    nullable = {column.name for column in made.columns if column.nullable} & set(key.columns)
    draft.step(Phase.INDEXES, item, sql, optional=bool(nullable))
    draft.created(item)


def _add_index(draft: Draft, table: Table, made: Table, index: Index) -> None:
    item = of_table(ObjectKind.INDEX, index.name, table)
    method = index.method.lower()
    parts = [_part(draft, table, made, part) for part in index.parts]
    predicate = draft.expression(index.predicate) if index.predicate else ""
    if not draft.is_own and method not in BTREE_LIKE_METHODS | _FULLTEXT:
        draft.skipped(item, f"PostgreSQL has no {index.method} indexes on such columns.")
        return
    if predicate is None or None in parts:
        draft.skipped(item, "Its expression has no certain counterpart in PostgreSQL.")
        return
    name = draft.relations(made.name.schema).take(
        index.name or f"{made.name.name}_index", f"{made.name.name}_{index.name}"
    )
    notes = [] if name == index.name else [f"Named {name}: names are unique in a schema and have at most 63 bytes."]
    if any(part.prefix for part in index.parts):
        notes.append("It covers the first characters by an expression.")
    spelled = draft.spelled(made.name)
    if method in _FULLTEXT:
        notes.append("A GIN index over to_tsvector('simple', ...).")
        sql = f"CREATE INDEX IF NOT EXISTS {identifier(name)} ON {spelled} USING gin ({_words(table, made, index)})"
    else:
        include = renamed(table, made.columns, index.include) if draft.is_own else ()
        tail = f" INCLUDE ({identifiers(include)})" if include else ""
        tail += f" WHERE {predicate}" if predicate else ""
        members = ", ".join(part for part in parts if part)
        sql = _index_sql(index, name, spelled, f"({members}){tail}", method=index.method if draft.is_own else "btree")
    draft.step(Phase.INDEXES, item, sql, optional=True)
    draft.created(item, *notes)


def _index_sql(index: Index, name: str, table: str, what: str, *, method: str) -> str:
    """Return the statement for an index, or for the constraint that makes it. `what` is members, INCLUDE and WHERE."""
    is_plain = all(part.column and not part.prefix and not part.descending for part in index.parts)
    distinct = " NULLS NOT DISTINCT" if index.nulls_equal else ""
    if index.constraint and index.unique and is_plain and not index.predicate:
        return f"ALTER TABLE {table} ADD CONSTRAINT {identifier(name)} UNIQUE{distinct} {what}{_after(index.deferral)}"
    what = what.replace(") WHERE ", f"){distinct} WHERE ", 1) if distinct and index.predicate else what + distinct
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX IF NOT EXISTS {identifier(name)} ON {table} USING {method} {what}"


def _part(draft: Draft, table: Table, made: Table, part: IndexPart) -> str | None:
    """Spell a member of an index, or None if PostgreSQL has no words for it."""
    if part.column:
        (name,) = renamed(table, made.columns, (part.column,))
        text: str | None = identifier(name)
        if part.prefix:
            column = table.column(part.column)
            function = "substr({}, 1, {})" if column and isinstance(column.type, Binary) else "left({}, {})"
            text = f"({function.format(text, part.prefix)})"
    else:
        text = draft.expression(part.expression)
        text = text and f"({text})"
    if text is None:
        return None
    operator_class = f" {part.operator_class}" if part.operator_class and draft.is_own else ""
    nulls = f" NULLS {part.nulls}" if part.nulls else ""
    return f"{text}{operator_class}{' DESC' if part.descending else ''}{nulls}"


def _words(table: Table, made: Table, index: Index) -> str:
    """Return the document that a full-text index is made of."""
    names = renamed(table, made.columns, tuple(part.column for part in index.parts))
    joined = " || ' ' || ".join(f"coalesce({identifier(name)}, '')" for name in names)
    return f"to_tsvector('simple', {joined})"


def _add_check(draft: Draft, table: Table, made: Table, check: Check, constraints: NameSpace) -> None:
    item = of_table(ObjectKind.CHECK, check.name, table)
    condition = draft.expression(check.expression)
    if condition is None:
        draft.skipped(item, "Its condition has no certain counterpart in PostgreSQL.")
        return
    name = constraints.take(check.name or f"{made.name.name}_check")
    sql = f"ALTER TABLE {draft.spelled(made.name)} ADD CONSTRAINT {identifier(name)} CHECK ({condition})"
    sql += "" if check.inherited else " NO INHERIT"
    sql += "" if check.validated else " NOT VALID"
    draft.step(Phase.INDEXES, item, sql, optional=True)
    draft.created(item, "" if name == check.name else f"Named {name}.")


def _referenced(draft: Draft, key: ForeignKey, tables: Sequence[Table]) -> tuple[Table, Table] | None:
    """Return the table that a key refers to: as wanted, and in PostgreSQL's terms."""
    pairs = zip(draft.wanted.tables, tables, strict=True)
    return next(((was, made) for was, made in pairs if was.name == key.references), None)


def _add_foreign_key(
    draft: Draft, table: Table, made: Table, key: ForeignKey, other: tuple[Table, Table] | None, names: NameSpace
) -> None:
    item = of_table(ObjectKind.FOREIGN_KEY, key.name, table)
    if other is None:
        draft.skipped(item, f"It refers to {key.references}, which is not copied.")
        return
    was, target = other
    name = names.take(key.name or f"{made.name.name}_{'_'.join(key.columns)}_fkey")
    columns = identifiers(renamed(table, made.columns, key.columns))
    referenced = identifiers(renamed(was, target.columns, key.referenced_columns))
    unset = f" ({identifiers(renamed(table, made.columns, key.unset))})" if key.unset else ""
    sql = (
        f"ALTER TABLE {draft.spelled(made.name)} ADD CONSTRAINT {identifier(name)} FOREIGN KEY ({columns}) "
        f"REFERENCES {draft.spelled(target.name)} ({referenced}){' MATCH FULL' if key.match_full else ''}"
        f"{_action('DELETE', key.on_delete)}{unset}{_action('UPDATE', key.on_update)}"
        f"{_after(key.deferral)}{'' if key.validated else ' NOT VALID'}"
    )
    draft.step(Phase.FOREIGN_KEYS, item, sql, optional=True)
    draft.created(item, "" if name == key.name or not key.name else f"Named {name}.")


def _after(words: str) -> str:
    return f" {words}" if words else ""


def _action(event: str, action: ReferentialAction) -> str:
    return "" if action is ReferentialAction.NO_ACTION else f" ON {event} {action.value}"
