"""Slowing down those who guess, with counters in Redis."""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from domain.kernel.errors import RateLimited

ATTEMPTS: dict[str, RateLimitItem] = {
    "sign-in": RateLimitItemPerMinute(10),
    "register": RateLimitItemPerMinute(20),
}
"""How many attempts of each kind one e-mail address, or one network address, has a minute."""


class WindowThrottle:
    """Counts attempts in a moving minute; in this process alone while Redis is out of reach."""

    def __init__(self, redis_url: str) -> None:
        storage = RedisStorage(f"async+{redis_url}", wrap_exceptions=True, implementation="redispy")
        self._shared = MovingWindowRateLimiter(storage)
        self._local = MovingWindowRateLimiter(MemoryStorage())

    async def admit(self, action: str, *keys: str) -> None:
        """Count an attempt under each of the keys; refuse when one has too many."""
        for key in keys:
            try:
                admitted = await self._shared.hit(ATTEMPTS[action], action, key)
            except StorageError:
                admitted = await self._local.hit(ATTEMPTS[action], action, key)
            if not admitted:
                raise RateLimited("Too many attempts. Wait a minute and try again.", retry_after_s=60)
