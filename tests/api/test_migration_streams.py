"""Following migrations: events and log entries over WebSocket and server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from domain.connections.values import Endpoint
from domain.migrations.signals import MigrationProgressUpdated
from infra import authentication
from resolvers.subscriptions import migrations
from tests.support.api import ApiClient, LiveApi
from tests.support.migrations import EVENTS, MIGRATION, Route, ended, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.queries import counted_statements
from tests.support.sse import follow_sse

Json = dict[str, Any]

ROWS = 60_000
MANY = (
    "CREATE TABLE reading (id INTEGER PRIMARY KEY, value VARCHAR(40))",
    f"""INSERT INTO reading WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        SELECT i, 'reading number ' || i FROM n""",
)
LOGS = """subscription($id: ID!, $minLevel: LogLevel, $after: Int! = 0) {
    migrationLogs(id: $id, minLevel: $minLevel, after: $after) { sequence level message } }"""


async def frames_of(events: AsyncIterator[Json]) -> list[Json]:
    """Return the events of a stream that ends by itself."""
    return [event["migrationEvents"] async for event in events]


@pytest.fixture
async def long_route(live_api: LiveApi, postgresql_database: Endpoint) -> Route:
    """A route from a table that takes a while in small batches."""
    return await route_from_shop(live_api, postgresql_database, *MANY)


async def test_a_stream_tells_everything_in_order_over_websocket_and_sse(worker: None, long_route: Route) -> None:
    id_ = await long_route.start(batchSize=500, parallelTasks=2)

    async with (
        asyncio.timeout(90),
        long_route.client.follow(EVENTS, id=id_) as socket,
        follow_sse(long_route.client, EVENTS, id=id_) as sse,
    ):
        streams = await asyncio.gather(frames_of(socket), frames_of(sse))

    for frames in streams:
        sequences = [frame["sequence"] for frame in frames]
        assert sequences == list(range(sequences[0], sequences[0] + len(frames)))
        assert (frames[0]["kind"], frames[-1]["kind"]) == ("SNAPSHOT", "TERMINAL")
        kinds = [frame["kind"] for frame in frames]
        assert (kinds.count("TERMINAL"), kinds.count("SNAPSHOT")) == (1, 1)
        statuses = [frame["status"] for frame in frames]
        assert statuses == sorted(statuses, key=["PENDING", "PLANNING", "RUNNING", "VERIFYING", "COMPLETED"].index)
        written = [frame["progress"]["rowsWritten"] for frame in frames if frame["progress"]]
        assert written == sorted(written)
        assert written[-1] == ROWS
        assert any(0 < rows < ROWS for rows in written)
        table = next(frame["table"] for frame in frames if frame["kind"] == "TABLE")
        assert (table["name"], table["rowsWritten"]) == ("reading", ROWS)
        assert frames[-1]["statistics"]["processedRecords"] == ROWS
    assert streams[0][-3:] == streams[1][-3:]


async def test_who_comes_late_gets_the_state_and_then_the_end(
    worker: None, live_api: LiveApi, long_route: Route
) -> None:
    id_ = await long_route.start()
    last = (await ended(long_route.client, id_))["sequence"]

    async with asyncio.timeout(10), long_route.client.follow(EVENTS, id=id_) as events:
        frames = await frames_of(events)

    assert [(frame["kind"], frame["sequence"]) for frame in frames] == [("SNAPSHOT", last - 1), ("TERMINAL", last)]
    assert frames[0]["progress"]["percentage"] == 100


async def test_who_comes_back_gets_what_was_missed_and_the_end_only_once(worker: None, long_route: Route) -> None:
    client, id_ = long_route.client, await long_route.start(batchSize=5_000)
    async with client.follow(EVENTS, id=id_) as events:
        all_ = await frames_of(events)
    last = all_[-1]["sequence"]

    async with asyncio.timeout(10):
        async with client.follow(EVENTS, id=id_, after=2) as events:
            missed = await frames_of(events)
        async with client.follow(EVENTS, id=id_, after=last) as events:
            nothing = await frames_of(events)
        async with client.follow(EVENTS, id=id_, after=last + 1_000) as events:
            astray = await frames_of(events)

    assert [frame["sequence"] for frame in missed] == list(range(3, last + 1))
    assert missed[-1] == all_[-1]
    assert nothing == []
    assert [frame["kind"] for frame in astray] == ["SNAPSHOT", "TERMINAL"]


async def test_a_cancelled_migration_stops_in_the_middle_and_accounts_for_what_it_did(
    worker: None, long_route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    client, id_ = long_route.client, await long_route.start(batchSize=100)

    frames = []
    async with asyncio.timeout(90), client.follow(EVENTS, id=id_) as events:
        async for event in events:
            frames.append(event["migrationEvents"])
            progress = frames[-1]["progress"]
            if progress and progress["rowsWritten"] and frames[-1]["status"] == "RUNNING":
                await client.tell("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)

    assert [frames[-1]["kind"], frames[-1]["status"]] == ["TERMINAL", "CANCELLED"]
    assert "CANCELLING" in [frame["status"] for frame in frames]
    arrived = int(postgresql_server.run("SELECT count(*) FROM reading", postgresql_database.database))
    assert 0 < arrived < ROWS
    assert frames[-1]["statistics"]["processedRecords"] == arrived
    again = await client.tell("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)
    assert again["migration"]["status"] == "CANCELLED"


async def test_without_any_signal_a_stream_is_only_late(worker: None, live_api: LiveApi, long_route: Route) -> None:
    doorbell = live_api.container.doorbell
    heard: list[str] = []

    async def deaf(signal: Any) -> None:
        heard.append(signal.topic)

    doorbell.publish = deaf  # type: ignore[method-assign]  # a message board that loses everything
    try:
        id_ = await long_route.start(batchSize=10_000)
        async with asyncio.timeout(60), long_route.client.follow(EVENTS, id=id_) as events:
            frames = await frames_of(events)
    finally:
        del doorbell.publish

    sequences = [frame["sequence"] for frame in frames]
    assert sequences == list(range(sequences[0], sequences[0] + len(frames)))
    assert frames[-1]["status"] == "COMPLETED"
    assert MigrationProgressUpdated.of(UUID(id_)).topic in heard


async def test_many_viewers_cost_the_control_store_no_more_than_one(live_api: LiveApi, long_route: Route) -> None:
    client, id_ = long_route.client, await long_route.start()

    async def reads_of(viewers: int) -> int:
        """Count the reads of events while so many viewers wait for three seconds and see one change."""
        ready = asyncio.Semaphore(0)

        async def watch() -> None:
            async with client.follow(EVENTS, id=id_) as events:
                await anext(events)
                ready.release()
                await anext(events)

        async with asyncio.TaskGroup() as group:
            with counted_statements(live_api.container.database) as statements:
                for _ in range(viewers):
                    group.create_task(watch())
                for _ in range(viewers):
                    await ready.acquire()
                statements.clear()
                await asyncio.sleep(3)
                await live_api.container.database.rows(
                    "WITH next AS (UPDATE migration_stream SET sequence = sequence + 1 WHERE migration_id = :id "
                    "RETURNING sequence) INSERT INTO migration_event SELECT :id, next.sequence, kind, "
                    "jsonb_set(frame, '{sequence}', to_jsonb(next.sequence)) FROM migration_event, next "
                    "WHERE migration_id = :id AND migration_event.sequence = 1 RETURNING 1",
                    id=UUID(id_),
                )
        return sum("migration_event" in statement for statement in statements)

    one, many = await reads_of(1), await reads_of(40)

    assert many <= one + 3


async def test_a_stream_of_another_tenants_migration_is_refused(live_api: LiveApi, long_route: Route) -> None:
    id_ = await long_route.start()
    eve = await live_api.signed_in()

    for document in (EVENTS, LOGS):
        assert await refusal(eve, document, id_) == "NOT_FOUND"


async def refusal(client: ApiClient, document: str, id_: str) -> str:
    """Return the code under which a subscription is refused."""
    try:
        async with client.follow(document, id=id_) as events:
            await anext(events)
    except AssertionError as error:
        return "NOT_FOUND" if "'code': 'NOT_FOUND'" in str(error) else str(error)
    raise AssertionError("the subscription was not refused")


@pytest.mark.parametrize(("loss", "code"), [("role", "NOT_FOUND"), ("session", "UNAUTHENTICATED")])
async def test_a_stream_ends_when_its_subscriber_may_no_longer_see_it(
    live_api: LiveApi, long_route: Route, monkeypatch: pytest.MonkeyPatch, loss: str, code: str
) -> None:
    monkeypatch.setattr(migrations, "CHECK_S", 0.5)
    monkeypatch.setattr(authentication, "ALIVE_S", 0.5)
    client, id_ = long_route.client, await long_route.start()
    rows, user_id = live_api.container.database.rows, UUID(client.user_id)
    membership = (await rows("SELECT organization_id, role FROM membership WHERE user_id = :id", id=user_id))[0]

    with pytest.raises(AssertionError, match=f"'code': '{code}'"):
        async with asyncio.timeout(20), client.follow(EVENTS, id=id_) as events:
            await anext(events)
            if loss == "session":
                await client.ask("mutation { signOut { __typename } }")
            else:
                await rows("DELETE FROM membership WHERE user_id = :id RETURNING 1", id=user_id)
            await anext(events)
    if loss == "role":
        back = "INSERT INTO membership VALUES (:organization_id, :user_id, :role) RETURNING 1"
        await rows(back, user_id=user_id, **membership)


async def test_the_log_is_followed_to_its_end_and_filtered_by_level(worker: None, long_route: Route) -> None:
    client, id_ = long_route.client, await long_route.start(include=["nothing*"])

    async with asyncio.timeout(60):
        async with client.follow(LOGS, id=id_) as events:
            entries = [event["migrationLogs"] async for event in events]
        async with client.follow(LOGS, id=id_, minLevel="ERROR") as events:
            errors = [event["migrationLogs"] async for event in events]
        async with client.follow(LOGS, id=id_, after=entries[-2]["sequence"]) as events:
            rest = [event["migrationLogs"] async for event in events]

    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert entries[0]["message"] == "The migration was started."
    assert [entry["level"] for entry in errors] == ["ERROR"]
    assert "nothing*" in errors[0]["message"]
    assert rest == entries[-1:]
    listed = await client.ask(
        "query($id: ID!) { migrationLogs(id: $id, minLevel: ERROR, first: 5) { totalCount nodes { message } } }", id=id_
    )
    assert listed["migrationLogs"] == {"totalCount": 1, "nodes": [{"message": errors[0]["message"]}]}
