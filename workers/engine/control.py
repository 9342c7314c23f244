"""How a run is told to pause or to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol, TypeVar

from domain.migrations.progress import RunStatus
from workers.engine.concurrency import cancelled

T = TypeVar("T")

PAUSE_GRACE_S = 0.5
"""What is at hand may come to its end within this time after a pause is asked for; then it is given up."""

ASK_INTERVAL_S = 0.1
"""How often the owner is asked while something is at hand."""


class Ask(Enum):
    """What the owner of a run wants of it."""

    RUN = "RUN"
    PAUSE = "PAUSE"
    """Start nothing new; finish what is at hand if that takes but a moment, or else give it up."""
    CANCEL = "CANCEL"
    """Give up what is at hand at once; its transactions are rolled back."""


class Control(Protocol):
    """Asked between batches, chunks and schema steps, so an answer should come from memory."""

    async def ask(self) -> Ask:
        """Say what the owner wants now."""
        ...


class Stopped(Exception):
    """The run stopped because its owner asked for it. Not a failure: everything committed stays."""

    def __init__(self, status: RunStatus) -> None:
        super().__init__(status.value)
        self.status = status


class ControlSwitch:
    """A control that lives in this process, such as the one behind Ctrl-C."""

    def __init__(self) -> None:
        self._asked = Ask.RUN

    @property
    def asked(self) -> Ask:
        """What is wanted now."""
        return self._asked

    def set(self, asked: Ask) -> None:
        """Change what is wanted; takes effect at the next batch, chunk or step."""
        self._asked = asked

    async def ask(self) -> Ask:
        """Say what is wanted now."""
        return self._asked


async def check(control: Control) -> None:
    """Stop here if the owner wants a pause or an end; for places where nothing is half done.

    Raises:
        Stopped: the owner does.
    """
    match await control.ask():
        case Ask.RUN:
            return
        case Ask.PAUSE:
            raise Stopped(RunStatus.PAUSED)
        case Ask.CANCEL:
            raise Stopped(RunStatus.CANCELLED)


async def attended(work: Callable[[], Awaitable[T]], control: Control) -> T:
    """Do something that may take long, but give it up when the owner wants an end, or a pause that it holds up.

    What is given up is cancelled, and has come to its end at the database too when this returns;
    whatever it had committed stays.

    Raises:
        Stopped: it was given up.
    """
    task = asyncio.ensure_future(work())
    grace_s = PAUSE_GRACE_S
    try:
        while not (await asyncio.wait([task], timeout=ASK_INTERVAL_S))[0]:
            asked = await control.ask()
            if asked is Ask.CANCEL or (asked is Ask.PAUSE and grace_s <= 0):
                break
            grace_s -= ASK_INTERVAL_S if asked is Ask.PAUSE else 0
    finally:
        await cancelled([task])
    if task.cancelled():
        await check(control)
        raise Stopped(RunStatus.CANCELLED)
    return task.result()


async def check_cancelled(control: Control) -> None:
    """Stop here if the owner wants an end; for places inside a chunk.

    Raises:
        Stopped: the owner does.
    """
    if await control.ask() is Ask.CANCEL:
        raise Stopped(RunStatus.CANCELLED)
