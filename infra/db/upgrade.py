"""Bringing the control store's tables to the shape this release needs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from infra.db.database import Database

_LOCK_ID = 0x77_68_65_72_72_79
"""An advisory lock of our own ("wherry"), so that processes that start together upgrade one by one."""


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's settings for running on a connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.attributes["connection"] = connection
    return config


async def upgrade(database: Database) -> None:
    """Apply the migrations that are missing. Nothing happens if there are none."""

    def run(connection: Connection) -> None:
        # Those who start together wait for the first of them, however long it takes.
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")
        command.upgrade(alembic_config(connection), "head")

    async with database.engine.begin() as connection:
        await connection.run_sync(run)
