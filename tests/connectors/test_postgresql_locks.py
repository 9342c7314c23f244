"""What a PostgreSQL source locks: room for locks is shared by all sessions of the server, and is not large."""

from __future__ import annotations

import asyncio

import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import DatabaseError
from infra.connectors.postgresql.connector import CONNECTOR
from infra.embedded.ports import free_port
from tests.connectors.lab import Lab, copy_of, digest_columns, read_rows
from tests.support.postgresql import PostgresqlServer, find_programs, running_postgresql
from tests.support.servers import found_or_skip, server_folder

TABLES = 150

_MADE = "CREATE TABLE t{0} (id integer PRIMARY KEY, word text UNIQUE); INSERT INTO t{0} VALUES ({0}, 'one');"

_HELD = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE relation >= 16384 AND application_name = 'wherry reader' AND datname = '{0}'
"""

_KEPT = _HELD.replace("reader", "snapshot")


async def test_readers_of_many_tables_hold_locks_of_few_and_go_on_seeing_the_same_moment(
    postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    database, lab = postgresql_database.database, Lab(Engine.POSTGRESQL, postgresql_database, CONNECTOR)
    made = "".join(_MADE.format(number) for number in range(TABLES))
    postgresql_server.run(f'SET ROLE "{postgresql_database.username}"; {made}', database)

    async with lab.source(readers=2) as source:
        tables = (await source.introspect()).tables
        changed = "".join(f"INSERT INTO t{number} VALUES (-1, 'two');" for number in range(TABLES))
        postgresql_server.run(changed, database)
        for table in tables:
            copy = copy_of(table, table)
            chunks = await source.split(copy, 100)
            assert len(await read_rows(source, copy, *chunks)) == 1
            assert (await source.digest(table.name, digest_columns(copy))).rows == 1
        held = int(postgresql_server.run(_HELD.format(database), database))
        kept = int(postgresql_server.run(_KEPT.format(database), database))

    assert len(tables) == kept == TABLES
    assert held <= 100


def test_locks_beyond_the_servers_room_are_refused_with_the_name_of_the_setting(
    request: pytest.FixtureRequest,
) -> None:
    few = {"max_locks_per_transaction": "10", "max_connections": "10", "max_prepared_transactions": "0"}
    programs = found_or_skip(request, "PostgreSQL", find_programs())
    with server_folder("wherry-pg-") as folder, running_postgresql(programs, folder, free_port(), few) as server:
        endpoint = server.create_database()
        for first in range(0, 1_500, 100):
            made = ";".join(f"CREATE TABLE t{number} ()" for number in range(first, first + 100))
            server.run(f'SET ROLE "{endpoint.username}"; BEGIN; {made}; COMMIT', endpoint.database)
        lab = Lab(Engine.POSTGRESQL, endpoint, CONNECTOR)

        with pytest.raises(DatabaseError, match="max_locks_per_transaction"):
            asyncio.run(opened(lab))


async def opened(lab: Lab) -> None:
    """Open a source, and close it again."""
    async with lab.source():
        pass
