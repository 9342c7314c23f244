"""Tables of our own beside a run's: old rows, keys of added rows, and what was written after the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from domain.catalog.model import TableName
from domain.migrations.runs import Ticket
from domain.migrations.transfer import Batch, TableCopy, WireFormat

if TYPE_CHECKING:
    import pyarrow as pa

SIDE_PREFIX = "_wherry_"

KEYS_TABLE = "wherry_keys"
"""A temporary table of keys, gone before the end of its transaction."""

_DIGITS = 8
_NAME_MAX = 38
"""Characters of a table's name that fit into the shortest longest identifier (63 bytes, four to a character at most
for the few that have such names; a longer one is cut by the engine the same way each time)."""


def side_name(what: str, ticket: Ticket, table: str) -> str:
    """Name a side table after what it holds, the run with its epoch, and the table."""
    digits = sha256(f"{ticket.run_id}#{ticket.epoch} {table}".encode()).hexdigest()[:_DIGITS]
    return f"{SIDE_PREFIX}{what}_{digits}_{table[:_NAME_MAX]}"


def key_columns(copy: TableCopy) -> list[int]:
    """Return the places of the columns by which added rows are noted."""
    targets = [column.target for column in copy.columns]
    return [targets.index(name) for name in copy.added_key]


def keys_of(copy: TableCopy, batch: pa.RecordBatch, place: TableName) -> tuple[TableCopy, pa.RecordBatch]:
    """Return the keys in a batch, and the copy that writes them to a table of keys."""
    places = key_columns(copy)
    columns = tuple(copy.columns[number] for number in places)
    keys = replace(copy, target=place, columns=columns, added_key=(), format=WireFormat.ARROW)
    return keys, batch.select(places)


def matching(here: str, there: str, key: tuple[str, ...], quote: Callable[[str], str]) -> str:
    """Spell the condition that two aliases have the same key."""
    return " AND ".join(f"{here}.{quote(column)} = {there}.{quote(column)}" for column in key)


async def overheard(batches: AsyncIterator[Batch], heard: list[pa.RecordBatch]) -> AsyncIterator[Batch]:
    """Pass the batches of a chunk on and keep them, so that the keys in them can be noted after the rows."""
    async for batch in batches:
        heard.append(cast("pa.RecordBatch", batch.payload))
        yield batch
