"""What a run leaves behind at its end, so that a rollback can tell whether others have written since."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from domain.catalog.model import TableName
from domain.kernel.codec import from_json, to_json
from domain.migrations.rollback import UseMode
from domain.migrations.transfer import Digest, DigestColumn, TableCopy, Target
from workers.engine.verify import Verdict, target_columns


@dataclass(frozen=True)
class SealedTable:
    """A table as the run left it; without columns only the rows were counted."""

    name: TableName
    columns: tuple[DigestColumn, ...]
    digest: Digest


@dataclass(frozen=True)
class Seal:
    """All tables whose rows a rollback will remove. Tables that were extended keep the rows of others anyway."""

    tables: tuple[SealedTable, ...]


async def sealed(target: Target, run_id: str, copies: Iterable[TableCopy], verdicts: Iterable[Verdict]) -> str:
    """Return a run's seal as JSON, by the digests of its comparison, or by counts where there was none.

    Raises:
        DatabaseError: rows could not be counted.
    """
    kept = {use.table_number for use in await target.undo.uses(run_id) if use.mode in _KEEPING}
    found = {verdict.table_number: verdict for verdict in verdicts}
    tables = []
    for copy in copies:
        if copy.number in kept:
            continue
        verdict = found.get(copy.number)
        if verdict is not None and verdict.target is not None:
            tables.append(SealedTable(copy.target, target_columns(verdict.columns), verdict.target))
        else:
            tables.append(SealedTable(copy.target, (), await target.digest(copy.target, ())))
    return json.dumps(to_json(Seal(tuple(tables))))


async def written_since(target: Target, seal: str) -> tuple[TableName, ...]:
    """Name the tables that are not as the run left them. One that is gone has no rows to lose.

    Raises:
        DatabaseError: a table could not be looked at.
    """
    if not seal:
        return ()
    tables = from_json(Seal, json.loads(seal)).tables
    there = await target.row_counts(tuple(table.name for table in tables))
    filled = [table for table in tables if there.get(table.name)]
    return tuple([table.name for table in filled if await target.digest(table.name, table.columns) != table.digest])


_KEEPING = frozenset({UseMode.EXTENDED, UseMode.UNKNOWN})
