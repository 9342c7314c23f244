"""Rows that the target refuses although no limit has foretold it: how many may be left out, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, cast

from domain.catalog.model import TableName
from domain.kernel.errors import ValueRejected
from domain.kernel.values import Rows
from domain.migrations.canonical import digest_rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.limits import Value
from domain.migrations.misfits import PERCENT_MAX, RejectLimit, Treatments
from domain.migrations.rejects import REFUSED_FROM, REJECTS_AT_ONCE, Place, RejectedRow, text_of
from domain.migrations.transfer import Batch, Chunk, TableCopy, Target
from workers.engine.ends import Ends
from workers.engine.verify import SourceSide

if TYPE_CHECKING:
    import pyarrow as pa

_VALUE_SHOWN_MAX = 80


class RefusedRows:
    """Takes the rows of a chunk that its target refuses, up to as many as may be left out; None means any number."""

    def __init__(self, copy: TableCopy, chunk: Chunk, rows_max: int | None, *, is_limited: bool) -> None:
        self._copy = copy
        self._chunk = chunk
        self._rows_max = rows_max
        self._is_limited = is_limited
        self._taken = 0

    def take(self, batch: Batch, place: int, reason: str) -> RejectedRow:
        """Return a row, as it was read, as one that is left out.

        Raises:
            ValueRejected: it may not be; the message names its table, its key, the reason and the way out.
        """
        from workers.engine.broken import values_of  # noqa: PLC0415 - it brings Arrow along

        rows = cast("pa.RecordBatch", batch.as_read or batch.payload)
        values = [values_of(column.slice(place, 1))[0] for column in rows.columns]
        if self._rows_max is not None and self._taken >= self._rows_max:
            raise ValueRejected(self._complaint(values, reason), path=(str(self._copy.source),))
        number, self._taken = REFUSED_FROM + self._taken, self._taken + 1
        texts = tuple(text_of(value) for value in values)
        return RejectedRow(self._copy.number, self._chunk.number, number, "", reason, texts)

    def _complaint(self, values: list[Value], reason: str) -> str:
        shown = {
            column.source: str(text_of(value))[:_VALUE_SHOWN_MAX]
            for column, value in zip(self._copy.columns, values, strict=True)
        }
        names = self._copy.key or tuple(shown)
        where = ", ".join(f"{name}={shown[name]}" for name in names if name in shown)
        advice = (
            "more rows are refused than the reject limit allows; raise it, or mend the rows or the target"
            if self._is_limited
            else "mend the row or the target, or give a reject limit (--reject-limit), within which rows are kept aside"
        )
        return f"the target refused a row of {self._copy.source} ({where}): {reason}; {advice}"


async def refusals_of(ends: Ends, run_id: str, limit: RejectLimit, copy: TableCopy, chunk: Chunk) -> RefusedRows:
    """Return what takes the refused rows of a chunk: as many as the limit leaves after those that are noted by now.

    Lanes that find refused rows at the same time do not know of each other; `check_limit` counts at the end.

    Raises:
        DatabaseError: rows could not be counted.
    """
    if not limit.is_given:
        return RefusedRows(copy, chunk, 0, is_limited=False)
    receipts = await ends.target.receipts(run_id)
    left: list[int] = []
    if limit.rows is not None:
        left.append(limit.rows - sum(receipt.rows_rejected for receipt in receipts))
    if limit.percent is not None:
        of = (await ends.source.digest(copy.source, ())).rows
        rejected = sum(receipt.rows_rejected for receipt in receipts if receipt.table_number == copy.number)
        left.append(int(limit.percent * of / PERCENT_MAX) - rejected)
    return RefusedRows(copy, chunk, max(0, min(left)), is_limited=True)


async def check_limit(target: Target, run_id: str, limit: RejectLimit, copies: Iterable[TableCopy]) -> bool:
    """Hold all rows that were rejected against the limit; return whether there are any.

    Raises:
        ValueRejected: they are more than may be left out.
        DatabaseError: the ledger could not be read.
    """
    read, rejected = Counter[int](), Counter[int]()
    for receipt in await target.receipts(run_id):
        read[receipt.table_number] += receipt.rows_read
        rejected[receipt.table_number] += receipt.rows_rejected
    names = {copy.number: str(copy.source) for copy in copies}
    over = [number for number, rows in rejected.items() if not limit.allows(rows, read[number])]
    total = rejected.total()
    if over or (limit.rows is not None and total > limit.rows):
        where = f", {rejected[over[0]]:,} of {read[over[0]]:,} of them of {names[over[0]]}" if over else ""
        raise ValueRejected(
            f"{total:,} rows were rejected{where}, more than the limit; raise it, or mend rows or target"
        )
    return total > 0


@dataclass(frozen=True)
class Refused:
    """The rows of a table that its target refused: what they add to the source's digests, and the first reason."""

    table: TableName
    digest: Digest
    columns: tuple[Digest, ...]
    """The digests of single columns, in the copy's order."""
    names: tuple[str, ...]
    reason: str

    def of(self, columns: tuple[DigestColumn, ...]) -> Digest:
        """Return what they add to a digest over no column, one, or all."""
        if len(columns) == 1 and len(self.names) > 1:
            return self.columns[self.names.index(columns[0].name)]
        return self.digest if columns else Digest(self.digest.rows, 0)


async def refused_rows(target: Target, run_id: str, copies: Iterable[TableCopy]) -> dict[int, Refused]:
    """Add up, by table, the rows in the ledger that the target refused, as the source's digest counts them.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    tables = {copy.number: copy for copy in copies}
    found: dict[int, Refused] = {}
    after: Place | None = None
    while rows := await target.rejected(run_id, after, REJECTS_AT_ONCE):
        for number, group in groupby(rows, lambda row: row.table_number):
            refused = [row for row in group if row.number >= REFUSED_FROM]
            if refused and number in tables:
                found[number] = _with(found.get(number), tables[number], refused)
        after = rows[-1].place
    return found


def _with(known: Refused | None, copy: TableCopy, rows: list[RejectedRow]) -> Refused:
    from workers.engine.replay import treated_row  # noqa: PLC0415 - it brings Arrow along

    values = [treated_row(copy, row) for row in rows]
    digest = digest_rows([column.type for column in copy.columns], values)
    columns = tuple(
        digest_rows([column.type], [(row[place],) for row in values]) for place, column in enumerate(copy.columns)
    )
    names = tuple(column.source for column in copy.columns)
    if known is None:
        return Refused(copy.source, digest, columns, names, rows[0].reason)
    both = tuple(_sum(one, other) for one, other in zip(known.columns, columns, strict=True))
    return replace(known, digest=_sum(known.digest, digest), columns=both)


def _sum(one: Digest, other: Digest) -> Digest:
    return Digest(Rows(one.rows + other.rows), one.total + other.total)


class SourceWithoutRefused:
    """A source as its target is compared with it: without the rows that the target refused."""

    def __init__(self, source: SourceSide, refused: Iterable[Refused]) -> None:
        self._source = source
        self._refused = {table.table: table for table in refused}

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...], treatments: Treatments = ()) -> Digest:
        """Compute a table's digest."""
        digest = await self._source.digest(table, columns, treatments)
        if table not in self._refused:
            return digest
        missing = self._refused[table].of(columns)
        return Digest(Rows(digest.rows - missing.rows), digest.total - missing.total)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest by another hash; by the shared one if the target refused rows of it."""
        if table in self._refused:
            return await self.digest(table, columns)
        return await self._source.quick_digest(hash_, table, columns)
