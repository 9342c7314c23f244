"""What the crash tests add up to over a whole run of pytest."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

import pytest


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


TALLY = pytest.StashKey[Tally]()


def takeover_p95_s(tally: Tally) -> float:
    """Return the time within which 95 % of the takeovers were done, in seconds."""
    return statistics.quantiles(tally.takeover_s, n=20, method="inclusive")[-1]
