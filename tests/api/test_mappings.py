"""The mappings slice through the API, against real servers and files."""

from __future__ import annotations

import secrets
from typing import Any

from domain.connections.values import Endpoint
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import analyzed, create_connection, data_file, file_input, server_input
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.queries import counted_statements

Json = dict[str, Any]

MAPPING = """... on SchemaMappingSuccess { mapping { id name status tableCount source { hash } target { hash }
    sourceConnection { name } targetConnection { name } project { id } validation { isValid }
    tables(first: 5) { totalCount nodes { sourceTable targetTable columns { sourceColumn targetColumn } } } } }"""
VALIDATION = """... on ValidateSchemaMappingSuccess { mapping { status }
    validation { isValid errorsTotal errors { code severity path message } } }"""


async def an_analyzed_file(api: LiveApi, client: ApiClient, project_id: str, *statements: str, **more: Any) -> str:
    """Make a connection to a file with those tables, analyse it, and return the connection's id."""
    file = data_file(api, f"{secrets.token_hex(4)}.db", *statements)
    id_ = await create_connection(client, file_input(project_id, file.name, **more))
    await analyzed(client, id_)
    return id_


async def mapped(client: ApiClient, project_id: str, source: str, target: str | None = None, **more: Any) -> Json:
    """Make a mapping and return it."""
    input_ = {"projectId": project_id, "name": "m", "sourceConnectionId": source, "targetConnectionId": target} | more
    mapping: Json = (await client.ok("createSchemaMapping", "CreateSchemaMappingInput", input_, MAPPING))["mapping"]
    return mapping


async def validated(client: ApiClient, mapping_id: str, **options: Any) -> Json:
    """Validate a mapping and return what was found."""
    input_ = {"mappingId": mapping_id, "options": options or None}
    answer = await client.ok("validateSchemaMapping", "ValidateSchemaMappingInput", input_, VALIDATION)
    validation: Json = answer["validation"] | {"status": answer["mapping"]["status"]}
    return validation


def found(validation: Json) -> set[tuple[str, str, str]]:
    """Return the issues as code, severity and path."""
    return {(issue["code"], issue["severity"], ".".join(issue["path"])) for issue in validation["errors"]}


