"""Foreign keys that are there before a run: set aside while rows come in any order, restored at its end.

What is set aside is written to the ledger in the transaction that drops it, so it cannot get lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from infra.connectors.postgresql.capabilities import LEDGER_SCHEMA
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    from infra.connectors.postgresql.relation import Relation

BEFORE_ANY_RUN = ""
"""The run that keys are noted under which are set aside before a run has begun; any run's end restores them."""

_KEYS = """
SELECT format('%I.%I', n.nspname, c.relname) AS relation, con.conname::text AS name,
       pg_get_constraintdef(con.oid) AS definition
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE con.contype = 'f' AND con.conparentid = 0 AND {side} = $1
"""
_NOTE = f"""
INSERT INTO {LEDGER_SCHEMA}.reference (run_id, relation, name, definition) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
_NOTED = f"""
SELECT relation, name, definition,
       to_regclass(relation) IS NULL OR EXISTS (
           SELECT FROM pg_constraint con
           WHERE con.conrelid = to_regclass(relation) AND con.conname = r.name) AS needless
FROM {LEDGER_SCHEMA}.reference r WHERE run_id IN ($1, $2)
"""
_NOT_VALID = " NOT VALID"


async def has_own(connection: asyncpg.Connection, table: Relation) -> bool:
    """Tell whether a table refers to others."""
    return bool(await connection.fetchval(f"SELECT EXISTS ({_KEYS.format(side='con.conrelid')})", table.oid))


async def set_own_aside(connection: asyncpg.Connection, run_id: str, table: Relation) -> None:
    """Drop and note, inside a transaction, the foreign keys of a table."""
    await _set_aside(connection, run_id, _KEYS.format(side="con.conrelid"), table)


async def set_referring_aside(connection: asyncpg.Connection, run_id: str, table: Relation) -> None:
    """Drop and note, inside a transaction, the foreign keys of other tables that refer to a table."""
    await _set_aside(connection, run_id, _KEYS.format(side="con.confrelid"), table)


async def restore(connection: asyncpg.Connection, run_id: str) -> None:
    """Make again what was set aside, unless it is there again. A key that rows violate is made for new rows only."""
    for key in await connection.fetch(_NOTED, run_id, BEFORE_ANY_RUN):
        async with connection.transaction():
            if not key["needless"]:
                await _add(connection, key)
            await connection.execute(
                f"DELETE FROM {LEDGER_SCHEMA}.reference WHERE relation = $1 AND name = $2", key["relation"], key["name"]
            )


async def _set_aside(connection: asyncpg.Connection, run_id: str, query: str, table: Relation) -> None:
    await connection.execute("SET LOCAL search_path TO pg_catalog")  # so that definitions name schemas
    for key in await connection.fetch(query, table.oid):
        await connection.execute(_NOTE, run_id, key["relation"], key["name"], key["definition"])
        await connection.execute(f"ALTER TABLE {key['relation']} DROP CONSTRAINT IF EXISTS {identifier(key['name'])}")


async def _add(connection: asyncpg.Connection, key: asyncpg.Record) -> None:
    definition = key["definition"].removesuffix(_NOT_VALID)
    statement = f"ALTER TABLE {key['relation']} ADD CONSTRAINT {identifier(key['name'])} {definition}"
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except asyncpg.ForeignKeyViolationError:
        await connection.execute(f"{statement}{_NOT_VALID}")
