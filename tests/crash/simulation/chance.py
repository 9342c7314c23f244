"""What goes wrong in a history, and when: all of it decided by the seed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.crash.simulation.loop import PROCESS

_RATES = {
    "statement lost": 0.004,
    "deadlock": 0.004,
    "commit lost": 0.008,
    "answer to commit lost": 0.008,
    "job lost": 0.03,
    "job late": 0.1,
    "snapshot lost": 0.02,
    "source slow": 0.08,
    "source away": 0.02,
    "target away": 0.02,
    "source broken": 0.002,
    "target broken": 0.002,
    "frozen before a chunk": 0.05,
    "frozen after a chunk": 0.05,
    "frozen before a transaction": 0.01,
    "index": 0.5,
}

_SLEEPERS = {
    "source slow": 0.6,
    "frozen before a chunk": 0.2,
    "frozen after a chunk": 0.1,
    "frozen before a transaction": 0.03,
    "index": 0.5,
}
"""In half of all histories nothing goes wrong but that processes come and go, and sleep where it matters most.

So many other things go wrong in the rest that the copying is seldom well under way when somebody falls asleep.
"""


def rates_by(dice: random.Random) -> dict[str, float]:
    """Return how likely each kind of failure is in a history, each time that it could happen."""
    rates = {kind: rate * dice.choice((0, 1, 1, 3)) for kind, rate in _RATES.items()}
    return _SLEEPERS if dice.random() < 0.5 else rates


@dataclass
class Chance:
    """The dice of one history. Once it is calm, nothing goes wrong any more."""

    dice: random.Random
    is_calm: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    """How likely each kind of failure is, each time that it could happen."""
    slow_until_s: float = 0.0
    """Until when every way takes long."""
    freeze: Callable[[str], None] = lambda _: None
    """What freezes a process for a while."""
    told: list[str] | None = None
    """All that has happened, if somebody wants to read it."""
    _sum: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def note(self, *what: object) -> None:
        """Note what happens, to whom and when."""
        line = f"{asyncio.get_running_loop().time():.6f} {PROCESS.get()} {' '.join(map(repr, what))}"
        self._sum.update(line.encode())
        if self.told is not None:
            self.told.append(line)

    def fingerprint(self) -> str:
        """Return what is the same for two histories only if the same has happened in them."""
        return self._sum.hexdigest()

    def happens(self, kind: str) -> bool:
        """Tell whether something goes wrong this time."""
        return not self.is_calm and self.dice.random() < self.rates.get(kind, 0.0)

    async def step(self, kind: str) -> None:
        """Go on, unless the process is frozen just here: between what it knows and what it does about it."""
        if self.happens(kind):
            self.note(kind)
            self.freeze(PROCESS.get())
            await asyncio.sleep(0)

    async def travel(self) -> None:
        """Take the time that a message takes."""
        loop = asyncio.get_running_loop()
        is_slow = not self.is_calm and loop.time() < self.slow_until_s
        await asyncio.sleep(self.dice.uniform(0.2, 3.0) if is_slow else self.dice.uniform(0.0005, 0.01))
