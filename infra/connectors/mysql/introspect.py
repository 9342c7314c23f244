"""From the catalogue's rows to a `DatabaseSchema`."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

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
    Sequence,
    Table,
    TableName,
    View,
)
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows
from infra.connectors.mysql.capabilities import LEDGER_PREFIX
from infra.connectors.mysql.catalogue import Catalogue, read_catalogue, read_sequences
from infra.connectors.mysql.code import in_words
from infra.connectors.mysql.names import PRIMARY, literal
from infra.connectors.mysql.types import (
    CHARACTER_NAMES,
    DECIMAL_NAMES,
    FLOAT_BITS,
    INTEGER_BITS,
    LABEL_NAMES,
    logical_type,
    parse_native,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infra.connectors.mysql.session import Control, Row

_TABLE_TYPES = frozenset({"BASE TABLE", "SYSTEM VERSIONED"})
_JSON_CHECK = re.compile(r"\(?json_valid\(`(?P<column>(?:[^`]|``)+)`\)\)?", re.IGNORECASE)
_ON_UPDATE = re.compile(r"on update (current_timestamp(?:\(\d*\))?)", re.IGNORECASE)
_NOW = re.compile(r"current_timestamp(?:\(\d*\))?", re.IGNORECASE)
_TEXT_PART = re.compile(r"'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`(?:\.`(?:[^`]|``)*`)*\.?", re.DOTALL)
_ROW_END = "ROW END"
_ROW_TIMES = frozenset({"ROW START", _ROW_END})
"""What computes the columns that say when a row of a versioned table holds; outside of one they are plain columns."""

_BARE_DEFAULTS = frozenset({*INTEGER_BITS, *DECIMAL_NAMES, *FLOAT_BITS, "year", "bit"})


async def introspect(control: Control) -> DatabaseSchema:
    """Describe everything in the session's database, without our own ledger.

    Raises:
        DatabaseError: the server refused or failed.
    """
    catalogue = await read_catalogue(control)
    sequences = await read_sequences(control, [row[0] for row in catalogue.tables if row[1] == "SEQUENCE"])
    return _Reader(catalogue).schema(sequences)


@dataclass(frozen=True)
class _ColumnRow:
    """A row of `information_schema.columns`."""

    table: str
    name: str
    native: str
    is_nullable: str
    default: str | None
    extra: str
    generated: str | None
    charset: str | None
    collation: str | None
    comment: str
    srs_id: int | None


class _Reader:
    """Puts the rows together, table by table."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._columns = _by_table(catalogue.columns)
        self._statistics = _by_table(catalogue.statistics)
        self._foreign_keys = _by_table(catalogue.foreign_keys)
        self._checks = _by_table(catalogue.checks)

    def schema(self, sequences: list[Row]) -> DatabaseSchema:
        """Describe the database."""
        rows = [
            row for row in self._catalogue.tables if row[1] in _TABLE_TYPES and not row[0].startswith(LEDGER_PREFIX)
        ]
        return DatabaseSchema(
            engine=Engine.MYSQL,
            server_version=self._catalogue.version,
            tables=tuple(self._table(row) for row in rows),
            sequences=tuple(
                Sequence(TableName(str(name)), int(value), int(step), int(lowest), int(highest), bool(cycle))
                for name, value, step, lowest, highest, cycle in sequences
            ),
            views=tuple(self._view(row) for row in self._catalogue.views),
            others=(
                *(
                    replace(other, definition=without_database(other.definition, self._catalogue.database))
                    for other in self._catalogue.others
                ),
                *(
                    OtherObject("STORAGE ENGINE", f"{row[0]}.{row[2]}")
                    for row in rows
                    if row[2] not in (None, "InnoDB")
                ),
                *(OtherObject("VERSIONING", row[0]) for row in rows if row[1] == "SYSTEM VERSIONED"),
                *self._invisible(),
                *self._beside_indexes(),
            ),
        )

    def _view(self, row: Row) -> View:
        name, definition, rights, algorithm, check_option, *words = row
        manner = [f"ALGORITHM={algorithm}"] if algorithm != "UNDEFINED" else []
        manner += [f"SQL SECURITY {rights}"] if rights != "DEFINER" else []
        return View(
            TableName(name),
            without_database(definition or "", self._catalogue.database),
            settings=in_words(definition or "", *words),
            manner=" ".join(manner),
            check_option=check_option if check_option != "NONE" else "",
        )

    def _invisible(self) -> Iterator[OtherObject]:
        """Yield the columns that `SELECT *` does not show."""
        for column in (column for table in self._columns for column in self._columns_of(table)):
            if "invisible" in column.extra.lower():
                yield OtherObject("INVISIBLE COLUMN", f"{column.table}.{column.name}")

    def _beside_indexes(self) -> Iterator[OtherObject]:
        """Yield what is said of indexes beside their members."""
        firsts = {(row[0], row[1]): row for rows in self._statistics.values() for row in reversed(rows)}
        for (table, index), (*_, comment, ignored) in sorted(firsts.items()):
            if comment:
                yield OtherObject("INDEX COMMENT", f"{table}.{index}")
            if ignored == "YES":
                yield OtherObject("IGNORED INDEX", f"{table}.{index}")

    def _table(self, row: Row) -> Table:
        name, _, _, row_estimate, size, next_value, comment, _ = row
        checks = self._checks[name]
        json_columns = {match["column"].replace("``", "`") for _, _, clause in checks if (match := _json_check(clause))}
        primary, indexes = _indexes(self._statistics_of_now(name))
        return Table(
            name=TableName(name),
            columns=tuple(
                self._column(column, int(next_value or 1), json_columns) for column in self._columns_of(name)
            ),
            primary_key=primary,
            indexes=indexes,
            foreign_keys=_foreign_keys(self._foreign_keys[name]),
            checks=tuple(
                Check(constraint, self._stored(clause))
                for _, constraint, clause in checks
                if _json_check(clause) is None
            ),
            comment=comment or "",
            row_estimate=Rows(int(row_estimate or 0)),
            size_bytes=Bytes(int(size or 0)),
        )

    def _statistics_of_now(self, table: str) -> list[Row]:
        """Return the members of a table's indexes, but not the end of a row, which MariaDB adds to unique ones."""
        ends = {column.name for column in self._columns_of(table) if column.generated == _ROW_END}
        return [row for row in self._statistics[table] if row[2] or row[3] not in ends]

    def _columns_of(self, table: str) -> list[_ColumnRow]:
        return [_ColumnRow(*row) for row in self._columns[table]]

    def _column(self, row: _ColumnRow, next_value: int, json_columns: set[str]) -> Column:
        is_json = row.name in json_columns
        native = "json" if is_json else _native(row)
        extra = row.extra.lower()
        on_update = _ON_UPDATE.search(row.extra)
        return Column(
            name=row.name,
            type=logical_type(parse_native(native), is_json=is_json),
            native=native,
            nullable=row.is_nullable == "YES",
            default=None if row.generated else self._default(row),
            identity=Identity(next_value) if "auto_increment" in extra else None,
            generated=self._stored(row.generated) if row.generated and row.generated not in _ROW_TIMES else None,
            generated_stored="stored" in extra or "persistent" in extra,
            on_update=on_update[1].upper() if on_update else None,
            comment=row.comment,
        )

    def _stored(self, expression: str) -> str:
        """Return an expression as its engine reads it; MariaDB tells it so."""
        return expression if self._catalogue.is_mariadb else _plain_quotes(expression)

    def _default(self, row: _ColumnRow) -> str | None:
        """Spell a default as an expression. MariaDB tells one; MySQL tells a literal's bare text, or an expression."""
        default = row.default
        if default is None or (self._catalogue.is_mariadb and default.upper() == "NULL"):
            return None
        if self._catalogue.is_mariadb or _NOW.fullmatch(default):
            return without_database(default, self._catalogue.database)
        if "DEFAULT_GENERATED" in row.extra.upper():
            return f"({_plain_quotes(default)})"
        native = parse_native(row.native)
        is_bare = native.name in _BARE_DEFAULTS or default.startswith("0x")
        return default if is_bare else literal(default)


