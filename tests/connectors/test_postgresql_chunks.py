"""How PostgreSQL's tables are cut: by key where an index runs, by pages where there is none."""

from __future__ import annotations

from collections import Counter

import pytest

from domain.catalog.model import TableName
from domain.connections.values import Endpoint, Engine
from domain.migrations.transfer import ChunkScope, KeyRange, PhysicalRange, TableCopy, WholeTable
from infra.connectors.postgresql.connector import CONNECTOR
from tests.connectors.lab import Lab, copy_of, read_rows, table_named
from tests.support.postgresql import PostgresqlServer

ROWS = 20_000


@pytest.fixture
def lab(postgresql_database: Endpoint) -> Lab:
    """An empty database."""
    return Lab(Engine.POSTGRESQL, postgresql_database, CONNECTOR)


async def cut(lab: Lab, server: PostgresqlServer, sql: str, rows_max: int) -> tuple[list[ChunkScope], Counter[int]]:
    """Make the table `t`, cut it, and return the chunks' scopes and how often each first value was read."""
    server.run(f'SET ROLE "{lab.endpoint.username}"; {sql}; ANALYZE t', lab.endpoint.database)
    async with lab.source() as source:
        table = table_named(await source.introspect(), "t")
        copy: TableCopy = copy_of(table, table)
        chunks = await source.split(copy, rows_max)
        rows = await read_rows(source, copy, *chunks)
    return [chunk.scope for chunk in chunks], Counter(int(str(row[0])) for row in rows)


def assert_each_once(found: Counter[int], count: int) -> None:
    assert len(found) == count
    assert set(found.values()) == {1}


async def test_dense_integer_keys_are_cut_evenly(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    sql = f"CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT i FROM generate_series(-9, {ROWS - 10}) i"
    scopes, found = await cut(lab, postgresql_server, sql, 5_000)

    assert_each_once(found, ROWS)
    assert scopes == [
        KeyRange(None, (4_990,)),
        KeyRange((4_990,), (9_990,)),
        KeyRange((9_990,), (14_990,)),
        KeyRange((14_990,), None),
    ]


async def test_sparse_integer_keys_are_cut_by_rows(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    sql = f"CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t SELECT i * 1000 FROM generate_series(1, {ROWS}) i"
    scopes, found = await cut(lab, postgresql_server, sql, 5_000)

    assert_each_once(found, ROWS)
    assert scopes[0] == KeyRange(None, (5_000_000,))
    assert len(scopes) == 4


async def test_tables_without_a_key_are_cut_by_pages(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    sql = f"CREATE TABLE t (id int, v text); INSERT INTO t SELECT i FROM generate_series(1, {ROWS}) i"
    scopes, found = await cut(lab, postgresql_server, sql, 5_000)

    assert_each_once(found, ROWS)
    assert len(scopes) >= 4
    assert all(isinstance(scope, PhysicalRange) for scope in scopes)


async def test_partitioned_tables_are_cut_by_their_key(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    sql = (
        "CREATE TABLE t (id int, day date, PRIMARY KEY (id, day)) PARTITION BY HASH (id);"
        "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        f"INSERT INTO t SELECT i, date '2000-01-01' + i % 9 FROM generate_series(1, {ROWS}) i"
    )
    scopes, found = await cut(lab, postgresql_server, sql, 5_000)

    assert_each_once(found, ROWS)
    assert len(scopes) == 4


async def test_rows_of_tables_that_inherit_are_read_once(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    sql = (
        "CREATE TABLE t (id int); CREATE TABLE heir () INHERITS (t);"
        "INSERT INTO t VALUES (1), (2); INSERT INTO heir VALUES (3)"
    )
    scopes, found = await cut(lab, postgresql_server, sql, 5_000)

    assert scopes == [WholeTable()]
    assert_each_once(found, 2)
    assert await lab.rows(TableName("heir")) == [(3,)]


async def test_a_row_larger_than_a_batch_arrives_whole(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    postgresql_server.run(
        f'SET ROLE "{lab.endpoint.username}"; CREATE TABLE t (a text, b bytea);'
        "INSERT INTO t VALUES (repeat(E'\"\\n', 8000000), decode(repeat('00ff', 4000000), 'hex')), ('', '')",
        lab.endpoint.database,
    )

    assert await lab.rows("t") == [('"\n' * 8_000_000, b"\x00\xff" * 4_000_000), ("", b"")]
