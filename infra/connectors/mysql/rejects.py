"""Rejected rows in the ledger: stored with their chunk, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.migrations.rejects import RejectedRow, values_from_json, values_to_json
from infra.connectors.mysql.ledger import ADD_REJECTS

if TYPE_CHECKING:
    from infra.connectors.mysql.session import Row
    from infra.connectors.mysql.wire import BulkConnection


def note_rejected(connection: BulkConnection, run_id: str, rows: list[RejectedRow]) -> None:
    """Store the rejected rows of a chunk, inside its transaction."""
    with connection.cursor() as cursor:
        # The driver makes INSERTs of many rows of it, each no longer than a packet may be.
        cursor.executemany(
            ADD_REJECTS,
            [(run_id, *row.place, row.column, row.reason, values_to_json(row.values)) for row in rows],
        )


def rejected_row(row: Row) -> RejectedRow:
    """Make a rejected row of a row of the ledger."""
    table, chunk, number, column, reason, values = row
    return RejectedRow(int(table), int(chunk), int(number), str(column), str(reason), values_from_json(str(values)))
