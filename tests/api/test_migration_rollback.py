"""Rolling migrations back through the API, carried out by a worker: afterwards the target is as it was before."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.catalog.model import Table
from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab, Row
from tests.pairs.moves import fill, write_later
from tests.pairs.test_rollback import DATABASES, ITEM, ITEMS, KIND, KINDS, OLD_ITEMS, OLD_KINDS, UNRELATED
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import create_connection, file_input
from tests.support.migrations import EVENTS, MIGRATION, STATUS, Route, ended, reached, route_to, stands_at
from tests.support.mysql import MysqlServer
from tests.support.pictures import picture
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import running_worker

Json = dict[str, Any]

ROLLBACK = """query($id: ID!) { migrationRollback(id: $id) {
    reason requestedBy acknowledgeWritesSinceCutover dropCreated progress { actsDone actsTotal }
    report { dropped keptAside tables { table restored removed changed } } failure { code message } } }"""

GUARANTEE = """query($id: ID!) { migration(id: $id) { status statistics { processedRecords }
    rollbackGuarantee { level reason tables { table level rowsBefore } } } }"""

FORECAST = """query($id: ID!, $config: MigrationConfigInput!) { rollbackForecast(projectId: $id, config: $config) {
    level reason tables { table level rowsBefore } } }"""

PROGRESS = "query($id: ID!) { migrationProgress(id: $id) { rowsWritten phase } }"

NOBODY = "018f0000-0000-7000-8000-000000000000"

MANY_ITEMS: list[Row] = [(number, number % 5 + 1, f"title {number}") for number in range(1, 10_001)]


@pytest.fixture(params=DATABASES, ids=[engine.value.lower() for engine in DATABASES])
def target(request: pytest.FixtureRequest, live_api: LiveApi) -> Iterator[Lab]:
    """An empty database of each engine, within reach of the API."""
    engine: Engine = request.param
    if engine.is_file:
        yield file_lab(live_api, engine)
        return
    server: PostgresqlServer | MysqlServer = request.getfixturevalue(f"{engine.value.lower()}_server")
    endpoint = server.create_database()
    yield Lab(engine, endpoint, connector_for(engine))
    server.drop(endpoint)


@pytest.fixture
def postgresql_target(postgresql_database: Endpoint) -> Lab:
    """An empty PostgreSQL database."""
    return Lab(Engine.POSTGRESQL, postgresql_database, connector_for(Engine.POSTGRESQL))


def file_lab(api: LiveApi, engine: Engine) -> Lab:
    """A database in a file of the API's folder, not made yet."""
    folder = api.container.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    return Lab(engine, Endpoint(engine, path=str(folder / f"{secrets.token_hex(4)}.db")), connector_for(engine))


async def route_between(api: LiveApi, target: Lab, rows: dict[Table, list[Row]]) -> Route:
    """A route from a new SQLite database with these rows."""
    source = file_lab(api, Engine.SQLITE)
    await fill(source, rows)
    ada = await api.signed_in()
    project_id = await create_project(ada)
    source_id = await create_connection(ada, _file(project_id, source, is_source=True))
    if not target.engine.is_file:
        return await route_to(ada, project_id, source_id, target.endpoint)
    return Route(ada, project_id, source_id, await create_connection(ada, _file(project_id, target, is_source=False)))


def _file(project_id: str, lab: Lab, *, is_source: bool) -> Json:
    name = lab.endpoint.path.rpartition("/")[2]
    return file_input(project_id, name, type=lab.engine.value, isSource=is_source, isTarget=not is_source)


async def roll_back(route: Route, id_: str, **input_: Any) -> Json:
    return await route.client.tell(
        "rollbackMigration", "RollbackMigrationInput", {"migrationId": id_, **input_}, MIGRATION
    )


async def rolled_back(route: Route, id_: str, **input_: Any) -> Json:
    """Roll a migration back and return what the rollback did."""
    answer = await roll_back(route, id_, **input_)
    assert answer.get("migration", {}).get("status") in ("ROLLING_BACK", "ROLLED_BACK"), answer
    status = await ended(route.client, id_)
    found = (await route.client.ask(ROLLBACK, id=id_))["migrationRollback"]
    assert (status["status"], found["failure"]) == ("ROLLED_BACK", None), (status, found)
    return dict(found)


async def completed(route: Route, **config: Any) -> str:
    id_ = await route.start(**config)
    status = await ended(route.client, id_)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    return id_