def without_database(sql: str, database: str) -> str:
    """Take a database's name away from before the names of its tables, but not out of string literals.

    A table may have its database's name, so only the first of the names that dots join can be the database.
    """
    prefix = "`" + database.replace("`", "``") + "`."
    return _TEXT_PART.sub(lambda match: match[0].removeprefix(prefix), sql)


def _by_table(rows: Iterable[Row]) -> defaultdict[str, list[Row]]:
    tables: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        tables[row[0]].append(row)
    return tables


def _native(row: _ColumnRow) -> str:
    """Spell a type so that the same table can be made of it elsewhere."""
    name = parse_native(row.native).name
    if name in CHARACTER_NAMES | LABEL_NAMES and row.charset:
        return f"{row.native} CHARACTER SET {row.charset} COLLATE {row.collation}"
    return f"{row.native} SRID {row.srs_id}" if row.srs_id is not None else row.native


def _json_check(clause: str) -> re.Match[str] | None:
    return _JSON_CHECK.fullmatch(clause.strip())


def _plain_quotes(expression: str) -> str:
    """Undo the backslashes that MySQL 8 puts before the quotes of a stored expression."""
    return expression.replace("\\'", "'")


def _indexes(rows: list[Row]) -> tuple[Key | None, tuple[Index, ...]]:
    """Return primary key and indexes. A primary key of prefixes, which columns cannot say, is a unique index."""
    primary: Key | None = None
    indexes = []
    for name, members in groupby(rows, key=itemgetter(1)):
        parts = list(members)
        if name == PRIMARY and not any(part[4] for part in parts):
            primary = Key(tuple(part[3] for part in parts))
            continue
        is_unique = not parts[0][2]
        method = parts[0][6]
        indexes.append(
            Index(
                name,
                tuple(_index_part(part) for part in parts),
                unique=is_unique,
                constraint=is_unique,
                method="btree" if method == "BTREE" else method,
            )
        )
    return primary, tuple(indexes)


def _index_part(row: Row) -> IndexPart:
    _, _, _, column, prefix, collation, method, expression, *_ = row
    if column is None:
        return IndexPart(expression=_plain_quotes(expression), descending=collation == "D")
    has_prefix = prefix is not None and method != "SPATIAL"
    return IndexPart(column, descending=collation == "D", prefix=int(prefix) if has_prefix else None)


def _foreign_keys(rows: list[Row]) -> tuple[ForeignKey, ...]:
    keys = []
    for name, members in groupby(rows, key=itemgetter(1)):
        parts = list(members)
        _, _, _, schema, table, _, on_delete, on_update, database = parts[0]
        keys.append(
            ForeignKey(
                name,
                tuple(part[2] for part in parts),
                TableName(table, "" if schema == database else schema),
                tuple(part[5] for part in parts),
                ReferentialAction(on_delete),
                ReferentialAction(on_update),
            )
        )
    return tuple(keys)
