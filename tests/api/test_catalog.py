"""The catalog slice through the API, against real servers and files."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import duckdb

from domain.connections.values import Endpoint
from infra.connectors.introspection import ConnectorIntrospector
from infra.db.stores.catalog import SqlSnapshots
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import analyzed, create_connection, data_file, file_input, outcome_of_test, server_input
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.queries import counted_statements

COLUMN = "name native logicalType nullable default generated comment identity { always nextValue }"
TABLE = f"""name schema comment rowEstimate sizeBytes
    columns {{ {COLUMN} }}
    primaryKey {{ columns }}
    indexes {{ name unique columns predicate }}
    foreignKeys {{ name columns references {{ name }} referencedColumns onDelete }}
    checks {{ name expression }}"""
LATEST = f"""query($id: ID!) {{ schemaAnalysis(connectionId: $id) {{
    id type serverVersion hash durationMs analyzedAt counts {{ tables columns indexes foreignKeys views sequences }}
    tables(first: 20) {{ totalCount nodes {{ {TABLE} }} }}
    views {{ nodes {{ name definition }} }} sequences {{ nodes {{ name nextValue increment }} }}
    others {{ nodes {{ kind name }} }} }} }}"""

Json = dict[str, Any]


async def latest(client: ApiClient, connection_id: str) -> Json:
    """Return the latest analysis of a connection."""
    answer: Json = (await client.ask(LATEST, id=connection_id))["schemaAnalysis"]
    return answer


async def test_everything_in_a_postgresql_database_is_shown(
    live_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    postgresql_server.run(
        f"""SET ROLE "{postgresql_database.username}"; SET search_path TO public;
        CREATE TABLE maker (id bigint GENERATED ALWAYS AS IDENTITY (START 9000000000000000000) PRIMARY KEY);
        CREATE TABLE part (
            id int PRIMARY KEY, price decimal(10,2) NOT NULL DEFAULT 1.50, maker_id bigint,
            twice decimal(11,2) GENERATED ALWAYS AS (price * 2) STORED,
            CONSTRAINT dear CHECK (price > 0),
            CONSTRAINT made_by FOREIGN KEY (maker_id) REFERENCES maker ON DELETE CASCADE);
        CREATE INDEX cheap ON part (price DESC, lower(id::text)) WHERE price < 10;
        COMMENT ON COLUMN part.price IS 'in cents';
        CREATE VIEW dear_parts AS SELECT id FROM part WHERE price > 100;
        CREATE SEQUENCE ticket START 7 INCREMENT 5;""",
        postgresql_database.database,
    )
    ada = await live_api.signed_in()
    id_ = await create_connection(ada, server_input(await create_project(ada), postgresql_database))
    assert (await ada.ask(LATEST, id=id_)) == {"schemaAnalysis": None}

    await analyzed(ada, id_)
    found = await latest(ada, id_)

    assert found["type"] == "POSTGRESQL"
    assert found["counts"] == {"tables": 2, "columns": 5, "indexes": 1, "foreignKeys": 1, "views": 1, "sequences": 1}
    part = next(table for table in found["tables"]["nodes"] if table["name"] == "part")
    maker = next(table for table in found["tables"]["nodes"] if table["name"] == "maker")
    price = part["columns"][1]
    assert (price["native"], price["logicalType"], price["nullable"]) == ("numeric(10,2)", "decimal(10,2)", False)
    assert (price["default"], price["comment"]) == ("1.50", "in cents")
    assert part["columns"][3]["generated"]
    assert maker["columns"][0]["identity"] == {"always": True, "nextValue": "9000000000000000000"}
    assert part["primaryKey"] == {"columns": ["id"]}
    assert [index["name"] for index in part["indexes"]] == ["cheap"]
    assert part["indexes"][0]["columns"][0] == "price"
    assert part["indexes"][0]["predicate"]
    assert part["foreignKeys"] == [
        {
            "name": "made_by",
            "columns": ["maker_id"],
            "references": {"name": "maker"},
            "referencedColumns": ["id"],
            "onDelete": "CASCADE",
        }
    ]
    assert [check["name"] for check in part["checks"]] == ["dear"]
    assert [view["name"] for view in found["views"]["nodes"]] == ["dear_parts"]
    assert found["sequences"]["nodes"] == [{"name": "ticket", "nextValue": "7", "increment": "5"}]


async def test_a_mariadb_database_is_shown_in_the_same_words(
    live_api: LiveApi, mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run(
        "CREATE TABLE film (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, rating ENUM('G','PG') DEFAULT 'G', "
        "title VARCHAR(255) NOT NULL, KEY by_title (title(10)))",
        database=mysql_database.database,
    )
    ada = await live_api.signed_in()
    id_ = await create_connection(ada, server_input(await create_project(ada), mysql_database))

    await analyzed(ada, id_)
    (film,) = (await latest(ada, id_))["tables"]["nodes"]

    assert [column["logicalType"] for column in film["columns"]] == [
        "unsigned integer(32)",
        "enum('G','PG')",
        "text(255)",
    ]
    assert film["indexes"][0]["columns"] == ["title"]


async def test_a_duckdb_file_is_tested_and_shown(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    path = live_api.container.settings.data_dir / f"{secrets.token_hex(4)}.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE film (id INTEGER PRIMARY KEY, price DECIMAL(10, 2), made TIMESTAMPTZ)")
    input_ = file_input(await create_project(ada), path.name, type="DUCKDB", isTarget=True)
    id_ = await create_connection(ada, input_)

    test = await outcome_of_test(ada, id_)
    await analyzed(ada, id_)
    (film,) = (await latest(ada, id_))["tables"]["nodes"]

    assert test["success"] is True, test
    assert [column["logicalType"] for column in film["columns"]] == [
        "integer(32)",
        "decimal(10,2)",
        "timestamp(6) with time zone",
    ]


async def test_the_hash_tells_whether_the_structure_has_changed(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    name = f"{secrets.token_hex(4)}.db"
    data_file(live_api, name, "CREATE TABLE t (id INTEGER PRIMARY KEY)")
    id_ = await create_connection(ada, file_input(await create_project(ada), name))
    hashes = []
    for statement in ("SELECT 1", "INSERT INTO t VALUES (7)", "ALTER TABLE t ADD COLUMN name TEXT"):
        data_file(live_api, name, statement)
        await analyzed(ada, id_)
        hashes.append((await latest(ada, id_))["hash"])

    assert hashes[0] == hashes[1] != hashes[2]


async def test_five_hundred_tables_are_paged_and_searched_within_the_limits(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    name = f"{secrets.token_hex(4)}.db"
    columns = ", ".join(f"c{number} TEXT" for number in range(20))
    data_file(live_api, name, *(f"CREATE TABLE t_{n:03} (id INTEGER PRIMARY KEY, {columns})" for n in range(500)))
    id_ = await create_connection(ada, file_input(await create_project(ada), name))
    analysis = await analyzed(ada, id_)
    document = """query($id: ID!, $after: String) { schemaAnalysis(connectionId: $id) {
        tables(first: 50, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { name
            columns { name native logicalType nullable default } primaryKey { columns }
            indexes { name unique columns }
            foreignKeys { name columns references { name } referencedColumns } } } } }"""
    search = """query($id: ID!, $text: String!) { schemaAnalysis(connectionId: $id) {
        tables(nameContains: $text) { totalCount nodes { name } } } }"""

    names, after = [], None
    while True:
        page = (await ada.ask(document, id=id_, after=after))["schemaAnalysis"]["tables"]
        names += [table["name"] for table in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    found = (await ada.ask(search, id=id_, text="T_49"))["schemaAnalysis"]["tables"]

    assert analysis["counts"] == {"tables": 500, "columns": 10_500}
    assert sorted(names) == [f"t_{n:03}" for n in range(500)]
    assert page["totalCount"] == 500
    assert (found["totalCount"], len(found["nodes"])) == (10, 10)


async def test_options_leave_tables_out(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    name = f"{secrets.token_hex(4)}.db"
    data_file(live_api, name, "CREATE TABLE film (id INT)", "CREATE TABLE actor (id INT)", "CREATE TABLE log (id INT)")
    id_ = await create_connection(ada, file_input(await create_project(ada), name))

    chosen = await analyzed(ada, id_, options={"includeTables": ["*o*"], "excludeTables": ["log"]})
    slip = {"connectionId": id_, "options": {"includeTables": ["flim"]}}
    refused = await ada.tell("analyzeSchema", "AnalyzeSchemaInput", slip)

    assert chosen["counts"]["tables"] == 1
    assert refused["code"] == "TABLE_NOT_FOUND"
    assert "did you mean film" in refused["message"]


async def test_a_database_that_cannot_be_read_changes_nothing(live_api: LiveApi, mysql_database: Endpoint) -> None:
    ada = await live_api.signed_in()
    wrong = server_input(await create_project(ada), mysql_database, credentials={"password": "wrong"})
    id_ = await create_connection(ada, wrong)

    refused = await ada.tell("analyzeSchema", "AnalyzeSchemaInput", {"connectionId": id_})

    assert refused["code"] == "AUTHENTICATION_FAILED"
    assert (await ada.ask(LATEST, id=id_)) == {"schemaAnalysis": None}


async def test_another_tenant_sees_no_analysis(live_api: LiveApi) -> None:
    ada, eve = await live_api.signed_in(), await live_api.signed_in()
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    id_ = await create_connection(ada, file_input(await create_project(ada), file.name))
    await analyzed(ada, id_)

    assert (await eve.refused(LATEST, id=id_))["code"] == "NOT_FOUND"
    refused = await eve.tell("analyzeSchema", "AnalyzeSchemaInput", {"connectionId": id_})
    assert refused["code"] == "NOT_FOUND"


async def test_many_connections_with_their_tables_cost_as_many_statements_as_one(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    file = data_file(live_api, f"{secrets.token_hex(4)}.db")
    document = """query($id: ID!) { connections(projectId: $id, first: 10) { nodes { schemaAnalysis {
        hash connection { name } tables(first: 2) { nodes { name } } views(first: 2) { totalCount } } } } }"""
    await analyzed(ada, await create_connection(ada, file_input(project_id, file.name)))
    with counted_statements(live_api.container.database) as one:
        await ada.ask(document, id=project_id)
    for _ in range(9):
        await analyzed(ada, await create_connection(ada, file_input(project_id, file.name)))

    with counted_statements(live_api.container.database) as ten:
        answer = await ada.ask(document, id=project_id)

    nodes = answer["connections"]["nodes"]
    assert [node["schemaAnalysis"]["tables"]["nodes"] for node in nodes] == [[{"name": "t"}]] * 10
    assert len(ten) == len(one)


async def test_what_a_schema_holds_comes_back_whole_from_the_store(
    live_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    postgresql_server.run('CREATE TABLE odd (a int[], b inet, "naïve ""name" text)', postgresql_database.database)
    ada = await live_api.signed_in()
    id_ = await create_connection(ada, server_input(await create_project(ada), postgresql_database))
    analysis = await analyzed(ada, id_)

    kept = await SqlSnapshots(live_api.container.database).load(UUID(analysis["id"]))

    assert kept == (await ConnectorIntrospector().introspect(postgresql_database)).schema