async def test_after_a_rollback_at_every_level_the_target_is_as_it_was(
    target: Lab, live_api: LiveApi, worker: None
) -> None:
    """New tables, replaced rows and added rows, one after the other in the same database."""
    await fill(target, {UNRELATED: [(1,), (2,)]})
    route = await route_between(live_api, target, {KIND: KINDS, ITEM: ITEMS})
    levels = []
    for on_existing, old in (("FAIL", {}), ("TRUNCATE", {KIND: OLD_KINDS, ITEM: OLD_ITEMS}), ("APPEND", {})):
        if old:
            await fill(target, old)
        before = await picture(target.endpoint)
        input_ = route.input(onExisting=on_existing, batchSize=15)
        foreseen = (await route.client.ask(FORECAST, id=route.project_id, config=input_["config"]))["rollbackForecast"]
        assert await picture(target.endpoint) == before
        id_ = await completed(route, onExisting=on_existing, batchSize=15)
        promised = (await route.client.ask(GUARANTEE, id=id_))["migration"]["rollbackGuarantee"]
        assert await picture(target.endpoint) != before

        done = await rolled_back(route, id_, reason="a trial")

        assert await picture(target.endpoint) == before, on_existing
        assert {table["level"] for table in promised["tables"]} == {promised["level"]}
        assert (foreseen["level"], foreseen["tables"]) == (promised["level"], promised["tables"])
        assert done["progress"]["actsDone"] == done["progress"]["actsTotal"] > 0
        levels.append(promised["level"])
    async with target.target() as opened:
        assert await opened.runs() == ()
    assert levels == ["UNTOUCHED", "KEPT_ROWS", "ADDED_ROWS"]


async def test_a_migration_that_was_stopped_in_the_middle_is_rolled_back(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    await fill(postgresql_target, {KIND: OLD_KINDS, ITEM: OLD_ITEMS})
    before = await picture(postgresql_target.endpoint)
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, ITEM: MANY_ITEMS})
    id_ = await route.start(onExisting="TRUNCATE", batchSize=100, parallelTasks=1)
    await reached(route, id_, rows=1_000)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)
    await stands_at(route, id_, "CANCELLED")

    await rolled_back(route, id_)

    assert await picture(postgresql_target.endpoint) == before
    assert (await route.client.ask(PROGRESS, id=id_))["migrationProgress"]["rowsWritten"] == 0


