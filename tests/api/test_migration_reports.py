"""What a migration reports of itself when it was shared out, and when rows do not fit."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest

from domain.connections.values import Endpoint
from tests.support.api import LiveApi, create_project, running_api
from tests.support.connections import create_connection, data_file, file_input
from tests.support.migrations import Route, ended, report_of, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.workers import running_worker

ROWS = 20_000
MANY = (
    "CREATE TABLE reading (id INTEGER PRIMARY KEY, value VARCHAR(40))",
    f"""INSERT INTO reading WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        SELECT i, 'reading number ' || i FROM n""",
)


@pytest.fixture(scope="module")
async def changing_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API with a worker whose lanes take turns every second."""
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/2", "worker_lane_s": 1}
    async with (
        running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api,
        running_worker(api.container),
    ):
        yield api


CONSISTENCY = [
    ("one lane has one view of the source", {"parallelTasks": 1, "verify": "COUNTS"}, "SNAPSHOT"),
    ("views of the same moment agree", {"parallelTasks": 3, "verify": "COUNTS"}, "SNAPSHOT"),
    ("digests show that the views agree", {"parallelTasks": 3, "verify": "DIGEST"}, "SNAPSHOT"),
    ("views of the same moment agree without a comparison", {"parallelTasks": 3, "verify": "NONE"}, "SNAPSHOT"),
]


@pytest.mark.parametrize(("case", "config", "consistency"), CONSISTENCY, ids=[case[0] for case in CONSISTENCY])
async def test_the_report_claims_no_more_consistency_than_is_known(
    changing_api: LiveApi, postgresql_database: Endpoint, case: str, config: dict[str, object], consistency: str
) -> None:
    route = await route_from_shop(changing_api, postgresql_database, *MANY)

    id_ = await route.start(batchSize=200, **config)

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    report = await report_of(route.client, id_)
    assert (case, report["consistency"]) == (case, consistency)
    verified = None if config["verify"] == "NONE" else True
    assert [(table["rowsWritten"], table["verified"]) for table in report["tables"]] == [(ROWS, verified)]


async def test_lanes_whose_views_cannot_be_told_apart_claim_no_more_than_what_each_has_read(
    changing_api: LiveApi, postgresql_database: Endpoint
) -> None:
    """In this mode others write on while somebody reads, and nobody can tell which state a lane sees."""
    route = await route_from_shop(changing_api, postgresql_database, "PRAGMA journal_mode = WAL", *MANY)

    id_ = await route.start(batchSize=200, parallelTasks=3, verify="COUNTS")

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    report = await report_of(route.client, id_)
    assert report["consistency"] == "CHUNK"
    assert len(report["snapshots"]) > 1


async def test_lanes_that_take_turns_copy_everything_once(
    changing_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(changing_api, postgresql_database, *MANY)

    id_ = await route.start(batchSize=20, parallelTasks=2)

    assert (await ended(route.client, id_))["status"] == "COMPLETED"
    turns = "SELECT max(sequence) AS turns FROM migration_assignment WHERE migration_id = :id AND task LIKE 'lane%'"
    assert (await changing_api.container.database.rows(turns, id=id_))[0]["turns"] > 1
    assert postgresql_server.run("SELECT count(*) FROM reading", postgresql_database.database) == str(ROWS)


async def test_rows_that_the_target_refuses_end_the_migration_with_the_reason(
    changing_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    postgresql_server.run(
        f"CREATE TABLE reading (id bigint PRIMARY KEY CHECK (id <> {ROWS // 2}), value varchar(40));"
        f'ALTER TABLE reading OWNER TO "{postgresql_database.username}"',
        postgresql_database.database,
    )
    route = await route_from_shop(changing_api, postgresql_database, *MANY)

    id_ = await route.start(batchSize=500, parallelTasks=2)
    status = await ended(route.client, id_)

    assert status["status"] == "FAILED"
    assert "reading_id_check" in status["error"]["message"]
    report = await report_of(route.client, id_)
    assert (report["status"], report["error"]["code"]) == ("FAILED", status["error"]["code"])
    arrived = int(postgresql_server.run("SELECT count(*) FROM reading", postgresql_database.database))
    assert [table["rowsWritten"] for table in report["tables"]] == [arrived]
    assert arrived < ROWS
    progress = await route.client.ask("query($id: ID!) { migrationProgress(id: $id) { percentage } }", id=id_)
    assert progress["migrationProgress"]["percentage"] < 100


async def test_a_file_can_be_the_target(changing_api: LiveApi) -> None:
    ada = await changing_api.signed_in()
    project_id = await create_project(ada)
    source = data_file(changing_api, f"{secrets.token_hex(4)}.db", *MANY)
    target = changing_api.container.settings.data_dir / f"{secrets.token_hex(4)}.db"
    source_id = await create_connection(ada, file_input(project_id, source.name, isSource=True, isTarget=False))
    target_id = await create_connection(ada, file_input(project_id, target.name, isSource=False, isTarget=True))
    route = Route(ada, project_id, source_id, target_id)

    id_ = await route.start(batchSize=1_000, parallelTasks=4)

    status = await ended(ada, id_)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    report = await report_of(ada, id_)
    assert [(table["rowsWritten"], table["verified"]) for table in report["tables"]] == [(ROWS, True)]
    assert report["consistency"] == "SNAPSHOT"
