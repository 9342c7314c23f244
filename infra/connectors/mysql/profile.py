"""One look at a table for values that its target cannot keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.connectors.mysql.misfit import beyond
from infra.connectors.mysql.names import quoted, table_sql
from infra.connectors.profiling import Counted, counting_sql, example_text, examples_sql, rejected_sql

if TYPE_CHECKING:
    from domain.migrations.misfits import ColumnLimit, Profile
    from domain.migrations.transfer import TableCopy
    from infra.connectors.mysql.wire import BulkConnection


def profile_table(
    connection: BulkConnection,
    copy: TableCopy,
    limits: tuple[ColumnLimit, ...],
    rejecting: tuple[ColumnLimit, ...],
) -> Profile:
    """Count the values beyond each limit, and name rows that hold one."""
    rows = table_sql(copy.source)
    counted = Counted(limits, tuple(connection.fetch(counting_sql(rows, limits, beyond))[0]))
    rejected = counted.rejected(rejecting)
    if together := counted.overlapping(rejecting):
        [(rejected,)] = connection.fetch(rejected_sql(rows, together, beyond))
    key = [f"CAST({quoted(name)} AS CHAR)" for name in copy.key]
    examples = {
        on: tuple(example_text(copy.key, values) for values in connection.fetch(examples_sql(rows, key, on, beyond)))
        for on in (counted.found if key else ())
    }
    return counted.profile(rejected, examples)
