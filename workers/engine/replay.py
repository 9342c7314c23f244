"""Loading rejected rows after all: mended rows, or rows for which the target has been made fit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from domain.catalog.model import Table
from domain.catalog.types import Carrier, carrier
from domain.kernel.codec import fingerprint
from domain.kernel.errors import DatabaseError, Fenced, ObjectMissing
from domain.kernel.values import Rows
from domain.migrations.broken_texts import mended
from domain.migrations.limits import NUL, Present, Utf8, Value, complaint, fits
from domain.migrations.misfits import ColumnLimit, MisfitPolicy, MisfitRule, Treatment
from domain.migrations.rejects import RejectedRow, value_of
from domain.migrations.sentinels import carried_sentinel
from domain.migrations.transfer import Batch, Chunk, Connector, TableCopy, Target, Ticket, WholeTable
from workers.engine.broken import column_of
from workers.engine.existing import find_table, fitted
from workers.engine.policies import Place, check_policy, policy_for, rule_for, treatment_of

_NUMBERS = 2**31
_ID_DIGITS = 24
_ARROW: dict[Carrier, pa.DataType] = {
    Carrier.INT64: pa.int64(),
    Carrier.UINT64: pa.uint64(),
    Carrier.FLOAT64: pa.float64(),
    Carrier.BOOL: pa.bool_(),
    Carrier.TEXT: pa.large_string(),
    Carrier.BYTES: pa.large_binary(),
}

Ready = tuple[RejectedRow, tuple[Value, ...]]
"""A row and the values that will be written for it."""


@dataclass(frozen=True)
class RejectedTable:
    """Rejected rows of a table, with the copy that they were part of, and the run."""

    run_id: str
    copy: TableCopy
    rows: tuple[RejectedRow, ...]


@dataclass(frozen=True)
class ReplayedTable:
    """What became of them: how many are in the target now, and those that still are not, with the reason."""

    table: RejectedTable
    loaded: Rows
    left: tuple[RejectedRow, ...]

    @property
    def remaining(self) -> RejectedTable:
        """The table with the rows that are left."""
        return replace(self.table, rows=self.left)


def replay_id(tables: Sequence[RejectedTable]) -> str:
    """Return the id of the replay of rows of these runs."""
    return f"replay-{fingerprint(tuple(sorted({table.run_id for table in tables})))[:_ID_DIGITS]}"


class Replay:
    """A replay under way: rows that the target takes are written once, however often it is begun.

    Whoever has noted elsewhere which rows are left calls `close`; until then the target's ledger
    knows what is loaded.
    """

    def __init__(self, target: Target, connector: Connector, rules: tuple[MisfitRule, ...]) -> None:
        self._target = target
        self._connector = connector
        self._rules = rules
        self._known: set[tuple[int, int]] = set()

    async def load(self, tables: tuple[RejectedTable, ...]) -> tuple[ReplayedTable, ...]:
        """Load all rows that fit, table by table.

        Raises:
            ObjectMissing: the target has no such table or column any more.
            ValidationFailed: a rule cannot be applied.
            DatabaseError: the target failed for another reason than a row's values.
        """
        run_id = replay_id(tables)
        for record in await self._target.runs():
            if record.run_id == run_id or record.run_id.startswith(f"{run_id}#"):
                receipts = await self._target.receipts(record.run_id)
                self._known |= {(receipt.table_number, receipt.chunk_number) for receipt in receipts}
        catalog = await self._target.introspect()
        ticket = await self._target.open_run(run_id, run_id)
        replayed = []
        for rejected in tables:
            found = find_table(catalog, rejected.copy.target)
            if found is None:
                raise ObjectMissing(
                    f"the target has no table {rejected.copy.target}", path=(str(rejected.copy.target),)
                )
            replayed.append(await self._load(rejected, found, ticket))
        return tuple(replayed)

    async def close(self, tables: tuple[RejectedTable, ...]) -> None:
        """Note that the rows that are left are known elsewhere."""
        await self._target.close_run(replay_id(tables))

    async def _load(self, rejected: RejectedTable, found: Table, ticket: Ticket) -> ReplayedTable:
        copy = fitted(rejected.copy, found)
        ready, left = _made_ready(copy, rejected.rows, self._treatments(copy, found, rejected.rows))
        refused = await self._write(copy, ready, ticket)
        return ReplayedTable(rejected, Rows(len(ready) - len(refused)), (*left, *refused))

    async def _write(self, copy: TableCopy, ready: Sequence[Ready], ticket: Ticket) -> list[RejectedRow]:
        """Write rows together; where the target refuses, halve by halve, down to the rows that it refuses."""
        if not ready or (copy.number, _number_of(ready)) in self._known:
            return []
        middle = len(ready) // 2
        if not self._is_begun(copy, ready):
            try:
                await self._target.write(
                    copy, Chunk(copy.number, _number_of(ready), WholeTable()), _batch(copy, ready), ticket
                )
            except Fenced:
                raise
            except DatabaseError as error:
                if error.transient:
                    raise
                if len(ready) == 1:
                    return [replace(ready[0][0], column="", reason=error.message)]
            else:
                return []
        first = await self._write(copy, ready[:middle], ticket)
        return first + await self._write(copy, ready[middle:], ticket)

    def _is_begun(self, copy: TableCopy, ready: Sequence[Ready]) -> bool:
        """Tell whether an earlier replay has written a part of these rows on its own."""
        if len(ready) < 2 or not self._known:  # noqa: PLR2004 - one row has no parts
            return False
        middle = len(ready) // 2
        halves = (ready[:middle], ready[middle:])
        return any((copy.number, _number_of(half)) in self._known or self._is_begun(copy, half) for half in halves)

    def _treatments(self, copy: TableCopy, found: Table, rows: Sequence[RejectedRow]) -> list[Treatment]:
        """Say what is done with the values of these rows that do not fit."""
        key = found.primary_key.columns if found.primary_key else ()
        treatments = []
        for place, copied in enumerate(copy.columns):
            column = next(each for each in found.columns if each.name.casefold() == copied.target.casefold())
            where = Place(copy, copied, column, copied.target in key, is_ours=False, is_nullable_in_source=True)
            limits = (*self._connector.limits(copied), *(() if column.nullable else (Present(),)))
            for limit in limits:
                on = ColumnLimit(copied.source, copied.source_native, copied.type, limit)
                rule = rule_for(self._rules, copy, on)
                policy = policy_for(rule, on, where)
                if policy is not MisfitPolicy.REJECT and any(not _fits(on, row.values[place]) for row in rows):
                    check_policy(rule, on, where)
                treatments.append(treatment_of(rule, policy, on))
        return treatments


def _fits(on: ColumnLimit, text: str | None) -> bool:
    try:
        return fits(on.limit, value_of(on.type, text))
    except ValueError:
        return False


def _made_ready(
    copy: TableCopy, rows: Sequence[RejectedRow], treatments: Sequence[Treatment]
) -> tuple[list[Ready], list[RejectedRow]]:
    """Treat every row; return those that fit, and those that do not with the reason."""
    ready: list[Ready] = []
    left: list[RejectedRow] = []
    for row in rows:
        try:
            ready.append((row, tuple(_treated(copy, row, place, treatments) for place in range(len(copy.columns)))))
        except _Beyond as beyond:
            left.append(replace(row, column=beyond.column, reason=beyond.reason))
    return ready, left


def treated_row(copy: TableCopy, row: RejectedRow) -> tuple[Value, ...]:
    """Return the values of a row that the target refused as they were sent to it."""
    return tuple(_treated(copy, row, place, copy.treatments) for place in range(len(copy.columns)))


class _Beyond(Exception):
    """A value has no place, or a text is no value."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def _treated(copy: TableCopy, row: RejectedRow, place: int, treatments: Sequence[Treatment]) -> Value:
    column = copy.columns[place]
    try:
        value = original = value_of(column.type, row.values[place])
    except ValueError:
        raise _Beyond(column.source, f"{row.values[place]!r} is no value of the column's type") from None
    for each in treatments:
        if each.on.column != column.source or fits(each.on.limit, original):
            continue
        match each.policy:
            case MisfitPolicy.NULL:
                value = None
            case MisfitPolicy.SENTINEL:
                value = carried_sentinel(each.on.type, each.sentinel)
            case MisfitPolicy.STRIP:
                value = mended(str(value)) if isinstance(each.on.limit, Utf8) else str(value).replace(NUL, "")
            case _:
                raise _Beyond(column.source, f"values {complaint(each.on.limit)}")
    return value


def _number_of(ready: Sequence[Ready]) -> int:
    """Return a number for a chunk of exactly these rows, whatever their values have become."""
    return int(fingerprint(tuple(row.place for row, _ in ready)), 16) % _NUMBERS


async def _batch(copy: TableCopy, ready: Sequence[Ready]) -> AsyncIterator[Batch]:
    arrays = [
        column_of([values[place] for _, values in ready], _ARROW[carrier(column.type)])
        for place, column in enumerate(copy.columns)
    ]
    batch = pa.RecordBatch.from_arrays(arrays, names=[column.target for column in copy.columns])
    yield Batch(len(ready), batch.nbytes, batch)
