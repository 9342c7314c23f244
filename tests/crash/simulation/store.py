"""The real control store under virtual time: PostgreSQL itself, asked one statement after the other.

While a statement is at the server the virtual time stands still. Two writing transactions are never
open at once: the second waits for the first in virtual time, as it would for its locks. The server's
`now()` is the history's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db.database import POOL_OVERFLOW, POOL_SIZE, POOL_WAIT_S, Database
from tests.crash.simulation.chance import Chance
from tests.crash.simulation.loop import VirtualLoop

T = TypeVar("T")
Connect = Callable[[], Awaitable[Any]]
"""Opens a session for whoever uses an engine at the time."""

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
"""When every history begins."""

_MONOTONIC = time.monotonic
_DEADLOCK = "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$"


class _RealLoop(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return _MONOTONIC()


class ControlServer:
    """Sessions at the real server, lent to the processes of one history after the other."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = _RealLoop()
        self._idle: list[asyncpg.Connection] = []
        self._prepared: dict[asyncpg.Connection, dict[str, Any]] = {}
        self._engines: list[AsyncEngine] = []
        self._connect: dict[AsyncEngine, Connect] = {}
        self._told_us = -1
        self.statements = 0

    def ask(self, answer: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer in real time, while the virtual one stands still."""
        virtual = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return self._loop.run_until_complete(answer)
        finally:
            asyncio._set_running_loop(virtual)

    def lend(self) -> asyncpg.Connection:
        """Return a session that nobody uses."""
        if self._idle:
            return self._idle.pop()
        settings = {"search_path": "simulation, public, pg_catalog"}
        connection = self.ask(asyncpg.connect(self._dsn, server_settings=settings))
        self._prepared[connection] = {}
        return connection

    def take_back(self, connection: asyncpg.Connection) -> None:
        """Undo what a session has not committed, and keep it for others."""
        if connection.is_in_transaction():
            self.ask(connection.execute("ROLLBACK"))
        self._idle.append(connection)

    def engine(self, connect: Connect) -> AsyncEngine:
        """Return an engine with an empty pool; what it has compiled for earlier processes it still knows."""
        if not self._engines:
            self._engines.append(self._new_engine())
        engine = self._engines.pop()
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
        self.ask(self._introduce(engine))
        return engine

    async def _introduce(self, engine: AsyncEngine) -> None:
        """Let an engine find out once what server it talks to; no history interrupts that."""

        async def connect() -> Any:
            return await asyncpg.connect(self._dsn)

        self._connect[engine] = connect
        async with engine.connect():
            pass
        await engine.dispose()

    def prepared(self, connection: asyncpg.Connection, sql: str) -> Any:
        """Return a statement of a session, made once."""
        known = self._prepared[connection]
        if sql not in known:
            known[sql] = self.ask(connection.prepare(sql))
        return known[sql]

    def tell_time(self, connection: asyncpg.Connection, sql: str) -> None:
        """Set the server's clock to that of the history, if the statement looks at it."""
        self.statements += 1
        if "now()" not in sql and "clock_timestamp()" not in sql:
            return
        now_us = int((BEGINNING.timestamp() + asyncio.get_running_loop().time()) * 1_000_000)
        if now_us != self._told_us:
            self.ask(self.prepared(connection, "SELECT setval('simulation.clock', $1)").fetch(now_us))
            self._told_us = now_us

    def observe(self, sql: str, *args: object) -> Sequence[Any]:
        """Run a statement of the observer's, in no time."""
        connection = self.lend()
        rows: Sequence[Any] = self.ask(connection.fetch(sql, *args))
        self._idle.append(connection)
        return rows


class _Gate:
    """Lets one writing transaction in at a time, in an order that chance decides."""

    def __init__(self, chance: Chance, loop: VirtualLoop) -> None:
        self._chance, self._loop = chance, loop
        self._waiting: list[tuple[SimulatedSession, asyncio.Future[None]]] = []
        self.owner: SimulatedSession | None = None

    async def enter(self, session: SimulatedSession) -> None:
        if self.owner is None:
            self.owner = session
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((session, turn))
        try:
            await turn
        except asyncio.CancelledError:
            self.leave(session)
            raise

    def leave(self, session: SimulatedSession) -> None:
        self._waiting = [(other, turn) for other, turn in self._waiting if other is not session]
        if self.owner is session:
            self.owner = None
            self.admit()

    def admit(self) -> None:
        """Let the next one in that is able to go on."""
        able = [(other, turn) for other, turn in self._waiting if self._loop.runs(other.process) and not turn.done()]
        if self.owner is None and able:
            self.owner, turn = self._chance.dice.choice(able)
            self._waiting.remove((self.owner, turn))
            turn.set_result(None)


class ControlStore:
    """The control store of one history."""

    def __init__(self, server: ControlServer, chance: Chance, loop: VirtualLoop) -> None:
        self.server, self.chance = server, chance
        self.gate = _Gate(chance, loop)
        self._sessions: dict[str, list[SimulatedSession]] = {}
        self._engines: dict[str, AsyncEngine] = {}

    def database(self, process: str) -> Database:
        """Return a process's pool of sessions."""

        async def connect() -> SimulatedSession:
            await self.chance.travel()
            return self.session(process)

        self._engines[process] = self.server.engine(connect)
        return _SimulatedDatabase(self._engines[process])

    def session(self, process: str) -> SimulatedSession:
        """Open a session for a process."""
        session = SimulatedSession(self, process, self.server.lend())
        self._sessions.setdefault(process, []).append(session)
        return session

    def forget(self, session: SimulatedSession) -> None:
        """Note that a session is closed."""
        self._sessions[session.process].remove(session)

    def end(self, process: str) -> None:
        """Note that a process is dead."""
        self.cut(process)
        if process in self._engines:
            self.server.reuse(self._engines.pop(process))

    def cut(self, process: str, *, only_busy: bool = False) -> None:
        """End the sessions of a process at the server; what they have not committed is undone."""
        for session in tuple(self._sessions.get(process, ())):
            if not only_busy or session is self.gate.owner:
                session.end()
        self.gate.admit()


class _SimulatedDatabase(Database):
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)


