"""What is wrong with an address, an account, an option or a file is said by its own code; nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Secret
from infra.embedded.ports import free_port
from tests.support.cli import Finished, url, wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

Server = PostgresqlServer | MysqlServer

SERVERS = (Engine.POSTGRESQL, Engine.MYSQL)


@pytest.fixture(params=SERVERS, ids=lambda engine: engine.value.lower())
def server(request: pytest.FixtureRequest) -> Server:
    """A running server of each kind."""
    found = request.getfixturevalue(f"{request.param.value.lower()}_server")
    assert isinstance(found, PostgresqlServer | MysqlServer)
    return found


@pytest.fixture
def database(server: Server) -> Iterator[Endpoint]:
    """A database on it with one table of two rows."""
    endpoint = server.create_database()
    run(server, endpoint, "CREATE TABLE film (id integer PRIMARY KEY, title varchar(50))")
    run(server, endpoint, "INSERT INTO film VALUES (1, 'one'), (2, 'two')")
    if isinstance(server, PostgresqlServer):
        run(server, endpoint, f'ALTER TABLE film OWNER TO "{endpoint.username}"')
    yield endpoint
    server.drop(endpoint)


@pytest.fixture
def file(tmp_path: Path) -> Endpoint:
    """A SQLite file with one table of three rows."""
    path = tmp_path / "film.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT)")
        connection.execute("INSERT INTO film VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        connection.commit()
    return Endpoint(Engine.SQLITE, path=str(path))


def run(server: Server, endpoint: Endpoint, sql: str) -> object:
    """Run a statement as the server's administrator."""
    if isinstance(server, PostgresqlServer):
        return server.run(sql, endpoint.database)
    return server.run(sql, database=endpoint.database)


def failed(result: Finished, code: str) -> str:
    """Check that a command failed with a code, in JSON and in words, and return its words."""
    assert result.exit_code == 1, (result.stdout, result.stderr)
    assert result.document["status"] == "FAILED"
    assert result.document["error"]["code"] == code, result.stderr
    assert f"wherry: {code}: " in result.stderr
    return result.stderr


def no_password(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, password=Secret("wrong-password-hunter2"))


def no_such_host(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, port=free_port())


def no_such_database(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, database="there_is_no_such_database")


@pytest.mark.parametrize(
    ("breaking", "codes"),
    [
        (no_password, {"AUTHENTICATION_FAILED"}),
        (no_such_host, {"HOST_UNREACHABLE"}),
        (no_such_database, {"DATABASE_NOT_FOUND", "PRIVILEGE_MISSING"}),
    ],
)
@pytest.mark.parametrize("end", ["source", "target"])
def test_a_server_that_cannot_be_entered_is_told_apart(
    breaking: Callable[[Endpoint], Endpoint],
    codes: set[str],
    end: str,
    server: Server,
    database: Endpoint,
    file: Endpoint,
    tmp_path: Path,
) -> None:
    broken = breaking(database)
    before = Path(file.path).read_bytes()
    ends = (url(broken), f"sqlite:///{tmp_path}/copy.db") if end == "source" else (url(file), url(broken))

    result = wherry("migrate", *ends, "--json")

    code = result.document["error"]["code"]
    assert code in codes
    message = failed(result, code)
    assert "hunter2" not in message + result.stdout
    assert Path(file.path).read_bytes() == before
    assert not (tmp_path / "copy.db").exists()


def test_an_unknown_database_is_not_found_by_who_may_see_all(server: Server, file: Endpoint) -> None:
    result = wherry("migrate", url(file), url(no_such_database(server.admin)), "--json")

    failed(result, "DATABASE_NOT_FOUND")


def test_an_account_that_may_not_read_or_write_is_told_so(server: Server, database: Endpoint, file: Endpoint) -> None:
    stranger = a_stranger(server, database)

    reading = wherry("migrate", url(stranger), url(replace(file, path=f"{file.path}.copy")), "--json")
    writing = wherry("migrate", url(replace(file)), url(stranger), "--json")

    failed(reading, "PRIVILEGE_MISSING")
    failed(writing, "PRIVILEGE_MISSING")
    assert "2" in str(run(server, database, "SELECT count(*) FROM film"))


