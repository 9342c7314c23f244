"""Several things at once, within a limit, ending together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")


async def each(items: Sequence[T], work: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """Return the work's result for every item, in order, with at most `at_once` under way.

    After a failure no further item is begun; those under way come to their end first, so that
    nothing still uses a session when the failure is raised.
    """
    waiting = iter(enumerate(items))
    results: dict[int, R] = {}
    failures: list[BaseException] = []

    async def lane() -> None:
        for number, item in waiting:
            if failures:
                return
            try:
                results[number] = await work(item)
            except Exception as error:  # noqa: BLE001 - raised below, once the other lanes have ended
                failures.append(error)

    lanes = [asyncio.ensure_future(lane()) for _ in range(min(at_once, len(items)))]
    try:
        await asyncio.gather(*lanes)
    finally:
        await cancelled(lanes)
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(items))]


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Return two results that are got at the same time; a failure is raised once both have come to their end."""
    found, other = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(found, BaseException):
        raise found
    if isinstance(other, BaseException):
        raise other
    return found, other


async def cancelled(tasks: Sequence[asyncio.Future[R]]) -> None:
    """Cancel what is still running and wait for its end; failures were or will be seen elsewhere."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class ReadAhead(Generic[T]):
    """The items of a stream, each made while the one before it is used; the first one is begun at once.

    One item ahead is enough to keep a reader and a writer busy at the same time, and bounds the
    memory to two items.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._upcoming = asyncio.ensure_future(_next(items))

    def __aiter__(self) -> ReadAhead[T]:
        """Return itself: it can be gone through once."""
        return self

    async def __anext__(self) -> T:
        """Return the next item."""
        if (item := await self._upcoming) is None:
            raise StopAsyncIteration
        self._upcoming = asyncio.ensure_future(_next(self._items))
        return item.pop()  # and hold it no longer: it may be one huge value

    async def aclose(self) -> None:
        """Give up what is being made and end the stream."""
        await cancelled([self._upcoming])
        if isinstance(self._items, AsyncGenerator):
            await self._items.aclose()


async def _next(items: AsyncIterator[T]) -> list[T] | None:
    try:
        return [await anext(items)]
    except StopAsyncIteration:
        return None
