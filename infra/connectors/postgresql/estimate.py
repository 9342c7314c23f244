"""How many rows a table has, near enough, without reading it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

COUNTED_BYTES_MAX = 1024 * 1024
"""A table up to this size is counted; a larger one is estimated."""


async def estimated_rows(connection: asyncpg.Connection, relation: str, tuples: float, size_bytes: int) -> int:
    """Return the row count of a small table, or else that of its last ANALYZE (`tuples`), or else the planner's guess.

    `relation` is what stands after FROM.
    """
    if size_bytes <= COUNTED_BYTES_MAX:
        return int(await connection.fetchval(f"SELECT count(*) FROM {relation}"))
    if tuples >= 1:
        return round(tuples)
    return await planned_rows(connection, relation)


async def planned_rows(connection: asyncpg.Connection, relation: str) -> int:
    """Return the planner's guess, made of the table's present size and the row density last seen."""
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {relation}")
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])
