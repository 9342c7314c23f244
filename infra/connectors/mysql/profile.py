"""One look at a table for values that its target cannot keep."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from domain.catalog.types import Integer
from infra.connectors.mysql.misfit import beyond
from infra.connectors.mysql.names import quoted, table_sql
from infra.connectors.mysql.scope import above, key_columns, up_to
from infra.connectors.profiling import Counted, counting_sql, example_text, examples_sql, rejected_sql

if TYPE_CHECKING:
    from domain.migrations.misfits import ColumnLimit, Profile
    from domain.migrations.transfer import TableCopy
    from infra.connectors.mysql.wire import BulkConnection

PART_ROWS_MIN = 100_000
"""Fewer rows than this, about, are counted in one go."""


def parts(connection: BulkConnection, copy: TableCopy, parts_max: int) -> tuple[str, ...]:
    """Cut a table at even distances along its integer key; return what stands after FROM for each part.

    The outer ranges are open, and rows whose key is NULL are of the first.
    """
    rows, key = table_sql(copy.source), key_columns(copy)
    wanted = min(parts_max, copy.row_estimate // PART_ROWS_MIN)
    if wanted <= 1 or len(key) != 1 or not isinstance(key[0].type, Integer):
        return (rows,)
    name = quoted(key[0].name)
    low, high = connection.fetch(f"SELECT MIN({name}), MAX({name}) FROM {rows}")[0]
    if low is None:
        return (rows,)
    width = (int(high) - int(low)) // wanted
    cuts = [int(low) + width * number for number in range(1, wanted)]
    between = [f"{above(key, (after,))} AND {up_to(key, (upto,))}" for after, upto in pairwise(cuts)]
    first, last = f"({up_to(key, (cuts[0],))} OR {name} IS NULL)", above(key, (cuts[-1],))
    return tuple(f"{rows} WHERE {where}" for where in (first, *between, last))


def counted(connection: BulkConnection, rows: str, limits: tuple[ColumnLimit, ...]) -> tuple[int, ...]:
    """Count all rows of a part, and the values beyond each limit."""
    return tuple(int(count) for count in connection.fetch(counting_sql(rows, limits, beyond))[0])


def profile_table(
    connection: BulkConnection,
    copy: TableCopy,
    counts: Counted,
    rejecting: tuple[ColumnLimit, ...],
) -> Profile:
    """Say what was counted, and name rows that hold a value beyond a limit."""
    rows = table_sql(copy.source)
    rejected = counts.rejected(rejecting)
    if together := counts.overlapping(rejecting):
        [(rejected,)] = connection.fetch(rejected_sql(rows, together, beyond))
    key = [f"CAST({quoted(name)} AS CHAR)" for name in copy.key]
    examples = {
        on: tuple(example_text(copy.key, values) for values in connection.fetch(examples_sql(rows, key, on, beyond)))
        for on in (counts.found if key else ())
    }
    return counts.profile(rejected, examples)
