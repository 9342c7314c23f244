"""A connection test tells which rights a user has, however they were given, and what else stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.connections.values import Endpoint, Probe
from domain.kernel.errors import ConnectFailed, ErrorCode
from domain.kernel.values import Secret
from infra.connectors.mysql.connector import CONNECTOR
from tests.support.mysql import MysqlServer


def a_user(server: MysqlServer, endpoint: Endpoint, *grants: str) -> Endpoint:
    name = f"{endpoint.database}_u"
    server.run(
        f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'some-password'",
        *(f"GRANT {grant} TO '{name}'@'127.0.0.1'" for grant in grants),
        database=endpoint.database,
    )
    return replace(endpoint, username=name, password=Secret("some-password"))


def missing(probe: Probe) -> dict[str, str]:
    return {finding.name: finding.advice for finding in probe.findings if not finding.passed}


@pytest.mark.parametrize("on", ["*.*", "`{0}`.*", "`{1}`.*", "`%`.*", "`{2}%`.*"])
async def test_rights_are_found_however_they_were_given(
    mysql_server: MysqlServer, mysql_database: Endpoint, on: str
) -> None:
    name = mysql_database.database
    place = on.format(name, name.replace("_", "\\_"), name[:6])
    endpoint = a_user(mysql_server, mysql_database, f"ALL ON {place}")

    probe = await CONNECTOR.probe(endpoint, writable=True)

    assert missing(probe) == {}
    assert "MariaDB" in probe.server_version


async def test_a_right_on_a_table_is_enough_to_read_and_not_to_write(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run("CREATE TABLE t (id INT)", database=mysql_database.database)
    endpoint = a_user(mysql_server, mysql_database, f"SELECT, INSERT ON `{mysql_database.database}`.t")

    reading = await CONNECTOR.probe(endpoint, writable=False)
    writing = await CONNECTOR.probe(endpoint, writable=True)

    assert missing(reading) == {}
    assert "GRANT SELECT, INSERT, UPDATE" in missing(writing)["rights"]


async def test_a_right_that_is_missing_is_named(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    most = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES"
    endpoint = a_user(mysql_server, mysql_database, f"{most} ON `{mysql_database.database}`.*")

    probe = await CONNECTOR.probe(endpoint, writable=True)

    assert missing(probe) == {"rights": f"GRANT LOCK TABLES ON `{endpoint.database}`.* TO {endpoint.username}"}


async def test_a_read_only_server_is_no_target(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run("SET GLOBAL read_only = ON")
    try:
        probe = await CONNECTOR.probe(mysql_database, writable=True)
    finally:
        mysql_server.run("SET GLOBAL read_only = OFF")

    assert list(missing(probe)) == ["writable"]


async def test_a_user_without_any_right_on_the_database_cannot_open_it(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    endpoint = a_user(mysql_server, mysql_database)

    with pytest.raises(ConnectFailed) as failure:
        await CONNECTOR.probe(endpoint, writable=False)

    assert failure.value.code is ErrorCode.PRIVILEGE_MISSING
    assert "grant the user access" in failure.value.message


async def test_a_socket_file_is_an_address(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    (socket,) = mysql_server.run("SELECT @@socket")
    name = f"{mysql_database.database}_s"
    mysql_server.run(
        f"CREATE USER '{name}'@'localhost' IDENTIFIED BY 'some-password'",
        f"GRANT ALL ON `{mysql_database.database}`.* TO '{name}'@'localhost'",
    )
    endpoint = replace(mysql_database, host=str(socket[0]), port=0, username=name, password=Secret("some-password"))

    assert missing(await CONNECTOR.probe(endpoint, writable=True)) == {}
    source = await CONNECTOR.open_source(endpoint, readers=2)
    assert (await source.introspect()).tables == ()
    await source.close()


@pytest.mark.parametrize("password", ["pässwörd-日本", "quote' \\ \" and ; --", "x" * 200])
async def test_a_password_may_be_any_text(mysql_server: MysqlServer, mysql_database: Endpoint, password: str) -> None:
    endpoint = a_user(mysql_server, mysql_database, f"ALL ON `{mysql_database.database}`.*")
    spelled = password.replace("\\", "\\\\").replace("'", "''")
    mysql_server.run(f"SET PASSWORD FOR '{endpoint.username}'@'127.0.0.1' = PASSWORD('{spelled}')")
    endpoint = replace(endpoint, password=Secret(password))

    target = await CONNECTOR.open_target(endpoint, writers=1)
    await target.open_run("run", "plan")
    await target.close()
    source = await CONNECTOR.open_source(endpoint, readers=1)
    await source.close()
