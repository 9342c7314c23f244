"""Times summed up."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Some times, in seconds, summed up."""

    count: int
    p50_s: float
    p95_s: float
    max_s: float

    @staticmethod
    def of(times_s: Iterable[float]) -> Spread:
        """Sum up times."""
        every = sorted(times_s)
        if not every:
            return Spread(0, 0.0, 0.0, 0.0)
        p95_s = every[min(len(every) - 1, 95 * len(every) // 100)]
        return Spread(len(every), statistics.median(every), p95_s, every[-1])

    def __str__(self) -> str:
        return f"p50 {self.p50_s:.3f} s, p95 {self.p95_s:.3f} s, max {self.max_s:.3f} s"
