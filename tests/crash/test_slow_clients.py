"""Subscribers that do not read what they are sent."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text
from starlette.types import Message, Receive, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from domain.connections.values import Endpoint
from infra import graphql_http, keepalive, slow_clients
from infra.slow_clients import Line
from tests.support.api import ApiClient, LiveApi, running_api
from tests.support.black_hole import swallow
from tests.support.migrations import route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.sse import follow_sse

FIRST, LAST, ENTRY_BYTES, SLOW = 1_000, 2_499, 10_000, 2
LOGS = """subscription($id: ID!, $after: Int! = 999) { migrationLogs(id: $id, after: $after) { sequence message } }"""
FILL = f"""
INSERT INTO migration_log (migration_id, sequence, id, level, message, context, repeated, logged_at)
SELECT CAST(:id AS uuid), n, gen_random_uuid(), 'INFO', repeat('x', {ENTRY_BYTES}), '[]', 0, now()
FROM generate_series({FIRST}, {LAST}) n
"""


class KnownLine(Line):
    """A line of which a test knows whether the client is gone."""

    is_over = False

    async def receive(self) -> Message:
        message = await super().receive()
        self.is_over = self.is_over or message["type"] == "websocket.disconnect"
        return message


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[KnownLine]:
    """The lines to the clients that come during a test; they are given up soon."""
    found: list[KnownLine] = []

    def make(receive: Receive, send: Send) -> KnownLine:
        found.append(KnownLine(receive, send))
        return found[-1]

    monkeypatch.setattr(graphql_http, "Line", make)
    monkeypatch.setattr(slow_clients, "TAKES_MAX_S", 2.0)
    return found


@asynccontextmanager
async def reading_nothing(client: ApiClient, id_: str) -> AsyncIterator[ClientConnection]:
    """Subscribe to a log over a socket that nobody reads until the test does, and that holds little meanwhile."""
    address = urlsplit(client.url)
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, (address.hostname, address.port))
    url, protocols = f"ws://{address.netloc}/graphql", ["graphql-transport-ws"]
    plain: dict[str, Any] = {"compression": None, "ping_interval": None, "max_queue": 1}
    async with connect(url, subprotocols=protocols, sock=small, **plain) as opened:  # type: ignore[arg-type]  # plain strings are subprotocols
        await opened.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {client.token}"}})
        )
        assert '"connection_ack"' in str(await opened.recv())
        subscription = {"query": LOGS, "variables": {"id": id_}}
        await opened.send(json.dumps({"type": "subscribe", "id": "1", "payload": subscription}))
        yield opened


async def numbers_until_the_end(events: AsyncIterator[dict[str, Any]]) -> list[int]:
    """Return the numbers of a stream of log entries, up to the last there is."""
    numbers: list[int] = []
    async for event in events:
        numbers.append(event["migrationLogs"]["sequence"])
        if numbers[-1] == LAST:
            break
    return numbers


@pytest.mark.crash
async def test_subscribers_that_read_nothing_are_given_up_and_miss_nothing_once_they_come_back(
    live_api: LiveApi, postgresql_database: Endpoint, lines: list[KnownLine]
) -> None:
    """Others are not held up by them; what does not fit on the way is not even read for them."""
    route = await route_from_shop(live_api, postgresql_database)
    id_ = await route.start()
    async with live_api.container.database.transaction() as session:
        await (await session.connection()).execute(text(FILL), {"id": id_})
        await session.commit()
    lines.clear()
    taken: list[int] = []

    async with asyncio.timeout(120), AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(reading_nothing(route.client, id_)) for _ in range(SLOW)]
        abandoned = list(lines)
        while not all(line.is_given_up for line in abandoned):  # noqa: ASYNC110 - they tell nobody
            await asyncio.sleep(0.05)
        async with route.client.follow(LOGS, id=id_) as events, follow_sse(route.client, LOGS, id=id_) as others:
            both = await asyncio.gather(numbers_until_the_end(events), numbers_until_the_end(others))
        with pytest.raises(ConnectionClosedError):
            while True:
                message = json.loads(await slow[0].recv())
                taken.append(message["payload"]["data"]["migrationLogs"]["sequence"])
        async with route.client.follow(LOGS, id=id_, after=taken[-1]) as events:
            missed = await numbers_until_the_end(events)

    assert len(abandoned) == SLOW
    assert list(both) == [list(range(FIRST, LAST + 1))] * 2
    assert slow[0].close_code == 1006
    assert FIRST <= taken[-1] < LAST
    assert taken + missed == both[0]


@pytest.mark.crash
async def test_a_subscriber_that_is_gone_without_a_word_is_noticed(
    postgresql_server: PostgresqlServer,
    redis_server: RedisServer,
    postgresql_database: Endpoint,
    tmp_path: Path,
    lines: list[KnownLine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is sent to it vanishes; usually that is noticed after a minute."""
    monkeypatch.setattr(keepalive, "OF_CLIENTS", keepalive.Silence(idle_s=1, interval_s=1, probes=1))
    async with running_api(postgresql_server, tmp_path, redis_url=redis_server.url) as api:
        route = await route_from_shop(api, postgresql_database)
        id_ = await route.start()
        lines.clear()
        async with asyncio.timeout(60), reading_nothing(route.client, id_) as opened:
            swallow(opened.transport.get_extra_info("socket"))
            [line] = lines
            while not line.is_over:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
            opened.transport.abort()
