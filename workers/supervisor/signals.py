"""Waiting for signals instead of being interrupted by them."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Self

STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
WATCHED = STOPPING | {signal.SIGCHLD}
READ_BYTES = 512


class Signals:
    """While entered, the signals that ask us to stop, and the ends of children, only wake `wait`.

    Python writes the number of each signal into a pipe, so none is lost between two waits.
    """

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._handlers = {number: signal.signal(number, _leave_to_the_pipe) for number in WATCHED}
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def wait(self, timeout_s: float) -> bool:
        """Wait for a signal, `timeout_s` at most; tell whether one of them asked us to stop."""
        ready, _, _ = select.select([self._read], [], [], max(0.0, timeout_s))
        return bool(ready) and not STOPPING.isdisjoint(os.read(self._read, READ_BYTES))


def _leave_to_the_pipe(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: a handler must be there for Python to write to the pipe."""
