"""Again after a failure that may pass by itself: more and more slowly, never in step, not for ever."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from domain.kernel.errors import WherryError

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how fast to try again. The pause doubles from `pause_s` up to `pause_max_s`."""

    attempts_max: int = 6
    pause_s: float = 0.2
    pause_max_s: float = 10.0

    def pause_after(self, attempt: int) -> float:
        """Return the pause after a failed attempt (the first is 1) in seconds: half of it fixed, half chance."""
        full = min(self.pause_max_s, self.pause_s * 2.0 ** (attempt - 1))
        return full / 2 + full / 2 * secrets.randbelow(1001) / 1000


STANDARD_RETRY = RetryPolicy()
"""Six attempts within about 10 s."""


async def retrying(operation: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
    """Return the operation's result, trying again as long as it fails transiently.

    Raises:
        WherryError: the last attempt's failure, or the first one that is not transient.
    """
    attempt = 1
    while True:
        try:
            return await operation()
        except WherryError as error:
            if not error.transient or attempt >= policy.attempts_max:
                raise
        await asyncio.sleep(policy.pause_after(attempt))
        attempt += 1
