"""The one place that quotes names and texts for PostgreSQL."""

from __future__ import annotations

from domain.catalog.model import TableName
from domain.connections.values import Endpoint
from infra.connectors.postgresql.capabilities import DEFAULT_SCHEMA


def identifier(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: tuple[str, ...]) -> str:
    """Return names in double quotes, parted by commas."""
    return ", ".join(identifier(name) for name in names)


def literal(text: str) -> str:
    """Return a text as a string literal. Sessions have `standard_conforming_strings` on, so backslashes are plain."""
    return "'" + text.replace("'", "''") + "'"


def schema_of(endpoint: Endpoint) -> str:
    """Return the schema an endpoint stands for."""
    return endpoint.schema or DEFAULT_SCHEMA


def qualified(name: TableName, default_schema: str) -> str:
    """Return a table's name in quotes with its schema; one without schema is in the default one."""
    return f"{identifier(name.schema or default_schema)}.{identifier(name.name)}"
