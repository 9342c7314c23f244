"""The clauses for indexes, foreign keys, sequences and views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.catalog.model import ReferentialAction
from domain.catalog.names import in_order
from domain.catalog.numbering import standing
from domain.connections.values import Engine
from infra.connectors.mysql.capabilities import CAPABILITIES, CHARACTER_BYTES, INDEX_PARTS_MAX
from infra.connectors.mysql.code import EVENT_OFF
from infra.connectors.mysql.fit import index_bytes, shares
from infra.connectors.mysql.names import PRIMARY, cut, quoted, quoted_list
from infra.connectors.sql.expressions import transpile_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from domain.catalog.model import DatabaseSchema, ForeignKey, Index, IndexPart, OtherObject, Sequence, Table, View

_ORDERED_METHODS = frozenset({"btree", "hash", "art", ""})
_SEQUENCE_END = 2**63 - 1


@dataclass(frozen=True)
class Clause:
    """What ALTER TABLE is to do, or nothing where it cannot be done; `note` says why, or what is different."""

    change: str | None
    note: str = ""


def index_rule(index: Index, name: str, engine: Engine, natives: Mapping[str, str]) -> Clause:
    """Spell an index, as it is called here, of a table whose columns have these types."""
    if engine is not Engine.MYSQL:
        reason = _foreign_obstacle(index)
        if reason:
            return Clause(None, reason)
    notes = [f"named {name}"] if index.name and name != index.name else []
    if index.include:
        notes.append(f"without the included columns {', '.join(index.include)}")
    prefixes = _prefixes(index, natives) if engine is not Engine.MYSQL else {}
    if prefixes:
        notes.append(f"of the first characters of {', '.join(prefixes)}, since MySQL indexes no more")
    parts = ", ".join(_part_sql(part, prefixes.get(part.column)) for part in index.parts)
    if engine is Engine.MYSQL and index.name == PRIMARY:
        return Clause(f"ADD PRIMARY KEY ({parts})")
    kind = "UNIQUE INDEX" if index.unique else "INDEX"
    if index.method.upper() in ("FULLTEXT", "SPATIAL"):
        kind = f"{index.method.upper()} INDEX"
    using = " USING HASH" if engine is Engine.MYSQL and index.method.upper() == "HASH" else ""
    return Clause(f"ADD {kind} {quoted(name)} ({parts}){using}", "; ".join(notes))


def index_names(table: Table) -> dict[Index, str]:
    """Choose what a table's indexes are called: MySQL takes no two names that differ by case alone, nor PRIMARY."""
    names: dict[Index, str] = {}
    taken = {PRIMARY.casefold()}
    for index in table.indexes:
        name = index.name or "_".join(part.column or "expression" for part in index.parts)
        candidates = (name, f"index_{name}", *(f"{number}_{name}" for number in range(2, 1000)))
        names[index] = next(each for each in map(cut, candidates) if each.casefold() not in taken)
        taken.add(names[index].casefold())
    return names


def foreign_key_sql(key: ForeignKey, name: str) -> Clause:
    """Spell a foreign key. InnoDB has no SET DEFAULT; such a key refuses the change instead."""
    notes = []
    clauses = []
    for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update)):
        if action is ReferentialAction.SET_DEFAULT:
            notes.append(f"ON {event} SET DEFAULT became NO ACTION, which is what InnoDB has")
        elif action is not ReferentialAction.NO_ACTION:
            clauses.append(f" ON {event} {action.value}")
    change = (
        f"ADD CONSTRAINT {quoted(name)} FOREIGN KEY ({quoted_list(key.columns)}) "
        f"REFERENCES {quoted(key.references.name)} ({quoted_list(key.referenced_columns)}){''.join(clauses)}"
    )
    return Clause(change, "; ".join(notes))


