"""Progress for people at a terminal: a live table."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from domain.migrations.progress import RunPhase, RunProgress, TablePhase, TableProgress
from workers.cli.display import headline, seconds_text, size_text

_TABLES_SHOWN_MAX = 15
_DRAW_INTERVAL_S = 0.2

_ORDER = {
    TablePhase.DIFFERENT: 0,
    TablePhase.COPYING: 1,
    TablePhase.VERIFYING: 2,
    TablePhase.COPIED: 3,
    TablePhase.VERIFIED: 4,
    TablePhase.WAITING: 5,
}


class LiveDisplay:
    """A table on the terminal that follows the run; the busiest tables first."""

    def __init__(self) -> None:
        self._live = Live(console=Console(stderr=True), auto_refresh=False)
        self._phase: RunPhase | None = None
        self._drawn_s = 0.0
        self._latest: RunProgress | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._latest is not None:
            self._live.update(_rendered(self._latest), refresh=True)
        self._live.stop()

    async def report(self, progress: RunProgress) -> None:
        """Draw how things stand, unless it was just drawn."""
        self._latest = progress
        if progress.phase is self._phase and progress.elapsed_s - self._drawn_s < _DRAW_INTERVAL_S:
            return
        self._phase, self._drawn_s = progress.phase, progress.elapsed_s
        self._live.update(_rendered(progress), refresh=True)


def _rendered(progress: RunProgress) -> Table:
    table = Table(title=f"{headline(progress)} ({seconds_text(progress.elapsed_s)})", title_justify="left")
    table.add_column("table")
    for heading in ("rows", "of about", "size", "rows/s"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    shown = sorted(progress.tables, key=lambda item: (_ORDER[item.phase], -item.bytes_total))
    for item in shown[:_TABLES_SHOWN_MAX]:
        table.add_row(*_row(item))
    if len(shown) > _TABLES_SHOWN_MAX:
        table.add_row(f"and {len(shown) - _TABLES_SHOWN_MAX} more", "", "", "", "", "")
    return table


def _row(item: TableProgress) -> tuple[str, ...]:
    return (
        item.name,
        f"{item.rows_read:,}",
        f"{item.rows_total:,}",
        size_text(item.bytes_done),
        f"{item.rows_per_second:,.0f}" if item.rows_per_second else "",
        item.phase.value.lower(),
    )
