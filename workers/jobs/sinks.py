"""From the engine's meter to the control store."""

from __future__ import annotations

from uuid import UUID

from domain.migrations.progress import RunPhase, RunProgress, TablePhase
from domain.migrations.transfer import TableCopy
from infra.db.stores.migrations.pulse import Pulse, UnderWay
from workers.jobs.duty import Duty

_COMPARED = frozenset({TablePhase.VERIFYING, TablePhase.VERIFIED, TablePhase.DIFFERENT})


class PhaseSink:
    """Notes what is being done, and what the comparison finds of each table."""

    def __init__(self, pulse: Pulse, migration_id: UUID, tables: tuple[TableCopy, ...] = ()) -> None:
        self._pulse = pulse
        self._migration_id = migration_id
        self._numbers = tuple(copy.number for copy in tables)
        self._phase: RunPhase | None = None
        self._tables: dict[int, TablePhase] = {}

    async def report(self, progress: RunProgress) -> None:
        """Note what has changed."""
        if progress.phase is not self._phase:
            self._phase = progress.phase
            await self._pulse.enter(self._migration_id, progress.phase)
        for number, table in zip(self._numbers, progress.tables, strict=False):
            if table.phase in _COMPARED and self._tables.get(number) is not table.phase:
                self._tables[number] = table.phase
                await self._pulse.table(self._migration_id, number, table.phase)


class LaneSink:
    """Tells the duty what is read of the chunk at hand and not committed yet."""

    def __init__(self, duty: Duty) -> None:
        self._duty = duty
        self.table_number = 0

    async def report(self, progress: RunProgress) -> None:
        """Take note; the duty's next sign of life carries it on."""
        self._duty.stall.moved()
        rows = progress.rows_read - progress.rows_written - progress.rows_rejected
        self._duty.under_way = UnderWay(self.table_number, rows, progress.bytes_done) if rows else UnderWay()
