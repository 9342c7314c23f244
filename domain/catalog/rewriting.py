"""Queries whose tables have got new names, in their engine's own SQL."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from domain.catalog.model import TableName
from domain.connections.values import Engine

DIALECTS: dict[Engine, str] = {
    Engine.POSTGRESQL: "postgres",
    Engine.MYSQL: "mysql",
    Engine.SQLITE: "sqlite",
    Engine.DUCKDB: "duckdb",
    Engine.CSV: "duckdb",
    Engine.PARQUET: "duckdb",
}
"""What sqlglot calls each engine's SQL. Folders of files have none of their own; manifests are written in DuckDB's."""

QUERY_MAX = 20_000
"""Longest SQL text that is looked at, in characters."""


def with_new_names(query: str, engine: Engine, names: Mapping[TableName, str], default_schema: str) -> str | None:
    """Return a query that reads tables under their new names, or None if it is not understood.

    `query` may be a whole CREATE VIEW statement. A table keeps its old name as an alias, so that the
    query's columns need no change; a name without schema is one of the default schema.
    """
    if len(query) > QUERY_MAX:
        return None
    try:
        tree = sqlglot.parse_one(query, read=DIALECTS[engine], error_level=ErrorLevel.IMMEDIATE)
        if isinstance(tree, exp.Create):
            tree = tree.expression
        if not isinstance(tree, exp.Query):
            return None
        _rename(tree, names, default_schema)
        return tree.sql(DIALECTS[engine], identify=True, unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None


def _rename(tree: exp.Expr, names: Mapping[TableName, str], default_schema: str) -> None:
    own = {part.alias for part in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if table.name in own and not table.db:
            continue
        new = names.get(TableName(table.name, table.db or default_schema)) or names.get(TableName(table.name, table.db))
        if new is None:
            continue
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(new, quoted=True))
        table.set("db", None)
    for column in tree.find_all(exp.Column):
        column.set("db", None)
