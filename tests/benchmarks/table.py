"""The figures as tables to read, and as a document to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.benchmarks.ours import COPY_ONLY, WITH_DIGEST
from tests.benchmarks.pairs import BEST_PEER, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.generation import Prepared
    from tests.benchmarks.rounds import Outcome

OWN = ("floor", COPY_ONLY, WITH_DIGEST)


@dataclass(frozen=True)
class Verdict:
    """One ratio and what it is held to: how many times as fast as the rival we were."""

    what: str
    rival: str
    ratio: float
    target: float

    @property
    def is_met(self) -> bool:
        """Whether the target is reached, to two decimals as printed."""
        return round(self.ratio, 2) >= self.target

    def __str__(self) -> str:
        said = "met" if self.is_met else "FALLS SHORT"
        return f"{self.what} against {self.rival}: {self.ratio:.2f}x, target {self.target:.2f}x: {said}"


@dataclass(frozen=True)
class Result:
    """What was measured on one pair and one data set."""

    pair: Pair
    prepared: Prepared
    outcomes: dict[str, Outcome]

    def best_peer(self) -> str | None:
        """Return the fastest tool that is neither ours nor the floor and that did the pair."""
        done = [name for name, outcome in self.outcomes.items() if outcome.is_measured and name not in OWN]
        return min(done, key=lambda name: self.outcomes[name].wall_s, default=None)

    def ratio(self, ours: str, rival: str) -> float | None:
        """Return how many times as fast as a rival one of ours was; None where either has no figure."""
        both = self.outcomes.get(ours), self.outcomes.get(rival)
        if not all(outcome and outcome.is_measured for outcome in both):
            return None
        return self.outcomes[rival].wall_s / self.outcomes[ours].wall_s

    def verdicts(self) -> Iterator[Verdict]:
        """Give every ratio of the run that has a target."""
        data, best = self.prepared.data_set.name, self.best_peer()
        held = [("copy", COPY_ONLY, target.rival, target.ratios[data]) for target in self.pair.targets]
        held.append(("with digest", WITH_DIGEST, BEST_PEER, 1.0))
        if self.pair.of_floor_min is not None:
            held.append(("copy", COPY_ONLY, "floor", self.pair.of_floor_min))
        for what, ours, rival, target in held:
            name = best if rival == BEST_PEER else rival
            ratio = self.ratio(ours, name) if name else None
            if ratio is not None and name is not None:
                yield Verdict(what, f"{name} (best peer)" if rival == BEST_PEER else name, ratio, target)

    def lines(self) -> Iterator[str]:
        """Give the table of this pair."""
        rows, rounds = self.prepared.rows, max((len(outcome.runs) for outcome in self.outcomes.values()), default=0)
        yield f"{self.pair.name}, {self.prepared.data_set.name}: {rows:,} rows, medians of {rounds} rounds"
        yield f"  {'tool':<14} {'wall s':>8} {'krows/s':>8} {'CPU s':>7} {'RSS MiB':>8} {'of floor':>9}   each round"
        for name, outcome in sorted(self.outcomes.items(), key=_by_speed):
            if not outcome.is_measured:
                yield f"  {name:<14} {outcome.error}"
                continue
            floor = self.ratio(name, "floor")
            share = f"{floor:9.2f}" if floor is not None else " " * 9
            each = " ".join(f"{run.wall_s:.2f}" for run in outcome.runs)
            yield (
                f"  {name:<14} {outcome.wall_s:8.2f} {rows / outcome.wall_s / 1000:8.0f} {outcome.cpu_s:7.2f}"
                f" {outcome.rss_mib_max:8.0f} {share}   {each}"
            )
        yield from self._cost_of_verification()
        yield from (f"  {verdict}" for verdict in self.verdicts())

    def _cost_of_verification(self) -> Iterator[str]:
        ratio = self.ratio(COPY_ONLY, WITH_DIGEST)
        if ratio is not None:
            more_s = self.outcomes[WITH_DIGEST].wall_s - self.outcomes[COPY_ONLY].wall_s
            yield f"  verification costs {more_s:+.2f} s, {ratio - 1:+.0%} of the copy"

    def document(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {
            "pair": self.pair.name,
            "data": self.prepared.data_set.name,
            "rows": self.prepared.rows,
            "tools": {name: _document(outcome) for name, outcome in self.outcomes.items()},
            "best_peer": self.best_peer(),
            "verdicts": [
                {"what": v.what, "rival": v.rival, "ratio": round(v.ratio, 3), "target": v.target, "met": v.is_met}
                for v in self.verdicts()
            ],
        }


def _by_speed(entry: tuple[str, Outcome]) -> tuple[bool, float]:
    outcome = entry[1]
    return (not outcome.is_measured, outcome.wall_s if outcome.is_measured else 0)


def _document(outcome: Outcome) -> dict[str, Any]:
    runs = [
        {"wall_s": round(run.wall_s, 3), "cpu_s": round(run.cpu_s, 3), "rss_bytes_max": run.rss_bytes_max}
        for run in outcome.runs
    ]
    return {"runs": runs, "median_s": round(outcome.wall_s, 3) if outcome.is_measured else None, "error": outcome.error}
