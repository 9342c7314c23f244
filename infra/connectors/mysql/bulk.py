"""Sessions for rows in bulk, through PyMySQL on a thread each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pymysql import err

from domain.kernel.errors import DatabaseError
from infra.connectors.mysql.errors import connect_failure, is_lost, translated
from infra.connectors.mysql.session import Row
from infra.connectors.mysql.wire import BulkConnection
from infra.connectors.threads import DriverThread

if TYPE_CHECKING:
    from domain.connections.values import Endpoint

T = TypeVar("T")


class BulkSession:
    """A PyMySQL session on a thread of its own, for use from the event loop by one task at a time."""

    def __init__(self, connection: BulkConnection, thread: DriverThread) -> None:
        self._connection = connection
        self._thread = thread
        self.is_lost = False

    @classmethod
    async def open(cls, endpoint: Endpoint, *, loads: bool = False, sends_rows: bool = False) -> BulkSession:
        """Open a session; one that `loads` may be asked for LOAD DATA input.

        Raises:
            ConnectFailed: no session could be opened; `code` says why.
        """
        thread = DriverThread("mysql")
        connection = BulkConnection(endpoint, loads=loads, sends_rows=sends_rows)
        try:
            await thread.run(connection.open_session)
        except Exception as error:
            thread.close()
            raise connect_failure(error, endpoint.label) from error
        return cls(connection, thread)

    @property
    def connection_id(self) -> int:
        """The server's number of this session, as KILL takes it."""
        return int(self._connection.thread_id())  # type: ignore[no-untyped-call]  # so the stubs have it

    async def call(self, work: Callable[[BulkConnection], T], *, doing: str) -> T:
        """Run some work on the session's thread.

        A cancelled call may leave a statement half done: the connection is cut, the session lost.

        Raises:
            DatabaseError: the server refused or failed; `doing` begins the message.
        """
        future = self._thread.submit(work, self._connection)
        try:
            return await future
        except (err.MySQLError, OSError) as error:
            self.is_lost = self.is_lost or is_lost(error)
            raise translated(error, doing) from error
        except DatabaseError:
            raise
        except BaseException:
            self.abandon()
            raise

    async def rows(self, sql: str, args: tuple[object, ...] = (), *, doing: str) -> list[Row]:
        """Run a statement with bound parameters and return its rows."""
        return await self.call(lambda connection: connection.fetch(sql, args), doing=doing)

    def abandon(self) -> None:
        """Give the session up at once, whatever it is doing."""
        self.is_lost = True
        try:
            self._connection.cut()
        except OSError:
            return  # already cut by the other side

    async def close(self) -> None:
        """End the session; whatever it had not committed is undone."""
        try:
            await self._thread.run(self._end)
        finally:
            self._thread.close()

    def _end(self) -> None:
        if self._connection.open:
            self._connection.close()
