"""Counting what goes by, and telling whoever wants to know, not too often."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from domain.kernel.values import Bytes, Rows
from domain.migrations.progress import ProgressSink, RunPhase, RunProgress, TablePhase, TableProgress
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, TableCopy

BATCH_INTERVAL_S = 0.25
"""Batches are reported at most this often."""

CHUNK_INTERVAL_S = 0.05
"""Ends of chunks and tables are reported at most this often, so that a thousand tiny tables cost
no more than a few large ones; what the run as a whole enters is always reported."""

TABLE_INTERVAL_S = 0.00005
"""What each table adds to these: a report tells of all of them, and thousands are not read more often anyway."""

_RATE_MEMORY_S = 5.0
_SAMPLE_S = 0.2


class Rate:
    """Units per second, as an average that forgets: what happened five seconds ago weighs a third."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._pending = 0.0
        self._started = False
        self.per_second = 0.0

    def add(self, amount: float, now: float) -> None:
        """Count some more."""
        self._pending += amount
        elapsed = now - self._since
        if elapsed < _SAMPLE_S:
            return
        weight = 1 - math.exp(-elapsed / _RATE_MEMORY_S) if self._started else 1.0
        self.per_second += weight * (self._pending / elapsed - self.per_second)
        self._since, self._pending, self._started = now, 0.0, True


