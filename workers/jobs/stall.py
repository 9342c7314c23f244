"""Noticing that nothing moves any more, and writing down what everything was waiting for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

DUMPS_KEPT = 20
TASKS_MAX = 200
CALLS_MAX = 50

_FRAMES = ("cr_frame", "ag_frame", "gi_frame")
_AWAITED = ("cr_await", "ag_await", "gi_yieldfrom")

FOLDER = "diagnostics"
"""Below the home folder."""


class StallWatch:
    """Knows since when nothing has moved; says so once, until something moves again."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._moved_at = time.monotonic()
        self._is_told = False

    def moved(self) -> None:
        """Note that something has moved."""
        self._moved_at = time.monotonic()
        self._is_told = False

    def begins_to_stall(self) -> bool:
        """Tell whether nothing has moved for too long, the first time that this is so."""
        if self._is_told or time.monotonic() - self._moved_at < self._stall_s:
            return False
        self._is_told = True
        return True


def where_everything_waits() -> str:
    """Return, for every task of the running loop, the chain of calls at whose end it waits."""
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())[:TASKS_MAX]
    return "\n".join(
        f"{task.get_name()}\n" + "".join(f"  {call}\n" for call in _calls(task.get_coro())) for task in tasks
    )


def _calls(waiting: object) -> Iterator[str]:
    """Yield the calls of a coroutine that waits, the outermost first; a suspended task's own stack has only one."""
    for _ in range(CALLS_MAX):
        frame = next((found for name in _FRAMES if (found := getattr(waiting, name, None)) is not None), None)
        if not isinstance(frame, FrameType):
            return
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        waiting = next((found for name in _AWAITED if (found := getattr(waiting, name, None)) is not None), None)


def write_dump(home: Path, name: str, text: str) -> Path:
    """Write a dump below the home folder, and remove the oldest ones."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}-{time.time_ns()}.txt"
    path.write_text(text, encoding="utf-8")
    dumps = sorted(folder.glob("*.txt"), key=lambda dump: dump.stat().st_mtime_ns)
    for old in dumps[:-DUMPS_KEPT]:
        old.unlink(missing_ok=True)
    return path
