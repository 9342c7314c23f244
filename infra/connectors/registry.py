"""The engines we know. A new engine is a folder and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from domain.connections.values import Engine
from domain.migrations.transfer import Connector

_MODULES = {
    Engine.POSTGRESQL: "infra.connectors.postgresql.connector",
    Engine.MYSQL: "infra.connectors.mysql.connector",
    Engine.SQLITE: "infra.connectors.sqlite.connector",
    Engine.DUCKDB: "infra.connectors.duckdb.connector",
    Engine.CSV: "infra.connectors.csv.connector",
    Engine.PARQUET: "infra.connectors.parquet.connector",
}


def connector_for(engine: Engine) -> Connector:
    """Return the connector of an engine; its driver is imported at the first use."""
    return cast(Connector, import_module(_MODULES[engine]).CONNECTOR)
