"""Commands that steer a migration and are sent again, as clients do that have missed the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.connections.values import Endpoint
from tests.support.api import LiveApi
from tests.support.migrations import STATUS, Route, route_from_shop

Json = dict[str, Any]
Send = Callable[[str, str], Awaitable[Json]]


@pytest.fixture
async def route(live_api: LiveApi, postgresql_database: Endpoint) -> Route:
    """A route on which nobody works."""
    return await route_from_shop(live_api, postgresql_database)


def sending(route: Route, id_: str) -> Send:
    """Return what sends a command about a migration under an idempotency key."""

    async def send(verb: str, key: str) -> Json:
        input_type = f"{verb.capitalize()}MigrationInput"
        return await route.client.tell(
            f"{verb}Migration", input_type, {"migrationId": id_}, **({"Idempotency-Key": key} if key else {})
        )

    return send


async def status(route: Route, id_: str) -> str:
    answer = await route.client.ask(STATUS, id=id_)
    return str(answer["migrationStatus"]["status"])


async def test_a_pause_that_comes_again_under_its_key_after_a_resumption_pauses_nothing(route: Route) -> None:
    id_ = await route.start()
    send = sending(route, id_)
    first = await send("pause", "p")
    await send("resume", "r")

    again = await send("pause", "p")

    assert again == first
    assert await status(route, id_) == "PENDING"


async def test_a_resumption_that_comes_again_under_its_key_after_a_pause_resumes_nothing(route: Route) -> None:
    id_ = await route.start()
    send = sending(route, id_)
    await send("pause", "p1")
    first = await send("resume", "r")
    await send("pause", "p2")

    again = await send("resume", "r")

    assert again == first
    assert await status(route, id_) == "PAUSED"


async def test_an_end_and_a_rollback_are_answered_again_with_and_without_their_keys(route: Route) -> None:
    id_ = await route.start()
    send = sending(route, id_)
    cancelled = await send("cancel", "c")

    assert await send("cancel", "c") == cancelled
    assert await send("cancel", "") == cancelled
    rolled_back = await send("rollback", "b")
    assert await send("rollback", "b") == rolled_back == await send("rollback", "")
    assert await status(route, id_) == "ROLLING_BACK"
