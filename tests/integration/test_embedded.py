"""Embedded servers start from nothing, keep their data, stay private, and never outlive their starter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

import infra
from infra.embedded import binaries, place, postgres, process
from infra.embedded.stack import Servers, open_servers
from infra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUN_AND_WAIT = """
import sys
from pathlib import Path
from infra.embedded.stack import open_servers
from infra.settings import Settings
with open_servers(Settings(home=Path(sys.argv[1]))):
    print("ready", flush=True)
    sys.stdin.read()
"""
REPOSITORY = Path(infra.__file__).parent.parent

pytestmark = pytest.mark.skipif(
    not (binaries.postgresql_in_wheel() or binaries.postgresql_on_machine()), reason="no PostgreSQL programs"
)


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder with a short path that any account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-"))
    folder.chmod(0o711)
    yield folder
    wait_until(lambda: processes_using(folder) == [])
    shutil.rmtree(folder)


@pytest.fixture
def settings(parent: Path) -> Settings:
    return Settings(home=parent / "home")


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the embedded servers of `home` in a process of their own."""
    command = [sys.executable, "-c", RUN_AND_WAIT, str(home)]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            yield other
        finally:
            other.communicate(timeout=20)


def wait_until(condition: Callable[[], bool], within_s: float = 20) -> None:
    pause = Event()
    for _ in range(int(within_s / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail(f"not within {within_s} s")


def processes_using(folder: Path) -> list[str]:
    """Return the command lines of the processes that run in `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


async def write(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute("CREATE TABLE boat (name text); INSERT INTO boat VALUES ('wherry')")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as client:
        await client.set("boat", "wherry")


async def read(servers: Servers) -> tuple[object, object]:
    connection = await asyncpg.connect(servers.database_url)
    row = await connection.fetchval("SELECT name FROM boat")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as client:
        return row, await client.get("boat")


async def test_what_was_written_is_there_after_a_restart(settings: Settings) -> None:
    with open_servers(settings) as servers:
        await write(servers)

    with open_servers(settings) as servers:
        assert await read(servers) == ("wherry", b"wherry")


async def test_no_server_outlives_a_killed_starter_and_the_data_survives(settings: Settings) -> None:
    with another_process(settings.home) as other:
        with open_servers(settings) as servers:
            await write(servers)
            assert len(processes_using(settings.home)) >= 2

        other.kill()
        other.wait()
        wait_until(lambda: processes_using(settings.home) == [])

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
        before = len(processes_using(settings.home))
        await write(servers)

        with open_servers(settings) as joined:
            assert joined.database_url == servers.database_url
            assert await read(joined) == ("wherry", b"wherry")
            assert len([line for line in processes_using(settings.home) if "valkey" in line]) == 1
        assert before >= 2


def test_the_right_to_run_the_servers_is_given_once(settings: Settings) -> None:
    here = place.prepare_place(settings.home)

    with place.claim(here), pytest.raises(place.AlreadyRunning, match="already running"), place.claim(here):
        pytest.fail("claimed twice")

    with place.claim(here):
        pass


def test_the_servers_listen_on_no_tcp_port(settings: Settings) -> None:
    with another_process(settings.home):
        inodes = {line.split()[9] for table in ("tcp", "tcp6") for line in listening(table)}
        ours = {
            link.readlink().name.removeprefix("socket:[").removesuffix("]")
            for entry in Path("/proc").glob("[0-9]*")
            if runs_in(entry, settings.home)
            for link in (entry / "fd").iterdir()
            if "socket:" in str(link.readlink())
        }

    assert ours
    assert ours & inodes == set()


def listening(table: str) -> list[str]:
    file = Path("/proc/net") / table
    return [line for line in file.read_text().splitlines()[1:] if line.split()[3] == "0A"] if file.exists() else []


def runs_in(entry: Path, folder: Path) -> bool:
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


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

        assert not any(password in line for line in processes_using(settings.home))


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


def test_a_long_or_odd_home_gets_its_sockets_elsewhere(parent: Path) -> None:
    for home in (parent / ("long-" * 20), parent / "it's, a home"):
        with open_servers(Settings(home=home)) as servers:
            assert servers.place is not None
            assert servers.place.sockets.parent == Path(tempfile.gettempdir())
            assert servers.place.sockets.stat().st_mode & 0o077 == 0
        servers.place.sockets.rmdir()


def test_only_the_server_that_the_settings_leave_to_us_is_started(parent: Path) -> None:
    settings = Settings(home=parent / "home", database_url=SecretStr("postgresql://elsewhere/wherry"))

    with open_servers(settings) as servers:
        assert servers.database_url == "postgresql://elsewhere/wherry"
        assert servers.redis_url.startswith("unix://")
        assert not (settings.home / "embedded" / "postgresql").exists()


def test_nothing_is_started_or_created_when_the_settings_name_both_servers(parent: Path) -> None:
    settings = Settings(
        home=parent / "home", database_url=SecretStr("postgresql://db/wherry"), redis_url=SecretStr("redis://cache")
    )

    with open_servers(settings) as servers:
        assert (servers.database_url, servers.redis_url) == ("postgresql://db/wherry", "redis://cache")
        assert not (parent / "home").exists()


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
    assert processes_using(settings.home) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that its servers cannot reach")
async def test_root_with_a_home_out_of_reach_keeps_the_servers_files_in_the_systems_folder(parent: Path) -> None:
    secluded = parent / "secluded"
    secluded.mkdir(mode=0o700)
    settings = Settings(home=secluded / "home")
    try:
        with open_servers(settings) as servers:
            await write(servers)
            assert servers.place is not None
            assert servers.place.root.parent == place.SYSTEM_FOLDER
        with open_servers(settings) as servers:
            assert await read(servers) == ("wherry", b"wherry")
    finally:
        shutil.rmtree(place.prepare_place(settings.home).root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied_once(parent: Path) -> None:
    secluded = parent / "secluded"
    secluded.mkdir(mode=0o700)
    (secluded / "programs").mkdir(mode=0o700)
    program = secluded / "programs" / "server"
    program.write_text("#!/bin/sh\nexec id -u\n")
    program.chmod(0o700)
    here = place.prepare_place(parent / "home")

    copy = here.reachable(secluded, ("programs",), "server-1")

    assert copy == here.root / "programs" / "server-1" == here.reachable(secluded, ("programs",), "server-1")
    assert here.account is not None
    said = process.run_tool((copy / "programs" / "server",), account=here.account, folder=here.root)
    assert said == str(here.account.uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="already run by an ordinary user")
@pytest.mark.slow
def test_all_of_this_holds_for_an_ordinary_user_too(parent: Path) -> None:
    account = process.server_account()
    python = next((path for path in interpreters() if can_run(path, account)), None)
    if python is None:
        pytest.skip("no Python of this version that an ordinary user can run")
    process.make_private_folder(parent / "user", account)

    process.run_tool(
        (python, "-I", "-c", AS_ORDINARY_USER, str(REPOSITORY), *sys.path),
        account=account,
        folder=parent / "user",
        timeout_s=200,
    )


AS_ORDINARY_USER = """
import sys
repository, *path = sys.argv[1:]
sys.path[:0] = path
import pytest
settings = ["--rootdir", repository, "-c", repository + "/pyproject.toml", "-p", "no:cacheprovider"]
sys.exit(pytest.main([repository + "/tests/integration/test_embedded.py", "-q", *settings]))
"""


def interpreters() -> list[Path]:
    """Return programs of this very version of Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [path for path in (Path(sys.executable).resolve(), Path("/usr/bin") / version) if path.exists()]


def can_run(path: Path, account: process.Account | None) -> bool:
    return process.can_traverse(path.parent, account)
