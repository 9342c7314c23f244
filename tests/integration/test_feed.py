"""Live subscribers across an outage of Redis."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from domain.kernel.messages import Signal
from infra.embedded.ports import free_port
from infra.redis.client import connect
from infra.redis.doorbell import RedisDoorbell
from infra.redis.feed import RedisFeed
from tests.support.redis import find_program, running_redis
from tests.support.servers import server_folder


async def test_a_signal_wakes_those_who_watch_its_topic() -> None:
    program = find_program()
    assert program is not None
    with server_folder("wherry-feed-") as folder, running_redis(program, folder, free_port()) as server:
        redis = connect(server.url)
        feed, doorbell = RedisFeed(redis), RedisDoorbell(redis)
        listening = asyncio.create_task(feed.run())
        async with feed.watch("a") as watch_a, feed.watch("b") as watch_b:
            await watch_a.changed(5)  # every ear is woken once, when listening begins
            await watch_b.changed(5)

            waiting_a = asyncio.create_task(watch_a.changed(30))
            waiting_b = asyncio.create_task(watch_b.changed(30))
            await doorbell.publish(Signal(topic="a"))
            done, pending = await asyncio.wait({waiting_a, waiting_b}, return_when=asyncio.FIRST_COMPLETED)

            assert done == {waiting_a}
            assert pending == {waiting_b}
            waiting_b.cancel()
        await _end(listening)
        await redis.aclose(close_connection_pool=True)


async def test_subscribers_are_woken_when_redis_comes_back() -> None:
    program, port = find_program(), free_port()
    assert program is not None
    with server_folder("wherry-feed-") as folder, running_redis(program, folder, port) as server:
        redis = connect(server.url)
        feed = RedisFeed(redis)
        listening = asyncio.create_task(feed.run())
    async with feed.watch("a") as watch:
        with server_folder("wherry-feed-") as folder, running_redis(program, folder, port) as again:
            redis.connection_pool.connection_kwargs["password"] = again.password
            async with asyncio.timeout(20):
                await watch.changed(30)
            assert not listening.done()
            await _end(listening)
    await redis.aclose(close_connection_pool=True)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
