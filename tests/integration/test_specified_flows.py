"""The two integration tests of the specification, as behaviour: through the API, with workers as processes."""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import pytest

from domain.connections.values import Endpoint
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import create_connection, outcome_of_test, server_input
from tests.support.migrations import Route, ended, report_of, route_to
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import worker_process

Json = dict[str, Any]

RECORDS = 1_000_000
RECORDS_PER_SECOND = 10_000
DURATION_S_MAX = 3_600
ACCURACY_PERCENT = 99.9

ORDERS = (
    "CREATE TABLE customer (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(60) NOT NULL, born DATE)",
    """INSERT INTO customer
        SELECT seq, CONCAT('customer ', seq), DATE('1950-01-01') + INTERVAL seq DAY FROM seq_1_to_5000""",
    """CREATE TABLE purchase (id INT PRIMARY KEY, customer_id INT NOT NULL, total DECIMAL(12,2) NOT NULL,
        at DATETIME(3), FOREIGN KEY (customer_id) REFERENCES customer (id), KEY purchase_at (at))""",
    """INSERT INTO purchase
        SELECT seq, 1 + seq % 5000, seq / 7, TIMESTAMP('2020-01-01') + INTERVAL seq MINUTE FROM seq_1_to_20000""",
)
RECORD = (
    """CREATE TABLE record (id BIGINT PRIMARY KEY, code VARCHAR(32) NOT NULL, amount DECIMAL(12,2) NOT NULL,
        measured DOUBLE NOT NULL, at DATETIME(6) NOT NULL, remark VARCHAR(80))""",
    f"""INSERT INTO record
        SELECT seq, MD5(seq), seq / 3, SQRT(seq), TIMESTAMP('2020-01-01') + INTERVAL seq SECOND,
            IF(seq % 10, CONCAT('remark on record ', seq), NULL) FROM seq_1_to_{RECORDS}""",
)
CODES = "SELECT md5(string_agg(id || ':' || code || ':' || amount, ',' ORDER BY id)) FROM record"


def accuracy_of(report: Json) -> float:
    """Return the share of rows, in percent, that are in the target and proven equal by comparison."""
    read: int = sum(table["rowsRead"] for table in report["tables"])
    proven: int = sum(table["rowsWritten"] for table in report["tables"] if table["verified"])
    return 100 * proven / read


async def mysql_to_postgresql(client: ApiClient, source: Endpoint, target: Endpoint) -> Route:
    """Make a project with two tested connections."""
    project_id = await create_project(client)
    source_id = await create_connection(client, server_input(project_id, source, isSource=True, isTarget=False))
    route = await route_to(client, project_id, source_id, target)
    for connection_id in (route.source_id, route.target_id):
        assert (await outcome_of_test(client, connection_id))["success"]
    return route


async def test_full_migration_flow_success(
    live_api: LiveApi, mysql_database: Endpoint, mysql_server: MysqlServer, postgresql_database: Endpoint
) -> None:
    mysql_server.run(*ORDERS, database=mysql_database.database)
    route = await mysql_to_postgresql(await live_api.signed_in(), mysql_database, postgresql_database)

    with worker_process(live_api.container):
        job = await route.start()
        status = await ended(route.client, job)

    result = await report_of(route.client, job)
    assert (status["status"], result["status"]) == ("COMPLETED", "SUCCEEDED")
    assert accuracy_of(result) > ACCURACY_PERCENT
    assert accuracy_of(result) == 100
    assert {table["name"].rpartition(".")[2]: table["rowsWritten"] for table in result["tables"]} == {
        "customer": 5_000,
        "purchase": 20_000,
    }


@pytest.mark.slow
async def test_large_dataset_migration_meets_performance_targets(
    live_api: LiveApi,
    mysql_database: Endpoint,
    mysql_server: MysqlServer,
    postgresql_database: Endpoint,
    postgresql_server: PostgresqlServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mysql_server.run(*RECORD, database=mysql_database.database)
    route = await mysql_to_postgresql(await live_api.signed_in(), mysql_database, postgresql_database)

    with worker_process(live_api.container), worker_process(live_api.container):
        job = await route.start(parallelTasks=4)
        status = await ended(route.client, job, timeout_s=DURATION_S_MAX)

    result = await report_of(route.client, job)
    throughput = RECORDS / result["seconds"]
    verdict = "PASS" if throughput > RECORDS_PER_SECOND else "FAIL"
    with capsys.disabled():
        sys.stdout.write(
            f"\n{RECORDS:,} records, verified, in {result['seconds']:.1f} s: {throughput:,.0f} records/s, "
            f"{throughput / RECORDS_PER_SECOND:.1f} times the specified {RECORDS_PER_SECOND:,} ({verdict})\n"
        )
    assert status["status"] == "COMPLETED"
    assert [(table["rowsWritten"], table["verified"]) for table in result["tables"]] == [(RECORDS, True)]
    assert accuracy_of(result) == 100
    assert result["seconds"] < DURATION_S_MAX
    assert postgresql_server.run(CODES, postgresql_database.database) == _digest(mysql_server, mysql_database)


def _digest(server: MysqlServer, source: Endpoint) -> str:
    """Compute the target's fingerprint from the source's rows, here."""
    rows = server.run("SELECT CONCAT(id, ':', code, ':', amount) FROM record ORDER BY id", database=source.database)
    return hashlib.md5(",".join(str(row[0]) for row in rows).encode()).hexdigest()
