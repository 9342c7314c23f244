"""How soon events reached their subscribers, from what these have written down and when the store committed."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.spread import Spread
from tests.support.storm import Fault

Json = dict[str, Any]

NOTABLE_S = 0.1


@dataclass(frozen=True)
class Deliveries:
    """What all subscribers have seen, beside the moment at which each event was committed."""

    seen: Sequence[Json]
    committed: Mapping[int, float]

    def lines(self, calm: tuple[float, float], faults: Sequence[Fault]) -> Iterator[str]:
        """Give the figures: `calm` is the time before the first fault."""
        closes: Counter[str] = Counter()
        for one in self.seen:
            closes.update(one["closes"])
        told = ", ".join(f"{how}: {count}" for how, count in closes.most_common())
        yield f"events delivered: {sum(len(one['sequences']) for one in self.seen):,} of {len(self.committed)} numbers"
        yield f"subscriptions opened: {sum(len(one['opened']) for one in self.seen):,}; connections lost by {told}"
        yield f"commit to delivery, calm:  {Spread.of(self._latencies(*calm))}"
        yield f"commit to delivery, all subscribed then: {Spread.of(self._latencies(0, float('inf')))}"
        for fault in faults:
            away = (
                f" (away for {fault.ended_at - fault.began_at:.1f} s)"
                if fault.ended_at - fault.began_at > NOTABLE_S
                else ""
            )
            yield f"first news after {fault.loss.value}{away}: {Spread.of(self._gaps(fault.began_at))}"

    def _latencies(self, begin: float, end: float) -> Iterator[float]:
        """Give the time from commit to delivery of events committed in a period, to those subscribed at their commit.

        What was missed while away, or came as the first snapshot, is told late by its nature.
        """
        for one in self.seen:
            opened = one["opened"]
            for sequence, time in zip(one["sequences"], one["times"], strict=True):
                at = self.committed.get(sequence)
                if at is None or not begin <= at <= end:
                    continue
                if bisect_right(opened, at) == bisect_right(opened, time) > 0:
                    yield time - at

    def _gaps(self, began_at: float) -> Iterator[float]:
        """Give, per subscriber, the time from a fault to the first event that was committed after it."""
        for one in self.seen:
            for sequence, time in zip(one["sequences"], one["times"], strict=True):
                if self.committed.get(sequence, 0.0) > began_at:
                    yield time - began_at
                    break
