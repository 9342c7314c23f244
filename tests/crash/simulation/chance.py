"""What goes wrong in a history, and when: all of it decided by the seed."""

from __future__ import annotations

import asyncio
import hashlib
import random
from dataclasses import dataclass, field

from tests.crash.simulation.loop import PROCESS


@dataclass
class Chance:
    """The dice of one history. Once it is calm, nothing goes wrong any more."""

    dice: random.Random
    is_calm: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    """How likely each kind of failure is, each time that it could happen."""
    slow_until_s: float = 0.0
    """Until when every way takes long."""
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

    async def travel(self) -> None:
        """Take the time that a message takes."""
        loop = asyncio.get_running_loop()
        is_slow = not self.is_calm and loop.time() < self.slow_until_s
        await asyncio.sleep(self.dice.uniform(0.2, 3.0) if is_slow else self.dice.uniform(0.0005, 0.01))
