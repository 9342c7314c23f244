"""Short runs copy before anybody has looked at the values; what a misfit meets is as if they had looked."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from domain.connections.values import Endpoint
from domain.kernel.failpoints import VARIABLE
from tests.support.cli import Finished, url
from tests.support.cli import wherry as wherry_apart
from tests.support.cli import wherry_here as wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

ROWS = 1_000
LAST_IS_ZERO = f"IF(seq = {ROWS}, '0000-00-00', '2000-01-01')"
MADE = "SELECT nspname FROM pg_namespace WHERE nspname = '_wherry' UNION ALL SELECT tablename FROM pg_tables "
MADE += "WHERE schemaname = 'public' UNION ALL SELECT typname FROM pg_type WHERE typtype = 'e' ORDER BY 1"


@pytest.fixture
def shop(mysql_server: MysqlServer) -> Iterator[Endpoint]:
    """A MySQL database of films, the last of which was released on no day."""
    endpoint = mysql_server.create_database()
    mysql_server.run(
        "SET sql_mode = ''",
        "CREATE TABLE film (id INT PRIMARY KEY, released DATE NOT NULL, kind ENUM('long', 'short') NOT NULL)",
        f"INSERT INTO film SELECT seq, {LAST_IS_ZERO}, 'long' FROM seq_1_to_{ROWS}",
        database=endpoint.database,
    )
    yield endpoint
    mysql_server.drop(endpoint)


@pytest.fixture
def target(postgresql_server: PostgresqlServer) -> Iterator[Endpoint]:
    """An empty PostgreSQL database."""
    endpoint = postgresql_server.create_database()
    yield endpoint
    postgresql_server.drop(endpoint)


def assert_refused_with_counts(result: Finished) -> None:
    """See that the message is that of a run that looked first."""
    assert result.exit_code == 1
    error = result.document["error"]
    assert error["code"] == "VALUE_REJECTED"
    assert "film.released: 1 values are no day of the calendar" in error["message"]
    assert f"id={ROWS}" in error["message"]
    assert "Nothing was copied" in error["message"]
    assert sum(table["rows_written"] for table in result.document["tables"]) == 0
    assert result.document["objects"]["created"] == 0


def test_what_was_copied_before_a_misfit_was_met_is_taken_back_to_the_last_trace(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    result = wherry("migrate", url(shop), url(target), "--json", "--chunk-rows", "100")

    assert_refused_with_counts(result)
    assert postgresql_server.run(MADE, target.database) == ""


@pytest.mark.parametrize("site", ["target.committed:1", "chunk.written:2", "undo.acted:2"])
def test_a_run_killed_before_or_while_it_takes_itself_back_leaves_nothing_once_it_is_asked_for_again(
    site: str,
    shop: Endpoint,
    target: Endpoint,
    postgresql_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ("migrate", url(shop), url(target), "--json", "--chunk-rows", "400")
    monkeypatch.setenv(VARIABLE, f"{site}=kill")

    killed = wherry_apart(*asked)
    monkeypatch.delenv(VARIABLE)
    result = wherry(*asked)

    assert killed.exit_code == -signal.SIGKILL
    assert_refused_with_counts(result)
    assert postgresql_server.run(MADE, target.database) == ""


def test_a_run_killed_unseen_goes_on_if_its_values_fit(
    mysql_server: MysqlServer,
    shop: Endpoint,
    target: Endpoint,
    postgresql_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mysql_server.run(f"DELETE FROM film WHERE id = {ROWS}", database=shop.database)
    asked = ("migrate", url(shop), url(target), "--json", "--chunk-rows", "400")
    monkeypatch.setenv(VARIABLE, "chunk.written:2=kill")

    killed = wherry_apart(*asked)
    monkeypatch.delenv(VARIABLE)
    result = wherry(*asked)

    assert killed.exit_code == -signal.SIGKILL
    assert (result.exit_code, result.counts) == (0, {"film": ROWS - 1}), result.stderr
    assert postgresql_server.run("SELECT count(DISTINCT id) FROM film", target.database) == str(ROWS - 1)


def test_labels_that_the_type_does_not_have_are_met_and_counted_too(
    mysql_server: MysqlServer, shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    mysql_server.run(
        "SET sql_mode = ''",
        f"UPDATE film SET released = '2000-01-01', kind = IF(id = {ROWS}, '', kind)",
        database=shop.database,
    )

    result = wherry("migrate", url(shop), url(target), "--json")

    assert result.document["error"]["code"] == "VALUE_REJECTED"
    assert "film.kind: 1 values are none of the type's labels" in result.document["error"]["message"]
    assert postgresql_server.run(MADE, target.database) == ""


@pytest.mark.parametrize(
    ("column", "value"), [("released", "'10000-01-01'"), ("released", "'infinity'"), ("price", "'NaN'")]
)
def test_days_and_numbers_that_mysql_has_not_are_met_by_a_short_run(
    column: str,
    value: str,
    target: Endpoint,
    postgresql_server: PostgresqlServer,
    mysql_server: MysqlServer,
    mysql_database: Endpoint,
) -> None:
    postgresql_server.run(
        f'SET ROLE "{target.username}"; '
        "CREATE TABLE film (id int PRIMARY KEY, released date DEFAULT '2000-01-01', price numeric(8,2) DEFAULT 1.5); "
        f"INSERT INTO film (id) SELECT generate_series(1, 500); UPDATE film SET {column} = {value} WHERE id = 400",
        target.database,
    )

    result = wherry("migrate", url(target), url(mysql_database), "--json", "--chunk-rows", "100")

    assert result.exit_code == 1
    assert f"film.{column}: 1 values are" in result.document["error"]["message"]
    assert "id=400" in result.document["error"]["message"]
    assert mysql_server.run("SHOW TABLES", database=mysql_database.database) == []
