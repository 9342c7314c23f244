"""Whether SQLite takes an expression where it is wanted, asked of SQLite itself on an empty database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal as Number

from domain.catalog.model import Column, DatabaseSchema, Table
from domain.catalog.types import Decimal, Integer, LogicalType
from domain.connections.values import Engine
from infra.connectors.sql.expressions import alike, transpile
from infra.connectors.sql.text import literal, quoted

_INTEGER_BITS = 64
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Translator:
    """Puts a table's expressions into SQLite's words and tries them on an empty copy of the table."""

    def __init__(self, wanted: DatabaseSchema, table: Table, columns: Sequence[Column]) -> None:
        self._engine = wanted.engine
        self._table = quoted(table.name.name)
        self._columns = tuple(columns)
        plain = [f"{quoted(column.name)} {declared(column)}" for column in columns]
        self._definitions = ", ".join(plain)

    def default(self, column: Column, expression: str) -> str | None:
        """Translate a default value. A number for a column that keeps numbers as texts is spelled as its rows are."""
        text = self._translated(expression)
        if text is None or not self._is_accepted(f"SELECT ({text})"):
            return None
        is_own = self._engine is Engine.SQLITE
        is_text = declared(column).partition("(")[0].endswith("_TEXT")
        return literal(_digits(text, column.type)) if is_text and not is_own and _NUMBER.fullmatch(text) else text

    def check(self, expression: str) -> str | None:
        """Translate a condition on a row."""
        text = self._condition(expression)
        if text is None or not self._is_accepted(f"CREATE TABLE {self._table} ({self._definitions}, CHECK ({text}))"):
            return None
        return text

    def generated(self, column: Column, expression: str) -> str | None:
        """Translate the expression of a computed column."""
        text = self._translated(expression)
        if text is not None and self._engine is not Engine.SQLITE:
            text = alike(text, Engine.SQLITE, column, self._columns, _is_exact)
        others = [f"{quoted(other.name)} {declared(other)}" for other in self._columns if other.name != column.name]
        made = f"{quoted(column.name)} GENERATED ALWAYS AS ({text}) STORED"
        if text is None or not self._is_accepted(f"CREATE TABLE {self._table} ({', '.join([*others, made])})"):
            return None
        return text

    def index_part(self, expression: str) -> str | None:
        """Translate an expression that is indexed."""
        text = self._condition(expression)
        return text if text is not None and self._is_indexed(f"({text})", "") else None

    def predicate(self, expression: str) -> str | None:
        """Translate the condition of a partial index."""
        text = self._condition(expression)
        first = quoted(self._columns[0].name)
        return text if text is not None and self._is_indexed(first, f" WHERE {text}") else None

    def _translated(self, expression: str) -> str | None:
        if self._engine is Engine.SQLITE:
            return expression
        return transpile(expression, self._engine, Engine.SQLITE)

    def _condition(self, expression: str) -> str | None:
        """Translate an expression over the table's columns, which compares as it did where it comes from."""
        text = self._translated(expression)
        if text is None or self._engine is Engine.SQLITE:
            return text
        from infra.connectors.sqlite.conditions import comparing_alike  # noqa: PLC0415 - it brings the SQL parser along

        return comparing_alike(text, self._columns)

    def _is_indexed(self, part: str, where: str) -> bool:
        return self._is_accepted(
            f"CREATE TABLE {self._table} ({self._definitions})",
            f"CREATE INDEX trial_of_index ON {self._table} ({part}){where}",
        )

    def _is_accepted(self, *statements: str) -> bool:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            try:
                for statement in statements:
                    connection.execute(statement)
            except (sqlite3.Error, sqlite3.Warning):
                return False
        return True


class ViewTrial:
    """Tries views over an empty copy of the schema: SQLite makes any view, and fails when it is read."""

    def __init__(self, tables: Sequence[str]) -> None:
        self._tables = tables
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """End the trial."""
        if self._connection is not None:
            self._connection.close()

    def refusal(self, name: str, sql: str) -> str:
        """Say why a view cannot be read; nothing if it can, and the views after it may read it."""
        if self._connection is None:
            self._connection = sqlite3.connect(":memory:", isolation_level=None)
            for table in self._tables:
                self._connection.execute(table)
        try:
            self._connection.execute(sql)
            self._connection.execute(f"EXPLAIN SELECT * FROM {quoted(name)}")
        except (sqlite3.Error, sqlite3.Warning) as error:
            self._connection.execute(f"DROP VIEW IF EXISTS {quoted(name)}")
            return str(error)
        return ""


def _digits(number: str, type_: LogicalType) -> str:
    """Spell a number with as many places as a column has."""
    scale = type_.scale if isinstance(type_, Decimal) else None
    return number if scale is None else format(Number(number), f".{max(scale, 0)}f")


def _is_exact(type_: LogicalType) -> bool:
    """Whether SQLite computes with such numbers as they are: others are texts or lose digits."""
    return isinstance(type_, Integer) and (type_.signed or type_.bits < _INTEGER_BITS) and type_.bits <= _INTEGER_BITS


def declared(column: Column) -> str:
    """Return a column's declared type as it stands in a CREATE TABLE."""
    return column.native.removesuffix(" AUTOINCREMENT")