def sequence_sql(sequence: Sequence) -> str:
    """Spell a sequence, which MySQL will refuse and MariaDB take."""
    name = quoted(sequence.name.name[: CAPABILITIES.identifier_max])
    bounds = [
        f" {word} {value}"
        for word, value, limit in (
            ("MINVALUE", sequence.minimum, -_SEQUENCE_END),
            ("MAXVALUE", sequence.maximum, _SEQUENCE_END),
        )
        if value is not None and abs(value) < abs(limit)
    ]
    cycle = " CYCLE" if sequence.cycle else ""
    start, _ = sequence_standing(sequence)
    return f"CREATE SEQUENCE {name} START WITH {start} INCREMENT BY {sequence.increment}{''.join(bounds)}{cycle}"


def sequence_standing(sequence: Sequence) -> tuple[int, bool]:
    """Return where a sequence stands, and whether it has given its last number already."""
    lowest = (1 if sequence.increment > 0 else -_SEQUENCE_END) if sequence.minimum is None else sequence.minimum
    highest = (_SEQUENCE_END if sequence.increment > 0 else -1) if sequence.maximum is None else sequence.maximum
    return standing(sequence, min(lowest, highest), highest)


def code_rule(other: OtherObject) -> Clause:
    """Give the whole statement that makes a trigger, routine or event of our own kind of server."""
    if not other.definition:
        return Clause(None, "the source does not show its definition to this user, or it is in another SQL mode")
    if other.kind == "EVENT":
        note = "it is disabled, since it would run in both databases; enable it by ALTER EVENT"
        return Clause(EVENT_OFF.sub("DISABLE", other.definition, count=1), note)
    return Clause(other.definition)


def view_rules(wanted: DatabaseSchema) -> Iterator[tuple[View, str | None, str]]:
    """Give each view with its statement (or none) and a reason or note, each view after those it reads."""
    for view in in_order(wanted.views):
        name = quoted(view.name.name[: CAPABILITIES.identifier_max])
        if not view.definition:
            yield view, None, "the source does not show its definition to this user; grant SHOW VIEW"
            continue
        own = view.definition if wanted.engine is Engine.MYSQL else None
        query = own or transpile_view(view.definition, wanted.engine, Engine.MYSQL)
        if query is None:
            yield view, None, "its query has no certain counterpart in MySQL"
            continue
        note = "a plain view; MySQL keeps no results of views" if view.materialized else ""
        manner = f"{view.manner} " if own else ""
        check = f" WITH {view.check_option} CHECK OPTION" if own and view.check_option else ""
        yield view, f"CREATE {manner}VIEW {name} AS {query}{check}", note


def _foreign_obstacle(index: Index) -> str:
    """Say why an index of another engine cannot be built, or nothing."""
    if index.predicate:
        meaning = "; its rows are not kept unique" if index.unique else ""
        return f"MySQL has no partial indexes{meaning}"
    if any(part.expression for part in index.parts):
        return "MariaDB indexes no expressions; a computed column with an index of its own does the same"
    if index.method.lower() not in _ORDERED_METHODS:
        return f"MySQL has no {index.method} indexes"
    if len(index.parts) > INDEX_PARTS_MAX:
        return f"MySQL indexes at most {INDEX_PARTS_MAX} columns together"
    return ""


def _prefixes(index: Index, natives: Mapping[str, str]) -> dict[str, int]:
    """Return how many characters (bytes of binary columns) of each long column go into the index."""
    if index.unique:
        return {}  # its columns are bounded so that they fit as a whole
    columns = [part.column for part in index.parts]
    given = shares(natives.get(column, "INT") for column in columns)
    prefixes = {}
    for column, share in zip(columns, given, strict=True):
        native = natives.get(column, "INT")
        need = index_bytes(native)
        if need is None or need > share:
            is_bytes = native.upper().startswith(("LONGBLOB", "VARBINARY"))
            prefixes[column] = share if is_bytes else share // CHARACTER_BYTES
    return prefixes


def _part_sql(part: IndexPart, prefix: int | None) -> str:
    if part.expression:
        return f"({part.expression})"
    length = prefix or part.prefix
    text = quoted(part.column[: CAPABILITIES.identifier_max]) + (f"({length})" if length else "")
    return f"{text} DESC" if part.descending else text
