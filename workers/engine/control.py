"""How a run is told to pause or to stop."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from domain.migrations.progress import RunStatus


class Ask(Enum):
    """What the owner of a run wants of it."""

    RUN = "RUN"
    PAUSE = "PAUSE"
    """Finish the chunks at hand, start no new ones."""
    CANCEL = "CANCEL"
    """Give up the chunks at hand; their transactions are rolled back."""


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


async def check_cancelled(control: Control) -> None:
    """Stop here if the owner wants an end; for places inside a chunk.

    Raises:
        Stopped: the owner does.
    """
    if await control.ask() is Ask.CANCEL:
        raise Stopped(RunStatus.CANCELLED)
