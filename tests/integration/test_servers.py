"""The servers that tests start check passwords and keep databases apart."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pymysql
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from domain.kernel.values import Secret

if TYPE_CHECKING:
    from domain.connections.values import Endpoint
    from tests.support.mysql import MysqlServer
    from tests.support.postgresql import PostgresqlServer
    from tests.support.redis import RedisServer


async def connect(endpoint: Endpoint) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=endpoint.host,
        port=endpoint.port,
        database=endpoint.database,
        user=endpoint.username,
        password=endpoint.password.reveal(),
    )


def mysql_count(endpoint: Endpoint) -> tuple[object, ...] | None:
    connection = pymysql.connect(
        host=endpoint.host,
        port=endpoint.port,
        database=endpoint.database,
        user=endpoint.username,
        password=endpoint.password.reveal(),
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = database()")
        return cursor.fetchone()


async def test_a_postgresql_database_is_empty_and_owned_by_its_user(postgresql_database: Endpoint) -> None:
    connection = await connect(postgresql_database)

    owner = await connection.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    )
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()

    assert (owner, tables) == (postgresql_database.username, 0)


async def test_postgresql_refuses_a_wrong_password(postgresql_database: Endpoint) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(replace(postgresql_database, password=Secret("wrong")))


async def test_a_dropped_postgresql_database_is_gone(postgresql_server: PostgresqlServer) -> None:
    endpoint = postgresql_server.create_database()
    open_session = await connect(endpoint)

    postgresql_server.drop(endpoint)

    assert postgresql_server.run(f"SELECT count(*) FROM pg_database WHERE datname = '{endpoint.database}'") == "0"
    open_session.terminate()


def test_a_mysql_database_is_empty_for_its_own_user(mysql_database: Endpoint) -> None:
    assert mysql_count(mysql_database) == (0,)


def test_mysql_refuses_a_wrong_password(mysql_database: Endpoint) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        mysql_count(replace(mysql_database, password=Secret("wrong")))


async def test_postgresql_proves_who_it_is_to_those_who_trust_its_authority(
    postgresql_server: PostgresqlServer,
) -> None:
    admin, ca_file = postgresql_server.admin, postgresql_server.ca_file
    if ca_file is None:
        pytest.skip("these PostgreSQL programs lack TLS")

    async def connect(tls: ssl.SSLContext) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=admin.host,
            port=admin.port,
            database=admin.database,
            user=admin.username,
            password=admin.password.reveal(),
            ssl=tls,
        )

    connection = await connect(ssl.create_default_context(cafile=ca_file))
    assert await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    await connection.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(ssl.create_default_context())


def test_mysql_proves_who_it_is_to_those_who_trust_its_authority(mysql_server: MysqlServer) -> None:
    admin = mysql_server.admin

    def cipher(tls: ssl.SSLContext) -> str:
        connection = pymysql.connect(
            host=admin.host, port=admin.port, user=admin.username, password=admin.password.reveal(), ssl=tls
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
            row = cursor.fetchone()
        return str(row[1]) if row else ""

    assert cipher(ssl.create_default_context(cafile=mysql_server.ca_file)) != ""
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        cipher(ssl.create_default_context())


def test_mysql_has_no_account_without_a_password(mysql_server: MysqlServer) -> None:
    for user in ("", "root"):
        with pytest.raises(pymysql.err.OperationalError):
            mysql_count(replace(mysql_server.admin, username=user, password=Secret("")))


async def test_redis_answers_only_with_the_password(redis_server: RedisServer) -> None:
    async with Redis.from_url(redis_server.url) as client:
        assert await client.ping()
    async with Redis(port=redis_server.port) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.ping()
