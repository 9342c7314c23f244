"""One history of a migration: processes come and go, people ask for things, and what must hold is checked."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from unittest.mock import patch
from uuid import UUID

from domain.kernel.errors import ErrorCode, WherryError
from domain.kernel.messages import Command
from domain.migrations.commands import CancelMigration, StartMigration
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.rolling_back import RollbackMigration
from domain.migrations.steering import PauseMigration, ResumeMigration, RetryDeadChunks
from domain.migrations.values import MigrationConfig, MigrationStatus
from infra.clock import SystemClock
from infra.db.database import IDLE_MAX_S
from infra.db.projections.rebuild import rebuild
from tests.crash.simulation.chance import Chance, rates_by
from tests.crash.simulation.checks import accounted, read_models, violations
from tests.crash.simulation.databases import Pair
from tests.crash.simulation.loop import PROCESS, NothingLeft, VirtualLoop
from tests.crash.simulation.processes import Parts, SimulatedApi, SimulatedWorker
from tests.crash.simulation.queue import JobQueue, SimulatedDoorbell
from tests.crash.simulation.server import ControlServer, wall
from tests.crash.simulation.setting import Setting
from tests.crash.simulation.store import ControlStore
from workers.engine.progress import Meter

FAULTS_MAX_S = 15
CALM_WITHIN_S = 10
"""So long after the last fault of a process and the last wish messages may still be lost and statements fail."""

ENDS_WITHIN_S = 300
"""So long after that a migration may take to come to its end, in virtual time."""

ANSWER_S = 40
"""After so long without an answer people ask again."""

LOOK_S = 0.5

REBUILT_EVERY = 10
"""Every so many seeds the read models are made anew from the events."""

WAKES_S = 0.5
"""So soon after a takeover, on average, frozen workers wake: their work is in other hands, and not done yet."""

AFTERMATH_S = 1.0
"""So long the world goes on after the end of its migration."""

Wish = PauseMigration | ResumeMigration | RetryDeadChunks | CancelMigration | RollbackMigration

_STANDING = "SELECT status, error::text, pause_reason::text AS reason FROM migration WHERE id = $1"

_ENDS = frozenset({MigrationStatus.COMPLETED, MigrationStatus.CANCELLED, MigrationStatus.ROLLED_BACK})

_WISH_FOR = {MigrationStatus.CANCELLED: CancelMigration, MigrationStatus.ROLLED_BACK: RollbackMigration}


@dataclass
class Outcome:
    """What became of a history."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    virtual_s: float = 0.0
    statements: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    status: str = ""
    fingerprint: str = ""
    """The same if everything that happened was the same."""
    told: list[str] | None = None
    """Everything that happened, if it was asked for."""


