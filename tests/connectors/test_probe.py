"""A connection test says what is wrong with a code, and leaves everything as it was."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from domain.connections.values import Engine
from domain.kernel.errors import ConnectFailed, ErrorCode
from domain.kernel.values import Secret
from tests.connectors.lab import Lab

ON_SERVERS = pytest.mark.engines(Engine.POSTGRESQL, Engine.MYSQL)
ON_FILES = pytest.mark.engines(Engine.SQLITE, Engine.DUCKDB)


async def test_a_good_target_passes_the_probe(lab: Lab) -> None:
    probe = await lab.connector.probe(lab.endpoint, writable=True)

    assert probe.passed
    assert probe.findings
    assert probe.server_version[0].isdigit()


async def test_a_good_source_passes_the_probe(lab: Lab) -> None:
    async with lab.target() as target:
        await target.open_run("make", "plan")

    probe = await lab.connector.probe(lab.endpoint, writable=False)

    assert probe.passed


async def test_a_probe_leaves_nothing_behind(lab: Lab) -> None:
    await lab.connector.probe(lab.endpoint, writable=True)

    if lab.engine.is_file:
        assert not Path(lab.endpoint.path).exists()
    async with lab.target() as target:
        assert (await target.introspect()).tables == ()


@ON_SERVERS
async def test_a_wrong_password_is_told_from_everything_else(lab: Lab) -> None:
    endpoint = replace(lab.endpoint, password=Secret("not-the-password"))

    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.probe(endpoint, writable=False)

    assert caught.value.code is ErrorCode.AUTHENTICATION_FAILED
    assert "not-the-password" not in str(caught.value)


@ON_SERVERS
async def test_an_unknown_user_cannot_sign_in(lab: Lab) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.open_source(replace(lab.endpoint, username="nobody_here"), readers=1)

    assert caught.value.code is ErrorCode.AUTHENTICATION_FAILED


@ON_SERVERS
async def test_an_unknown_database_is_named_as_such(lab: Lab) -> None:
    endpoint = replace(lab.endpoint, database="no_such_database")

    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.probe(endpoint, writable=False)

    assert caught.value.code in {ErrorCode.DATABASE_NOT_FOUND, ErrorCode.PRIVILEGE_MISSING}


@ON_SERVERS
async def test_a_port_without_a_server_is_unreachable(lab: Lab) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = replace(lab.endpoint, host="127.0.0.1", port=unused.getsockname()[1])

        with pytest.raises(ConnectFailed) as caught:
            await lab.connector.probe(endpoint, writable=False)

    assert caught.value.code is ErrorCode.HOST_UNREACHABLE


@ON_FILES
async def test_a_missing_file_is_no_source(lab: Lab) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.open_source(lab.endpoint, readers=2)

    assert caught.value.code is ErrorCode.DATABASE_NOT_FOUND
    assert not Path(lab.endpoint.path).exists()


@ON_FILES
async def test_a_target_needs_a_folder(lab: Lab) -> None:
    endpoint = replace(lab.endpoint, path=f"{lab.endpoint.path}-folder/file.db")

    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.open_target(endpoint, writers=1)

    assert caught.value.code is ErrorCode.DATABASE_NOT_FOUND


@ON_FILES
@pytest.mark.parametrize("content", [b"id,name\n1,a\n" * 500, b"PK\x03\x04" + bytes(4096)], ids=["csv", "zip"])
async def test_a_file_of_another_kind_is_not_a_database(lab: Lab, content: bytes) -> None:
    Path(lab.endpoint.path).write_bytes(content)

    for writable in (False, True):
        with pytest.raises(ConnectFailed) as caught:
            await lab.connector.probe(lab.endpoint, writable=writable)
        assert caught.value.code is ErrorCode.NOT_A_DATABASE
    assert Path(lab.endpoint.path).read_bytes() == content


@ON_FILES
async def test_a_folder_is_not_a_database(lab: Lab) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.open_source(replace(lab.endpoint, path=str(Path(lab.endpoint.path).parent)), readers=1)

    assert caught.value.code is ErrorCode.NOT_A_DATABASE


@ON_FILES
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
async def test_a_file_that_may_not_be_read_lacks_a_privilege(lab: Lab) -> None:
    async with lab.target() as target:
        await target.open_run("make", "plan")
    Path(lab.endpoint.path).chmod(0)

    with pytest.raises(ConnectFailed) as caught:
        await lab.connector.open_source(lab.endpoint, readers=1)

    assert caught.value.code is ErrorCode.PRIVILEGE_MISSING
