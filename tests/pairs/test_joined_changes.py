"""All indexes of a table are one statement on MySQL, and one that fails does not take the others along."""

from __future__ import annotations

from dataclasses import replace

from domain.connections.values import Endpoint
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import migrate
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.engine.steps import joined, together

SCRIPT = """
CREATE TABLE film (id integer PRIMARY KEY, title varchar(20), year integer, length integer);
CREATE INDEX by_title ON film (title);
CREATE UNIQUE INDEX by_year ON film (year);
CREATE INDEX by_length ON film (length);
INSERT INTO film VALUES (1, 'one', 1990, 90), (2, 'two', 1991, -1);
ALTER TABLE film ADD CONSTRAINT young CHECK (year > 1900);
ALTER TABLE film ADD CONSTRAINT long_ CHECK (length > 0) NOT VALID;
"""


async def test_indexes_of_a_table_are_made_at_once_and_checks_apart_if_one_fails(
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    mysql_server: MysqlServer,
    mysql_database: Endpoint,
) -> None:
    postgresql_server.run(SCRIPT, postgresql_database.database)
    source = replace(postgresql_server.admin, database=postgresql_database.database)
    before = alterations(mysql_server)

    report = await migrate(Pair(*(Lab(e.engine, e, connector_for(e.engine)) for e in (source, mysql_database))))

    assert report.error is None, report.error.message
    assert [note.name for note in report.objects.skipped] == ["check film.long_"]
    assert alterations(mysql_server) - before == 4  # three indexes, both checks in vain, then one by one
    made = "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
    names = {row[0] for row in mysql_server.run(made + " AND table_name = 'film'", database=mysql_database.database)}
    assert names == {"PRIMARY", "by_title", "by_year", "by_length"}


def test_only_neighbours_of_one_beginning_are_joined() -> None:
    steps = [
        a_step(1, "A x", "A "),
        a_step(2, "A y", "A "),
        a_step(3, "B z", ""),
        a_step(4, "B w", ""),
        a_step(5, "A v", "A "),
    ]

    groups = together(steps)

    assert [[step.number for step in group] for group in groups] == [[1, 2], [3], [4], [5]]
    assert (joined(groups[0]).sql, joined(groups[0]).also) == ("A x, y", (2,))


def a_step(number: int, sql: str, head: str) -> Step:
    return Step(number, Phase.INDEXES, SchemaObject(ObjectKind.INDEX, str(number), "t"), sql, head=head)


def alterations(server: MysqlServer) -> int:
    """How often a table was altered on this server."""
    return int(str(server.run("SHOW GLOBAL STATUS LIKE 'Com_alter_table'")[0][1]))
