"""Where tables are cut: decided when their copy begins, and noted in the target's ledger for whoever goes on.

Sources cut by what their optimisers expect, which is something else after a restart or an ANALYZE. A
receipt tells the rows of one chunk only, so a table that was begun is to be cut as it was then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from domain.migrations.transfer import Capabilities, Chunk, ChunkReceipt, KeyRange, Source, TableCopy, Target
from workers.engine.chunks import large_rows, left_of, numbered
from workers.engine.seal import Bound, TableCuts, note, noted


class Cuts:
    """The chunks of a run's tables."""

    def __init__(self, source: Source, target: Target, run_id: str, rows_max: int, kept: Capabilities) -> None:
        self._source = source
        self._target = target
        self._run_id = run_id
        self._rows_max = rows_max
        self._kept = kept
        self._turn = asyncio.Lock()
        self._known: dict[int, TableCuts] | None = None

    async def left(self, copy: TableCopy, receipts: Iterable[ChunkReceipt]) -> tuple[Chunk, ...]:
        """Return the chunks of a table that are not in the target yet.

        Raises:
            SchemaDrift: the target holds a chunk that the table, as it is now, no longer has.
            DatabaseError: the table could not be cut, or the ledger not be asked.
        """
        done = {receipt.chunk_number for receipt in receipts if receipt.table_number == copy.number}
        cuts = await self._noted(copy) if done else None
        if cuts is None:
            chunks = numbered(await self._source.split(copy, large_rows(copy, self._rows_max, self._kept)))
            if not done:
                await self._note(copy, chunks)
        else:
            chunks = _cut_at(copy, cuts)
        return left_of(copy, chunks, done)

    async def _noted(self, copy: TableCopy) -> TableCuts | None:
        """Return a table's cuts from the ledger, which is read once: only tables begun before are asked for."""
        async with self._turn:
            if self._known is None:
                seal = await noted(self._target, self._run_id)
                self._known = {cuts.table_number: cuts for cuts in seal.cuts}
        return self._known.get(copy.number)

    async def _note(self, copy: TableCopy, chunks: tuple[Chunk, ...]) -> None:
        """Note the bounds of chunks before any of them is written; places in a file are no bounds that last."""
        scopes = [chunk.scope for chunk in chunks[:-1]]
        bounds = tuple(scope.upto for scope in scopes if isinstance(scope, KeyRange) and scope.upto)
        if not bounds:
            return
        cuts = TableCuts(copy.number, bounds, chunks[0].row_estimate)
        if _cut_at(copy, cuts) != chunks:
            return
        async with self._turn:
            seal = await noted(self._target, self._run_id)
            others = tuple(other for other in seal.cuts if other.table_number != copy.number)
            await note(self._target, self._run_id, replace(seal, cuts=(*others, cuts)))


def _cut_at(copy: TableCopy, cuts: TableCuts) -> tuple[Chunk, ...]:
    bounds: list[Bound | None] = [None, *cuts.bounds, None]
    ranges = [KeyRange(after, upto) for after, upto in pairwise(bounds)]
    return numbered(Chunk(copy.number, number, scope, cuts.rows) for number, scope in enumerate(ranges))
