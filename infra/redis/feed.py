"""One ear on Redis for the whole process, and a flag for each live subscriber.

redis-py's `listen()` ends for good when the server goes away; `get_message` in a loop subscribes
again by itself. After an outage every subscriber is woken, since signals may have been missed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.redis.doorbell import CHANNEL_PREFIX

POLL_S = 1.0
BACKOFF_S = 0.5

_log = structlog.get_logger(__name__)


class Ear:
    """A subscriber's flag: raised by a signal, lowered when the subscriber looks."""

    def __init__(self) -> None:
        self._raised = asyncio.Event()

    def wake(self) -> None:
        """Raise the flag."""
        self._raised.set()

    async def changed(self, timeout_s: float) -> bool:
        """Wait until the flag is up, at the latest until the time-out, and lower it; tell whether it was up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._raised.wait(), timeout_s)
        raised = self._raised.is_set()
        self._raised.clear()
        return raised


class RedisFeed:
    """Fans signals out to the subscribers of this process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ears: defaultdict[str, set[Ear]] = defaultdict(set)

    def watch(self, topic: str) -> AbstractAsyncContextManager[Ear]:
        """Listen to a topic."""
        return self._watch(topic)

    @asynccontextmanager
    async def _watch(self, topic: str) -> AsyncIterator[Ear]:
        ear = Ear()
        self._ears[topic].add(ear)
        try:
            yield ear
        finally:
            self._ears[topic].discard(ear)
            if not self._ears[topic]:
                del self._ears[topic]

    async def run(self) -> None:
        """Listen until cancelled, across outages of Redis."""
        async with self._redis.pubsub() as channels:
            away = True
            while True:
                try:
                    if away:
                        await channels.psubscribe(CHANNEL_PREFIX + "*")
                        away = False
                        self._wake_all()
                    message = await channels.get_message(ignore_subscribe_messages=True, timeout=POLL_S)
                except (RedisError, OSError) as error:
                    if not away:
                        _log.warning("message board out of reach", error=type(error).__name__)
                    away = True
                    await asyncio.sleep(BACKOFF_S)
                    continue
                if message is not None:
                    self._wake(message["channel"].decode().removeprefix(CHANNEL_PREFIX))

    def _wake(self, topic: str) -> None:
        for ear in self._ears.get(topic, ()):
            ear.wake()

    def _wake_all(self) -> None:
        for topic in tuple(self._ears):
            self._wake(topic)
