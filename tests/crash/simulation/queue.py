"""The queue of jobs as arq keeps it, which forgets, repeats and delays them, and is out of reach at times."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from domain.kernel.messages import Job, Signal
from tests.crash.simulation.chance import Chance


@dataclass
class Waiting:
    """A job in the queue."""

    job: Job
    due_s: float
    tries: int = 1


@dataclass
class JobQueue:
    """What the server of the queue holds."""

    chance: Chance
    waiting: dict[str, Waiting] = field(default_factory=dict)
    taken: dict[str, Waiting] = field(default_factory=dict)
    down_until_s: float = 0.0

    def check(self) -> None:
        """Refuse to answer while the server is away."""
        if not self.chance.is_calm and asyncio.get_running_loop().time() < self.down_until_s:
            raise ConnectionError("the queue is away")

    def add(self, entry: Waiting) -> None:
        """Put a job into the queue, unless it is known there."""
        if entry.job.key not in self.waiting and entry.job.key not in self.taken:
            self.waiting[entry.job.key] = entry

    def take(self, now_s: float) -> Waiting | None:
        """Hand a job out that is due."""
        due = sorted(key for key, entry in self.waiting.items() if entry.due_s <= now_s)
        if not due:
            return None
        key = self.chance.dice.choice(due)
        self.taken[key] = self.waiting.pop(key)
        self.chance.note("taken", key)
        return self.taken[key]

    def put_back(self, entry: Waiting, after_s: float) -> None:
        """Put a job back that is to be tried again."""
        if self.taken.pop(entry.job.key, None) is not None:
            due_s = asyncio.get_running_loop().time() + after_s
            self.add(Waiting(entry.job, due_s, entry.tries + 1))

    def flush(self) -> None:
        """Forget everything."""
        self.waiting.clear()
        self.taken.clear()

    def repeat(self) -> None:
        """Hand out once more what somebody has in hand."""
        for key, entry in self.taken.items():
            self.waiting.setdefault(key, Waiting(entry.job, 0.0, entry.tries + 1))


class SimulatedDoorbell:
    """The doorbell of one process."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue

    async def ring(self, job: Job) -> None:
        """Hand a job to the queue."""
        await self._queue.chance.travel()
        self._queue.check()
        if self._queue.chance.happens("job lost"):
            return
        late_s = self._queue.chance.dice.uniform(0, 8) if self._queue.chance.happens("job late") else 0.0
        self._queue.add(Waiting(job, asyncio.get_running_loop().time() + late_s))
        await self._queue.chance.travel()
        self._queue.check()

    async def is_waiting(self, job: Job) -> bool:
        """Tell whether a job waits."""
        await self._queue.chance.travel()
        self._queue.check()
        return job.key in self._queue.waiting

    async def publish(self, _signal: Signal) -> None:
        """Tell subscribers; nobody relies on it."""
        await self._queue.chance.travel()
        self._queue.check()
