"""The real control store under virtual time: PostgreSQL itself, asked one statement after the other.

While a statement is at the server the virtual time stands still. Two writing transactions are never
open at once: the second waits for the first in virtual time, as it would for its locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db.database import Database
from tests.crash.simulation.chance import Chance
from tests.crash.simulation.loop import VirtualLoop
from tests.crash.simulation.server import ControlServer, Real, timed, wall

_DEADLOCK = "DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$"


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

    def __init__(self, store: ControlStore, process: str, real: Real) -> None:
        self._store, self.process, self._real = store, process, real
        self._server, self._chance = store.server, store.chance
        self._is_open = True
        self._begins = False
        self._is_in_transaction = False

    async def prepare(self, sql: str, *, name: str | None = None) -> _Statement:
        """Prepare a statement."""
        self._check_open()
        return _Statement(self, self._server.prepared(self._real, sql), sql)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for each row."""
        statement = self._server.prepared(self._real, sql)
        await self.asked(sql, lambda *now: statement.executemany([(*row, *now) for row in rows]), rows)

    async def fetchrow(self, _sql: str) -> None:
        """Answer a ping."""
        self._check_open()

    async def set_type_codec(self, name: str, **options: Any) -> None:
        """Say how JSON is read and written."""
        await asyncio.sleep(0)
        if name not in self._real.codecs:
            self._real.codecs.add(name)
            self._server.ask(self._real.connection.set_type_codec(name, **options))

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
            self._server.take_back(self._real)
            self._store.forget(self)
        self._store.gate.leave(self)

    async def asked(self, sql: str, answer: Any, values: Sequence[object]) -> Any:
        """Send a statement and return its answer, unless the line breaks on one of the two ways."""
        await self._chance.travel()
        self._check_open()
        begins, self._begins = self._begins, False
        if begins:
            await self._chance.step("frozen before a transaction")
            await self._store.gate.enter(self)
            self._check_open()
        if self._chance.happens("statement lost"):
            self._broken("a statement is lost", sql)
        if begins:
            self._is_in_transaction = True
            self._real.line.begin()
        if self._is_in_transaction and self._chance.happens("deadlock"):
            sql, answer = _DEADLOCK, self._deadlocked
        self._server.statements += 1
        told = (wall(asyncio.get_running_loop().time()),) if timed(sql)[1] else ()
        try:
            found = self._server.ask(answer(*told))
        except asyncpg.LockNotAvailableError:
            raise SystemExit(f"{self.process} waits for a lock that nobody will give up: {sql}") from None
        except asyncpg.PostgresError as error:
            self._chance.note(sql, values, error)
            raise
        self._chance.note(sql, values, found)
        await self._chance.travel()
        self._check_open()
        return found

    async def _deadlocked(self) -> None:
        await self._real.connection.execute(_DEADLOCK)

    async def begin(self) -> None:
        """Begin a transaction, with its first statement, once no other one is open."""
        self._begins = True

    async def finish(self, how: str) -> None:
        """Commit or roll back; a commit may be lost on its way, and its answer on the way back."""
        if not self._is_in_transaction:
            self._begins = False
            return
        await self._chance.travel()
        self._check_open()
        if how == "COMMIT" and self._chance.happens("commit lost"):
            self._broken("a commit is lost")
        self._server.ask(self._real.connection.execute(how))
        self._is_in_transaction = False
        self._chance.note(how)
        self._store.gate.leave(self)
        await self._chance.travel()
        if how == "COMMIT" and self._chance.happens("answer to commit lost"):
            self._broken("the answer to a commit is lost")
        self._check_open()

    def _broken(self, *why: str) -> None:
        self._chance.note(*why)
        self.end()
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    def _check_open(self) -> None:
        if not self._is_open:
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


class _Statement:
    def __init__(self, session: SimulatedSession, real: Any, sql: str) -> None:
        self._session, self._real, self._sql = session, real, sql

    async def fetch(self, *args: object) -> Any:
        return await self._session.asked(self._sql, lambda *now: self._real.fetch(*args, *now), args)

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
