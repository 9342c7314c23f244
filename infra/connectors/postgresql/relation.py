"""Find a table in the catalogue by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.kernel.errors import ObjectMissing
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    import asyncpg

    from domain.catalog.model import TableName

_FIND = """
SELECT c.oid::bigint AS oid, c.relkind::text AS kind, n.nspname::text AS schema,
       c.relpersistence = 'u' AS is_unlogged FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND n.nspname = coalesce(nullif($2, ''), current_schema())
  AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
"""
_HEAP = "r"


@dataclass(frozen=True)
class Relation:
    """A table as the catalogue knows it now."""

    oid: int
    kind: str
    schema: str
    name: str
    is_unlogged: bool = False
    """Whether a crash of the server empties it."""

    @property
    def spelled(self) -> str:
        """Its quoted name."""
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def rows(self) -> str:
        """What stands after FROM to read its own rows: not those of tables that inherit from it."""
        return f"ONLY {self.spelled}" if self.kind == _HEAP else self.spelled

    @property
    def has_pages(self) -> bool:
        """Whether its rows lie in pages of its own and can be read by page numbers."""
        return self.kind == _HEAP


async def find(connection: asyncpg.Connection, name: TableName) -> Relation | None:
    """Return the table of that name; without schema it is looked for in the session's own."""
    row = await connection.fetchrow(_FIND, name.name, name.schema)
    return None if row is None else Relation(row["oid"], row["kind"], row["schema"], name.name, row["is_unlogged"])


async def get(connection: asyncpg.Connection, name: TableName) -> Relation:
    """Return the table of that name.

    Raises:
        ObjectMissing: there is none.
    """
    relation = await find(connection, name)
    if relation is None:
        raise ObjectMissing(f"Table {name} is not there. Check its name and schema.")
    return relation