class History:
    """The world of one migration, and its fate by one seed."""

    def __init__(
        self, seed: int, server: ControlServer, parts: Parts, setting: Setting, *, is_told: bool = False
    ) -> None:
        self.outcome = Outcome(seed, told=[] if is_told else None)
        dice = random.Random(seed)
        self._dice, self._server, self._parts, self._setting = dice, server, parts, setting
        self._loop = VirtualLoop()
        self._chance = Chance(dice, freeze=self._freeze, told=self.outcome.told, rates=rates_by(dice))
        self._store = ControlStore(server, self._chance, self._loop)
        self._queue = JobQueue(self._chance)
        self._pair = Pair(self._chance, self._wake_all)
        self._workers: dict[str, tuple[SimulatedWorker, asyncio.Task[None]]] = {}
        self._all_workers: list[SimulatedWorker] = []
        self._names = count(1)
        self._skew_s: dict[str, float] = {}
        self._api = self._new_api()
        self._wished_for: set[type[Wish]] = set()
        self._is_over = False

    def run(self) -> Outcome:
        """Let it happen, and return what became of it."""
        self._server.start_over()
        before = self._server.statements
        asyncio.set_event_loop(self._loop)
        with ExitStack() as patches:
            patches.enter_context(patch("time.monotonic", self._loop.time))
            patches.enter_context(patch.dict(Meter.__init__.__kwdefaults__, clock=self._loop.time))
            patches.enter_context(patch("time.time", lambda: self._wall().timestamp()))
            patches.enter_context(patch("time.time_ns", lambda: int(self._wall().timestamp() * 1_000_000_000)))
            patches.enter_context(patch("secrets.randbelow", self._dice.randrange))
            patches.enter_context(patch("secrets.randbits", self._dice.getrandbits))
            patches.enter_context(patch.object(SystemClock, "now", lambda _: self._wall()))
            try:
                self._loop.run_until_complete(self._loop.create_task(self._happens()))
            except NothingLeft:
                self.outcome.wrong.append("everything waits for something that never comes")
        self.outcome.statements = self._server.statements - before
        self.outcome.fingerprint = self._chance.fingerprint()
        self.outcome.virtual_s = round(self._loop.time(), 1)
        return self.outcome

    def _wall(self) -> datetime:
        skew_s = self._skew_s.get(PROCESS.get(), 0.0)
        return wall(self._loop.time() + skew_s)

    async def _happens(self) -> None:
        for _ in range(self._dice.randint(2, 3)):
            self._start_worker()
        faults = self._loop.create_task(self._faults())
        id_ = await self._started()
        watching = self._loop.create_task(self._watch())
        people = self._loop.create_task(self._people(id_))
        await self._until_calm(id_, faults, people)
        await self._ends(id_)
        await self._aftermath()
        watching.cancel()
        await self._check(id_)

    async def _until_calm(self, id_: UUID, faults: asyncio.Task[None], people: asyncio.Task[None]) -> None:
        """Wait for the last fault and the last wish; faults after the end are of no interest."""
        await people
        while not faults.done():
            await asyncio.wait([faults], timeout=LOOK_S)
            if self._status(id_) in _ENDS:
                faults.cancel()
                break
        else:
            faults.result()
        self._later(self._dice.uniform(0, CALM_WITHIN_S), self._calm, "")

    def _calm(self, _: str) -> None:
        """Let nothing go wrong any more."""
        self._chance.is_calm = True

    async def _aftermath(self) -> None:
        """Let those who slept through the end do what they still would."""
        self._chance.is_calm = True
        for worker in self._all_workers:
            self._loop.wake(worker.name)
        await asyncio.sleep(AFTERMATH_S)

    def _status(self, id_: UUID) -> MigrationStatus:
        return MigrationStatus(self._server.observe("SELECT status FROM migration WHERE id = $1", id_)[0]["status"])

    async def _check(self, id_: UUID) -> None:
        wrong, pair, status = self.outcome.wrong, self._pair, self.outcome.status
        self._is_over = True
        wrong += violations(self._server, id_)
        wrong += pair.stale
        if status == MigrationStatus.COMPLETED.value and not pair.is_exact():
            wrong.append("complete, and the target is not as the source")
        if status == MigrationStatus.ROLLED_BACK.value and pair.target.rows:
            wrong.append("rolled back, and the target is not as it was")
        if status in (MigrationStatus.COMPLETED.value, MigrationStatus.CANCELLED.value):
            wrong += pair.unaccounted()
            wrong += accounted(self._server, id_, pair.written())
        if not pair.is_source_untouched():
            wrong.append("the source has changed")
        for worker in self._all_workers:
            wrong += [f"a job of {worker.name} raised {error!r}" for error in worker.crashes]
        for name in (*(worker.name for worker in self._all_workers), self._api.name):
            self._end(name)
        if self.outcome.seed % REBUILT_EVERY == 0:
            before = read_models(self._server)
            await rebuild(self._store.database("observer"))
            wrong += [
                f"{name} is not what its events say"
                for name, rows in read_models(self._server).items()
                if rows != before[name]
            ]
            self._end("observer")

    # What people do.

    async def _started(self) -> UUID:
        """Ask for the migration until there is an answer."""
        config = MigrationConfig(
            source_connection_id=self._setting.source_id,
            target_connection_id=self._setting.target_id,
            parallel_tasks=self._dice.randint(1, 3),
            batch_size=self._dice.choice((2, 2, 3, 8)),
        )
        return await self._asked(StartMigration(project_id=self._setting.project_id, config=config))

    async def _asked(self, command: Command[UUID]) -> UUID:
        """Send a command, again and again under one key, until it is answered or refused."""
        key = f"{self.outcome.seed}-{next(self._names)}"
        while True:
            answer = self._loop.start(self._api.name, self._api.send(command, key))
            done, _ = await asyncio.wait([answer], timeout=ANSWER_S)
            if done:
                error = answer.exception()
                if error is None:
                    return answer.result()
                if isinstance(error, WherryError) and not error.transient:
                    raise error
            await asyncio.sleep(1)

    async def _people(self, id_: UUID) -> None:
        """Ask for this and that at any time."""
        wishes: list[type[Wish]] = [PauseMigration, PauseMigration, ResumeMigration, ResumeMigration, RetryDeadChunks]
        if self._dice.random() < 0.4:
            wishes += [CancelMigration, RollbackMigration, RollbackMigration]
        wish: type[Wish] | None = None
        for _ in range(self._dice.randint(0, 5)):
            await asyncio.sleep(self._dice.uniform(0, 5))
            wish = ResumeMigration if wish is PauseMigration else self._dice.choice(wishes)
            self.outcome.faults[wish.__name__] += 1
            self._chance.note(wish.__name__)
            await self._wished(wish(migration_id=id_))

    async def _wished(self, command: Wish) -> None:
        self._wished_for.add(type(command))
        try:
            await self._asked(command)
        except WherryError as error:
            if error.code not in (ErrorCode.CONFLICT, ErrorCode.NOT_FOUND):
                self.outcome.wrong.append(f"{type(command).__name__} was refused: {error!r}")

    async def _ends(self, id_: UUID) -> None:
        """Wait for the end while the world becomes calm; a migration that stands still is told to go on."""
        until_s = self._loop.time() + CALM_WITHIN_S + ENDS_WITHIN_S
        while self._loop.time() < until_s:
            row = self._server.observe(_STANDING, id_)[0]
            self.outcome.status = row["status"]
            if row["error"] and ("INTERNAL" in row["error"] and "was lost" not in row["error"]):
                self.outcome.wrong.append(f"failed for a reason of ours: {row['error']}")
                return
            match MigrationStatus(row["status"]):
                case MigrationStatus.COMPLETED:
                    return
                case MigrationStatus.CANCELLED | MigrationStatus.ROLLED_BACK as end:
                    if _WISH_FOR[end] not in self._wished_for:
                        self.outcome.wrong.append(f"{end.value}, and nobody asked for it")
                    return
                case MigrationStatus.PAUSED | MigrationStatus.FAILED:
                    await self._wished(self._last_wish(id_, is_lost="SNAPSHOT_LOST" in (row["reason"] or "")))
                case _:
                    pass
            await asyncio.sleep(1)
        self.outcome.wrong.append(f"still {self.outcome.status} {ENDS_WITHIN_S} s after the last fault")

    def _last_wish(self, id_: UUID, *, is_lost: bool) -> Wish:
        """Return what is wanted of a migration that stands still."""
        if RollbackMigration in self._wished_for:
            return RollbackMigration(migration_id=id_)
        choice = self._dice.choice(list(OnLostSnapshot)) if is_lost else None
        return ResumeMigration(migration_id=id_, on_lost_snapshot=choice)

    async def _watch(self) -> None:
        """Look at the target all the time."""
        while not self.outcome.wrong:
            self.outcome.wrong += [f"a row is twice in {name}" for name in self._pair.duplicates()]
            self.outcome.wrong += [f"a row is nowhere but in {name}" for name in self._pair.strangers()]
            await asyncio.sleep(LOOK_S)

    # What happens to processes.

    def _new_api(self) -> SimulatedApi:
        name = f"api {next(self._names)}"
        container = self._parts.container(self._store.database(name), SimulatedDoorbell(self._queue))
        return SimulatedApi(name, container, self._setting.user_id)

    def _start_worker(self) -> None:
        if self._is_over:
            return
        name = f"worker {next(self._names)}"
        container = self._parts.container(self._store.database(name), SimulatedDoorbell(self._queue))
        worker = SimulatedWorker(name, container, self._queue, self._pair)
        self._all_workers.append(worker)
        task = self._loop.start(name, worker.work())
        self._workers[name] = worker, task
        task.add_done_callback(lambda _: self._ended_by_itself(name))

    def _ended_by_itself(self, name: str) -> None:
        if self._workers.pop(name, None) is not None:
            self._loop.call_later(self._dice.uniform(0.5, 5), self._start_worker)

    def _end(self, name: str) -> None:
        self._loop.kill(name)
        self._store.end(name)

    async def _faults(self) -> None:
        """Let things go wrong for a while, and then nothing any more."""
        until_s = self._dice.uniform(2, FAULTS_MAX_S)
        pace_s = self._dice.choice((0.5, 2.0, 6.0))
        faults = [
            self._kill,
            self._kill,
            self._freeze,
            self._freeze,
            self._stop,
            self._kill_api,
            self._forget_jobs,
            self._repeat_jobs,
            self._queue_away,
            self._store_slow,
            self._clock_jumps,
        ]
        while self._loop.time() < until_s:
            await asyncio.sleep(self._dice.expovariate(1 / pace_s))
            fault = self._dice.choice(faults)
            self.outcome.faults[fault.__name__.strip("_")] += 1
            self._chance.note(fault.__name__)
            fault()

    def _a_worker(self) -> str | None:
        running = [name for name in self._workers if self._loop.runs(name)]
        busy = [name for name in running if self._workers[name][0].is_busy]
        return self._dice.choice(busy or running) if running else None

    def _kill(self) -> None:
        name = self._a_worker()
        if name is not None:
            del self._workers[name]
            self._end(name)
            self._loop.call_later(self._dice.uniform(0.5, 8), self._start_worker)

    def _freeze(self, name: str | None = None) -> None:
        """Freeze a worker, for less than its lease or for longer than it takes until others have its work."""
        name = name or self._a_worker()
        if name in self._workers:
            lease_s = self._parts.settings.worker_lease_s
            self._loop.freeze(name)
            self._later(IDLE_MAX_S, self._cut_idle, name)
            self._later(self._dice.uniform(0.2, 4 * lease_s), self._loop.wake, name)

    def _later(self, after_s: float, what: Callable[[str], None], name: str) -> None:
        """Do something to a process later, whatever becomes of the one that is at work now."""
        self._loop.call_later(after_s, what, name, context=Context())

    def _wake_all(self) -> None:
        """Let those who sleep find that somebody has just taken their work over, and is still at it."""
        for name in self._loop.frozen():
            self._later(self._dice.expovariate(1 / WAKES_S), self._loop.wake, name)

    def _cut_idle(self, name: str) -> None:
        """The control store ends a transaction in which nothing happens for too long."""
        if not self._loop.runs(name):
            self._store.cut(name, only_busy=True)

    def _stop(self) -> None:
        name = self._a_worker()
        if name is not None:
            self._workers[name][1].cancel()

    def _kill_api(self) -> None:
        self._end(self._api.name)
        self._api = self._new_api()

    def _forget_jobs(self) -> None:
        self._queue.flush()

    def _repeat_jobs(self) -> None:
        self._queue.repeat()

    def _queue_away(self) -> None:
        self._queue.down_until_s = self._loop.time() + self._dice.uniform(0.5, 8)

    def _store_slow(self) -> None:
        self._chance.slow_until_s = self._loop.time() + self._dice.uniform(0.5, 4)

    def _clock_jumps(self) -> None:
        name = self._a_worker()
        if name is not None:
            self._skew_s[name] = self._dice.choice((-3600.0, 3600.0, -5.0, 5.0))
