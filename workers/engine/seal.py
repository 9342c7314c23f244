"""What a run leaves behind at its end, so that a rollback can tell whether others have written since."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from domain.catalog.model import TableName
from domain.kernel.codec import from_json, to_json
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, QuickDigests, RowHash
from domain.migrations.moments import Moment
from domain.migrations.rollback import UseMode
from domain.migrations.runs import RunRecord, RunState
from domain.migrations.transfer import TableCopy, Target
from workers.engine.verify import Verdict, target_columns


@dataclass(frozen=True)
class SealedTable:
    """A table as the run left it; without columns only the rows were counted."""

    name: TableName
    columns: tuple[DigestColumn, ...]
    digest: Digest


Bound = tuple[int | str, ...]
"""The values of a key."""


@dataclass(frozen=True)
class TableCuts:
    """Where a table was cut into chunks when its copy began: the last key of each chunk but the last one."""

    table_number: int
    bounds: tuple[Bound, ...]
    rows: Rows
    """How many rows were expected in a chunk."""


@dataclass(frozen=True)
class Seal:
    """What a run notes of itself: the moments of the source it read, and at its end how it left the tables.

    These are all whose rows a rollback will remove. Tables that were extended keep the rows of others
    anyway. `lost` says why the last moment is gone, until somebody has chosen what becomes of that.
    `unseen` tells that nobody had looked at the values when the run began to copy.
    `clean` names the looks at values that have found nothing. `cuts` are those of tables that were begun.
    """

    tables: tuple[SealedTable, ...] = ()
    moments: tuple[Moment, ...] = ()
    lost: str = ""
    unseen: bool = False
    clean: tuple[str, ...] = ()
    cuts: tuple[TableCuts, ...] = ()


def seal_of(text: str) -> Seal:
    """Return what a run has noted of itself; nothing if it has noted nothing."""
    return from_json(Seal, json.loads(text)) if text else Seal()


async def sealed(target: Target, run_id: str, copies: Iterable[TableCopy], verdicts: Iterable[Verdict]) -> str:
    """Return a run's last seal as JSON, by the digests of its comparison, or by the rows written where there was none.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    kept = {use.table_number for use in await target.undo.uses(run_id) if use.mode in _KEEPING}
    found = {verdict.table_number: verdict for verdict in verdicts}
    written: Counter[int] = Counter()
    for receipt in await target.receipts(run_id):
        written[receipt.table_number] += receipt.rows_written
    tables = []
    for copy in copies:
        if copy.number in kept:
            continue
        verdict = found.get(copy.number)
        if verdict is not None and verdict.target is not None:
            tables.append(SealedTable(copy.target, target_columns(verdict.columns), verdict.target))
        else:
            tables.append(SealedTable(copy.target, (), Digest(Rows(written[copy.number]), 0)))
    return json.dumps(to_json(replace(await noted(target, run_id), tables=tuple(tables), unseen=False, cuts=())))


async def noted(target: Target, run_id: str) -> Seal:
    """Return what an unfinished run has noted of itself in the target's ledger.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    records = await target.runs()
    return next((seal_of(known.seal) for known in records if _is_open(known, run_id)), Seal())


async def note(target: Target, run_id: str, seal: Seal) -> None:
    """Note something of an unfinished run in the target's ledger.

    Raises:
        DatabaseError: the ledger could not be written.
    """
    await target.note_run(run_id, json.dumps(to_json(seal)))


def _is_open(record: RunRecord, run_id: str) -> bool:
    return record.run_id == run_id and record.state is RunState.OPEN


async def written_since(target: Target, seal: str) -> tuple[TableName, ...]:
    """Name the tables that are not as the run left them. One that is gone has no rows to lose.

    Raises:
        DatabaseError: a table could not be looked at.
    """
    tables = seal_of(seal).tables
    there = await target.row_counts(tuple(table.name for table in tables))
    filled = [table for table in tables if there.get(table.name)]
    return tuple([table.name for table in filled if await _digest(target, table) != table.digest])


async def _digest(target: Target, table: SealedTable) -> Digest:
    """Compute a table's digest in the way in which it was sealed."""
    if table.digest.by is RowHash.MD5:
        return await target.digest(table.name, table.columns)
    return await cast("QuickDigests", target).quick_digest(table.digest.by, table.name, table.columns)


_KEEPING = frozenset({UseMode.EXTENDED, UseMode.UNKNOWN})
