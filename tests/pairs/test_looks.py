"""A run that goes on does not look at all values again; it watches the rows that are still to come."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from domain.connections.values import Endpoint
from domain.kernel.failpoints import VARIABLE
from domain.migrations.misfits import ColumnLimit, Profile
from domain.migrations.transfer import TableCopy
from infra.connectors.mysql.reader import MysqlSource
from tests.support.cli import Finished, url
from tests.support.cli import wherry as wherry_apart
from tests.support.cli import wherry_here as wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

ROWS = 1_000
OPTIONS = ("--json", "--parallel", "1", "--chunk-rows", "150", "--on-misfit", "date=null")
"""With a rule for misfits a run is never too short to be looked at first."""

SPOILT = "UPDATE film SET title = 'film\\0' WHERE id = 1000"
"""PostgreSQL has no place for this value."""


@pytest.fixture
def shop(mysql_server: MysqlServer) -> Iterator[Endpoint]:
    """A MySQL database whose values PostgreSQL can keep, all of them."""
    endpoint = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(40), released DATE)",
        f"INSERT INTO film SELECT seq, CONCAT('film ', seq), '2000-01-01' FROM seq_1_to_{ROWS}",
        database=endpoint.database,
    )
    yield endpoint
    mysql_server.drop(endpoint)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose values are looked at in this process."""
    seen: list[str] = []
    profile = MysqlSource.profile

    async def spied(
        self: MysqlSource, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        seen.append(str(copy.source))
        return await profile(self, copy, limits, rejecting)

    monkeypatch.setattr(MysqlSource, "profile", spied)
    return seen


def begun(monkeypatch: pytest.MonkeyPatch, *command: str) -> None:
    """Have the process of a run killed when it has copied two chunks of its table."""
    monkeypatch.setenv(VARIABLE, "chunk.completed:2=kill")
    assert wherry_apart(*command).exit_code == -signal.SIGKILL
    monkeypatch.delenv(VARIABLE)


def message(result: Finished) -> str:
    error = result.document["error"]
    assert error["code"] == "VALUE_REJECTED"
    return str(error["message"])


def test_values_are_not_looked_at_again_by_a_run_that_goes_on(
    shop: Endpoint,
    postgresql_database: Endpoint,
    looks: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("migrate", url(shop), url(postgresql_database), *OPTIONS)
    begun(monkeypatch, *command)

    result = wherry(*command)

    assert result.exit_code == 0, result.stderr
    assert looks == []
    assert [(table["rows_written"], table["verified"]) for table in result.document["tables"]] == [(ROWS, True)]


def test_a_value_that_came_after_the_look_is_no_more_written_than_one_that_was_there(
    shop: Endpoint,
    postgresql_database: Endpoint,
    looks: list[str],
    mysql_server: MysqlServer,
    postgresql_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ("migrate", url(shop), url(postgresql_database), *OPTIONS)
    begun(monkeypatch, *command)
    mysql_server.run(SPOILT, database=shop.database)

    refused = wherry(*command)
    there = int(postgresql_server.run("SELECT count(*) FROM film", postgresql_database.database))
    anew = wherry(*command, "--restart", "--on-existing", "truncate")
    mysql_server.run("UPDATE film SET title = '' WHERE id = 1000", database=shop.database)
    result = wherry(*command)

    assert (refused.exit_code, anew.exit_code) == (1, 1)
    assert "film has values in title by now that hold the character NUL" in message(refused)
    assert 300 <= there < ROWS
    assert looks == ["film"]
    assert "film.title: 1 values hold the character NUL" in message(anew)
    assert result.exit_code == 0, result.stderr
    assert [(table["rows_written"], table["verified"]) for table in result.document["tables"]] == [(ROWS, True)]
