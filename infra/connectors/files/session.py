"""A connection to a database file, on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from domain.kernel.errors import DatabaseError
from infra.connectors.threads import DriverThread

T = TypeVar("T")

_INTERRUPT_AGAIN_S = 0.05


class Found(Protocol):
    """The rows of a statement; their types are the statement's."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        ...


class FileConnection(Protocol):
    """What the drivers of SQLite and DuckDB have in common."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> Found:
        """Run a statement."""
        ...

    def interrupt(self) -> None:
        """Make the running statement fail soon; safe from any thread."""
        ...

    def close(self) -> None:
        """End the connection; an open transaction is rolled back."""
        ...


C = TypeVar("C", bound=FileConnection)


def first_row(connection: FileConnection, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...] | None:
    """Return the first row of a query, or nothing; to the end, as DuckDB does no other work on an open result."""
    rows = connection.execute(sql, parameters).fetchall()
    return rows[0] if rows else None


class FileSession(Generic[C]):
    """One connection, used only on a thread of its own.

    `explain` gives the domain's failure for one of the driver's, and nothing for any other.
    """

    def __init__(
        self, connection: C, explain: Callable[[Exception], DatabaseError | None], thread: DriverThread
    ) -> None:
        self._connection = connection
        self._explain = explain
        self._thread = thread

    @classmethod
    async def open(
        cls, connect: Callable[[], C], explain: Callable[[Exception], DatabaseError | None]
    ) -> FileSession[C]:
        """Connect on the thread that will use the connection.

        Raises:
            DatabaseError: there is no connection, or too little memory for another thread.
        """
        thread = DriverThread("file")
        try:
            return cls(await thread.run(connect), explain, thread)
        except BaseException:
            thread.close()
            raise

    async def run(self, work: Callable[[C], T]) -> T:
        """Do some work on the connection. Whoever gives it up waits for its end, which is made to come soon.

        Raises:
            DatabaseError: the database said no; `transient` tells whether to try again.
        """
        future = self.submit(work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await self._given_up(future)
            raise

    def submit(self, work: Callable[[C], T]) -> asyncio.Future[T]:
        """Queue some work on the connection, as `run` does, without waiting for it."""
        return self._thread.submit(self._do, work)

    async def _given_up(self, future: asyncio.Future[T]) -> None:
        """Interrupt what runs until it has ended; an interruption between two statements goes unheard."""
        while not future.done():
            self.interrupt()
            await asyncio.wait([future], timeout=_INTERRUPT_AGAIN_S)
        if not future.cancelled():
            future.exception()

    def _do(self, work: Callable[[C], T]) -> T:
        try:
            return work(self._connection)
        except Exception as error:
            known = self._explain(error)
            if known is None:
                raise
            raise known from error

    def interrupt(self) -> None:
        """Make the statement that is running fail soon."""
        self._connection.interrupt()

    async def close(self) -> None:
        """End the session."""
        await self._thread.run(self._connection.close)
        self._thread.close()
