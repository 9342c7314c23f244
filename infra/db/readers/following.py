"""Following migrations: however many subscribers a process has, one read per migration and tick.

A signal says that something is new; since signals may be lost, everybody looks once a second anyway,
and a look that somebody else has just had will do.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

TICK_S = 1.0
"""How long a lost signal can delay what is new: at most twice this."""

KEPT_MAX = 600
READ_MAX = 500
READS_MAX = 20


class Numbered(Protocol):
    """Something with a number in its stream."""

    @property
    def sequence(self) -> int:
        """The number."""
        ...


N = TypeVar("N", bound=Numbered)
R = TypeVar("R")


class SharedRead(Generic[R]):
    """A read that callers share. Each gets the result of one that began after the call, so none is stale."""

    def __init__(self, read: Callable[[], Awaitable[R]]) -> None:
        self._read = read
        self._running: asyncio.Task[R] | None = None
        self._next: asyncio.Task[R] | None = None
        self._last: R | None = None
        self._began_at = -math.inf

    async def __call__(self) -> R:
        """Read, together with all who ask before the read begins."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._running))
        # One subscriber that goes away must not take the read from the others.
        return await asyncio.shield(self._next)

    async def recent(self) -> R:
        """Return what a read gave that began within the last tick, or read."""
        if self._last is None or self._began_at < time.monotonic() - TICK_S:
            return await self()
        return self._last

    async def _after(self, running: asyncio.Task[R] | None) -> R:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        began_at = time.monotonic()
        result = await self._read()
        self._last, self._began_at = result, began_at
        return result


class Tail(Generic[N]):
    """The end of a stream, kept in memory for all who follow it in this process."""

    def __init__(self, read: Callable[[int, int], Awaitable[tuple[N, ...]]], latest: int) -> None:
        self._read = read
        self._kept: deque[N] = deque(maxlen=KEPT_MAX)
        self._latest = latest
        self._more = SharedRead(self._read_more)

    async def after(self, known: int, *, fresh: bool) -> tuple[N, ...]:
        """Return what follows a number, at most some hundreds; `fresh` asks for a look that begins now.

        What is older than what is kept in memory is read for this caller alone.
        """
        if known >= self._latest:
            await (self._more() if fresh else self._more.recent())
        if known < self._latest - len(self._kept):
            return await self._read(known, READ_MAX)
        return tuple(item for item in self._kept if item.sequence > known)

    async def _read_more(self) -> int:
        """Read up to the end, or as far as a long stream comes at once, and return the last number."""
        for _ in range(READS_MAX):
            items = await self._read(self._latest, READ_MAX)
            if items and items[0].sequence != self._latest + 1:
                self._kept.clear()
            self._kept.extend(items)
            self._latest = items[-1].sequence if items else self._latest
            if len(items) < READ_MAX:
                break
        return self._latest


class Shared(Generic[R]):
    """Things by key that live as long as somebody uses them."""

    def __init__(self) -> None:
        self._things: dict[object, tuple[R, int]] = {}

    @contextmanager
    def of(self, key: object, make: Callable[[], R]) -> Iterator[R]:
        """Use the thing of a key; the first user has it made."""
        thing, users = self._things.get(key) or (make(), 0)
        self._things[key] = (thing, users + 1)
        try:
            yield thing
        finally:
            thing, users = self._things.pop(key)
            if users > 1:
                self._things[key] = (thing, users - 1)
