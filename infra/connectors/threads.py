"""A thread of its own for a driver that blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from domain.kernel.threads import starting_threads

P = ParamSpec("P")
T = TypeVar("T")


class DriverThread:
    """Runs calls one after another on a single thread, as drivers with thread-bound sessions want it.

    Cancelling the awaiting task does not stop a call that has begun; whatever is asked next
    (a rollback, a close) runs after it, so a session is never used by two calls at once.
    The thread is there from the beginning, so whatever it has opened it can also close.

    Raises:
        DatabaseError: there is too little memory for another thread, which may pass.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        with starting_threads():
            self._executor.submit(lambda: None)

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Queue a call and return its result as a future of the running loop."""
        return asyncio.wrap_future(self._executor.submit(call, *args, **kwargs))

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Queue a call and wait for its result."""
        return await self.submit(call, *args, **kwargs)

    def close(self) -> None:
        """Let the thread end after the calls that are queued."""
        self._executor.shutdown(wait=False)
