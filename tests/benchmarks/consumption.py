"""What a service's process uses while it runs, looked at every half second."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

INTERVAL_S = 0.5
MIB = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """What a process had used at a moment, in seconds since 1970."""

    at: float
    pid: int
    cpu_s: float
    rss_bytes: int


@dataclass
class Consumption:
    """The samples so far."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def rss_mib_max(self) -> float:
        """The most memory that one process was seen to hold."""
        return max((sample.rss_bytes for sample in self.samples), default=0) / MIB

    def cores(self, begin: float, end: float) -> float:
        """Return how many cores were busy between two moments, on average; without samples, none."""
        within = [sample for sample in self.samples if begin <= sample.at <= end]
        pairs = [(one, two) for one, two in pairwise(within) if one.pid == two.pid]
        lasted_s = sum(two.at - one.at for one, two in pairs)
        return sum(two.cpu_s - one.cpu_s for one, two in pairs) / lasted_s if lasted_s else 0.0


@asynccontextmanager
async def consumption(pids: Callable[[], Sequence[int]]) -> AsyncIterator[Consumption]:
    """Watch the first process that `pids` names, whichever that is at the time, for as long as this lasts."""
    watched = Consumption()
    watching = asyncio.create_task(_watch(pids, watched))
    try:
        yield watched
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(pids: Callable[[], Sequence[int]], watched: Consumption) -> None:
    tick_s, page_bytes = 1 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    while True:
        for pid in pids()[:1]:
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            cpu_s = (int(fields[11]) + int(fields[12])) * tick_s
            watched.samples.append(Sample(time.time(), pid, cpu_s, int(fields[21]) * page_bytes))
        await asyncio.sleep(INTERVAL_S)