async def test_a_rollback_that_is_asked_for_again_changes_nothing_more(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    id_ = await completed(route)

    once = await rolled_back(route, id_, reason="wrong source")
    again = await rolled_back(route, id_, reason="another")

    assert once == again
    assert once["reason"] == "wrong source"
    assert once["requestedBy"] == route.client.user_id
    assert "table kind" in once["report"]["dropped"]


async def test_a_migration_that_never_touched_its_target_is_rolled_back_at_once(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    id_ = await route.start(include=["nothing*"])
    assert (await ended(route.client, id_))["status"] == "FAILED"

    done = await rolled_back(route, id_)

    assert (done["progress"], done["report"]) == (None, None)


async def test_rows_that_others_have_written_since_need_a_word_and_are_kept(
    postgresql_target: Lab, live_api: LiveApi, worker: None, postgresql_server: PostgresqlServer
) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    before = await picture(postgresql_target.endpoint)
    id_ = await completed(route)
    await write_later(postgresql_target, "kind", [(99, "later")])

    await roll_back(route, id_)
    refused = await ended(route.client, id_)
    why = (await route.client.ask(ROLLBACK, id=id_))["migrationRollback"]
    shown = (await route.client.ask(GUARANTEE, id=id_))["migration"]
    done = await rolled_back(route, id_, options={"acknowledgeWritesSinceCutover": True})

    assert (refused["status"], refused["error"]) == ("COMPLETED", None)
    assert shown["statistics"]["processedRecords"] == len(KINDS)
    assert (why["failure"]["code"], why["progress"]) == ("CONFLICT", None)
    assert "acknowledgeWritesSinceCutover" in why["failure"]["message"]
    [aside] = done["report"]["keptAside"]
    kept = postgresql_server.run(f"SELECT count(*) FROM {aside}", postgresql_target.endpoint.database)
    assert kept == str(len(KINDS) + 1)
    postgresql_server.run("DROP SCHEMA _wherry_after CASCADE", postgresql_target.endpoint.database)
    assert await picture(postgresql_target.endpoint) == before


async def test_a_rollback_that_is_refused_leaves_a_paused_migration_in_its_phase(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    """Somebody has let the target forget it meanwhile."""
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, ITEM: MANY_ITEMS})
    id_ = await route.start(batchSize=100, parallelTasks=1)
    await reached(route, id_, rows=1_000)
    await route.client.ok("pauseMigration", "PauseMigrationInput", {"migrationId": id_}, MIGRATION)
    await stands_at(route, id_, "PAUSED")
    before = (await route.client.ask(STATUS, id=id_))["migrationStatus"]
    async with postgresql_target.target() as opened:
        await opened.forget_run(f"migration-{id_}")

    asked = await roll_back(route, id_)
    await stands_at(route, id_, "PAUSED")
    after = (await route.client.ask(STATUS, id=id_))["migrationStatus"]
    why = (await route.client.ask(ROLLBACK, id=id_))["migrationRollback"]["failure"]

    assert (before["status"], asked["migration"]["status"], after["status"]) == ("PAUSED", "ROLLING_BACK", "PAUSED")
    assert why["code"] == "CONFLICT"
    assert before["phase"] == after["phase"] == "DATA"


async def test_a_migration_whose_tables_a_later_one_has_used_waits_for_that_one(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    before = await picture(postgresql_target.endpoint)
    first = await completed(route)
    second = await completed(route, onExisting="TRUNCATE")

    await roll_back(route, first)
    refused = await ended(route.client, first)
    why = (await route.client.ask(ROLLBACK, id=first))["migrationRollback"]["failure"]
    await rolled_back(route, second)
    await rolled_back(route, first)

    assert refused["status"] == "COMPLETED"
    assert "roll that one back first" in why["message"]
    assert await picture(postgresql_target.endpoint) == before


async def test_a_rollback_that_fails_half_way_goes_on_once_its_cause_is_mended(
    postgresql_target: Lab, live_api: LiveApi, worker: None, postgresql_server: PostgresqlServer
) -> None:
    """Somebody has made a view of a new table, which therefore cannot be dropped."""
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, ITEM: ITEMS})
    before = await picture(postgresql_target.endpoint)
    id_ = await completed(route)
    database = postgresql_target.endpoint.database
    postgresql_server.run("CREATE VIEW names AS SELECT name FROM kind", database)

    await roll_back(route, id_)
    failed = await ended(route.client, id_)
    resumed = await route.client.tell("resumeMigration", "ResumeMigrationInput", {"migrationId": id_})
    why = (await route.client.ask(ROLLBACK, id=id_))["migrationRollback"]
    postgresql_server.run("DROP VIEW names", database)
    done = await rolled_back(route, id_)

    assert (failed["status"], "kind" in failed["error"]["message"]) == ("FAILED", True)
    assert why["failure"] == failed["error"]
    assert 0 < why["progress"]["actsDone"] < why["progress"]["actsTotal"] == done["progress"]["actsTotal"]
    assert (resumed["code"], "Roll it back again" in resumed["message"]) == ("CONFLICT", True)
    assert {"table kind", "table item"} <= set(done["report"]["dropped"])
    assert await picture(postgresql_target.endpoint) == before


async def test_what_a_migration_has_made_may_stay(postgresql_target: Lab, live_api: LiveApi, worker: None) -> None:
    """New tables stay with their rows, those that were there are put back."""
    await fill(postgresql_target, {KIND: OLD_KINDS})
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, replace(ITEM, foreign_keys=()): ITEMS})
    _, digests = await picture(postgresql_target.endpoint)
    id_ = await completed(route, onExisting="TRUNCATE")

    done = await rolled_back(route, id_, options={"dropCreated": False})

    _, after = await picture(postgresql_target.endpoint)
    assert {name.name: digest.rows for name, digest in after.items()} == {"kind": len(OLD_KINDS), "item": len(ITEMS)}
    assert {name: after[name] for name in digests} == digests
    assert done["report"]["dropped"] == []


