"""What a SQLite file holds, from its PRAGMAs, its statements and (for a source) its values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    OtherObject,
    ReferentialAction,
    Table,
    TableName,
    View,
)
from domain.catalog.types import Integer
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows
from domain.migrations.limits import Present
from infra.connectors.sql.text import IndexDeclaration, literal, parse_index, quoted
from infra.connectors.sqlite import types
from infra.connectors.sqlite.capabilities import LEDGER_PREFIX
from infra.connectors.sqlite.columns import ORDINARY, ColumnRow, column_rows, row_number_column, texts
from infra.connectors.sqlite.declarations import TableDeclaration, parse_table, parse_view
from infra.connectors.sqlite.pages import pages_of
from infra.connectors.sqlite.profile import ColumnProfile, TableProfile, profile_table
from infra.connectors.sqlite.scan import parts_of

_EXPRESSION = -2
"""`cid` of PRAGMA index_xinfo for an indexed expression."""

_VIRTUAL_COLUMN, _STORED_COLUMN = 2, 3
"""`hidden` of PRAGMA table_xinfo; 1 is a hidden column of a virtual table."""


def introspect(
    connection: sqlite3.Connection,
    *,
    with_values: bool,
    seen: dict[TableName, TableProfile] | None = None,
    others: Sequence[sqlite3.Connection] = (),
) -> DatabaseSchema:
    """Describe a file. Without a look at the values the declared words are taken for true.

    What a look at the values has found is noted in `seen`. `others` are more connections that see the same
    moment; nobody else uses them meanwhile.
    """
    made = _Catalog(connection)
    profiles: dict[TableName, TableProfile] = {} if seen is None else seen
    look = _Look([connection, *others], profiles) if with_values else None
    tables = tuple(_table(connection, made, name, look) for name in made.tables)
    version = connection.execute("SELECT sqlite_version()").fetchone()[0].decode()
    sound, dangling = _sorted_out(tables)
    return DatabaseSchema(Engine.SQLITE, version, sound, (), made.views, (*made.others, *dangling))


def _sorted_out(tables: tuple[Table, ...]) -> tuple[tuple[Table, ...], tuple[OtherObject, ...]]:
    """Set references apart that point at nothing: SQLite looks for the other side only when it checks them."""
    columns = {table.name: {column.name for column in table.columns} for table in tables}

    def is_sound(key: ForeignKey) -> bool:
        there = columns.get(key.references, set())
        return (
            len(key.columns) == len(key.referenced_columns) and there.issuperset(key.referenced_columns) and bool(there)
        )

    sound = tuple(replace(table, foreign_keys=tuple(filter(is_sound, table.foreign_keys))) for table in tables)
    dangling = (
        OtherObject("FOREIGN KEY TO NOTHING", f"{table.name}.{key.name}")
        for table in tables
        for key in table.foreign_keys
        if not is_sound(key)
    )
    return sound, tuple(dangling)


class _Catalog:
    """The names and statements of a file's objects."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        rows = texts(connection, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid")
        kinds = {str(name): str(kind) for _, name, kind, *_ in texts(connection, "PRAGMA main.table_list")}
        self.statements: dict[tuple[str, str], str] = {
            (str(kind), str(name)): str(sql or "") for kind, name, _, sql in rows
        }
        names = [str(name) for kind, name, *_ in rows if kind == "table"]
        self.tables = [name for name in names if kinds.get(name) == "table" and not _is_internal(name)]
        self.views = tuple(
            View(TableName(str(name)), parse_view(str(sql))) for kind, name, _, sql in rows if kind == "view"
        )
        triggers = [OtherObject("TRIGGER", str(name), str(sql)) for kind, name, _, sql in rows if kind == "trigger"]
        virtual = [OtherObject("VIRTUAL TABLE", name) for name in names if kinds.get(name) == "virtual"]
        declarations = {name: parse_table(self.statements["table", name]) for name in self.tables}
        options = [
            OtherObject("TABLE OPTION", f"{name}.{option}", option)
            for name, declaration in declarations.items()
            for option in declaration.options
        ]
        conflicts = [
            OtherObject("CONFLICT RULE", f"{name} ON CONFLICT {action}")
            for name, declaration in declarations.items()
            for action in sorted(declaration.conflicts)
        ]
        self.others = (*triggers, *virtual, *options, *conflicts, *_numbers_of_file(connection))
        self.has_sequences = "sqlite_sequence" in names
        self._actual = {name.lower(): name for name in self.tables}

    def actual(self, name: str) -> str:
        """Return a table's name as it is spelled where it is made; names ignore case."""
        return self._actual.get(name.lower(), name)


