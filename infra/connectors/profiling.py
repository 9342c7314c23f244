"""Questions about values beyond limits, as SQL that engines share; what is beyond a limit each spells itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from domain.kernel.values import Rows
from domain.migrations.misfits import ColumnLimit, Finding, MisfitPolicy, Profile, Treatment
from domain.migrations.sentinels import carried_sentinel
from infra.connectors.canonical import canonical_text

Beyond = Callable[[ColumnLimit], str]
"""Spells the condition under which a value is beyond a limit; NULL counts as false."""

EXAMPLES_MAX = 3
"""How many rows are named for each limit."""


def counting_sql(rows: str, limits: Iterable[ColumnLimit], rejecting: Iterable[ColumnLimit], beyond: Beyond) -> str:
    """Return the query of one look at a table: all rows, rows to reject, then the rows beyond each limit.

    `rows` is what stands after FROM.
    """
    any_of = " OR ".join(f"({beyond(on)})" for on in rejecting)
    wanted = [*([any_of] if any_of else []), *(beyond(on) for on in limits)]
    counts = [f"count(CASE WHEN {condition} THEN 1 END)" for condition in wanted]
    return f"SELECT {', '.join(['count(*)', *([] if any_of else ['0']), *counts])} FROM {rows}"


def examples_sql(rows: str, key: Sequence[str], on: ColumnLimit, beyond: Beyond) -> str:
    """Return the query for the keys of the first rows beyond a limit; `key` are expressions that give texts."""
    return f"SELECT {', '.join(key)} FROM {rows} WHERE {beyond(on)} LIMIT {EXAMPLES_MAX}"


def profile_of(
    counts: Sequence[int], limits: Sequence[ColumnLimit], examples: dict[ColumnLimit, tuple[str, ...]]
) -> Profile:
    """Return what a look has found, from the row that `counting_sql` gives."""
    rows, rejected, *beyond = counts
    findings = (
        Finding(on, Rows(int(count)), examples.get(on, ())) for on, count in zip(limits, beyond, strict=True) if count
    )
    return Profile(Rows(int(rows)), Rows(int(rejected)), tuple(findings))


def found_beyond(counts: Sequence[int], limits: Sequence[ColumnLimit]) -> list[ColumnLimit]:
    """Return the limits that values were found beyond."""
    return [on for on, count in zip(limits, counts[2:], strict=True) if count]


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