@dataclass
class _TableMeter:
    """What one table has seen. `under_way` holds rows and bytes read of chunks that are not committed yet."""

    copy: TableCopy
    rate: Rate
    phase: TablePhase = TablePhase.WAITING
    read: int = 0
    written: int = 0
    rejected: int = 0
    size_bytes: int = 0
    expected: int = 0
    chunks_left: int = 0
    under_way: dict[int, tuple[int, int]] = field(default_factory=dict)
    seen: TableProgress | None = None
    """The last view, until something happens to the table."""

    @property
    def rows_read(self) -> int:
        return self.read + sum(rows for rows, _ in self.under_way.values())

    @property
    def bytes_done(self) -> int:
        return self.size_bytes + sum(size for _, size in self.under_way.values())

    def view(self) -> TableProgress:
        if self.seen is None:
            self.seen = self._view()
        return self.seen

    def _view(self) -> TableProgress:
        rows_done, bytes_done = self.rows_read, self.bytes_done
        copied = self.phase not in (TablePhase.WAITING, TablePhase.COPYING)
        rows_total = rows_done if copied else max(self.expected, rows_done)
        if copied:
            bytes_total = bytes_done
        elif rows_done:
            bytes_total = max(bytes_done, bytes_done * rows_total // rows_done)
        else:
            bytes_total = self.copy.size_bytes
        return TableProgress(
            name=str(self.copy.source),
            phase=self.phase,
            rows_read=Rows(rows_done),
            rows_written=Rows(self.written),
            rows_rejected=Rows(self.rejected),
            rows_total=Rows(rows_total),
            bytes_done=Bytes(bytes_done),
            bytes_total=Bytes(bytes_total),
            rows_per_second=self.rate.per_second if self.phase is TablePhase.COPYING else 0.0,
        )


class Meter:
    """Counts a run's rows and bytes and reports them.

    `sequence` is the number of the last report; a worker that goes on with a run continues from
    the number its predecessor reached.
    """

    def __init__(
        self, run_id: str, sink: ProgressSink, *, sequence: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._run_id = run_id
        self._sink = sink
        self._clock = clock
        self._started = clock()
        self._reported = -math.inf
        self._sequence = sequence
        self._phase = RunPhase.PLANNING
        self._tables: dict[int, _TableMeter] = {}
        self._rows_before = 0
        self._rows = Rate(self._started)
        self._bytes = Rate(self._started)

    @property
    def rows_copied(self) -> int:
        """Rows committed since this meter was made; not those of earlier attempts."""
        return sum(table.written for table in self._tables.values()) - self._rows_before

    @property
    def elapsed_s(self) -> float:
        """Seconds since this meter was made."""
        return self._clock() - self._started

    def follow(self, tables: Iterable[TableCopy], receipts: Iterable[ChunkReceipt]) -> None:
        """Take up a plan's tables, and count what earlier runs of it have already brought over."""
        now = self._clock()
        self._tables = {copy.number: _TableMeter(copy, Rate(now), expected=copy.row_estimate) for copy in tables}
        for receipt in receipts:
            self._count(self._changed(receipt.table_number), receipt, receipt.size_bytes)
        self._rows_before = sum(table.written for table in self._tables.values())

    def settle(self, receipts: Iterable[ChunkReceipt]) -> None:
        """Replace what was counted by what the target's ledger holds, now that nothing is under way any more."""
        for table in self._tables.values():
            table.read = table.written = table.rejected = table.size_bytes = 0
            table.under_way.clear()
            table.seen = None
        for receipt in receipts:
            self._count(self._changed(receipt.table_number), receipt, receipt.size_bytes)

    async def enter(self, phase: RunPhase) -> None:
        """Note that the run enters a phase, and report."""
        self._phase = phase
        await self.report()

    async def table(self, number: int, phase: TablePhase) -> None:
        """Note what happens to a table, and report."""
        self._changed(number).phase = phase
        await self._report_after(CHUNK_INTERVAL_S)

    def planned(self, number: int, chunks: Sequence[Chunk]) -> None:
        """Replace a table's guessed number of rows by what its remaining chunks say."""
        table = self._changed(number)
        table.expected = table.read + sum(chunk.row_estimate for chunk in chunks)
        table.chunks_left = len(chunks)
        table.phase = TablePhase.COPYING if chunks else TablePhase.COPIED

    async def read(self, chunk: Chunk, batch: Batch) -> None:
        """Count a batch on its way."""
        table, now = self._changed(chunk.table_number), self._clock()
        rows, size_bytes = table.under_way.get(chunk.number, (0, 0))
        table.under_way[chunk.number] = (rows + batch.rows, size_bytes + batch.size_bytes)
        table.phase = TablePhase.COPYING
        table.rate.add(batch.rows, now)
        self._rows.add(batch.rows, now)
        self._bytes.add(batch.size_bytes, now)
        await self._report_after(BATCH_INTERVAL_S)

    def discard(self, chunk: Chunk) -> None:
        """Forget what was read of a chunk whose attempt failed."""
        self._changed(chunk.table_number).under_way.pop(chunk.number, None)

    async def committed(self, receipt: ChunkReceipt) -> None:
        """Count a chunk whose rows are in the target, and report."""
        table = self._changed(receipt.table_number)
        _, size_bytes = table.under_way.pop(receipt.chunk_number, (0, receipt.size_bytes))
        self._count(table, receipt, size_bytes)
        table.chunks_left -= 1
        if not table.chunks_left:
            table.phase = TablePhase.COPIED
        await self._report_after(CHUNK_INTERVAL_S)

    async def report(self) -> None:
        """Tell the sink how things stand."""
        self._reported = self._clock()
        self._sequence += 1
        await self._sink.report(self.progress())

    async def _report_after(self, interval_s: float) -> None:
        if self._clock() - self._reported >= interval_s + TABLE_INTERVAL_S * len(self._tables):
            await self.report()

    def _changed(self, number: int) -> _TableMeter:
        """Return a table that something happens to."""
        table = self._tables[number]
        table.seen = None
        return table

    def progress(self) -> RunProgress:
        """Return how things stand."""
        tables = tuple(table.view() for table in self._tables.values())
        done = sum(table.bytes_done for table in tables)
        total = sum(table.bytes_total for table in tables)
        rate = self._bytes.per_second
        over = self._phase is RunPhase.DONE
        return RunProgress(
            run_id=self._run_id,
            sequence=self._sequence,
            phase=self._phase,
            rows_read=Rows(sum(table.rows_read for table in tables)),
            rows_written=Rows(sum(table.rows_written for table in tables)),
            rows_rejected=Rows(sum(table.rows_rejected for table in tables)),
            rows_total=Rows(sum(table.rows_total for table in tables)),
            bytes_done=Bytes(done),
            bytes_total=Bytes(total),
            fraction=1.0 if over else min(1.0, done / total) if total else 0.0,
            rows_per_second=self._rows.per_second,
            bytes_per_second=rate,
            elapsed_s=self.elapsed_s,
            eta_s=0.0 if over else (total - done) / rate if rate else None,
            tables=tables,
        )

    @staticmethod
    def _count(table: _TableMeter, receipt: ChunkReceipt, size_bytes: int) -> None:
        table.read += receipt.rows_read
        table.written += receipt.rows_written
        table.rejected += receipt.rows_rejected
        table.size_bytes += size_bytes
