"""Two PostgreSQL databases are compared by a hash that only PostgreSQL has; others by the one that all have."""

from __future__ import annotations

import pytest

from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import OnExisting, RunOptions
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import migrate
from tests.support.postgresql import PostgresqlServer
from workers.engine.compare import compare
from workers.engine.control import ControlSwitch

ROWS = """
CREATE TABLE word (id integer PRIMARY KEY, said text, seen date, size numeric(6,2), raw bytea, at_ timestamp,
weight double precision, notes jsonb, places inet[]);
INSERT INTO word SELECT i, CASE WHEN i % 7 > 0 THEN 'é ' || i END, date '2020-01-01' + i, i / 7.0,
decode(md5(i::text), 'hex'), CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN timestamp '2020-01-01' + i * interval '1 us'
END, CASE i % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN i / 3e0 END, jsonb_build_object('a, b', i), ARRAY['::1', NULL]::inet[]
FROM generate_series(1, 500) i;
"""
PASSING = (
    ROWS.replace("\nweight double precision, notes", " notes")
    .replace(", places inet[]", "")
    .replace(" CASE i % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN i / 3e0 END,", "")
    .replace(", ARRAY['::1', NULL]::inet[]", "")
)
NO_HASHES = """
REVOKE EXECUTE ON FUNCTION hashint4extended(integer, bigint), hashtextextended(text, bigint), md5(text), md5(bytea)
FROM PUBLIC;
"""
CHANGES = {
    "said": "UPDATE word SET said = said || ' ' WHERE id = 3",
    "seen": "UPDATE word SET seen = NULL WHERE id = 3",
    "size": "UPDATE word SET size = CASE id WHEN 3 THEN (SELECT size FROM word WHERE id = 4) ELSE size + 1 END "
    "WHERE id IN (3, 4)",
    "at_": "UPDATE word SET at_ = at_ + interval '1 us' WHERE id = 4",
    "weight": "UPDATE word SET weight = NULL WHERE id = 3",
    "notes": "UPDATE word SET notes = notes || '{\"a, b\": 0}' WHERE id = 3",
    "places": "UPDATE word SET places = '{NULL,::1}' WHERE id = 3",
    "raw": "UPDATE word SET raw = '' WHERE id = 500",
}


def between(source: Endpoint, target: Endpoint) -> Pair:
    return Pair(*(Lab(Engine.POSTGRESQL, end, connector_for(Engine.POSTGRESQL)) for end in (source, target)))


@pytest.mark.parametrize("column", CHANGES)
async def test_one_changed_value_is_found_and_its_column_named(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, column: str
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(f'SET ROLE "{source.username}"; {ROWS}', source.database)
    pair = between(source, postgresql_database)
    report = await migrate(pair)
    assert [table.verified for table in report.tables] == [True], report.error

    assert [verdict.difference for verdict in await compare(pair.route, RunOptions(), ControlSwitch())] == [""]
    postgresql_server.run(CHANGES[column], postgresql_database.database)
    verdicts = await compare(pair.route, RunOptions(), ControlSwitch())

    assert [verdict.difference for verdict in verdicts] == [f"same number of rows, different values in {column}"]
    postgresql_server.drop(source)


async def test_databases_that_spell_their_texts_in_other_bytes_are_found_equal_all_the_same(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(f'DROP DATABASE "{source.database}"')
    postgresql_server.run(
        f'CREATE DATABASE "{source.database}" OWNER "{source.username}" TEMPLATE template0 '
        "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    postgresql_server.run(f'SET ROLE "{source.username}"; SET client_encoding = utf8; {ROWS}', source.database)
    pair = between(source, postgresql_database)

    report = await migrate(pair)

    assert [table.verified for table in report.tables] == [True], report.error
    postgresql_server.drop(source)


async def test_a_source_that_can_compute_no_hash_is_compared_by_the_rows_that_it_sent(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(f'SET ROLE "{source.username}"; {PASSING} RESET ROLE; {NO_HASHES}', source.database)

    report = await migrate(between(source, postgresql_database), RunOptions(parallel=2, chunk_rows=100))

    assert [(table.verified, table.rows_written) for table in report.tables] == [(True, 500)], report.error
    postgresql_server.drop(source)


async def test_rows_that_the_target_changes_as_they_arrive_are_found(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(f'SET ROLE "{source.username}"; {PASSING}', source.database)
    columns = PASSING.partition("INSERT")[0]
    postgresql_server.run(
        f"""SET ROLE "{postgresql_database.username}"; {columns}
        CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.id = 3 THEN NEW.said := NEW.said || ' '; END IF; RETURN NEW; END$$;
        CREATE TRIGGER meddle BEFORE INSERT ON word FOR EACH ROW EXECUTE FUNCTION meddle()""",
        postgresql_database.database,
    )
    options = RunOptions(parallel=2, chunk_rows=100, on_existing=OnExisting.TRUNCATE)

    report = await migrate(between(source, postgresql_database), options)

    assert [table.verified for table in report.tables] == [False]
    assert report.error is not None
    assert "same number of rows, different values in said" in report.error.message
    postgresql_server.drop(source)