def _numbers_of_file(connection: sqlite3.Connection) -> Iterator[OtherObject]:
    for name in ("user_version", "application_id"):
        number = connection.execute(f"PRAGMA main.{name}").fetchone()[0]
        if number:
            yield OtherObject("NUMBER OF THE FILE", f"{name} = {number}")


def _is_internal(name: str) -> bool:
    return name.startswith((LEDGER_PREFIX, "sqlite_"))


@dataclass(frozen=True)
class _Look:
    """A look at the values: by which connections, and what it has found."""

    connections: Sequence[sqlite3.Connection]
    seen: dict[TableName, TableProfile]

    def at(self, table: str, declared: dict[str, str], numbered: str) -> TableProfile:
        """Look at the columns of a table; in parts if a column holds its row numbers, or if its pages can be read."""
        name = quoted(table)
        pages = pages_of(self.connections[0], table, list(declared))
        number = f"{name}.{quoted(numbered)}" if numbered else pages.number if pages else ""
        parts = parts_of(self.connections, name, number, pages) if number else []
        words = {quoted(column): word for column, word in declared.items()}
        found = profile_table(self.connections[0], name, words, parts)
        return replace(found, columns=dict(zip(declared, found.columns.values(), strict=True)))


def _table(connection: sqlite3.Connection, made: _Catalog, name: str, look: _Look | None) -> Table:
    rows = [row for row in column_rows(connection, name) if row.hidden in (ORDINARY, _VIRTUAL_COLUMN, _STORED_COLUMN)]
    declaration = parse_table(made.statements["table", name])
    numbered = row_number_column(connection, name, rows)
    profile = _profile(connection, name, rows, numbered, look)
    if look:
        look.seen[TableName(name)] = profile
    identity = _identity(connection, made, name, numbered, declaration) if numbered else None
    columns = tuple(_column(row, profile, declaration, identity if row.name == numbered else None) for row in rows)
    key = tuple(row.name for row in sorted(rows, key=lambda row: row.key_place) if row.key_place)
    indexes = _indexes(connection, made, name, declaration)
    if any(profile.columns[column].nulls for column in key if column in profile.columns):
        # SQLite lets NULL into a primary key that is not the row number; elsewhere that is a unique index.
        indexes = (Index(f"{name}_key", tuple(IndexPart(column) for column in key), unique=True), *indexes)
        key = ()
    return Table(
        TableName(name),
        columns,
        Key(key, declaration.primary_key) if key else None,
        indexes,
        _foreign_keys(connection, made, name, declaration),
        tuple(
            Check(label or f"{name}_check_{number}", text) for number, (label, text) in enumerate(declaration.checks, 1)
        ),
        row_estimate=Rows(profile.rows),
        size_bytes=Bytes(profile.size_bytes),
    )


def _profile(
    connection: sqlite3.Connection, table: str, rows: list[ColumnRow], numbered: str, look: _Look | None
) -> TableProfile:
    """Decide the columns' types, by their values or by their words alone."""
    declared = {row.name: row.declared for row in rows if row.name != numbered}
    known = {numbered: ColumnProfile(Integer(64), 0, proven=frozenset({Present}))} if numbered else {}
    if look and declared:
        found = look.at(table, declared, numbered)
        return replace(found, columns=found.columns | known)
    count = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]
    promised = {
        column: ColumnProfile(next(iter(types.candidates(word)), types.by_affinity(word)), 0)
        for column, word in declared.items()
    }
    return TableProfile(count, count * 8 * len(rows), promised | known)


def _column(row: ColumnRow, profile: TableProfile, declaration: TableDeclaration, identity: Identity | None) -> Column:
    found = profile.columns[row.name]
    is_kept_up = identity is not None and declaration.autoincrement
    return Column(
        row.name,
        found.type,
        types.AUTOINCREMENT if is_kept_up else row.declared,
        nullable=not row.not_null and (not row.key_place or found.nulls > 0),
        default=_default(row.default) if row.hidden == ORDINARY else None,
        identity=identity,
        generated=declaration.generated.get(row.name.lower()) if row.hidden != ORDINARY else None,
        generated_stored=row.hidden == _STORED_COLUMN,
        comment=found.note,
        collation=declaration.collations.get(row.name.lower(), ""),
        stored=found.stored,
    )


