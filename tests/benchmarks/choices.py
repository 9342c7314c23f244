"""What to measure, from the environment: `BENCH_PAIRS=mysql-postgresql BENCH_ROUNDS=5 make bench`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".bench").absolute()
"""Where generated data, other tools and figures are kept; Git ignores it."""


@dataclass(frozen=True)
class Choices:
    """What to measure. An empty tuple means everything.

    `scale` multiplies the rows of the data sets. A tool that takes longer than `once_s` is run
    once, and one that takes longer than `limit_s` is stopped.
    """

    pairs: tuple[str, ...]
    data: tuple[str, ...]
    tools: tuple[str, ...]
    rounds: int
    scale: float
    once_s: float
    limit_s: float

    def wants_pair(self, name: str) -> bool:
        """Tell whether a pair is to be measured."""
        return not self.pairs or name in self.pairs

    def wants_data(self, name: str) -> bool:
        """Tell whether a data set is to be moved."""
        return not self.data or name in self.data

    def wants_tool(self, name: str) -> bool:
        """Tell whether a tool is to be run; `wherry` means both of its rows."""
        return not self.tools or name in self.tools or name.partition(" ")[0] in self.tools


def choices() -> Choices:
    """Read the environment."""
    return Choices(
        pairs=_names("BENCH_PAIRS"),
        data=_names("BENCH_DATA"),
        tools=_names("BENCH_TOOLS"),
        rounds=int(os.environ.get("BENCH_ROUNDS", "3")),
        scale=float(os.environ.get("BENCH_SCALE", "1")),
        once_s=float(os.environ.get("BENCH_ONCE_S", "90")),
        limit_s=float(os.environ.get("BENCH_LIMIT_S", "180")),
    )


def _names(variable: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in os.environ.get(variable, "").split(",") if name.strip())
