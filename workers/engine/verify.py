"""Whether the target holds exactly what the source holds, as far as was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, QuickDigests, RowHash
from domain.migrations.misfits import Treatment
from domain.migrations.plan import MigrationPlan, VerifyLevel
from domain.migrations.progress import TablePhase
from domain.migrations.transfer import ColumnCopy, TableCopy
from workers.engine.concurrency import both, each
from workers.engine.control import Control, check
from workers.engine.existing import Baseline, find_table
from workers.engine.hashing import BY_MD5, CarriedRows, Hashing

_COLUMNS_NAMED_MAX = 5

Watch = Callable[[int, TablePhase], Awaitable[None]]
"""Told when a table's comparison begins and how it ended, by the table's number."""


class SourceSide(QuickDigests, Protocol):
    """A database that is compared as the one that was copied: a source."""

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute a table's digest of what treatments leave of it."""
        ...


class TargetSide(QuickDigests, Protocol):
    """A database that is compared as the copy: a target, or a source."""

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest."""
        ...


@dataclass(frozen=True)
class Sides:
    """The two databases that are compared, by which hashes, and what was carried between them."""

    source: SourceSide
    target: TargetSide
    hashing: Hashing = BY_MD5
    carried: CarriedRows | None = None

    def prove(self, copy: TableCopy, source: Digest, target: Digest) -> bool:
        """Tell whether two digests say that a table is the same at both ends."""
        if source.by is target.by and not self.hashing.passes(copy):
            return source == target
        return self.carried is not None and self.carried.prove(copy, source, target)


@dataclass(frozen=True)
class Verdict:
    """How one table compares. `level` is how it was compared, `difference` says in words what differs."""

    table_number: int
    table: str
    level: VerifyLevel
    rows_source: Rows
    rows_target: Rows
    difference: str = ""
    columns: tuple[ColumnCopy, ...] = ()
    target: Digest | None = None
    """The digest of the whole target table over these columns."""

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.difference


async def verify_tables(
    sides: Sides,
    tables: Iterable[TableCopy],
    level: VerifyLevel,
    baselines: Iterable[Baseline],
    control: Control,
    watch: Watch,
    *,
    parallel: int,
) -> tuple[Verdict, ...]:
    """Compare `parallel` tables at a time and return a verdict on each, or none at level NONE.

    Re-entrant: nothing is written.

    Raises:
        Stopped: the owner asked for a pause or an end.
        DatabaseError: one of the databases failed.
    """
    if level is VerifyLevel.NONE:
        return ()
    before = {baseline.table_number: baseline for baseline in baselines}

    async def one(copy: TableCopy) -> Verdict:
        await check(control)
        await watch(copy.number, TablePhase.VERIFYING)
        verdict = await verify_table(sides, copy, level, before.get(copy.number))
        await watch(copy.number, TablePhase.VERIFIED if verdict.equal else TablePhase.DIFFERENT)
        return verdict

    largest_first = sorted(tables, key=lambda copy: -copy.size_bytes)
    verdicts = await each(largest_first, one, at_once=parallel)
    return tuple(sorted(verdicts, key=lambda verdict: verdict.table_number))


async def verify_table(sides: Sides, copy: TableCopy, level: VerifyLevel, baseline: Baseline | None) -> Verdict:
    """Compare one table, apart from the rows that the target held before.

    Raises:
        DatabaseError: one of the databases failed.
    """
    before = Digest(Rows(0), 0)
    if baseline is not None and baseline.digest is not None:
        before = baseline.digest
    elif baseline is not None and baseline.rows:
        level, before = VerifyLevel.COUNTS, Digest(baseline.rows, 0)
    columns = copy.columns if level is VerifyLevel.DIGEST else ()
    hashing = first_hashing(sides.hashing, copy) if columns and baseline is None else BY_MD5
    source, target = await _digests(sides, copy, columns, hashing)
    is_proven = sides.prove(copy, source, target)
    if not is_proven and hashing != BY_MD5:
        source, target = await _digests(sides, copy, columns)
        is_proven = source == target
    added = replace(target, rows=Rows(target.rows - before.rows), total=target.total - before.total)
    difference = ""
    if source.rows != added.rows:
        difference = f"{source.rows} rows in the source, {added.rows} in the target"
    elif not is_proven and source != added and level is VerifyLevel.DIGEST:
        names = await _different_columns(sides, copy) if baseline is None else []
        where = f" in {', '.join(names[:_COLUMNS_NAMED_MAX])}" if names else ""
        difference = f"same number of rows, different values{where}"
    verdict = Verdict(copy.number, str(copy.source), level, source.rows, Rows(added.rows), difference)
    return replace(verdict, columns=columns, target=target)


def first_hashing(hashing: Hashing, copy: TableCopy) -> Hashing:
    """Return by which hashes a table is compared at first. Treatments are for texts that only MD5 is computed of."""
    return BY_MD5 if copy.treatments else hashing


def source_columns(columns: Iterable[ColumnCopy]) -> tuple[DigestColumn, ...]:
    """Return copied columns as the source's digest sees them."""
    return tuple(DigestColumn(column.source, column.source_native, column.type) for column in columns)


