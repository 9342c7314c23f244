"""Embedded servers start from nothing, keep their data, stay private, and never outlive their starter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.embedded import binaries, place, postgres, process
from infra.embedded.stack import open_servers
from infra.settings import Settings
from tests.support.embedded import another_process, read, write
from tests.support.processes import command_lines, listening_tcp_sockets, open_sockets
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.skipif(
    not (binaries.postgresql_in_wheel() or binaries.postgresql_on_machine()), reason="no PostgreSQL programs"
)


@pytest.fixture
def settings(open_folder: Path) -> Settings:
    return Settings(home=open_folder / "home")


async def test_what_was_written_is_there_after_a_restart(settings: Settings) -> None:
    with open_servers(settings) as servers:
        await write(servers)

    with open_servers(settings) as servers:
        assert await read(servers) == ("wherry", b"wherry")


async def test_no_server_outlives_a_killed_starter_and_the_data_survives(settings: Settings) -> None:
    with another_process(settings.home) as other:
        with open_servers(settings) as servers:
            await write(servers)
            assert len(command_lines(settings.home)) >= 2

        other.kill()
        other.wait()
        wait_until(lambda: command_lines(settings.home) == [])

    with open_servers(settings) as servers:
        assert (await read(servers))[0] == "wherry"


async def test_a_new_starter_waits_until_the_servers_of_a_killed_one_are_gone(settings: Settings) -> None:
    with another_process(settings.home) as other:
        with open_servers(settings) as servers:
            await write(servers)
        other.kill()

        other.wait()
        with open_servers(settings) as servers:
            assert await read(servers) == ("wherry", b"wherry")


async def test_a_second_process_of_the_same_home_joins_the_running_servers(settings: Settings) -> None:
    with another_process(settings.home), open_servers(settings) as servers:
        await write(servers)

        with open_servers(settings) as joined:
            assert joined.database_url == servers.database_url
            assert await read(joined) == ("wherry", b"wherry")
            assert len([line for line in command_lines(settings.home) if "valkey" in line]) == 1


def test_the_right_to_run_the_servers_is_given_once(settings: Settings) -> None:
    here = place.prepare_place(settings.home)

    with place.claim(here), pytest.raises(place.AlreadyRunning, match="already running"), place.claim(here):
        pytest.fail("claimed twice")

    with place.claim(here):
        pass


def test_the_servers_listen_on_no_tcp_port(settings: Settings) -> None:
    with another_process(settings.home):
        ours, listening = open_sockets(settings.home), listening_tcp_sockets()

    assert ours
    assert ours & listening == set()


def test_only_the_servers_account_may_look_into_their_folders(settings: Settings) -> None:
    with open_servers(settings) as servers:
        here = servers.place

        assert here is not None
        for folder in (here.sockets, here.root / "postgresql", here.root / "valkey", here.logs):
            assert folder.stat().st_mode & 0o077 == 0, folder
        assert (here.root / "valkey.password").stat().st_mode & 0o077 == 0


async def test_valkey_asks_for_its_password_which_no_list_of_processes_shows(settings: Settings) -> None:
    with open_servers(settings) as servers:
        assert servers.place is not None
        password = (servers.place.root / "valkey.password").read_text()
        async with Redis(unix_socket_path=str(servers.place.sockets / "valkey.sock")) as stranger:
            with pytest.raises(RedisError, match="Authentication required"):
                await stranger.ping()

        assert not any(password in line for line in command_lines(settings.home))


async def test_valkey_never_drops_a_key_for_want_of_memory(settings: Settings) -> None:
    with open_servers(settings) as servers:
        async with Redis.from_url(servers.redis_url) as client:
            assert await client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert await client.config_get("appendonly") == {"appendonly": "yes"}


async def test_postgresql_keeps_its_promises_on_disk(settings: Settings) -> None:
    with open_servers(settings) as servers:
        connection = await asyncpg.connect(servers.database_url)
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"
        await connection.close()


async def test_the_owner_of_a_demo_database_reaches_no_other(settings: Settings) -> None:
    with open_servers(settings) as servers:
        assert servers.place is not None
        demo = await postgres.create_database(servers.place, "demo")

        async def sign_in(database: str, password: str) -> asyncpg.Connection:
            return await asyncpg.connect(
                host=demo.host, port=demo.port, user=demo.username, database=database, password=password
            )

        owner = await sign_in(demo.database, demo.password.reveal())
        await owner.execute("CREATE TABLE flight (id int)")
        await owner.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await sign_in(demo.database, "wrong")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await sign_in("wherry", demo.password.reveal())


async def test_a_demo_database_is_empty_again_when_it_is_created_again(settings: Settings) -> None:
    with open_servers(settings) as servers:
        assert servers.place is not None
        first = await postgres.create_database(servers.place, "demo")
        open_session = await asyncpg.connect(
            host=first.host, port=first.port, user="demo", database="demo", password=first.password.reveal()
        )
        await open_session.execute("CREATE TABLE flight (id int)")

        second = await postgres.create_database(servers.place, "demo")

        session = await asyncpg.connect(
            host=second.host, port=second.port, user="demo", database="demo", password=second.password.reveal()
        )
        assert await session.fetchval("SELECT to_regclass('flight')") is None
        await session.close()
        open_session.terminate()


@pytest.mark.parametrize("name", ["wherry", "Robert'); --", "", "x" * 61])
async def test_a_demo_database_takes_only_a_plain_name(settings: Settings, name: str) -> None:
    here = place.prepare_place(settings.home)

    with pytest.raises(process.ServerFailed, match="no name for a database"):
        await postgres.create_database(here, name)


def test_only_the_server_that_the_settings_leave_to_us_is_started(open_folder: Path) -> None:
    settings = Settings(home=open_folder / "home", database_url=SecretStr("postgresql://elsewhere/wherry"))

    with open_servers(settings) as servers:
        assert servers.database_url == "postgresql://elsewhere/wherry"
        assert servers.redis_url.startswith("unix://")
        assert not (settings.home / "embedded" / "postgresql").exists()


def test_nothing_is_started_or_created_when_the_settings_name_both_servers(open_folder: Path) -> None:
    settings = Settings(
        home=open_folder / "home",
        database_url=SecretStr("postgresql://db/wherry"),
        redis_url=SecretStr("redis://cache"),
    )

    with open_servers(settings) as servers:
        assert (servers.database_url, servers.redis_url) == ("postgresql://db/wherry", "redis://cache")
        assert not (open_folder / "home").exists()


def test_a_cluster_of_another_major_version_is_left_alone(settings: Settings) -> None:
    with open_servers(settings) as servers:
        assert servers.place is not None
    version = servers.place.root / "postgresql" / "PG_VERSION"
    version.write_text("9\n")

    with pytest.raises(process.ServerFailed, match="was made by PostgreSQL 9"), open_servers(settings):
        pytest.fail("started")


def test_a_cluster_whose_creation_was_interrupted_is_created_anew(settings: Settings) -> None:
    here = place.prepare_place(settings.home)
    (here.private_folder(here.root / "postgresql.unfinished") / "half").write_text("a cluster")

    with open_servers(settings):
        assert (here.root / "postgresql" / "PG_VERSION").exists()


def test_a_server_that_cannot_start_says_why(settings: Settings) -> None:
    with open_servers(settings) as servers:
        assert servers.place is not None
    (servers.place.root / "postgresql" / "postgresql.conf").write_text("no_such_setting = on\n")

    with pytest.raises(process.ServerFailed, match="no_such_setting"), open_servers(settings):
        pytest.fail("started")
    assert command_lines(settings.home) == []
