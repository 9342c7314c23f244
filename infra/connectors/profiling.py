"""Questions about values beyond limits, as SQL that engines share; what is beyond a limit each spells itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from domain.kernel.values import Rows
from domain.migrations.canonical import canonical_text
from domain.migrations.misfits import ColumnLimit, Finding, MisfitPolicy, Profile, Treatment
from domain.migrations.sentinels import carried_sentinel

Beyond = Callable[[ColumnLimit], str]
"""Spells the condition under which a value is beyond a limit; NULL counts as false."""

EXAMPLES_MAX = 3
"""How many rows are named for each limit."""


def counting_sql(rows: str, limits: Iterable[ColumnLimit], beyond: Beyond) -> str:
    """Return the query of one look at a table: all rows, then the rows beyond each limit.

    `rows` is what stands after FROM.
    """
    counts = [f"count(CASE WHEN {beyond(on)} THEN 1 END)" for on in limits]
    return f"SELECT {', '.join(['count(*)', *counts])} FROM {rows}"


def rejected_sql(rows: str, rejecting: Sequence[ColumnLimit], beyond: Beyond) -> str:
    """Return the query that counts the rows beyond any of the limits that were found to be broken."""
    return f"SELECT count(*) FROM {rows} WHERE {' OR '.join(f'({beyond(on)})' for on in rejecting)}"


def examples_sql(rows: str, key: Sequence[str], on: ColumnLimit, beyond: Beyond) -> str:
    """Return the query for the keys of the first rows beyond a limit; `key` are expressions that give texts."""
    return f"SELECT {', '.join(key)} FROM {rows} WHERE {beyond(on)} LIMIT {EXAMPLES_MAX}"


@dataclass(frozen=True)
class Counted:
    """What one look has counted: all rows, and the rows beyond each limit."""

    limits: tuple[ColumnLimit, ...]
    counts: tuple[int, ...]
    """All rows, then those beyond each limit."""

    @property
    def found(self) -> tuple[ColumnLimit, ...]:
        """The limits that values were found beyond."""
        return tuple(on for on, count in zip(self.limits, self.counts[1:], strict=True) if count)

    def of(self, on: ColumnLimit) -> int:
        """How many values are beyond a limit."""
        return int(self.counts[1 + self.limits.index(on)])

    def overlapping(self, rejecting: Iterable[ColumnLimit]) -> tuple[ColumnLimit, ...]:
        """Return the limits whose rows must be counted together, for one row may be beyond several of them."""
        broken = tuple(on for on in self.found if on in set(rejecting))
        return broken if len(broken) > 1 else ()

    def rejected(self, rejecting: Iterable[ColumnLimit]) -> int:
        """How many rows are rejected, where at most one limit rejects any."""
        return sum(self.of(on) for on in self.found if on in set(rejecting))

    def profile(self, rejected: int, examples: dict[ColumnLimit, tuple[str, ...]]) -> Profile:
        """Return what was found."""
        findings = (Finding(on, Rows(self.of(on)), examples.get(on, ())) for on in self.found)
        return Profile(Rows(int(self.counts[0])), Rows(int(rejected)), tuple(findings))


def example_text(key: Sequence[str], values: Sequence[object]) -> str:
    """Spell the key of a row: `id=5, day=2020-01-01`."""
    return ", ".join(f"{name}={value}" for name, value in zip(key, values, strict=True))


def kept_sql(treatments: Iterable[Treatment], beyond: Beyond) -> str:
    """Return the WHERE clause that leaves out the rows that are rejected; nothing if none are."""
    rejecting = [beyond(each.on) for each in treatments if each.policy is MisfitPolicy.REJECT]
    return "".join(
        f" {word} NOT coalesce({condition}, 1 = 0)"
        for word, condition in zip(["WHERE", *["AND"] * len(rejecting)], rejecting, strict=False)
    )


def treated_sql(
    text: str, column: str, treatments: Iterable[Treatment], beyond: Beyond, spelled: Callable[[str], str], strip: str
) -> str:
    """Return the expression of a column's canonical text as treatments leave it.

    `spelled` writes a text as a literal; `strip` is an expression in which `{}` stands for a text with NULs.
    """
    cases = []
    for each in treatments:
        if each.on.column != column:
            continue
        if each.policy is MisfitPolicy.STRIP:
            text = strip.format(text)
        elif each.policy is MisfitPolicy.NULL:
            cases.append(f"WHEN {beyond(each.on)} THEN NULL")
        elif each.policy is MisfitPolicy.SENTINEL:
            value = carried_sentinel(each.on.type, each.sentinel)
            cases.append(f"WHEN {beyond(each.on)} THEN {spelled(canonical_text(each.on.type, value))}")
    return f"CASE {' '.join(cases)} ELSE {text} END" if cases else text
