"""Nothing secret goes to a MySQL server that does not deserve it, and no file to any."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from domain.connections.values import Endpoint, Engine, TlsMode
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode
from domain.kernel.values import Secret
from infra.connectors.mysql.bulk import BulkSession
from infra.connectors.mysql.session import Control
from tests.support.fake_mysql import FakeMysql
from tests.support.mysql import MysqlServer

PASSWORD = "canary-7f3a"  # in no packet may this be seen

Opener = Callable[[Endpoint], Awaitable[None]]


async def open_control(endpoint: Endpoint) -> None:
    control = Control(endpoint)
    await control.open()
    await control.close()


async def open_bulk(endpoint: Endpoint) -> None:
    session = await BulkSession.open(endpoint, loads=True)
    await session.close()


SESSIONS = pytest.mark.parametrize("opened", [open_control, open_bulk], ids=["control", "bulk"])


def fake_endpoint(server: FakeMysql, tls: TlsMode = TlsMode.DISABLE) -> Endpoint:
    return Endpoint(
        Engine.MYSQL, host="127.0.0.1", port=server.port, database="d", username="u", password=Secret(PASSWORD), tls=tls
    )


@SESSIONS
@pytest.mark.parametrize("tls", [TlsMode.REQUIRE, TlsMode.VERIFY_FULL])
async def test_a_server_that_offers_no_tls_hears_nothing_when_tls_was_asked_for(opened: Opener, tls: TlsMode) -> None:
    async with FakeMysql().listening() as server:
        with pytest.raises(ConnectFailed) as failure:
            await opened(fake_endpoint(server, tls))

    assert failure.value.code is ErrorCode.TLS_UNAVAILABLE
    assert server.received == []


@SESSIONS
async def test_a_server_that_asks_for_the_readable_password_does_not_get_it(opened: Opener) -> None:
    async with FakeMysql(plugin="mysql_clear_password").listening() as server:
        with pytest.raises(ConnectFailed, match="refused without a verified certificate") as failure:
            await opened(fake_endpoint(server))

    assert failure.value.code is ErrorCode.AUTHENTICATION_FAILED
    assert server.received == []


@SESSIONS
@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "mysql_old_password", "unheard_of"])
async def test_a_server_that_changes_its_mind_does_not_get_the_readable_password(opened: Opener, plugin: str) -> None:
    async with FakeMysql(switch_to=plugin).listening() as server:
        with pytest.raises(ConnectFailed, match="refused without a verified certificate"):
            await opened(fake_endpoint(server))

    assert len(server.received) == 1
    assert PASSWORD.encode() not in b"".join(server.received)


@SESSIONS
async def test_the_password_is_in_no_message(opened: Opener, mysql_database: Endpoint) -> None:
    with pytest.raises(ConnectFailed) as failure:
        await opened(replace(mysql_database, password=Secret(PASSWORD)))

    assert failure.value.code is ErrorCode.AUTHENTICATION_FAILED
    assert PASSWORD not in str(failure.value) + repr(failure.value) + repr(failure.value.__cause__)


@pytest.mark.parametrize("file", ["/etc/passwd", "", "the-token-"])
async def test_a_server_that_asks_for_a_file_instead_of_the_rows_gets_nothing(file: str) -> None:
    async with FakeMysql(asks_for=file or "x", after=b"LOAD DATA").listening() as server:
        session = await BulkSession.open(fake_endpoint(server), loads=True)
        before = len(server.received)
        with pytest.raises(DatabaseError, match="asked for a file of this machine"):
            await session.call(
                lambda connection: connection.begin_load(
                    "LOAD DATA LOCAL INFILE 'the-token' INTO TABLE t", "the-token"
                ),
                doing="loading",
            )
        await asyncio.wait_for(server.is_cut_off.wait(), 10)
        await session.close()

    assert len(server.received) == before + 1  # the statement, and nothing after it


async def test_a_server_that_asks_for_a_file_in_answer_to_a_query_gets_nothing() -> None:
    async with FakeMysql(asks_for="/etc/passwd", after=b"SELECT").listening() as server:
        session = await BulkSession.open(fake_endpoint(server), loads=True)
        before = len(server.received)
        with pytest.raises(DatabaseError, match="asked for a file of this machine"):
            await session.rows("SELECT 1", doing="asking")
        await asyncio.wait_for(server.is_cut_off.wait(), 10)
        await session.close()

    assert server.received[before:] == [b"\x03SELECT 1"]


async def test_a_server_that_asks_for_a_file_instead_of_giving_rows_gets_nothing() -> None:
    async with FakeMysql(asks_for="/etc/passwd", after=b"SELECT").listening() as server:
        session = await BulkSession.open(fake_endpoint(server))
        before = len(server.received)
        with pytest.raises(DatabaseError, match="asked for a file of this machine"):
            await session.call(lambda connection: connection.begin_rows("SELECT 1"), doing="reading")
        await asyncio.wait_for(server.is_cut_off.wait(), 10)
        await session.close()

    assert server.received[before:] == [b"\x03SELECT 1"]


async def test_a_server_that_asks_for_a_file_on_the_control_session_gets_nothing() -> None:
    async with FakeMysql(asks_for="/etc/passwd", after=b"SELECT").listening() as server:
        control = Control(fake_endpoint(server))
        await control.open()
        before = len(server.received)
        with pytest.raises(DatabaseError):
            await control.rows("SELECT 1")
        await asyncio.wait_for(server.is_cut_off.wait(), 10)
        await control.close()

    assert server.received[before:] == [b"\x03SELECT 1"]


@SESSIONS
async def test_an_encrypted_session_is_encrypted(opened: Opener, mysql_database: Endpoint) -> None:
    endpoint = replace(mysql_database, tls=TlsMode.REQUIRE)

    await opened(endpoint)

    control = Control(endpoint)
    cipher = await control.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    await control.close()
    assert cipher[0][1]


@SESSIONS
async def test_a_certificate_that_nobody_vouches_for_is_refused(opened: Opener, mysql_database: Endpoint) -> None:
    with pytest.raises(ConnectFailed) as failure:
        await opened(replace(mysql_database, tls=TlsMode.VERIFY_FULL))

    assert failure.value.code is ErrorCode.TLS_UNAVAILABLE


@SESSIONS
async def test_a_certificate_that_the_machine_trusts_is_taken(
    opened: Opener, mysql_server: MysqlServer, mysql_database: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(mysql_server.ca_file))

    await opened(replace(mysql_database, tls=TlsMode.VERIFY_FULL))
