"""Rules of the product that can be taken away, to see that histories notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, Refusals, TableCopy, Ticket
from infra.db.stores.migrations import assignments
from tests.support.memory import MemoryTarget


def _without(module: object, statement: str, rule: str) -> AbstractContextManager[object]:
    sql = getattr(module, statement)
    assert rule in sql, f"{statement} has no rule {rule}"
    return patch.object(module, statement, sql.replace(rule, ""))


_WRITE = MemoryTarget.write


async def _again(
    target: MemoryTarget,
    copy: TableCopy,
    chunk: Chunk,
    batches: AsyncIterator[Batch],
    ticket: Ticket,
    refusals: Refusals | None = None,
) -> ChunkReceipt:
    target._fenced(ticket).receipts.pop((copy.number, chunk.number), None)
    return await _WRITE(target, copy, chunk, batches, ticket, refusals)


RULES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "": nullcontext,
    "a chunk that the ledger knows is not written again": lambda: patch.object(MemoryTarget, "write", _again),
    "an assignment is taken once": lambda: _without(assignments, "_TAKE", "AND state = 'GIVEN'"),
}
"""How to take each of them away."""
