"""What is neither table nor key: types, sequences, routines, next values, comments, views, triggers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.catalog.model import OtherObject, Table, TableName, View
from domain.catalog.names import mentions
from domain.catalog.numbering import bounds
from domain.connections.values import Engine
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, Phase, SchemaObject
from infra.connectors.draft import FOREIGN, RIGHTS_STAY, one
from infra.connectors.postgresql.ddl_types import BIGINT_END
from infra.connectors.postgresql.draft import Draft, of_table
from infra.connectors.postgresql.introspect import UNUSABLE
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.sql.expressions import kinds_of, transpile_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from domain.catalog.model import Sequence

_TYPES = ("enum type", "domain", "range type", "composite type")
_ROUTINES = ("function", "procedure")
_REASONS = {
    "foreign table": "Its rows live on another server.",
    "foreign server": "It is another server, with passwords of its own; make it by hand.",
    "forced row security": "Row security is on, but not for the owner, who could no longer compare the rows.",
    "rights": RIGHTS_STAY,
    "tablespace": "Where its files lie is for this server to say.",
    "unlogged": "The table is logged here, so that a crash loses nothing.",
    "inheritance": "Columns that the table has of its parent alone are its own too here: dropped there, they stay.",
    UNUSABLE: "The source's user may not look into this schema; grant USAGE on it.",
}
_LAST = (
    *("domain constraint", "partition constraint", "index", "exclusion constraint", "inheritance", "sequence owner"),
    *("partition column", "storage parameters", "view options", "view default", "typed table", "clustering"),
    *("replica identity", "statistics"),
    *("rule", "row security", "forced row security", "row policy", "trigger", "comment"),
)
"""What is made after the rows are there, in this order, by the statements that the source tells."""

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(]+)'
_PARENT = re.compile(rf" PARTITION OF ((?:{_NAME}\.)?{_NAME}) (?:FOR VALUES|DEFAULT)")
_MADE = re.compile(rf"CREATE (?:TABLE|TYPE|DOMAIN) (?:({_NAME})\.)?({_NAME}) ")


def before_tables(draft: Draft) -> None:
    """Plan what tables may rest on: extensions, types, sequences, and routines that their expressions name."""
    for kind in ("extension", "collation"):
        _add_all(draft, kind, Phase.BEFORE_DATA)
    types = [other.definition for _, other in _others(draft) if other.kind in _TYPES]
    for item, other in _others(draft):
        if other.kind in _ROUTINES and _is_named(other, types):
            _add(draft, item, Phase.BEFORE_DATA, _without_replace(other))
    for item, other in _others(draft):
        if other.kind in _TYPES and other.definition:
            _add(draft, item, Phase.BEFORE_DATA, _unless_there(draft, other))
    for sequence in draft.wanted.sequences:
        _add_sequence(draft, sequence)
    for item, other in _others(draft):
        if other.kind in _ROUTINES and _is_used(draft, other) and not _is_named(other, types):
            _add(draft, item, Phase.BEFORE_DATA, _without_replace(other))


def _add_sequence(draft: Draft, sequence: Sequence) -> None:
    lowest, highest = bounds(sequence, -BIGINT_END, BIGINT_END - 1)
    start = f" START WITH {min(max(lowest, 1), highest)}"
    if draft.is_own:
        start = f" {sequence.options}" if sequence.options else ""
    sql = (
        f"CREATE SEQUENCE IF NOT EXISTS {draft.spelled(sequence.name)} INCREMENT BY {sequence.increment} "
        f"MINVALUE {lowest} MAXVALUE {highest}{start}{' CYCLE' if sequence.cycle else ''}"
    )
    found = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
    draft.step(Phase.BEFORE_DATA, found, sql)
    draft.created(found)


def after_tables(draft: Draft) -> None:
    """Plan the partitions of partitioned tables, each after the one it is a part of, and how columns are stored."""
    made = {str(table.name) for table in draft.wanted.tables}
    for item, other in _others(draft):
        if other.kind != "partition":
            continue
        match = _PARENT.search(other.definition)
        if match is None or _shown(match[1]) not in made:
            draft.skipped(item, "Its rows are copied with the table it belongs to.")
            continue
        made.add(other.name)
        draft.relations(schema_of_statement(other.definition)).take(other.name.rpartition(".")[2])
        sql = other.definition.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)
        draft.step(Phase.BEFORE_DATA, item, sql)
        draft.created(item)
    _add_all(draft, "column settings", Phase.BEFORE_DATA)  # how values are packed counts when they are written


def schema_of_statement(sql: str) -> str:
    """Return the schema in which a statement makes a table or type; empty for the default one."""
    match = _MADE.match(sql)
    return _unquoted(match[1]) if match and match[1] else ""


def _shown(spelled: str) -> str:
    """Return a quoted name as reports give it."""
    return ".".join(_unquoted(part) for part in re.findall(_NAME, spelled))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def add_next_values(draft: Draft, table: Table, made: Table) -> None:
    """Plan what the next row of a numbered column gets: never a number that is already there."""
    for was, column in zip(table.columns, made.columns, strict=True):
        if column.identity is None:
            continue
        relation, name = draft.spelled(made.name), identifier(column.name)
        numbers = f"pg_get_serial_sequence({literal(relation)}, {literal(column.name)})::regclass"
        step, following = column.identity.increment, column.identity.next_value
        most = f"{'max' if step > 0 else 'min'}({name})::numeric"  # one more may have no place in the column's type
        beyond = f"greatest({following}, {most} + 1)" if step > 0 else f"least({following}, {most} - 1)"
        if " CYCLE" in f" {column.identity.options}":
            beyond = str(following)
        sql = _go_on(f"SELECT {numbers} AS numbers, ({beyond})::numeric AS next FROM {relation}", step)
        draft.step(Phase.FINISH, of_table(ObjectKind.IDENTITY, was.name, table), sql)


def _go_on(query: str, step: int) -> str:
    """Return the statement that makes a sequence go on at a number, both of which a query tells.

    Beyond its bounds it is at its end. One that has not begun stays so.
    """
    return (
        "SELECT CASE WHEN next > seqmax THEN setval(numbers, seqmax, true) "
        f"WHEN next < seqmin THEN setval(numbers, seqmin, {str(step < 0).lower()}) "
        f"WHEN next - {step} BETWEEN seqmin AND seqmax AND next <> seqstart "
        f"THEN setval(numbers, (next - {step})::bigint, true) ELSE setval(numbers, next::bigint, false) END "
        f"FROM ({query}) n JOIN pg_sequence ON seqrelid = numbers"
    )


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
        name = draft.relations(made.name.schema).take(f"{made.name.name}_{column.name}_on_update")
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
        _add_next_value(draft, sequence)
    _add_routines_and_views(draft)
    for kind in _LAST:
        _add_all(draft, kind, Phase.FINISH)
    _give_reasons(draft)


def _add_routines_and_views(draft: Draft) -> None:
    """Plan the routines that no table needs, the views, and the routines that give rows of views."""
    views = [view.name.name for view in draft.wanted.views]
    types = [other.definition for _, other in _others(draft) if other.kind in _TYPES]
    unused = [
        (item, other)
        for item, other in _others(draft)
        if other.kind in _ROUTINES and not _is_used(draft, other) and not _is_named(other, types)
    ]
    of_views = [pair for pair in unused if mentions(pair[1].definition.partition("\nAS ")[0], views)]
    for item, other in unused:
        if (item, other) not in of_views:
            _add(draft, item, Phase.FINISH, _without_replace(other))
    _add_all(draft, "aggregate", Phase.FINISH)
    for view in draft.wanted.views:
        _add_view(draft, view)
    for item, other in of_views:
        _add(draft, item, Phase.FINISH, _without_replace(other))


def _add_next_value(draft: Draft, sequence: Sequence) -> None:
    """Plan that a sequence goes on where it stands."""
    found = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
    numbers = f"{literal(draft.spelled(sequence.name))}::regclass"
    query = f"SELECT {numbers} AS numbers, {sequence.next_value}::numeric AS next"
    draft.step(Phase.FINISH, found, _go_on(query, sequence.increment))


def _give_reasons(draft: Draft) -> None:
    """Say why the other objects that no statement makes are left out."""
    for item, other in _others(draft, own_only=False):
        if not draft.is_own:
            outcome, reason = FOREIGN.get(other.kind.lower(), (Outcome.SKIPPED, ""))
            if outcome is Outcome.REPLACED:
                draft.created(item, reason)
            else:
                words = f"Only {draft.wanted.engine.value} knows the words of {one(other.kind.lower())}."
                draft.skipped(item, reason or words)
        elif other.kind in _REASONS and other.definition:
            draft.created(item, _REASONS[other.kind])
        elif other.kind in _REASONS:
            draft.skipped(item, _REASONS[other.kind])
        elif not other.definition:
            draft.skipped(item, "There is no statement that makes the same; make it by hand.")


def _add_view(draft: Draft, view: View) -> None:
    item = SchemaObject(ObjectKind.VIEW, str(view.name))
    query = view.definition
    if not draft.is_own:
        translated = transpile_view(view.definition, draft.wanted.engine, Engine.POSTGRESQL, kinds_of(draft.wanted))
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


def _add_all(draft: Draft, kind: str, phase: Phase) -> None:
    """Plan everything of one kind that has a statement."""
    for item, other in _others(draft):
        if other.kind == kind and other.definition:
            _add(draft, item, phase, other.definition)


def _add(draft: Draft, item: SchemaObject, phase: Phase, sql: str) -> None:
    """Plan something that may fail without harm to the rows."""
    draft.step(phase, item, sql, optional=True)
    draft.created(item)


def _unless_there(draft: Draft, other: OtherObject) -> str:
    match = _MADE.match(other.definition)
    schema = schema_of_statement(other.definition) or draft.schema
    name = literal(f"{identifier(schema)}.{identifier(_unquoted(match[2]) if match else other.name)}")
    return f"DO $unless$ BEGIN IF to_regtype({name}) IS NULL THEN {other.definition}; END IF; END $unless$"


def _without_replace(other: OtherObject) -> str:
    """Return the statement that makes a routine and does not overwrite one that is there."""
    return other.definition.replace("CREATE OR REPLACE ", "CREATE ", 1)


def _is_used(draft: Draft, routine: OtherObject) -> bool:
    """Tell whether a table's expressions name a routine, so it must be there first."""
    return _is_named(routine, (sql for table in draft.wanted.tables for sql in _expressions(table)))


def _is_named(routine: OtherObject, statements: Iterable[str]) -> bool:
    name = re.escape(routine.name.partition("(")[0].rpartition(".")[2])
    return any(re.search(rf"\b{name}\b", sql) for sql in statements)


def _expressions(table: Table) -> Iterator[str]:
    for column in table.columns:
        yield column.default or ""
        yield column.generated or ""
    for check in table.checks:
        yield check.expression
    for index in table.indexes:
        yield index.predicate
        yield from (part.expression for part in index.parts)
