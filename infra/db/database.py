"""The control store's sessions: one kind that reads, one that writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import RowMapping, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel.ext.asyncio.session import AsyncSession

from infra import keepalive
from infra.shapes import adapter

V = TypeVar("V")

POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_WAIT_S = 10
CONNECT_S = 10

NAME = "wherry control store"
"""What sessions are called where the server lists them."""

NO_SETTINGS: Mapping[str, str] = {}

IDLE_MAX_S = 10

OF_WORKERS: Mapping[str, str] = {
    "idle_in_transaction_session_timeout": f"{IDLE_MAX_S}s",
    "lock_timeout": f"{IDLE_MAX_S // 2}s",
}
"""Settings for the sessions of workers, which may be frozen in the middle of a transaction: the server then ends it,
so that others can take over, and what waits behind it in the same frozen process gives up before it would be next."""

IF_SILENT: Mapping[str, str] = {
    "tcp_keepalives_idle": str(keepalive.OF_CONTROL_STORE.idle_s),
    "tcp_keepalives_interval": str(keepalive.OF_CONTROL_STORE.interval_s),
    "tcp_keepalives_count": str(keepalive.OF_CONTROL_STORE.probes),
    "tcp_user_timeout": f"{keepalive.OF_CONTROL_STORE.in_all_s}s",
}
"""Settings for all sessions: the server gives up those of a peer that it cannot reach any more, with their locks."""


class Database:
    """The pool of connections to the control store."""

    def __init__(self, url: str, session: Mapping[str, str] = NO_SETTINGS) -> None:
        """Connect nothing yet; each session will have the settings."""
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
            connect_args={"server_settings": {"application_name": NAME, **IF_SILENT, **session}, "timeout": CONNECT_S},
        )
        event.listen(self.engine.sync_engine, "connect", _watch)
        event.listen(self.engine.sync_engine, "handle_error", _notice)
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a writing session; leaving it without a commit undoes everything."""
        async with self._sessions() as session:
            try:
                yield session
            finally:
                await session.rollback()

    async def rows(self, sql: str, **values: object) -> Sequence[RowMapping]:
        """Run one reading statement and return all its rows. The statement must limit their number."""
        async with self._reading.connect() as connection:
            return (await connection.execute(text(sql), values)).mappings().all()

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def _watch(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """Give a connection up once nothing comes from the other end any more, not even an acknowledgement."""
    line = connection.driver_connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg gives no other way
    keepalive.watch_peer(line, keepalive.OF_CONTROL_STORE)


def _notice(context: ExceptionContext) -> None:
    """Take what the system says of a broken line for what it is: nobody else may get this connection."""
    if isinstance(context.original_exception, OSError):
        context.is_disconnect = True


def build(view: type[V], row: Mapping[Any, object]) -> V:
    """Make a view from a row whose columns are the view's fields."""
    made: V = adapter(view).validate_python(dict(row))
    return made


def control_store_url(url: str) -> str:
    """Return a PostgreSQL address with the driver that we use."""
    return "postgresql+asyncpg://" + url.partition("://")[2]
