"""How a run uses the tables that are there before it, and what is promised of a rollback."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from domain.catalog.model import Table, TableName
from domain.kernel.values import Rows
from domain.migrations.plan import MigrationPlan, OnExisting
from domain.migrations.rollback import RollbackGuarantee, RollbackLevel, TableGuarantee, TableUse, UseMode
from domain.migrations.transfer import TableCopy, Target, Ticket, WireFormat
from workers.engine.order import Waves, in_order

_NAMED_MAX = 5

_LEVELS = {
    UseMode.EMPTY: RollbackLevel.UNTOUCHED,
    UseMode.REPLACED: RollbackLevel.KEPT_ROWS,
    UseMode.EXTENDED: RollbackLevel.ADDED_ROWS,
    UseMode.UNKNOWN: RollbackLevel.NONE,
}

NEW = RollbackGuarantee(
    RollbackLevel.UNTOUCHED, "everything this run makes is new; a rollback drops it, and empties tables that were empty"
)
"""What is promised where the run changes no rows that were there."""


async def use_tables(
    target: Target, ticket: Ticket, plan: MigrationPlan, there: dict[TableCopy, Table], order: Waves
) -> tuple[TableUse, ...]:
    """Note how the run uses each table that was there, and make it ready: old rows that are to go are copied aside.

    Re-entrant: a table whose use is noted is left alone. Tables that others refer to come after these.

    Raises:
        Fenced: another worker has taken the run over.
        DatabaseError: a table could not be made ready.
    """
    known = {use.table_number: use for use in await target.undo.uses(ticket.run_id)}
    fresh = [copy for copy in there if copy.number not in known]
    counts = await target.row_counts(tuple(copy.target for copy in fresh))
    for place, copy in enumerate(reversed(in_order(there, order))):
        if copy.number in known:
            # Noted before an interruption; what it needed may not all be done.
            await target.undo.use(known[copy.number], ticket)
            continue
        rows = counts.get(copy.target, Rows(0))
        use = intended_use(copy, there[copy], rows, plan.on_existing, place)
        await target.undo.use(use, ticket)
        known[copy.number] = use
    return tuple(sorted(known.values(), key=lambda use: use.place))


def intended_use(copy: TableCopy, there: Table, rows: Rows, on_existing: OnExisting, place: int) -> TableUse:
    """Return how a run will use a table that is there and holds `rows`."""
    use = TableUse(copy.number, copy.target, UseMode.EMPTY, place, rows)
    if not rows:
        return use
    if on_existing is OnExisting.TRUNCATE:
        return replace(use, mode=UseMode.REPLACED)
    key = there.primary_key.columns if there.primary_key else ()
    written = {column.target for column in copy.columns}
    if not key or not written.issuperset(key):
        return replace(use, mode=UseMode.UNKNOWN)
    return replace(use, mode=UseMode.EXTENDED, key=key)


def noting_added(plan: MigrationPlan, uses: tuple[TableUse, ...], against: str) -> MigrationPlan:
    """Return the plan with what is promised of a rollback; keys of added rows are read off Arrow batches."""
    if against:
        return replace(plan, rollback=RollbackGuarantee(RollbackLevel.NONE, against))
    keys = {use.table_number: use.key for use in uses if use.mode is UseMode.EXTENDED}
    tables = tuple(
        replace(copy, added_key=keys[copy.number], format=WireFormat.ARROW) if copy.number in keys else copy
        for copy in plan.tables
    )
    return replace(plan, tables=tables, rollback=table_by_table(plan, uses))


def table_by_table(plan: MigrationPlan, uses: tuple[TableUse, ...]) -> RollbackGuarantee:
    """Say what a rollback of a run by this plan will do, as a whole and to each table."""
    known = {use.table_number: use for use in uses}
    new = TableUse(0, TableName(""), UseMode.EMPTY, 0)
    found = ((copy, known.get(copy.number, new)) for copy in plan.tables)
    tables = tuple(TableGuarantee(str(copy.target), _LEVELS[use.mode], use.rows) for copy, use in found)
    return replace(guarantee(uses), tables=tables)


def guarantee(uses: Iterable[TableUse]) -> RollbackGuarantee:
    """Say what a rollback of a run with these uses will do: that of the table with the least."""
    by_mode: dict[UseMode, list[TableUse]] = {}
    for use in uses:
        by_mode.setdefault(use.mode, []).append(use)
    if unknown := by_mode.get(UseMode.UNKNOWN):
        reason = f"no key tells the rows added to {_names(unknown)} from those that are there"
        return RollbackGuarantee(RollbackLevel.NONE, reason)
    if extended := by_mode.get(UseMode.EXTENDED):
        reason = f"the keys of rows added to {_names(extended)} are noted with them; a rollback removes just these rows"
        return RollbackGuarantee(RollbackLevel.ADDED_ROWS, reason)
    if replaced := by_mode.get(UseMode.REPLACED):
        rows = sum(use.rows for use in replaced)
        reason = (
            f"the {rows} rows of {_names(replaced)} are copied aside first, and take that room until the run is "
            "forgotten; a rollback brings them back"
        )
        return RollbackGuarantee(RollbackLevel.KEPT_ROWS, reason)
    return NEW


def foreseen(plan: MigrationPlan) -> RollbackGuarantee:
    """Say what will be promised, before anybody has looked at the target."""
    if plan.on_existing is OnExisting.TRUNCATE:
        return RollbackGuarantee(
            RollbackLevel.KEPT_ROWS,
            "rows of tables that are there are copied aside first, and take that room until the run is forgotten; "
            "a rollback brings them back",
        )
    if plan.on_existing is OnExisting.APPEND:
        keyless = [str(copy.target) for copy in plan.tables if not copy.key]
        if keyless:
            names = ", ".join(keyless[:_NAMED_MAX])
            reason = f"if they hold rows already: no key tells the rows added to {names} from those that are there"
            return RollbackGuarantee(RollbackLevel.NONE, reason)
        return RollbackGuarantee(
            RollbackLevel.ADDED_ROWS, "the keys of rows added to tables that hold rows are noted with them"
        )
    return NEW


def _names(uses: list[TableUse]) -> str:
    more = f" and {len(uses) - _NAMED_MAX} more" if len(uses) > _NAMED_MAX else ""
    return f"{', '.join(str(use.name) for use in uses[:_NAMED_MAX])}{more}"
