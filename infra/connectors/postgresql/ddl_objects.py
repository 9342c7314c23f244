"""What is neither table nor key: types, sequences, routines, next values, comments, views, triggers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.catalog.model import OtherObject, Table, TableName, View
from domain.connections.values import Engine
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject
from infra.connectors.expressions import transpile_view
from infra.connectors.postgresql.ddl_types import BIGINT_END, identifier_if_needed
from infra.connectors.postgresql.draft import Draft, of_table
from infra.connectors.postgresql.names import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = ("enum type", "domain", "range type", "composite type")
_ROUTINES = ("function", "procedure")
_REASONS = {
    "aggregate": "Aggregates are not copied; make it by hand.",
    "foreign table": "Its rows live on another server.",
    "row policy": "Policies name roles of the source; make it by hand.",
    "collation": "Collations depend on the server's libraries; make it by hand before the copy.",
}
_PARENT = re.compile(r" PARTITION OF (.+?) (?:FOR VALUES|DEFAULT)", re.DOTALL)
_CAPACITY = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": BIGINT_END - 1}


def before_tables(draft: Draft) -> None:
    """Plan what tables may rest on: extensions, types, sequences, and routines that their expressions name."""
    for item, other in _others(draft):
        if other.kind == "extension":
            _add(draft, item, Phase.BEFORE_DATA, other.definition)
    for item, other in _others(draft):
        if other.kind in _TYPES and other.definition:
            _add(draft, item, Phase.BEFORE_DATA, _unless_there(draft, other))
    for sequence in draft.wanted.sequences:
        name = draft.spelled(sequence.name)
        sql = (
            f"CREATE SEQUENCE IF NOT EXISTS {name} INCREMENT BY {sequence.increment} "
            f"MINVALUE {-BIGINT_END} MAXVALUE {BIGINT_END - 1} START WITH 1"
        )
        found = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
        draft.step(Phase.BEFORE_DATA, found, sql)
        draft.created(found)
    for item, other in _others(draft):
        if other.kind in _ROUTINES and _is_used(draft, other):
            _add(draft, item, Phase.BEFORE_DATA, _without_replace(other))


def after_tables(draft: Draft) -> None:
    """Plan the partitions of partitioned tables."""
    spelled = {identifier_if_needed(table.name.name) for table in draft.wanted.tables}
    for item, other in _others(draft):
        if other.kind != "partition":
            continue
        match = _PARENT.search(other.definition)
        if match is None or match[1] not in spelled:
            draft.skipped(item, "Its rows are copied with the table it belongs to.")
            continue
        spelled.add(identifier_if_needed(other.name))
        sql = other.definition.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)
        draft.step(Phase.BEFORE_DATA, item, sql)
        draft.created(item)


def add_next_values(draft: Draft, table: Table, made: Table) -> None:
    """Plan what the next row of a numbered column gets: never a number that is already there."""
    for was, column in zip(table.columns, made.columns, strict=True):
        if column.identity is None:
            continue
        relation, name = draft.spelled(made.name), identifier(column.name)
        sql = (
            f"SELECT CASE WHEN last < 1 THEN setval(numbers, 1, false) "
            f"ELSE setval(numbers, least(last, {_CAPACITY[column.native]})::bigint, true) END "
            f"FROM (SELECT pg_get_serial_sequence({literal(relation)}, {literal(column.name)})::regclass AS numbers, "
            f"greatest({column.identity.next_value - 1}, coalesce(max({name}), 0))::numeric AS last FROM {relation}) n"
        )
        draft.step(Phase.FINISH, of_table(ObjectKind.IDENTITY, was.name, table), sql)


def add_comments(draft: Draft, table: Table, made: Table) -> None:
    """Plan the comments of a table and its columns."""
    spelled = draft.spelled(made.name)
    if table.comment:
        item = of_table(ObjectKind.COMMENT, str(table.name), table)
        draft.step(Phase.FINISH, item, f"COMMENT ON TABLE {spelled} IS {literal(table.comment)}")
        draft.created(item)
    for was, column in zip(table.columns, made.columns, strict=True):
        if was.comment:
            item = of_table(ObjectKind.COMMENT, was.name, table)
            place = f"{spelled}.{identifier(column.name)}"
            draft.step(Phase.FINISH, item, f"COMMENT ON COLUMN {place} IS {literal(was.comment)}")
            draft.created(item)


def add_update_triggers(draft: Draft, table: Table, made: Table) -> None:
    """Plan, for MySQL's ON UPDATE CURRENT_TIMESTAMP, a trigger that does the same."""
    for was, column in zip(table.columns, made.columns, strict=True):
        if not was.on_update:
            continue
        name = draft.relations.take(f"{made.name.name}_{column.name}_on_update")
        function = draft.spelled(TableName(name, made.name.schema))
        relation, place = draft.spelled(made.name), identifier(column.name)
        sql = (
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $do$ BEGIN "
            f"IF NEW IS DISTINCT FROM OLD AND NEW.{place} IS NOT DISTINCT FROM OLD.{place} THEN "
            f"NEW.{place} := CURRENT_TIMESTAMP; END IF; RETURN NEW; END $do$; "
            f"DROP TRIGGER IF EXISTS {identifier(name)} ON {relation}; "
            f"CREATE TRIGGER {identifier(name)} BEFORE UPDATE ON {relation} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
        draft.step(Phase.FINISH, of_table(ObjectKind.COLUMN, was.name, table), sql, optional=True)


def finish(draft: Draft) -> None:
    """Plan the sequences' next values, then routines, views and what hangs on them, then rules and triggers."""
    for sequence in draft.wanted.sequences:
        found = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
        sql = f"SELECT setval({literal(draft.spelled(sequence.name))}, {sequence.next_value}, false)"
        draft.step(Phase.FINISH, found, sql)
    for item, other in _others(draft):
        if other.kind in _ROUTINES and not _is_used(draft, other):
            _add(draft, item, Phase.FINISH, _without_replace(other))
    for view in draft.wanted.views:
        _add_view(draft, view)
    for kind in ("index", "exclusion constraint", "rule", "trigger"):
        for item, other in _others(draft):
            if other.kind == kind and other.definition:
                _add(draft, item, Phase.FINISH, other.definition)
    _give_reasons(draft)


def _give_reasons(draft: Draft) -> None:
    """Say why the other objects that no statement makes are left out."""
    for item, other in _others(draft, own_only=False):
        if not draft.is_own:
            draft.skipped(item, f"A {other.kind.lower()} is written in the words of {draft.wanted.engine.value} only.")
        elif other.kind in _REASONS:
            draft.skipped(item, _REASONS[other.kind])


def _add_view(draft: Draft, view: View) -> None:
    item = SchemaObject(ObjectKind.VIEW, str(view.name))
    query = view.definition
    if not draft.is_own:
        translated = transpile_view(view.definition, draft.wanted.engine, Engine.POSTGRESQL)
        if translated is None:
            draft.skipped(item, "Its query has no certain counterpart in PostgreSQL.")
            return
        query = translated
    kind = "MATERIALIZED VIEW" if view.materialized else "VIEW"
    draft.step(Phase.FINISH, item, f"CREATE {kind} {draft.spelled(view.name)} AS {query}", optional=True)
    draft.created(item)


def _others(draft: Draft, *, own_only: bool = True) -> Iterator[tuple[SchemaObject, OtherObject]]:
    """Yield the other objects with their names in the inventory, which lists them last and in this order."""
    if draft.is_own or not own_only:
        others = draft.wanted.others
        items = inventory(draft.wanted)
        yield from zip(items[len(items) - len(others) :], others, strict=True)


def _add(draft: Draft, item: SchemaObject, phase: Phase, sql: str) -> None:
    """Plan something that may fail without harm to the rows."""
    draft.step(phase, item, sql, optional=True)
    draft.created(item)


def _unless_there(draft: Draft, other: OtherObject) -> str:
    name = literal(f"{identifier(draft.schema)}.{identifier(other.name)}")
    return f"DO $unless$ BEGIN IF to_regtype({name}) IS NULL THEN {other.definition}; END IF; END $unless$"


def _without_replace(other: OtherObject) -> str:
    """Return the statement that makes a routine and does not overwrite one that is there."""
    return other.definition.replace("CREATE OR REPLACE ", "CREATE ", 1)


def _is_used(draft: Draft, routine: OtherObject) -> bool:
    """Tell whether a table's expressions name a routine, so it must be there first."""
    name = re.escape(routine.name.partition("(")[0])
    return any(re.search(rf"\b{name}\b", sql) for table in draft.wanted.tables for sql in _expressions(table))


def _expressions(table: Table) -> Iterator[str]:
    for column in table.columns:
        yield column.default or ""
        yield column.generated or ""
    for check in table.checks:
        yield check.expression
    for index in table.indexes:
        yield index.predicate
        yield from (part.expression for part in index.parts)
