"""Whether DuckDB takes an expression where it is wanted, asked of DuckDB itself on an empty database."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from domain.catalog.model import Column
from domain.catalog.types import Integer, LogicalType, Timestamp
from domain.connections.values import Engine
from infra.connectors.sql.expressions import alike, transpile
from infra.connectors.sql.text import quoted

_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?'")


class Translator:
    """Puts a table's expressions into DuckDB's words and tries them on an empty table of the same columns."""

    def __init__(self, engine: Engine, columns: Sequence[Column], trial: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine
        self._trial = trial
        self._table = tuple(columns)
        self._columns = {column.name: f"{quoted(column.name)} {column.native}" for column in columns}

    def default(self, column: Column, expression: str) -> str | None:
        """Translate a default value. A moment without an offset is one of UTC, whatever the zone of who writes."""
        text = self._translated(expression)
        is_zoned = isinstance(column.type, Timestamp) and column.type.zoned and self._engine is not Engine.DUCKDB
        if text is not None and is_zoned and _MOMENT.fullmatch(text):
            text = f"{text[:-1]}+00'"
        accepted = text is not None and self._is_accepted(f"{self._columns[column.name]} DEFAULT ({text})")
        return text if accepted else None

    def check(self, expression: str) -> str | None:
        """Translate a condition on a row."""
        text = self._translated(expression)
        accepted = text is not None and self._is_accepted(*self._columns.values(), f"CHECK ({text})")
        return text if accepted else None

    def generated(self, column: Column, expression: str) -> str | None:
        """Translate the expression of a computed column. DuckDB computes with as many bits as its columns have."""
        text = self._translated(expression)
        if text is not None and self._engine is not Engine.DUCKDB:
            text = alike(text, Engine.DUCKDB, column, self._table, _is_exact, wide="HUGEINT")
        others = [definition for name, definition in self._columns.items() if name != column.name]
        made = f"{self._columns[column.name]} GENERATED ALWAYS AS ({text}) VIRTUAL"
        return text if text is not None and self._is_accepted(*others, made) else None

    def index_part(self, expression: str) -> str | None:
        """Translate an expression that is indexed."""
        text = self._translated(expression)
        if text is None or not self._is_accepted(*self._columns.values(), then=f"CREATE INDEX i ON trial (({text}))"):
            return None
        return f"({text})"

    def _translated(self, expression: str) -> str | None:
        return expression if self._engine is Engine.DUCKDB else transpile(expression, self._engine, Engine.DUCKDB)

    def _is_accepted(self, *definitions: str, then: str = "") -> bool:
        """Whether a table can be made so, and takes a row of defaults."""
        self._trial.execute("BEGIN")
        try:
            self._trial.execute(f"CREATE TABLE trial ({', '.join(definitions)})")
            if then:
                self._trial.execute(then)
            elif len(definitions) == 1:
                self._trial.execute("INSERT INTO trial DEFAULT VALUES")
        except duckdb.Error:
            return False
        finally:
            self._trial.execute("ROLLBACK")
        return True


def _is_exact(type_: LogicalType) -> bool:
    """Whether DuckDB computes with such numbers as others do; it rounds decimals in its own way."""
    return isinstance(type_, Integer)
