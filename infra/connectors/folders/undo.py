"""A folder keeps nothing for a rollback, and says so; it only sees to it that rows to be replaced go once."""

from __future__ import annotations

import sqlite3

from domain.catalog.model import TableName
from domain.kernel.errors import Conflict
from domain.kernel.threads import in_thread
from domain.migrations.rollback import TableUndone, TableUse, UndoStep, UseMode
from domain.migrations.runs import Ticket
from infra.connectors.folders.book import LEDGER, Book
from infra.connectors.folders.contents import Folder
from infra.connectors.folders.whole import emptied

REASON = "a folder keeps nothing for it; delete the files that the run has written, or copy the folder before"


class FolderUndo:
    """The book of a folder."""

    reason_against = REASON

    def __init__(self, folder: Folder, book: Book) -> None:
        self._folder = folder
        self._book = book

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Remove rows that are to be replaced, unless that is done."""
        await in_thread(self._use, use, ticket)

    def _use(self, use: TableUse, ticket: Ticket) -> None:
        of = (ticket.run_id, use.table_number)
        if use.mode is not UseMode.REPLACED:
            return
        with self._book.writing() as connection:
            LEDGER.hold(connection, ticket)
            if _is_noted(connection, of):
                return
        emptied(self._folder, self._book, use.name)
        with self._book.writing() as connection:
            LEDGER.hold(connection, ticket)
            connection.execute("INSERT OR IGNORE INTO used VALUES (?, ?)", of)

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """None that would help."""
        del run_id
        return ()

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """None that could be taken back."""
        del run_id
        return ()

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Refuse."""
        del seal
        raise Conflict(f"run {run_id} cannot be rolled back: {REASON}")

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Refuse."""
        del step
        raise Conflict(f"run {ticket.run_id} cannot be rolled back: {REASON}")

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Refuse."""
        del use
        raise Conflict(f"run {ticket.run_id} cannot be rolled back: {REASON}")

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Refuse."""
        del use
        raise Conflict(f"run {ticket.run_id} cannot be rolled back: {REASON}")

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Refuse."""
        del mark, table
        raise Conflict(f"run {ticket.run_id} cannot be rolled back: {REASON}")


def _is_noted(connection: sqlite3.Connection, of: tuple[str, int]) -> bool:
    return connection.execute("SELECT 1 FROM used WHERE run_id = ? AND number = ?", of).fetchone() is not None
