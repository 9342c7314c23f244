"""The server of the control store, asked one statement after the other; its `now()` is the history's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from infra.db.database import POOL_OVERFLOW, POOL_SIZE, POOL_WAIT_S
from tests.crash.simulation.lines import Line, Lines

T = TypeVar("T")
Connect = Callable[[], Awaitable[Any]]
"""Opens a session for whoever uses an engine at the time."""

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
"""When every history begins."""

_NOW = re.compile(r"\b(?:clock_timestamp|now)\(\)")
_PARAMETER = re.compile(r"\$(\d+)")
_SETTINGS = {"plan_cache_mode": "force_generic_plan", "lock_timeout": "30s"}
"""Nothing waits for a lock in a history; what does nevertheless is to break off, since time stands still meanwhile."""


@cache
def timed(sql: str) -> tuple[str, bool]:
    """Return a statement that is told the time by one more parameter, and whether it wants to know it."""
    last = max((int(number) for number in _PARAMETER.findall(sql)), default=0)
    told, count = _NOW.subn(f"${last + 1}::timestamptz", sql)
    return told, count > 0


@dataclass
class Real:
    """A session at the server."""

    connection: asyncpg.Connection
    line: Line
    prepared: dict[str, Any] = field(default_factory=dict)
    codecs: set[str] = field(default_factory=set)


class ControlServer:
    """Sessions at the server, lent to the processes of one history after the other."""

    def __init__(self, dsn: str, reset: str = "") -> None:
        self._dsn, self._reset = dsn, reset
        self._lines = Lines()
        self._idle: list[Real] = []
        self._lent: list[Real] = []
        self._engines: list[AsyncEngine] = []
        self._connect: dict[AsyncEngine, Connect] = {}
        self.statements = 0

    def ask(self, answer: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer in real time, while the virtual one stands still."""
        return self._lines.ask(answer)

    def lend(self) -> Real:
        """Return a session that nobody uses."""
        self._lent.append(self._idle.pop() if self._idle else self._opened())
        return self._lent[-1]

    def _opened(self) -> Real:
        return Real(*self._aside(self._connected()))

    async def _connected(self) -> tuple[asyncpg.Connection, Line]:
        connection = await asyncpg.connect(self._dsn, ssl=False, server_settings=_SETTINGS)
        return connection, self._lines.busy

    def _aside(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in real time that takes more than one answer."""
        virtual = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self._lines.run_until_complete(work)
        finally:
            asyncio._set_running_loop(virtual)

    def take_back(self, real: Real) -> None:
        """Undo what a session has not committed, and keep it for others."""
        if real.connection.is_in_transaction():
            self.ask(real.connection.execute("ROLLBACK"))
        self._put_away(real)

    def _put_away(self, real: Real) -> None:
        self._lent = [other for other in self._lent if other is not real]
        self._idle.append(real)

    def prepared(self, real: Real, sql: str) -> Any:
        """Return a statement of a session, made once; whoever does not run it then, holds no lock for it."""
        if sql not in real.prepared:
            real.prepared[sql] = self.ask(real.connection.prepare(timed(sql)[0]))
            self.ask(real.connection.execute("SELECT"))  # asyncpg ends an exchange, and its locks, with the next one
        return real.prepared[sql]

    def engine(self, connect: Connect) -> AsyncEngine:
        """Return an engine with an empty pool; what it has compiled for earlier processes it still knows."""
        engine = self._engines.pop() if self._engines else self._new_engine()
        self._connect[engine] = connect
        return engine

    def reuse(self, engine: AsyncEngine) -> None:
        """Take an engine back whose process is dead."""
        engine.sync_engine.dispose(close=False)
        self._engines.append(engine)

    def _new_engine(self) -> AsyncEngine:
        async def connect(*_args: object, **_options: object) -> Any:
            return await self._connect[engine]()

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,
        )
        self._aside(self._introduced(engine))
        return engine

    async def _introduced(self, engine: AsyncEngine) -> None:
        """Let an engine find out once what server it talks to; no history interrupts that."""

        async def connect() -> Any:
            return (await self._connected())[0]

        self._connect[engine] = connect
        async with engine.connect():
            pass
        await engine.dispose()

    def start_over(self) -> None:
        """Leave nothing of what happened before, so that a history is the same wherever it comes."""
        while self._lent:
            self._lent.pop().line.abort()
        real = self.lend()
        self.ask(real.connection.execute(self._reset))
        self._put_away(real)

    def close(self) -> None:
        """End all sessions."""
        for real in (*self._lent, *self._idle):
            real.line.abort()
        self._lines.close()

    def observe(self, sql: str, *args: object) -> Sequence[Any]:
        """Run a statement of the observer's, in no time."""
        real = self.lend()
        rows: Sequence[Any] = self.ask(self.prepared(real, sql).fetch(*args))
        self._put_away(real)
        return rows


def wall(seconds: float) -> datetime:
    """Return the time of day so long after the beginning."""
    return BEGINNING + timedelta(seconds=seconds)
