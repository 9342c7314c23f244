"""Progress for people who are not at a terminal: a line now and then. The live table is in `live`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from domain.migrations.progress import RunPhase, RunProgress
from workers.cli.output import say

_LINE_INTERVAL_S = 10.0

_PHASES = {
    RunPhase.PLANNING: "looking at source and target",
    RunPhase.TABLES: "making tables",
    RunPhase.DATA: "copying rows",
    RunPhase.INDEXES: "building indexes",
    RunPhase.FOREIGN_KEYS: "adding foreign keys",
    RunPhase.FINISH: "setting next values",
    RunPhase.VERIFICATION: "comparing source and target",
    RunPhase.DONE: "done",
}


class LineDisplay:
    """A line on standard error for each phase, and every ten seconds within one."""

    def __init__(self) -> None:
        self._phase: RunPhase | None = None
        self._said_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to take down."""

    async def report(self, progress: RunProgress) -> None:
        """Say how things stand, if there is news."""
        if progress.phase is self._phase and progress.elapsed_s - self._said_s < _LINE_INTERVAL_S:
            return
        self._phase, self._said_s = progress.phase, progress.elapsed_s
        say(f"wherry: {seconds_text(progress.elapsed_s)}: {headline(progress)}")


def seconds_text(seconds: float) -> str:
    """Return a length of time for people: `42s`, `3m05s`, `2h07m`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes_left:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def size_text(size_bytes: float) -> str:
    """Return a number of bytes for people, in powers of 1024."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - the step between the units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def headline(progress: RunProgress) -> str:
    """Say in a line how far a run is."""
    parts = [_PHASES[progress.phase]]
    if progress.phase is RunPhase.DATA:
        parts.append(f"{progress.fraction:.0%}")
        parts.append(f"{progress.rows_read:,} rows")
        parts.append(f"{progress.rows_per_second:,.0f} rows/s")
        parts.append(f"{size_text(progress.bytes_per_second)}/s")
        if progress.eta_s is not None:
            parts.append(f"{seconds_text(progress.eta_s)} left")
    return ", ".join(parts)
