"""Loading rejected rows out of the control store into the target they were left out of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import RowMapping, text

from domain.connections.ports import Credentials
from domain.kernel.errors import DatabaseError, NotFound
from domain.kernel.values import Rows
from domain.migrations.misfits import MisfitRule
from domain.migrations.rejects import RejectedRow
from domain.migrations.replaying import Replayed
from domain.migrations.transfer import TableCopy
from infra.connectors.registry import connector_for
from infra.db.database import Database
from infra.db.stores.migrations.plans import Plans
from infra.stored_run import prepared_run
from workers.engine.patience import PatientTarget
from workers.engine.replay import RejectedTable, Replay, ReplayedTable

REPLAY_TIMEOUT_S = 60.0
"""How long a replay may take as a whole: it is done while the client waits."""

ROWS_AT_ONCE = 10_000
"""How many rows are loaded at once; the rest is left for the next time."""

_ROWS = """
SELECT table_number, chunk_number, number, column_name, reason, row_values FROM migration_reject
WHERE migration_id = :migration_id ORDER BY table_number, chunk_number, number LIMIT :rows_max
"""
_COUNT = "SELECT count(*) AS left FROM migration_reject WHERE migration_id = :migration_id"
_OF_PLACE = """
WHERE migration_id = :migration_id AND table_number = :table_number AND chunk_number = :chunk_number
    AND number = :number
"""
_REMOVE = f"DELETE FROM migration_reject {_OF_PLACE}"
_EXPLAIN = f"UPDATE migration_reject SET column_name = :column_name, reason = :reason {_OF_PLACE}"


class StoredReplayer:
    """Loads what the control store keeps aside; what is loaded is kept there no longer."""

    def __init__(self, database: Database, credentials: Credentials) -> None:
        self._database = database
        self._credentials = credentials

    async def replay(self, migration_id: UUID, target_id: UUID, rules: tuple[MisfitRule, ...]) -> Replayed:
        """Load what the target takes now.

        Raises:
            NotFound: the migration has no plan.
            Conflict: another version of Wherry has made it.
            DatabaseError: the target failed, or took too long.
        """
        stored = await Plans(self._database).find(migration_id)
        if stored is None:
            raise NotFound("The migration has left no rows out.")
        copies = {copy.number: copy for copy in prepared_run(stored).plan.tables}
        rows = await self._database.rows(_ROWS, migration_id=migration_id, rows_max=ROWS_AT_ONCE)
        tables = _tables(str(migration_id), copies, rows)
        try:
            async with asyncio.timeout(REPLAY_TIMEOUT_S):
                replayed = await self._load(migration_id, target_id, tables, rules) if tables else ()
        except TimeoutError:
            raise DatabaseError(
                f"Loading the rows took longer than {REPLAY_TIMEOUT_S:.0f} seconds. "
                "Ask again: it goes on where it stood."
            ) from None
        [left] = await self._database.rows(_COUNT, migration_id=migration_id)
        return Replayed(Rows(sum(table.loaded for table in replayed)), Rows(left["left"]))

    async def _load(
        self, migration_id: UUID, target_id: UUID, tables: tuple[RejectedTable, ...], rules: tuple[MisfitRule, ...]
    ) -> tuple[ReplayedTable, ...]:
        endpoint = await self._credentials.open(target_id)
        connector = connector_for(endpoint.engine)
        target = PatientTarget(await connector.open_target(endpoint, writers=1))
        try:
            replay = Replay(target, connector, rules)
            replayed = await replay.load(tables)
            await self._note(migration_id, replayed)
            await replay.close(tables)
            return replayed
        finally:
            await target.close()

    async def _note(self, migration_id: UUID, replayed: Iterable[ReplayedTable]) -> None:
        """Keep only what is left, with its reason, before the target's ledger closes the replay."""
        async with self._database.engine.begin() as connection:
            for table in replayed:
                left = {row.place: row for row in table.left}
                loaded = [_place(migration_id, row) for row in table.table.rows if row.place not in left]
                reasons = [
                    {**_place(migration_id, row), "column_name": row.column, "reason": row.reason} for row in table.left
                ]
                if loaded:
                    await connection.execute(text(_REMOVE), loaded)
                if reasons:
                    await connection.execute(text(_EXPLAIN), reasons)


def _tables(run_id: str, copies: dict[int, TableCopy], rows: Sequence[RowMapping]) -> tuple[RejectedTable, ...]:
    found: dict[int, list[RejectedRow]] = {}
    for row in rows:
        values = tuple(value["value"] for value in json.loads(row["row_values"]))
        rejected = RejectedRow(
            row["table_number"], row["chunk_number"], row["number"], row["column_name"], row["reason"], values
        )
        found.setdefault(rejected.table_number, []).append(rejected)
    return tuple(
        RejectedTable(run_id, replace(copies[number], treatments=()), tuple(held)) for number, held in found.items()
    )


def _place(migration_id: UUID, row: RejectedRow) -> dict[str, object]:
    return {
        "migration_id": migration_id,
        "table_number": row.table_number,
        "chunk_number": row.chunk_number,
        "number": row.number,
    }
