"""What the crash tests add up to over a whole run of pytest."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Figures that are printed at the end."""

    kills: Counter[str] = field(default_factory=Counter)
    """Kill points by kind."""
    sites: set[str] = field(default_factory=set)
    """Failpoints at which something was killed."""
    wrong: list[str] = field(default_factory=list)
    """Results that were not as they must be."""
    histories: int = 0
    """How many histories were simulated."""
    violations: list[str] = field(default_factory=list)
    """What was wrong with some of them."""
    outcomes: dict[str, bool] = field(default_factory=dict)
    """Which tests of this run have passed, by file and function; of several cases all have to."""
    takeover_s: list[float] = field(default_factory=list)
    """How long it took after each kill of a worker until another had committed rows."""

    def add(self, other: Tally) -> None:
        """Add the figures of another process."""
        self.kills += other.kills
        self.sites |= other.sites
        self.wrong += other.wrong
        self.histories += other.histories
        self.violations += other.violations
        self.takeover_s += other.takeover_s
        for name, passed in other.outcomes.items():
            self.outcomes[name] = passed and self.outcomes.get(name, True)


def total_of(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of what several processes have added up."""
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def takeover_p95_s(tally: Tally) -> float:
    """Return the time within which 95 % of the takeovers were done, in seconds."""
    return statistics.quantiles(tally.takeover_s, n=20, method="inclusive")[-1]
