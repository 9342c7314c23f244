"""The connections slice through the API, against real servers and files."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.support.api import LiveApi, create_project
from tests.support.connections import CONNECTION, TEST, create_connection, data_file, file_input, outcome_of_test
from tests.support.queries import counted_statements

STATUS = """query($id: ID!) { connectionStatus(connectionId: $id) {
    status lastTest { success code latencyMs findings { name passed } } } }"""


async def test_a_file_connection_is_made_tested_and_reported(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    name = f"{secrets.token_hex(4)}/shop.db"
    data_file(live_api, name)

    id_ = await create_connection(ada, file_input(project_id, f"./{name}"))
    before = await ada.ask(STATUS, id=id_)
    test = await outcome_of_test(ada, id_)
    after = (await ada.ask(STATUS, id=id_))["connectionStatus"]

    assert before["connectionStatus"] == {"status": "UNTESTED", "lastTest": None}
    assert (test["success"], test["code"]) == (True, None)
    assert test["findings"] == [{"name": "read", "passed": True, "advice": ""}]
    assert after["status"] == "OK"
    assert after["lastTest"]["latencyMs"] == test["latencyMs"]
    shown = await ada.ask("query($id: ID!) { connection(id: $id) { config { path } project { id } } }", id=id_)
    assert shown["connection"] == {"config": {"path": name}, "project": {"id": project_id}}


@pytest.mark.parametrize("path", ["../escape.db", "/etc/passwd", "a/../../b.db", "link.db", "folder", "nul\0.db"])
async def test_a_file_outside_the_data_folder_is_never_opened(live_api: LiveApi, path: str, tmp_path: Path) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    folder = live_api.container.settings.data_dir
    (folder / "folder").mkdir(parents=True, exist_ok=True)
    if path == "link.db":
        outside = tmp_path / "secret.db"
        outside.touch()
        (folder / path).unlink(missing_ok=True)
        (folder / path).symlink_to(outside)

    refused = await ada.tell("createConnection", "CreateConnectionInput", file_input(project_id, path))

    assert (refused["code"], refused["path"]) == ("PATH_NOT_ALLOWED", ["config", "path"])
    assert str(folder) in refused["message"]


async def test_a_file_that_becomes_a_link_outside_is_not_opened_either(live_api: LiveApi, tmp_path: Path) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    id_ = await create_connection(ada, file_input(project_id, file.name))
    file.rename(tmp_path / "moved.db")
    file.symlink_to(tmp_path / "moved.db")

    refused = await ada.tell("testConnection", "TestConnectionInput", {"connectionId": id_})

    assert refused["code"] == "PATH_NOT_ALLOWED"


async def test_the_file_of_a_source_must_exist_and_that_of_a_target_need_not(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    path = f"{secrets.token_hex(4)}.db"

    source = await ada.tell("createConnection", "CreateConnectionInput", file_input(project_id, path))
    target_input = file_input(project_id, path, isSource=False, isTarget=True)
    target = await ada.tell("createConnection", "CreateConnectionInput", target_input, CONNECTION)

    assert source["code"] == "DATABASE_NOT_FOUND"
    assert (await outcome_of_test(ada, target["connection"]["id"]))["success"] is True


async def test_a_file_that_is_no_database_is_told_from_one(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = live_api.container.settings.data_dir / f"{secrets.token_hex(4)}.db"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("Dear diary, " * 1000)
    id_ = await create_connection(ada, file_input(project_id, file.name))

    test = await outcome_of_test(ada, id_)

    assert (test["success"], test["code"]) == (False, "NOT_A_DATABASE")
    assert (await ada.ask(STATUS, id=id_))["connectionStatus"]["status"] == "FAILING"


async def test_a_connection_needs_what_its_kind_needs_and_takes_nothing_else(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    server = {"host": "db.example.org", "database": "shop", "username": "ann"}
    bad = [
        ("POSTGRESQL", {"host": "db.example.org", "username": "ann"}, ["config", "database"]),
        ("POSTGRESQL", server | {"path": "x.db"}, ["config", "path"]),
        ("MYSQL", server | {"host": "/run/mysqld/mysqld.sock"}, ["config", "host"]),
        ("MYSQL", server | {"port": 0}, ["config", "port"]),
        ("MYSQL", server | {"port": 65_536}, ["config", "port"]),
        ("MYSQL", server | {"host": "h" * 256}, ["config", "host"]),
        ("MYSQL", server | {"username": "u" * 101}, ["config", "username"]),
        ("SQLITE", {}, ["config", "path"]),
        ("SQLITE", {"path": "x.db", "host": "localhost"}, ["config", "host"]),
    ]
    for type_, config, path in bad:
        input_ = {"projectId": project_id, "name": "x", "type": type_, "config": config}
        refused = await ada.tell("createConnection", "CreateConnectionInput", input_)
        assert (refused["code"], refused["path"]) == ("VALIDATION_FAILED", path), config


async def test_protection_on_the_wire_is_full_by_default_except_to_this_machine(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)

    for host, tls in (("db.example.org", "VERIFY_FULL"), ("127.0.0.1", "DISABLE"), ("localhost", "DISABLE")):
        config = {"host": host, "database": "shop", "username": "ann"}
        input_ = {"projectId": project_id, "name": "x", "type": "MYSQL", "config": config}
        made = await ada.ok("createConnection", "CreateConnectionInput", input_, CONNECTION)
        assert made["connection"]["config"]["tls"] == tls


async def test_another_tenant_can_do_nothing_with_a_connection(live_api: LiveApi) -> None:
    ada, eve = await live_api.signed_in(), await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    id_ = await create_connection(ada, file_input(project_id, file.name))

    assert (await eve.ask("query($id: ID!) { connection(id: $id) { id } }", id=id_)) == {"connection": None}
    assert (await eve.refused(STATUS, id=id_))["code"] == "NOT_FOUND"
    lists = "query($id: ID!) { connections(projectId: $id) { totalCount } }"
    assert (await eve.refused(lists, id=project_id))["code"] == "NOT_FOUND"
    for field, input_ in (
        ("createConnection", file_input(project_id, file.name)),
        ("updateConnection", {"connectionId": id_, "name": "mine"}),
        ("updateConnectionCredentials", {"connectionId": id_, "newCredentials": {"password": "x"}}),
        ("testConnection", {"connectionId": id_}),
        ("deleteConnection", {"connectionId": id_}),
    ):
        refused = await eve.tell(field, f"{field[0].upper()}{field[1:]}Input", input_)
        assert refused["code"] == "NOT_FOUND", field


async def test_a_deleted_connection_is_gone_with_its_tests_and_its_password(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    config = {"host": "127.0.0.1", "database": "shop", "username": "ann"}
    input_ = {"projectId": project_id, "name": "x", "type": "MYSQL", "config": config}
    id_ = await create_connection(ada, input_ | {"credentials": {"password": "first"}})

    selection = "... on DeleteConnectionSuccess { connectionId }"
    gone = await ada.ok("deleteConnection", "DeleteConnectionInput", {"connectionId": id_}, selection)

    assert gone["connectionId"] == id_
    assert (await ada.ask("query($id: ID!) { connection(id: $id) { id } }", id=id_)) == {"connection": None}
    sql = "SELECT count(*) AS n FROM credential WHERE connection_id = CAST(:id AS uuid)"
    assert (await live_api.container.database.rows(sql, id=id_))[0]["n"] == 0


async def test_a_password_does_not_travel_to_a_place_that_somebody_else_has_set(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    config = {"host": "127.0.0.1", "database": "shop", "username": "ann"}
    input_ = {"projectId": project_id, "name": "x", "type": "MYSQL", "config": config}
    id_ = await create_connection(ada, input_ | {"credentials": {"password": "first"}})
    move = {"connectionId": id_, "config": config | {"host": "evil.example.org"}}

    refused = await ada.tell("updateConnection", "UpdateConnectionInput", move)
    moved = await ada.ok(
        "updateConnection", "UpdateConnectionInput", move | {"credentials": {"password": "second"}}, CONNECTION
    )

    assert (refused["code"], refused["path"]) == ("VALIDATION_FAILED", ["credentials"])
    assert moved["connection"]["credentialsVersion"] == 2
    assert moved["connection"]["config"]["host"] == "evil.example.org"


async def test_metrics_add_up_the_tests_of_the_span(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    id_ = await create_connection(ada, file_input(project_id, file.name))
    latencies = [(await outcome_of_test(ada, id_))["latencyMs"] for _ in range(3)]
    file.write_text("ruined " * 1000)
    await outcome_of_test(ada, id_)
    document = """query($id: ID!, $from: DateTime!, $to: DateTime!) {
        connectionMetrics(connectionId: $id, fromDate: $from, toDate: $to) {
            tests failures latencyMinMs latencyMedianMs latencyP95Ms latencyMaxMs } }"""

    now = await ada.ask(document, id=id_, **{"from": "2026-01-01T00:00:00Z", "to": "2126-01-01T00:00:00Z"})
    past = await ada.ask(document, id=id_, **{"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z"})

    assert now["connectionMetrics"] == {
        "tests": 4,
        "failures": 1,
        "latencyMinMs": min(latencies),
        "latencyMedianMs": sorted(latencies)[1],
        "latencyP95Ms": max(latencies),
        "latencyMaxMs": max(latencies),
    }
    assert past["connectionMetrics"] == {
        "tests": 0,
        "failures": 0,
        "latencyMinMs": None,
        "latencyMedianMs": None,
        "latencyP95Ms": None,
        "latencyMaxMs": None,
    }


async def test_fifty_projects_with_their_connections_cost_as_many_statements_as_one(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    first = await create_project(ada)
    await outcome_of_test(ada, await create_connection(ada, file_input(first, file.name)))
    document = """{ projects(first: 50) { nodes { lastMigration { id status } connections(first: 5) {
        totalCount nodes { name lastTest { success } project { id } } } } } }"""
    with counted_statements(live_api.container.database) as one:
        await ada.ask(document)
    organization = (await ada.ask("{ organizations { id } }"))["organizations"][0]["id"]
    made = "... on ProjectSuccess { project { id } }"
    for number in range(49):
        input_ = {"organizationId": organization, "name": f"p{number}"}
        project = await ada.ok("createProject", "CreateProjectInput", input_, made)
        await create_connection(ada, file_input(project["project"]["id"], file.name))

    with counted_statements(live_api.container.database) as fifty:
        answer = await ada.ask(document)

    assert [node["connections"]["totalCount"] for node in answer["projects"]["nodes"]] == [1] * 50
    assert len(fifty) == len(one)


async def test_a_failed_test_is_answered_again_under_its_idempotency_key(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    id_ = await create_connection(ada, file_input(project_id, file.name))
    key = {"Idempotency-Key": "once"}

    for _ in range(2):
        await ada.ok("testConnection", "TestConnectionInput", {"connectionId": id_}, TEST, **key)

    sql = "SELECT count(*) AS n FROM connection_test WHERE connection_id = CAST(:id AS uuid)"
    assert (await live_api.container.database.rows(sql, id=id_))[0]["n"] == 1


async def test_connections_are_paged_newest_first(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    ids = [await create_connection(ada, file_input(project_id, file.name)) for _ in range(3)]
    document = """query($id: ID!, $after: String) { connections(projectId: $id, first: 2, after: $after) {
        totalCount nodes { id } pageInfo { hasNextPage endCursor } } }"""

    first = (await ada.ask(document, id=project_id))["connections"]
    second = (await ada.ask(document, id=project_id, after=first["pageInfo"]["endCursor"]))["connections"]

    assert [node["id"] for node in first["nodes"] + second["nodes"]] == ids[::-1]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    assert second["pageInfo"]["hasNextPage"] is False