async def test_a_migration_into_a_table_without_a_key_cannot_be_rolled_back_and_says_so_before(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    keyless = replace(KIND, primary_key=None)
    await fill(postgresql_target, {keyless: OLD_KINDS})
    route = await route_between(live_api, postgresql_target, {keyless: KINDS})
    id_ = await completed(route, onExisting="APPEND")

    promised = (await route.client.ask(GUARANTEE, id=id_))["migration"]["rollbackGuarantee"]
    refused = await roll_back(route, id_)

    assert (promised["level"], promised["tables"][0]["level"]) == ("NONE", "NONE")
    assert promised["reason"] in refused["message"]
    assert refused["code"] == "CONFLICT"


async def test_a_forecast_says_what_a_start_would_say(postgresql_target: Lab, live_api: LiveApi) -> None:
    await fill(postgresql_target, {KIND: OLD_KINDS})
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, ITEM: ITEMS})
    eve = await live_api.signed_in()

    async def foresee(client: ApiClient, **config: Any) -> Json:
        return await client.refused(FORECAST, id=route.project_id, config=route.input(**config)["config"])

    filled = await foresee(route.client)
    unknown = await foresee(route.client, onExisting="APPEND", sourceConnectionId=NOBODY)
    stranger = await foresee(eve, onExisting="APPEND")

    assert filled["code"] == "TARGET_NOT_EMPTY"
    assert (unknown["code"], stranger["code"]) == ("NOT_FOUND", "NOT_FOUND")


async def test_a_folder_of_files_keeps_nothing_for_a_rollback_and_says_so_before(
    live_api: LiveApi, worker: None
) -> None:
    folder = replace(file_lab(live_api, Engine.SQLITE), engine=Engine.PARQUET)
    route = await route_between(live_api, folder, {KIND: KINDS})

    foreseen = await route.client.ask(FORECAST, id=route.project_id, config=route.input()["config"])
    refused = await roll_back(route, await completed(route))

    assert foreseen["rollbackForecast"]["level"] == "NONE"
    assert [table["level"] for table in foreseen["rollbackForecast"]["tables"]] == ["NONE"]
    assert refused["code"] == "CONFLICT"
    assert foreseen["rollbackForecast"]["reason"] in refused["message"]


async def test_a_rollback_waits_for_the_end_of_what_works_on_the_target(
    postgresql_target: Lab, live_api: LiveApi
) -> None:
    """There is no worker at first, so everything stays where it is asked to be."""
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    first = await route.start()

    at_work = await roll_back(route, first)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": first}, MIGRATION)
    second = await route.start()
    taken = await roll_back(route, first)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": second}, MIGRATION)
    given = await roll_back(route, first)
    answers = [
        await route.client.tell("cancelMigration", "CancelMigrationInput", {"migrationId": first}, MIGRATION),
        await route.client.tell("pauseMigration", "PauseMigrationInput", {"migrationId": first}, MIGRATION),
        await route.client.tell("startMigration", "StartMigrationInput", route.input(), MIGRATION),
    ]
    async with running_worker(live_api.container):
        status = await ended(route.client, first)

    assert (at_work["code"], "Pause or cancel it first" in at_work["message"]) == ("CONFLICT", True)
    assert (taken["code"], second in taken["message"]) == ("CONFLICT", True)
    assert given["migration"]["status"] == "ROLLING_BACK"
    assert [answer["code"] for answer in answers] == ["CONFLICT"] * 3
    assert "half a rollback" in answers[0]["message"]
    assert first in answers[2]["message"]
    assert (status["status"], status["error"]) == ("ROLLED_BACK", None)


async def test_subscribers_see_a_rollback_up_to_its_end(
    postgresql_target: Lab, live_api: LiveApi, worker: None
) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS, ITEM: ITEMS})
    id_ = await completed(route)
    await roll_back(route, id_)

    events_with_rollback = EVENTS.replace("error {", "rollback { actsDone actsTotal } error {")
    async with asyncio.timeout(120), route.client.follow(events_with_rollback, id=id_, after=0) as events:
        seen: list[Json] = [event["migrationEvents"] async for event in events]

    statuses = [frame["status"] for frame in seen if frame["kind"] in ("STATUS", "TERMINAL")]
    told = [frame["rollback"]["actsDone"] for frame in seen if frame["rollback"]]
    assert statuses[-3:] == ["COMPLETED", "ROLLING_BACK", "ROLLED_BACK"]
    assert [frame["kind"] for frame in seen].count("TERMINAL") == 1
    assert [frame["sequence"] for frame in seen] == list(range(1, len(seen) + 1))
    assert told == sorted(told)


async def test_a_stranger_neither_rolls_back_nor_sees_a_rollback(postgresql_target: Lab, live_api: LiveApi) -> None:
    route = await route_between(live_api, postgresql_target, {KIND: KINDS})
    id_ = await route.start()
    eve = await live_api.signed_in()

    answer = await roll_back(replace(route, client=eve), id_)

    assert answer["code"] == "NOT_FOUND"
    assert (await eve.refused(ROLLBACK, id=id_))["code"] == "NOT_FOUND"
    assert (await eve.ask(GUARANTEE, id=id_))["migration"] is None