async def test_without_mappings_every_table_keeps_its_name(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await an_analyzed_file(live_api, ada, project_id, "CREATE TABLE a (id INT)", "CREATE TABLE b (id INT)")

    mapping = await mapped(ada, project_id, source)

    assert (mapping["status"], mapping["tableCount"], mapping["target"]) == ("UNVALIDATED", 2, None)
    assert sorted(node["targetTable"] for node in mapping["tables"]["nodes"]) == ["a", "b"]
    assert mapping["sourceConnection"] == {"name": "file"}
    assert (await validated(ada, mapping["id"]))["isValid"] is True


async def test_a_mapping_is_held_against_a_target_that_has_tables(
    live_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    postgresql_server.run(
        f"""SET ROLE "{postgresql_database.username}"; SET search_path TO public;
        CREATE TABLE movie (id int PRIMARY KEY, name varchar(5) NOT NULL, studio text NOT NULL)""",
        postgresql_database.database,
    )
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await an_analyzed_file(
        live_api,
        ada,
        project_id,
        "CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT)",
        "INSERT INTO film VALUES (1, 'x')",
    )
    target = await create_connection(ada, server_input(project_id, postgresql_database, isTarget=True))
    await analyzed(ada, target)
    columns = [{"sourceColumn": "id", "targetColumn": "id"}, {"sourceColumn": "title", "targetColumn": "name"}]
    good = {"sourceTable": "film", "targetTable": "movie", "columns": columns}
    bad = {"sourceTable": "flim", "targetTable": "movie"}

    mapping = await mapped(ada, project_id, source, target, mappings=[good, bad])
    validation = await validated(ada, mapping["id"])

    assert (validation["isValid"], validation["status"]) == (False, "INVALID")
    assert found(validation) == {
        ("SOURCE_TABLE_NOT_FOUND", "ERROR", "flim"),
        ("TYPE_NARROWER", "WARNING", "movie.id"),
        ("TYPE_NARROWER", "WARNING", "movie.name"),
        ("NULL_NOT_ALLOWED", "WARNING", "movie.name"),
        ("TARGET_COLUMN_UNFILLED", "ERROR", "movie.studio"),
    }
    document = "query($id: ID!) { schemaValidation(mappingId: $id) { isValid errorsTotal } }"
    kept = await ada.ask(document, id=mapping["id"])
    assert kept["schemaValidation"] == {"isValid": False, "errorsTotal": 5}


async def test_types_that_a_target_does_not_have_are_told_before_the_copy(
    live_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint, mysql_database: Endpoint
) -> None:
    postgresql_server.run(
        f"""SET ROLE "{postgresql_database.username}"; SET search_path TO public;
        CREATE TABLE net (id int PRIMARY KEY, address inet, tags text[], plain int)""",
        postgresql_database.database,
    )
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await create_connection(ada, server_input(project_id, postgresql_database))
    await analyzed(ada, source)
    target = await create_connection(ada, server_input(project_id, mysql_database, isSource=False, isTarget=True))

    mapping = await mapped(ada, project_id, source, target)
    lenient, strict = await validated(ada, mapping["id"]), await validated(ada, mapping["id"], strict=True)

    assert mapping["target"] is None
    assert mapping["targetConnection"] == {"name": "shop"}
    assert found(lenient) == {
        ("TYPE_REPLACED", "WARNING", "net.address"),
        ("TYPE_REPLACED", "WARNING", "net.tags"),
    }
    assert (lenient["isValid"], lenient["status"]) == (True, "VALID")
    assert (strict["isValid"], strict["status"]) == (False, "INVALID")


async def test_a_database_that_changed_since_is_told(
    live_api: LiveApi, mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run("CREATE TABLE film (id INT PRIMARY KEY)", database=mysql_database.database)
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await create_connection(ada, server_input(project_id, mysql_database))
    await analyzed(ada, source)
    mapping = await mapped(ada, project_id, source)
    await analyzed(ada, source)
    same = await validated(ada, mapping["id"])
    mysql_server.run("ALTER TABLE film ADD COLUMN title TEXT", database=mysql_database.database)

    await analyzed(ada, source)
    changed = await validated(ada, mapping["id"])

    assert found(same) == set()
    assert found(changed) == {("ANALYSIS_OUTDATED", "WARNING", source)}


async def test_what_a_mapping_is_made_from_must_be_there_and_of_its_project(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id, other_id = await create_project(ada), await create_project(ada)
    source = await an_analyzed_file(live_api, ada, project_id)
    foreign = await an_analyzed_file(live_api, ada, other_id)
    blank = await create_connection(
        ada, file_input(project_id, f"{secrets.token_hex(4)}.db", isSource=False, isTarget=True)
    )
    base = {"projectId": project_id, "name": "m"}
    bad: list[tuple[Json, str, list[str]]] = [
        ({}, "VALIDATION_FAILED", ["sourceSchemaId"]),
        ({"sourceConnectionId": foreign}, "NOT_FOUND", ["sourceConnectionId"]),
        ({"sourceConnectionId": blank}, "VALIDATION_FAILED", ["sourceConnectionId"]),
        ({"sourceConnectionId": source, "sourceSchemaId": project_id}, "VALIDATION_FAILED", ["sourceSchemaId"]),
        ({"sourceSchemaId": project_id}, "NOT_FOUND", ["sourceSchemaId"]),
        ({"sourceConnectionId": source, "targetConnectionId": foreign}, "NOT_FOUND", ["targetConnectionId"]),
        (
            {"sourceConnectionId": source, "mappings": [{"sourceTable": "x", "targetTable": "y"}]},
            "VALIDATION_FAILED",
            ["mappings"],
        ),
        (
            {"sourceConnectionId": source, "mappings": [{"sourceTable": "", "targetTable": "y"}]},
            "VALIDATION_FAILED",
            ["mappings", "0", "sourceTable"],
        ),
    ]
    for change, code, path in bad:
        refused = await ada.tell("createSchemaMapping", "CreateSchemaMappingInput", base | change)
        assert (refused["code"], refused["path"]) == (code, path), change


async def test_another_tenant_can_do_nothing_with_a_mapping(live_api: LiveApi) -> None:
    ada, eve = await live_api.signed_in(), await live_api.signed_in()
    project_id = await create_project(ada)
    source = await an_analyzed_file(live_api, ada, project_id)
    mapping = await mapped(ada, project_id, source)
    eves_project = await create_project(eve)

    one = "query($id: ID!) { schemaMapping(id: $id) { name } }"
    assert (await eve.ask(one, id=mapping["id"])) == {"schemaMapping": None}
    for document, id_ in (
        ("query($id: ID!) { schemaValidation(mappingId: $id) { isValid } }", mapping["id"]),
        ("query($id: ID!) { schemaMappings(projectId: $id) { totalCount } }", project_id),
    ):
        assert (await eve.refused(document, id=id_))["code"] == "NOT_FOUND"
    validate = {"mappingId": mapping["id"]}
    assert (await eve.tell("validateSchemaMapping", "ValidateSchemaMappingInput", validate))["code"] == "NOT_FOUND"
    steal = {"projectId": eves_project, "name": "m", "sourceConnectionId": source}
    assert (await eve.tell("createSchemaMapping", "CreateSchemaMappingInput", steal))["code"] == "NOT_FOUND"


async def test_many_mappings_with_their_ends_cost_as_many_statements_as_one(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await an_analyzed_file(live_api, ada, project_id)
    document = """query($id: ID!) { schemaMappings(projectId: $id, first: 20) { totalCount nodes {
        source { hash } target { hash } sourceConnection { name } validation { isValid }
        tables(first: 5) { totalCount } project { schemaMappings(first: 1) { totalCount } } } } }"""
    await validated(ada, (await mapped(ada, project_id, source, source))["id"])
    with counted_statements(live_api.container.database) as one:
        await ada.ask(document, id=project_id)
    for _ in range(9):
        await mapped(ada, project_id, source, source)

    with counted_statements(live_api.container.database) as ten:
        answer = await ada.ask(document, id=project_id)

    assert answer["schemaMappings"]["totalCount"] == 10
    assert len(ten) == len(one)


async def test_a_migration_finds_what_a_mapping_says(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    source = await an_analyzed_file(live_api, ada, project_id)
    target = await create_connection(
        ada, file_input(project_id, f"{secrets.token_hex(4)}.db", isSource=False, isTarget=True)
    )
    mapping = await mapped(ada, project_id, source, target)
    config = {"sourceConnectionId": source, "targetConnectionId": target, "mappingId": mapping["id"]}
    unknown = config | {"mappingId": project_id}

    refused = await ada.tell("startMigration", "StartMigrationInput", {"projectId": project_id, "config": unknown})
    await ada.ok("startMigration", "StartMigrationInput", {"projectId": project_id, "config": config})
    in_use = await ada.tell("deleteConnection", "DeleteConnectionInput", {"connectionId": target})

    assert (refused["code"], refused["path"]) == ("NOT_FOUND", ["config", "mappingId"])
    assert in_use["code"] == "CONFLICT"
    assert "is using it" in in_use["message"]
