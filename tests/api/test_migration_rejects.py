"""Values that the target cannot keep, as the API tells of them and as it was told to treat them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.connections.values import Endpoint
from tests.support.api import LiveApi, running_api
from tests.support.migrations import MIGRATION, ended, report_of, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.workers import running_worker

FILMS = (
    "CREATE TABLE film (id INTEGER PRIMARY KEY, title VARCHAR(40))",
    """INSERT INTO film WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
       SELECT i, CASE WHEN i % 100 = 0 THEN 'film' || char(0) || i ELSE 'film ' || i END FROM n""",
)
REJECTS = """query($id: ID!, $first: Int!, $after: String) {
    migrationRejects(id: $id, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        nodes { table column reason values { column value } } } }"""


@pytest.fixture(scope="module")
async def films_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API with a worker."""
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/4"}
    async with (
        running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api,
        running_worker(api.container),
    ):
        yield api


async def test_a_migration_that_would_lose_values_ends_before_it_copies_any(
    films_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(films_api, postgresql_database, *FILMS)

    status = await ended(route.client, await route.start())

    assert (status["status"], status["error"]["code"]) == ("FAILED", "VALUE_REJECTED")
    assert "film.title: 3 values hold the character NUL" in status["error"]["message"]
    assert postgresql_server.run(r"\dt", postgresql_database.database) == ""


async def test_rejected_rows_are_counted_in_the_report_and_kept_to_be_read_page_by_page(
    films_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(films_api, postgresql_database, *FILMS)

    id_ = await route.start(rejectLimit="1%", batchSize=50, parallelTasks=2)

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    [table] = (await report_of(route.client, id_))["tables"]
    assert (table["rowsRead"], table["rowsWritten"], table["rowsRejected"], table["verified"]) == (300, 297, 3, True)
    seen = []
    after, has_next = None, True
    while has_next:
        page = (await route.client.ask(REJECTS, id=id_, first=2, after=after))["migrationRejects"]
        assert page["totalCount"] == 3
        seen += page["nodes"]
        after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert {tuple(value["value"] for value in row["values"]) for row in seen} == {
        (str(number), f"film\0{number}") for number in (100, 200, 300)
    }
    assert {(row["table"], row["column"], row["reason"]) for row in seen} == {
        ("film", "title", "values hold the character NUL")
    }


async def test_rejected_rows_are_loaded_after_all_and_only_once(
    films_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(films_api, postgresql_database, *FILMS)
    id_ = await route.start(rejectLimit="3")
    await ended(route.client, id_)

    async def replay(*rules: str) -> tuple[int, int]:
        asked = {"migrationId": id_, "onMisfit": list(rules)}
        done = await route.client.ok(
            "replayRejects", "ReplayRejectsInput", asked, "... on ReplayRejectsSuccess { loaded left }"
        )
        return done["loaded"], done["left"]

    assert await replay() == (0, 3)
    assert await replay("text=strip") == (3, 0)
    assert await replay("text=strip") == (0, 0)
    page = (await route.client.ask(REJECTS, id=id_, first=2, after=None))["migrationRejects"]
    assert page["totalCount"] == 0
    found = postgresql_server.run("SELECT count(*), count(DISTINCT id) FROM film", postgresql_database.database)
    assert found == "300|300"


async def test_rows_that_a_rule_of_the_target_refuses_are_kept_with_its_words(
    films_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    postgresql_server.run(
        "CREATE TABLE film (id INTEGER PRIMARY KEY CHECK (id % 50 <> 7), title VARCHAR(40)); "
        f'ALTER TABLE film OWNER TO "{postgresql_database.username}"',
        postgresql_database.database,
    )
    route = await route_from_shop(films_api, postgresql_database, *FILMS)

    id_ = await route.start(rejectLimit="9", onMisfit=["film.title=strip"], onExisting="APPEND", parallelTasks=2)

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    [table] = (await report_of(route.client, id_))["tables"]
    assert (table["rowsRead"], table["rowsWritten"], table["rowsRejected"], table["verified"]) == (300, 294, 6, True)
    page = (await route.client.ask(REJECTS, id=id_, first=20, after=None))["migrationRejects"]
    assert {row["values"][0]["value"] for row in page["nodes"]} == {str(number) for number in range(7, 300, 50)}
    assert all("film_id_check" in row["reason"] for row in page["nodes"])


async def test_rules_are_followed_and_shown_and_wrong_ones_refused_at_once(
    films_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(films_api, postgresql_database, *FILMS)
    rules = "query($id: ID!) { migration(id: $id) { onMisfit rejectLimit } }"

    asked = route.input(onMisfit=["film.title=perhaps"])
    wrong = await route.client.tell("startMigration", "StartMigrationInput", asked, MIGRATION)
    id_ = await route.start(onMisfit=["film.title=strip"])

    assert wrong["code"] == "VALIDATION_FAILED"
    assert wrong["path"] == ["config", "onMisfit"]
    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    assert (await route.client.ask(rules, id=id_))["migration"] == {"onMisfit": ["film.title=strip"], "rejectLimit": ""}
    found = postgresql_server.run("SELECT title FROM film WHERE id = 100", postgresql_database.database)
    assert found == "film100"


async def test_strangers_do_not_see_rejected_rows(films_api: LiveApi, postgresql_database: Endpoint) -> None:
    route = await route_from_shop(films_api, postgresql_database, *FILMS)
    id_ = await route.start(rejectLimit="3")
    await ended(route.client, id_)
    stranger = await films_api.signed_in()

    refused = await stranger.refused(REJECTS, id=id_, first=2)

    assert refused["code"] in ("NOT_FOUND", "FORBIDDEN")
