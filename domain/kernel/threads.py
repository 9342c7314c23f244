"""Threads for what blocks, and what it means that the system gives none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from domain.kernel.errors import DatabaseError, ErrorCode

P = ParamSpec("P")
T = TypeVar("T")

_NOT_STARTED = "can't start new thread"
"""What Python says when the system gives no thread."""

_NO_THREAD = "There is too little memory for another thread; give the process more memory, or let it do less at once."


@contextmanager
def starting_threads() -> Iterator[None]:
    """Say in the domain's words that a thread could not be started.

    Raises:
        DatabaseError: there is too little memory for another thread, which may pass.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != _NOT_STARTED:
            raise
        raise DatabaseError(_NO_THREAD, code=ErrorCode.INTERNAL, transient=True) from error


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call in one of the loop's threads and return its result, as `asyncio.to_thread` does.

    Raises:
        DatabaseError: the call is not made, as there is too little memory for another thread, which may pass.
    """
    made: Future[T] = Future()
    work = partial(_make, made, partial(copy_context().run, call, *args, **kwargs))
    try:
        with starting_threads():
            _ = asyncio.get_running_loop().run_in_executor(None, work)
    except DatabaseError:
        if made.cancel():  # or a thread that was there has taken the call from the queue
            raise
    try:
        return await asyncio.wrap_future(made)
    finally:
        del made, work  # or a failure would hold what it was about


def _make(made: Future[T], call: Callable[[], T]) -> None:
    if not made.set_running_or_notify_cancel():
        return
    try:
        made.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits is to have it
        made.set_exception(error)
    finally:
        del made, call
