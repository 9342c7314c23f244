"""Cancelling what speaks with Redis."""

from __future__ import annotations

import asyncio

import pytest
from arq.connections import ArqRedis

from infra.redis.client import connect
from tests.support.redis import RedisServer

MOMENTS = 40
"""Turns of the event loop; a command and its answer take fewer."""


async def _ask_on_and_on(redis: ArqRedis) -> None:
    while True:
        await redis.ping()


@pytest.mark.parametrize("moment", range(MOMENTS))
async def test_a_cancellation_is_heeded_at_whichever_moment_it_arrives(redis_server: RedisServer, moment: int) -> None:
    redis = connect(redis_server.url)
    await redis.ping()
    asking = asyncio.create_task(_ask_on_and_on(redis))
    for _ in range(moment):
        await asyncio.sleep(0)

    asking.cancel()

    ended, _ = await asyncio.wait([asking], timeout=5)
    await redis.aclose(close_connection_pool=True)
    assert ended, "it asks on, as if nobody had told it to stop"
    assert asking.cancelled()
