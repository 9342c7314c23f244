"""Cancelling what speaks with Redis."""

from __future__ import annotations

import asyncio

import pytest
from arq.connections import ArqRedis
from redis.asyncio.client import Pipeline

from infra.redis.client import connect
from tests.support.redis import RedisServer

MOMENTS = 40
"""Turns of the event loop; a command and its answer take fewer."""


async def _ask_on_and_on(redis: ArqRedis) -> None:
    while True:
        await redis.ping()


async def _watch_on_and_on(redis: ArqRedis, opened: list[Pipeline]) -> None:
    while True:
        async with redis.pipeline() as pipeline:
            opened.append(pipeline)
            await pipeline.watch("key")


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


@pytest.mark.parametrize("moment", range(MOMENTS))
async def test_a_cancelled_pipeline_gives_its_connection_back(redis_server: RedisServer, moment: int) -> None:
    redis = connect(redis_server.url)
    await redis.ping()
    opened: list[Pipeline] = []
    watching = asyncio.create_task(_watch_on_and_on(redis, opened))
    for _ in range(moment):
        await asyncio.sleep(0)

    watching.cancel()

    await asyncio.wait([watching], timeout=5)
    kept = [pipeline for pipeline in opened if pipeline.connection is not None]
    answer = await redis.ping()
    await redis.aclose(close_connection_pool=True)
    assert (kept, answer) == ([], True)
