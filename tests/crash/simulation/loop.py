"""An event loop whose time jumps to the next timer, and whose processes can be killed and frozen.

A process is a set of tasks that share a value of `PROCESS`. One that is killed is never run again:
no handler and no `finally` of it sees its end, as after SIGKILL. One that is frozen keeps what it has
to do until it is woken, as after SIGSTOP and SIGCONT.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Callback = Callable[..., object]

PROCESS: ContextVar[str] = ContextVar("process", default="")
"""To which process a task belongs; the empty one is the observer's, which nothing happens to."""


class NothingLeft(Exception):
    """Everything waits, and nothing will ever wake it."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: lets the time pass that the loop would have waited."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingLeft
        self.passed_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time. What runs in an executor is run at once."""

    def __init__(self) -> None:
        self._jump = _Jump()
        self._dead: set[str] = set()
        self._frozen: dict[str, list[tuple[Callback, tuple[object, ...], Context]]] = {}
        self._kept: list[asyncio.Task[Any]] = []
        """All tasks: one that is dead must not be collected, since its `finally` blocks would run."""
        super().__init__(self._jump)
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        """Return the seconds since the history began."""
        return self._jump.passed_s

    def start(self, process: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work as a task of a process."""
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(work, context=context)

    def kill(self, process: str) -> None:
        """End a process as SIGKILL does."""
        self._dead.add(process)
        self._frozen.pop(process, None)

    def freeze(self, process: str) -> None:
        """Let a process do nothing until it is woken."""
        self._frozen.setdefault(process, [])

    def wake(self, process: str) -> None:
        """Let a frozen process go on; it does at once all that has become due meanwhile."""
        for callback, args, context in self._frozen.pop(process, []):
            self.call_soon(callback, *args, context=context)

    def frozen(self) -> tuple[str, ...]:
        """Name the processes that are frozen."""
        return tuple(self._frozen)

    def runs(self, process: str) -> bool:
        """Tell whether a process is neither dead nor frozen."""
        return process not in self._dead and process not in self._frozen

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Do something in the next round, if its process is able to."""
        context = copy_context() if context is None else context
        return super().call_soon(self._step, callback, args, context, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Do something at a time, if its process is able to."""
        context = copy_context() if context is None else context
        return super().call_at(when, self._step, callback, args, context, context=context)

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # there are no threads in a history
        """Call a function here and now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: Mapping[str, Any]) -> None:
        """Say nothing of futures that nobody waits for any more: their processes are dead."""

    def _new_task(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        self._kept.append(task)
        return task

    def _step(self, callback: Callback, args: tuple[object, ...], context: Context) -> None:
        process = context.get(PROCESS, "")
        if process in self._dead:
            return
        if process in self._frozen:
            self._frozen[process].append((callback, args, context))
            return
        callback(*args)