class SimulatedSession:
    """A session as SQLAlchemy knows it from asyncpg, over a line that takes time and breaks."""

    def __init__(self, store: ControlStore, process: str, real: asyncpg.Connection) -> None:
        self._store, self.process, self._real = store, process, real
        self._is_open = True
        self._begins = False

    async def prepare(self, sql: str, *, name: str | None = None) -> _Statement:
        """Prepare a statement."""
        self._check_open()
        return _Statement(self, self._store.server.prepared(self._real, sql), sql)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for each row."""
        await self.asked(sql, self._store.server.prepared(self._real, sql).executemany, rows)

    async def fetchrow(self, _sql: str) -> None:
        """Answer a ping."""
        self._check_open()

    async def set_type_codec(self, name: str, **options: Any) -> None:
        """Say how JSON is read and written."""
        await asyncio.sleep(0)
        self._store.server.ask(self._real.set_type_codec(name, **options))

    async def reload_schema_state(self) -> None:
        """Forget nothing: the schema does not change."""

    def transaction(self, **_options: object) -> _Transaction:
        """Return a transaction that is not begun yet."""
        return _Transaction(self)

    async def close(self, **_options: object) -> None:
        """Close the session in order."""
        self.end()

    def terminate(self) -> None:
        """Close the session at once."""
        self.end()

    def is_closed(self) -> bool:
        """Tell whether the line is down."""
        return not self._is_open

    def end(self) -> None:
        """End the session at the server."""
        if self._is_open:
            self._is_open = False
            self._store.server.take_back(self._real)
            self._store.forget(self)
        self._store.gate.leave(self)

    async def asked(self, sql: str, answer: Any, *args: object) -> Any:
        """Send a statement and return its answer, unless the line breaks on one of the two ways."""
        await self._store.chance.travel()
        self._check_open()
        if self._begins:
            self._begins = False
            await self._store.gate.enter(self)
            self._check_open()
            self._store.server.ask(self._real.execute("BEGIN"))
        if self._store.chance.happens("statement lost"):
            self._broken()
        if self._real.is_in_transaction() and self._store.chance.happens("deadlock"):
            answer, args = self._real.execute, (_DEADLOCK,)
        self._store.server.tell_time(self._real, sql)
        found = self._store.server.ask(_awaited(answer(*args)))
        await self._store.chance.travel()
        self._check_open()
        return found

    async def begin(self) -> None:
        """Begin a transaction, with its first statement, once no other one is open."""
        self._begins = True

    async def finish(self, how: str) -> None:
        """Commit or roll back; a commit may be lost on its way, and its answer on the way back."""
        if self._begins:
            self._begins = False
            return
        await self._store.chance.travel()
        self._check_open()
        if how == "COMMIT" and self._store.chance.happens("commit lost"):
            self._broken()
        self._store.server.ask(self._real.execute(how))
        self._store.gate.leave(self)
        await self._store.chance.travel()
        if how == "COMMIT" and self._store.chance.happens("answer to commit lost"):
            self._broken()
        self._check_open()

    def _broken(self) -> None:
        self.end()
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def _check_open(self) -> None:
        if not self._is_open:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


class _Statement:
    def __init__(self, session: SimulatedSession, real: Any, sql: str) -> None:
        self._session, self._real, self._sql = session, real, sql

    async def fetch(self, *args: object) -> Any:
        return await self._session.asked(self._sql, self._real.fetch, *args)

    def get_attributes(self) -> Any:
        return self._real.get_attributes()

    def get_statusmsg(self) -> str:
        message: str = self._real.get_statusmsg()
        return message


class _Transaction:
    def __init__(self, session: SimulatedSession) -> None:
        self._session = session

    async def start(self) -> None:
        await self._session.begin()

    async def commit(self) -> None:
        await self._session.finish("COMMIT")

    async def rollback(self) -> None:
        if not self._session.is_closed():
            await self._session.finish("ROLLBACK")


async def _awaited(answer: Awaitable[T]) -> T:
    return await answer
