"""Slowing down those who guess, with counters in Redis."""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

from domain.kernel.errors import RateLimited

ACCOUNT_MAX: dict[str, RateLimitItem] = {
    "sign-in": RateLimitItemPerMinute(10),
    "test-connection": RateLimitItemPerMinute(60),
    "analyze-schema": RateLimitItemPerMinute(30),
    "foresee-rollback": RateLimitItemPerMinute(30),
}
"""How many attempts one account has a minute."""

ADDRESS_MAX = RateLimitItemPerMinute(600)
"""How many attempts one network address has a minute; many people may share one."""


class WindowThrottle:
    """Counts attempts in a moving minute; in this process alone while Redis is out of reach."""

    def __init__(self, redis: Redis) -> None:
        # The client's own pool, so that it is closed with it; the address then only names the kind of server.
        storage = RedisStorage(
            "async+redis://",
            wrap_exceptions=True,
            implementation="redispy",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # the library takes one, its types do not
        )
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