def _default(text: str | None) -> str | None:
    """Return a default as an expression; SQLite takes a text in double quotes, or a bare word, for a literal."""
    if text is None or text.upper() == "NULL":
        return None
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return literal(text[1:-1].replace('""', '"'))
    bare = text.isidentifier() and text.upper() not in (
        "TRUE",
        "FALSE",
        "CURRENT_TIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
    )
    return literal(text) if bare else text


def _identity(
    connection: sqlite3.Connection, made: _Catalog, name: str, numbered: str, declaration: TableDeclaration
) -> Identity:
    column = f"{quoted(name)}.{quoted(numbered)}"
    highest = connection.execute(f"SELECT max({column}) FROM {quoted(name)}").fetchone()[0] or 0
    if declaration.autoincrement and made.has_sequences:
        given = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone()
        highest = max(highest, given[0] if given else 0)
    return Identity(max(highest, 0) + 1)


def _indexes(
    connection: sqlite3.Connection, made: _Catalog, table: str, declaration: TableDeclaration
) -> tuple[Index, ...]:
    found = []
    for _, name, unique, origin, _ in reversed(texts(connection, f"PRAGMA main.index_list({quoted(table)})")):
        if origin == "pk":
            continue
        sql = made.statements.get(("index", str(name)), "")
        parsed = parse_index(sql) if sql else IndexDeclaration((), "")
        parts = _index_parts(connection, str(name), parsed, declaration.collations)
        is_constraint = origin == "u"
        columns = "_".join(part.column for part in parts)
        label = f"{table}_{columns}_key" if is_constraint else str(name)
        found.append(Index(label, parts, bool(unique), is_constraint, predicate=parsed.predicate))
    return tuple(found)


def _compared_by(collation: str, usual: str) -> str:
    """Say by which collation an index part is compared, where it is not its column's."""
    return "" if collation.upper() == (usual or "BINARY").upper() else f"COLLATE {collation}"


def _index_parts(
    connection: sqlite3.Connection, name: str, parsed: IndexDeclaration, collations: Mapping[str, str]
) -> tuple[IndexPart, ...]:
    """Return an index's key parts."""
    rows = texts(connection, f"PRAGMA main.index_xinfo({quoted(name)})")
    return tuple(
        IndexPart(
            "" if cid == _EXPRESSION else str(column),
            parsed.parts[int(place or 0)] if cid == _EXPRESSION else "",
            bool(descending),
            operator_class=_compared_by(str(collation), collations.get(str(column).lower(), "")),
        )
        for place, cid, column, descending, collation, is_key in rows
        if is_key
    )


def _foreign_keys(
    connection: sqlite3.Connection, made: _Catalog, table: str, declaration: TableDeclaration
) -> tuple[ForeignKey, ...]:
    """Return a table's references, in the order of its text; the PRAGMA numbers them from the last."""
    groups: dict[int, list[tuple[str | int | None, ...]]] = {}
    for row in texts(connection, f"PRAGMA main.foreign_key_list({quoted(table)})"):
        groups.setdefault(int(row[0] or 0), []).append(row)
    own = _spelling(connection, table)
    found = []
    for place, number in enumerate(sorted(groups, reverse=True)):
        group = groups[number]
        parent = made.actual(str(group[0][2]))
        columns = tuple(own.get(str(row[3]).lower(), str(row[3])) for row in group)
        given = declaration.foreign_keys[place] if place < len(declaration.foreign_keys) else ""
        found.append(
            ForeignKey(
                given or f"{table}_{'_'.join(columns)}_fkey",
                columns,
                TableName(parent),
                _referenced(connection, parent, group),
                ReferentialAction(group[0][6]),
                ReferentialAction(group[0][5]),
                declaration.deferrals.get(place, ""),
            )
        )
    return tuple(found)


def _referenced(
    connection: sqlite3.Connection, parent: str, group: list[tuple[str | int | None, ...]]
) -> tuple[str, ...]:
    """Return the columns a reference names, or the parent's primary key if it names none."""
    if group[0][4] is None:
        rows = sorted(column_rows(connection, parent), key=lambda row: row.key_place)
        return tuple(row.name for row in rows if row.key_place)
    spelling = _spelling(connection, parent)
    return tuple(spelling.get(str(row[4]).lower(), str(row[4])) for row in group)


def _spelling(connection: sqlite3.Connection, table: str) -> Mapping[str, str]:
    return {row.name.lower(): row.name for row in column_rows(connection, table)}
