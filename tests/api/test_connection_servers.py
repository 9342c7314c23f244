"""Connections to real servers: what a test finds, and that no password is ever seen again."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Secret
from infra.db.tables.registry import metadata
from infra.embedded.ports import free_port
from tests.support.api import LiveApi, create_project
from tests.support.connections import CONNECTION, TEST, create_connection, outcome_of_test, server_input
from tests.support.postgresql import PostgresqlServer

OPEN_TRANSACTIONS = """
SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


@pytest.fixture(params=["postgresql", "mysql"])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """An empty database on a real server, once of each kind."""
    made: Endpoint = request.getfixturevalue(f"{request.param}_database")
    return made


async def test_a_server_that_is_as_it_must_be_passes_as_source_and_target(
    live_api: LiveApi, endpoint: Endpoint
) -> None:
    ada = await live_api.signed_in()
    id_ = await create_connection(ada, server_input(await create_project(ada), endpoint, isTarget=True))

    test = await outcome_of_test(ada, id_)

    assert test["success"] is True, test
    assert test["serverVersion"][0].isdigit()
    assert len(test["findings"]) > 2
    assert {finding["advice"] for finding in test["findings"]} == {""}


async def test_what_keeps_a_test_from_signing_in_has_its_own_code(live_api: LiveApi, endpoint: Endpoint) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    faults = {
        "AUTHENTICATION_FAILED": replace(endpoint, password=Secret("not the password")),
        "HOST_UNREACHABLE": replace(endpoint, port=free_port()),
        "DATABASE_NOT_FOUND": replace(endpoint, database="no_such_database"),
    }
    for code, at_fault in faults.items():
        id_ = await create_connection(ada, server_input(project_id, at_fault))
        test = await outcome_of_test(ada, id_)
        allowed = {code, "PRIVILEGE_MISSING"} if code == "DATABASE_NOT_FOUND" else {code}
        assert test["success"] is False
        assert test["code"] in allowed, test
        assert at_fault.password.reveal() not in test["message"]
        shown = await ada.ask("query($id: ID!) { connection(id: $id) { status credentialsVersion } }", id=id_)
        assert shown["connection"] == {"status": "FAILING", "credentialsVersion": 1}


async def test_a_missing_right_is_named_with_what_to_do_about_it(
    live_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    ada = await live_api.signed_in()
    reader, password = f"reader_{secrets.token_hex(4)}", secrets.token_hex(8)
    postgresql_server.run(
        f"CREATE TABLE secret_plans (id int); CREATE ROLE {reader} LOGIN PASSWORD '{password}';"
        f"GRANT USAGE ON SCHEMA public TO {reader}",
        postgresql_database.database,
    )
    weak = replace(postgresql_database, username=reader, password=Secret(password))
    id_ = await create_connection(ada, server_input(await create_project(ada), weak))

    test = await outcome_of_test(ada, id_)
    postgresql_server.run(f"DROP OWNED BY {reader}; DROP ROLE {reader}", postgresql_database.database)

    missing = [finding for finding in test["findings"] if not finding["passed"]]
    assert (test["success"], test["code"]) == (False, "PRIVILEGE_MISSING")
    assert [finding["name"] for finding in missing] == ["Right to read every table"]
    assert "GRANT SELECT" in missing[0]["advice"]
    assert "secret_plans" in missing[0]["advice"]


async def test_a_new_password_heals_a_connection(live_api: LiveApi, mysql_database: Endpoint) -> None:
    ada = await live_api.signed_in()
    wrong = server_input(await create_project(ada), mysql_database, credentials={"password": "wrong"})
    id_ = await create_connection(ada, wrong)
    before = await outcome_of_test(ada, id_)
    heal = {"connectionId": id_, "newCredentials": {"password": mysql_database.password.reveal()}}

    healed = await ada.ok("updateConnectionCredentials", "UpdateConnectionCredentialsInput", heal, CONNECTION)
    after = await outcome_of_test(ada, id_)

    assert before["code"] == "AUTHENTICATION_FAILED"
    assert (healed["connection"]["status"], healed["connection"]["credentialsVersion"]) == ("UNTESTED", 2)
    assert after["success"] is True


async def test_a_connection_string_is_taken_apart_and_works(live_api: LiveApi, endpoint: Endpoint) -> None:
    ada = await live_api.signed_in()
    text = (
        f"{endpoint.engine.value.lower()}://{endpoint.username}:{endpoint.password.reveal()}"
        f"@{endpoint.host}:{endpoint.port}/{endpoint.database}?tls=disable"
    )
    input_ = server_input(await create_project(ada), endpoint, config={"connectionString": text}, credentials=None)

    made = await ada.ok("createConnection", "CreateConnectionInput", input_, CONNECTION)

    assert made["connection"]["config"] == {"host": endpoint.host, "path": "", "tls": "DISABLE"}
    assert (await outcome_of_test(ada, made["connection"]["id"]))["success"] is True


async def test_no_transaction_is_open_while_a_test_waits_for_a_server(live_api: LiveApi) -> None:
    ada, dialled, enough = await live_api.signed_in(), asyncio.Event(), asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.set()
        await enough.wait()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    endpoint = Endpoint(
        Engine.POSTGRESQL, "127.0.0.1", silent.sockets[0].getsockname()[1], "shop", "ann", Secret("hunter2")
    )
    input_ = {"connectionId": await create_connection(ada, server_input(await create_project(ada), endpoint))}
    key = {"Idempotency-Key": "patience"}
    async with silent:
        testing = asyncio.create_task(ada.ok("testConnection", "TestConnectionInput", input_, TEST, **key))
        await dialled.wait()
        open_transactions = await live_api.container.database.rows(OPEN_TRANSACTIONS)
        enough.set()
        answer = await testing

    assert open_transactions == []
    assert answer["test"]["success"] is False


async def test_a_password_is_nowhere_but_sealed(live_api: LiveApi, mysql_database: Endpoint) -> None:
    canary = f"canary-{secrets.token_hex(16)}"
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    wrong = replace(mysql_database, password=Secret(canary))
    with capture_logs() as logs:
        created = await ada.post(
            "mutation($i: CreateConnectionInput!) { createConnection(input: $i) { __typename ... on ConnectionSuccess "
            "{ connection { id name config { host username } } } } }",
            {"i": server_input(project_id, wrong)},
        )
        id_ = created.json()["data"]["createConnection"]["connection"]["id"]
        broken = {"connectionString": f"mysql://ann:{canary}@127.0.0.1/shop?nonsense={canary}"}
        refusals = [
            await ada.tell("createConnection", "CreateConnectionInput", server_input(project_id, wrong, **change))
            for change in ({"config": broken, "credentials": None}, {"name": "x" * 101})
        ]
        test = await outcome_of_test(ada, id_)
        history = await ada.ask("query($p: ID!) { projectHistory(projectId: $p) { kind summary } }", p=project_id)

    assert [refusal["code"] for refusal in refusals] == ["VALIDATION_FAILED"] * 2
    assert test["code"] == "AUTHENTICATION_FAILED"
    assert canary not in f"{created.text} {refusals} {test} {history}"
    assert canary not in str(logs)
    for table in metadata().tables.values():
        rows = await live_api.container.database.rows(f'SELECT CAST(t AS text) AS row FROM "{table.name}" AS t')
        assert not any(canary in row["row"] for row in rows), table.name
        assert not any(canary.encode().hex() in row["row"] for row in rows), table.name
    redis = live_api.container.redis
    for key in await redis.keys("*"):
        assert canary.encode() not in (await redis.dump(key) or b"")
