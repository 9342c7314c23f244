"""From the target's ledger to where rejected rows are kept for good."""

from __future__ import annotations

from collections.abc import Callable

from domain.kernel.values import Rows
from domain.migrations.rejects import REJECTS_AT_ONCE, Place, RejectBook
from domain.migrations.transfer import Target


async def keep_rejects(target: Target, run_id: str, open_book: Callable[[], RejectBook]) -> Rows:
    """Hand all rejected rows of a run to a book, opened if there are any, and return their number; re-entrant.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    after: Place | None = None
    kept = 0
    book: RejectBook | None = None
    while rows := await target.rejected(run_id, after, REJECTS_AT_ONCE):
        book = book or open_book()
        await book.keep(rows)
        kept += len(rows)
        after = rows[-1].place
    if book is not None:
        await book.close()
    return Rows(kept)