def source_part(
    hashing: Hashing, copy: TableCopy, columns: Iterable[ColumnCopy]
) -> tuple[tuple[DigestColumn, ...], RowHash]:
    """Return of which columns a source is asked, and by which hash. Rows that it added up are only counted."""
    return ((), RowHash.MD5) if hashing.passes(copy) else (source_columns(columns), hashing.source)


def target_columns(columns: Iterable[ColumnCopy]) -> tuple[DigestColumn, ...]:
    """Return copied columns as the target's digest sees them."""
    return tuple(DigestColumn(column.target, column.target_native, column.type) for column in columns)


def numbers_rows(plan: MigrationPlan) -> bool:
    """Tell whether a planned table gives numbers to its rows, so that there are next values to compare."""
    return any(column.identity for table in plan.schema.tables for column in table.columns)


def with_next_values(
    verdicts: tuple[Verdict, ...], plan: MigrationPlan, catalog: DatabaseSchema
) -> tuple[Verdict, ...]:
    """Add to the verdicts what each numbered column would give the next row: no less than in the source."""
    late = {
        copy.number: found
        for copy, planned in zip(plan.tables, plan.schema.tables, strict=True)
        if (there := find_table(catalog, copy.target)) and (found := _late_columns(planned, there))
    }
    return tuple(
        replace(verdict, difference="; ".join(filter(None, (verdict.difference, late.get(verdict.table_number)))))
        for verdict in verdicts
    )


def _late_columns(planned: Table, there: Table) -> str:
    found = []
    for column in planned.columns:
        made = there.column(column.name)
        if column.identity and made and made.identity and made.identity.next_value < column.identity.next_value:
            found.append(
                f"the next {column.name} would be {made.identity.next_value} instead of {column.identity.next_value}"
            )
    return "; ".join(found)


async def _different_columns(sides: Sides, copy: TableCopy) -> list[str]:
    """Name the columns whose values differ as multisets; none if only their combination in rows does."""
    names = []
    for column in copy.columns:
        source, target = await _digests(sides, copy, (column,))
        if source != target:
            names.append(column.source)
    return names


async def _digests(
    sides: Sides, copy: TableCopy, columns: tuple[ColumnCopy, ...], hashing: Hashing = BY_MD5
) -> tuple[Digest, Digest]:
    """Return both sides' digests, computed at the same time."""
    source, target, there = sides.source, sides.target, target_columns(columns)
    here, by = source_part(hashing, copy, columns)
    return await both(
        source.digest(copy.source, here, copy.treatments)
        if by is RowHash.MD5
        else source.quick_digest(by, copy.source, here),
        target.digest(copy.target, there)
        if hashing.target is RowHash.MD5
        else target.quick_digest(hashing.target, copy.target, there),
    )