def a_stranger(server: Server, database: Endpoint) -> Endpoint:
    """A user who may enter the database, see that there are tables, and no more."""
    name, password = f"{database.database}_stranger", "stranger-password"
    if isinstance(server, PostgresqlServer):
        run(server, database, f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'")
    else:
        server.run(
            f"CREATE USER `{name}`@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"GRANT REFERENCES ON `{database.database}`.* TO `{name}`@'127.0.0.1'",
        )
    return replace(database, username=name, password=Secret(password))


def test_a_filled_table_is_refused_and_left_alone(server: Server, database: Endpoint, file: Endpoint) -> None:
    before = str(run(server, database, "SELECT * FROM film ORDER BY id"))

    result = wherry("migrate", url(file), url(database), "--json")

    assert "film (2 rows)" in failed(result, "TARGET_NOT_EMPTY")
    assert str(run(server, database, "SELECT * FROM film ORDER BY id")) == before


def test_a_table_that_is_not_there_is_named_with_its_neighbours(file: Endpoint, tmp_path: Path) -> None:
    result = wherry("migrate", url(file), f"sqlite:///{tmp_path}/copy.db", "--include", "films", "--json")

    assert "did you mean film?" in failed(result, "TABLE_NOT_FOUND")
    assert _is_untouched(tmp_path / "copy.db")


def test_a_mapped_column_that_is_not_there_is_named_with_its_neighbours(file: Endpoint, tmp_path: Path) -> None:
    mapping = tmp_path / "map.json"
    mapping.write_text('{"tables": [{"source": "film", "columns": {"id": "id", "titel": "name"}}]}')

    result = wherry("migrate", url(file), f"sqlite:///{tmp_path}/copy.db", "--map", mapping, "--json")

    assert "did you mean title?" in failed(result, "COLUMN_NOT_FOUND")
    assert _is_untouched(tmp_path / "copy.db")


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_told_apart_and_left_alone(scheme: str, file: Endpoint, tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear reader, this is a letter and no database at all. " * 100)

    as_source = wherry("migrate", f"{scheme}:///{text}", f"sqlite:///{tmp_path}/copy.db", "--json")
    as_target = wherry("migrate", url(file), f"{scheme}:///{text}", "--json")

    failed(as_source, "NOT_A_DATABASE")
    failed(as_target, "NOT_A_DATABASE")
    assert text.read_text().startswith("Dear reader")


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_source_file_that_is_not_there_is_not_made(scheme: str, tmp_path: Path) -> None:
    result = wherry("migrate", f"{scheme}:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/copy.db", "--json")

    failed(result, "DATABASE_NOT_FOUND")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb", "csv", "parquet"])
@pytest.mark.parametrize("command", ["runs", "rollback", "forget"])
def test_a_target_that_is_not_there_remembers_nothing_and_is_not_made(
    command: str, scheme: str, tmp_path: Path
) -> None:
    result = wherry(command, f"{scheme}:///{tmp_path}/none", "--json")

    failed(result, "DATABASE_NOT_FOUND")
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_refused_as_its_own_target(file: Endpoint) -> None:
    failed(wherry("migrate", url(file), url(file), "--json"), "VALIDATION_FAILED")


@pytest.mark.parametrize("scheme", ["sqlite", "csv"])
def test_a_database_is_refused_as_its_own_target_by_whatever_path(scheme: str, file: Endpoint, tmp_path: Path) -> None:
    place = Path(file.path)
    if scheme == "csv":
        place = tmp_path / "folder"
        place.mkdir()
        (place / "t.csv").write_text("a\n1\n")
    link = tmp_path / "link"
    link.symlink_to(place)
    schemas = [] if scheme == "csv" else [f"{place}?schema=x"]
    others = [f"{tmp_path}/link", f"{tmp_path}/../{tmp_path.name}/{place.name}", *schemas]

    for other in others:
        result = wherry("migrate", f"{scheme}://{place}", f"{scheme}://{other}", "--on-existing", "truncate", "--json")

        failed(result, "VALIDATION_FAILED")
    assert scheme == "sqlite" or (place / "t.csv").read_text() == "a\n1\n"


def _is_untouched(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0
