"""Slowing down those who guess, with counters in Redis."""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from domain.kernel.errors import RateLimited

ACCOUNT_MAX: dict[str, RateLimitItem] = {
    "sign-in": RateLimitItemPerMinute(10),
    "test-connection": RateLimitItemPerMinute(60),
    "analyze-schema": RateLimitItemPerMinute(30),
}
"""How many attempts one account has a minute."""

ADDRESS_MAX = RateLimitItemPerMinute(600)
"""How many attempts one network address has a minute; many people may share one."""


class WindowThrottle:
    """Counts attempts in a moving minute; in this process alone while Redis is out of reach."""

    def __init__(self, redis_url: str) -> None:
        storage = RedisStorage(f"async+{redis_url}", wrap_exceptions=True, implementation="redispy")
        self._shared = MovingWindowRateLimiter(storage)
        self._local = MovingWindowRateLimiter(MemoryStorage())

    async def admit(self, action: str, client: str, account: str = "") -> None:
        """Count an attempt for the network address and the account; refuse when one has too many."""
        limits = [(ADDRESS_MAX, client)] + ([(ACCOUNT_MAX[action], account)] if account else [])
        for limit, key in limits:
            try:
                admitted = await self._shared.hit(limit, action, key)
            except StorageError:
                admitted = await self._local.hit(limit, action, key)
            if not admitted:
                raise RateLimited("Too many attempts. Wait a minute and try again.", retry_after_s=60)
