"""How long a pause may take: no more than its named waits together, whatever is at hand."""

from __future__ import annotations

import asyncio

import pytest

from domain.migrations.progress import RunStatus
from workers.engine import control
from workers.engine.control import ASK_INTERVAL_S, PAUSE_GRACE_S, Ask, Stopped, attended
from workers.jobs.duty import BEAT_S

PROMISED_S = 2.0
QUESTIONS = round(PAUSE_GRACE_S / ASK_INTERVAL_S)
"""So many answers that a pause is wanted are the time that is left to what is at hand."""


class Wish:
    """An owner who wants a pause, and counts how often that has to be said."""

    def __init__(self) -> None:
        self.asked = 0

    async def ask(self) -> Ask:
        self.asked += 1
        return Ask.PAUSE


async def test_what_does_not_end_is_given_up_once_a_pause_was_wanted_for_its_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control, "ASK_INTERVAL_S", ASK_INTERVAL_S / 50)
    monkeypatch.setattr(control, "PAUSE_GRACE_S", PAUSE_GRACE_S / 50)
    wish, given_up = Wish(), asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    with pytest.raises(Stopped) as stopped:
        await attended(endless, wish)

    assert stopped.value.status is RunStatus.PAUSED
    assert given_up.is_set()
    assert QUESTIONS <= wish.asked <= QUESTIONS + 2


def test_the_waits_of_a_pause_are_less_than_what_is_promised() -> None:
    """A worker hears of it at its next sign of life, and gives up what is at hand after its grace."""
    assert BEAT_S + PAUSE_GRACE_S + 2 * ASK_INTERVAL_S < PROMISED_S
