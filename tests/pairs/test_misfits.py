"""Values that the target cannot keep are named before anything is copied, and become what was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from domain.connections.values import Endpoint
from tests.support.cli import url, wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

ROWS = 1_000
"""Rows of the table of films; every tenth was released on no day, every twentieth holds a NUL in its title."""

FILMS = f"""
    INSERT INTO film SELECT seq, IF(seq % 20 = 0, CONCAT('film\\0', seq), CONCAT('film ', seq)),
    IF(seq % 10 = 0, '0000-00-00', DATE('2000-01-01') + INTERVAL seq DAY), seq / 4 FROM seq_1_to_{ROWS}
"""


@pytest.fixture
def shop(mysql_server: MysqlServer) -> Iterator[Endpoint]:
    """A MySQL database of films with values that PostgreSQL has no place for."""
    endpoint = mysql_server.create_database()
    mysql_server.run(
        "SET sql_mode = ''",
        "CREATE TABLE film (id INT PRIMARY KEY, title VARCHAR(40), released DATE NOT NULL, price DECIMAL(8,2))",
        FILMS,
        "CREATE TABLE actor (id INT PRIMARY KEY, name VARCHAR(40))",
        "INSERT INTO actor SELECT seq, CONCAT('actor ', seq) FROM seq_1_to_50",
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


def test_misfits_are_named_with_their_counts_and_nothing_is_made(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    result = wherry("migrate", url(shop), url(target), "--json")

    assert result.exit_code == 1
    assert result.document["error"]["code"] == "VALUE_REJECTED"
    message = result.document["error"]["message"]
    assert "film.released: 100 values are no day of the calendar" in message
    assert "id=10" in message
    assert "film.title: 50 values hold the character NUL" in message
    assert "actor" not in message
    assert postgresql_server.run(r"\dt", target.database) == ""
