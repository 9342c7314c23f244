"""Answers kept in Redis for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.shapes import adapter

KEY_PREFIX = "wherry:answer:"

_log = structlog.get_logger(__name__)


class RedisCache:
    """Keeps answers as JSON under the asker's key."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get_or_make(self, key: str, ttl_s: float, shape: type[Any], make: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Return the kept answer, or make one and keep it. Without Redis every answer is made anew."""
        try:
            kept = await self._redis.get(KEY_PREFIX + key)
        except RedisError as error:
            _log.warning("cache out of reach", error=type(error).__name__)
            return await make()
        if kept is not None:
            return adapter(shape).validate_json(kept)
        answer = await make()
        try:
            await self._redis.set(KEY_PREFIX + key, adapter(shape).dump_json(answer), px=int(ttl_s * 1000))
        except RedisError as error:
            _log.warning("cache out of reach", error=type(error).__name__)
        return answer
