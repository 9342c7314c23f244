"""The one place that quotes identifiers and literals for MySQL."""

from __future__ import annotations

import re
from collections.abc import Iterable

from domain.catalog.model import TableName
from infra.connectors.mysql.capabilities import CAPABILITIES

PRIMARY = "PRIMARY"
"""The name of every primary key; no other index may have it."""


def quoted(identifier: str) -> str:
    """Quote an identifier."""
    return "`" + identifier.replace("`", "``") + "`"


def quoted_list(identifiers: Iterable[str]) -> str:
    """Quote identifiers and join them by commas."""
    return ", ".join(quoted(identifier) for identifier in identifiers)


def table_sql(table: TableName) -> str:
    """Quote a table's name. MySQL has no schemas inside a database; a schema given all the same is a database."""
    return f"{quoted(table.schema)}.{quoted(table.name)}" if table.schema else quoted(table.name)


def cut(name: str) -> str:
    """Cut a name to the longest that MySQL takes, with a `_` for each character that no name there may hold."""
    return re.sub(CAPABILITIES.unnameable, "_", name[: CAPABILITIES.identifier_max])


def literal(text: str) -> str:
    """Spell a text as a string literal, for sessions with backslash escapes and without ANSI_QUOTES."""
    escaped = (
        text.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0").replace("\n", "\\n").replace("\r", "\\r")
    )
    return "'" + escaped.replace("\x1a", "\\Z") + "'"
