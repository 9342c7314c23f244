"""Connections made through the API."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from domain.connections.values import Endpoint
from tests.support.api import ApiClient, LiveApi

CONNECTION = "... on ConnectionSuccess { connection { id name status credentialsVersion config { host path tls } } }"
TEST = """... on TestConnectionSuccess {
    connection { status }
    test { success code message serverVersion latencyMs findings { name passed advice } }
}"""

Json = dict[str, Any]


def server_input(project_id: str, endpoint: Endpoint, **changes: Any) -> Json:
    """Return the input of createConnection for a server."""
    return {
        "projectId": project_id,
        "name": "shop",
        "type": endpoint.engine.value,
        "config": {
            "host": endpoint.host,
            "port": endpoint.port,
            "database": endpoint.database,
            "username": endpoint.username,
            "schema": endpoint.schema or None,
        },
        "credentials": {"password": endpoint.password.reveal()},
    } | changes


def file_input(project_id: str, path: str, **changes: Any) -> Json:
    """Return the input of createConnection for an SQLite file."""
    return {"projectId": project_id, "name": "file", "type": "SQLITE", "config": {"path": path}} | changes


async def create_connection(client: ApiClient, input_: Json) -> str:
    """Make a connection and return its id."""
    made = await client.ok("createConnection", "CreateConnectionInput", input_, CONNECTION)
    id_: str = made["connection"]["id"]
    return id_


async def outcome_of_test(client: ApiClient, connection_id: str) -> Json:
    """Test a connection and return what the test says."""
    answer = await client.ok("testConnection", "TestConnectionInput", {"connectionId": connection_id}, TEST)
    test: Json = answer["test"]
    return test


def data_file(api: LiveApi, name: str, *statements: str) -> Path:
    """Make an SQLite file in the API's folder for file databases."""
    file = api.container.settings.data_dir / name
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file)
    for statement in statements or ("CREATE TABLE t (id INTEGER PRIMARY KEY)",):
        connection.execute(statement)
    connection.commit()
    connection.close()
    return file


ANALYSIS = "... on AnalyzeSchemaSuccess { analysis { id hash counts { tables columns } } }"


async def analyzed(client: ApiClient, connection_id: str, **more: Any) -> Json:
    """Analyse what a connection's database holds and return the analysis."""
    input_ = {"connectionId": connection_id} | more
    answer = await client.ok("analyzeSchema", "AnalyzeSchemaInput", input_, ANALYSIS)
    analysis: Json = answer["analysis"]
    return analysis
