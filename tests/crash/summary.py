"""What a run of the crash tests adds up to, in lines to be printed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from tests.crash.matrix import MATRIX, provoked
from tests.crash.tally import Tally, takeover_p95_s


def lines_of(tally: Tally) -> Iterator[tuple[str, bool]]:
    """Yield lines, and of each whether it tells of something that must not be."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kills.items()))
    yield f"kill points: {tally.kills.total()} ({kinds}) at {len(tally.sites)} named sites", False
    yield f"wrong results: {len(tally.wrong)}", bool(tally.wrong)
    yield from ((f"  {wrong}", True) for wrong in tally.wrong)
    yield from _matrix(tally)
    if len(tally.takeover_s) > 1:
        p50, p95 = statistics.median(tally.takeover_s), takeover_p95_s(tally)
        yield f"takeover: p50 {p50:.1f} s, p95 {p95:.1f} s over {len(tally.takeover_s)} kills of a worker", False
    yield f"simulated histories: {tally.histories}, violations: {len(tally.violations)}", bool(tally.violations)
    yield from ((f"  {wrong}", True) for wrong in tally.violations)


def _matrix(tally: Tally) -> Iterator[tuple[str, bool]]:
    """Tell how many rows have passed: all tests of a row that ran did, and at least one, or all are elsewhere."""
    named = {row: MATRIX[row] for row in provoked()}
    failed = [row for row, tests in named.items() if not all(tally.outcomes.get(test, True) for test in tests)]
    ran = [row for row, tests in named.items() if row not in failed and any(test in tally.outcomes for test in tests)]
    elsewhere = [row for row in named if row not in failed and row not in ran]
    counts = f"{len(ran)} of {len(MATRIX)} rows passed in this run, {len(failed)} failed"
    others = f"{len(elsewhere)} are provoked by tests that did not run here, {len(MATRIX) - len(named)} by none"
    yield f"fault matrix: {counts}, {others}", bool(failed)
    yield from ((f"  {row}: FAILED", True) for row in failed)
    yield from ((f"  {row}: {reason}", False) for row, reason in MATRIX.items() if isinstance(reason, str))
    if elsewhere:
        yield f"  elsewhere: {', '.join(row.split()[0] for row in elsewhere)}", False
