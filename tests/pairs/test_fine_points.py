"""Fine points of PostgreSQL's objects arrive in another of its databases."""

from __future__ import annotations

import pytest

from domain.connections.values import Endpoint
from domain.migrations.plan import OnExisting, RunOptions
from domain.migrations.progress import RunStatus
from tests.pairs.fine_points import FINE_POINTS, FinePoint
from tests.pairs.moves import as_admin, migrate
from tests.support.postgresql import PostgresqlServer


@pytest.mark.parametrize("point", FINE_POINTS.values(), ids=FINE_POINTS.keys())
async def test_fine_points_of_postgresql_objects_are_the_same_in_the_target(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, point: FinePoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(point.make, source.database)

    report = await migrate(as_admin(postgresql_server, source, postgresql_database))

    assert report.status is RunStatus.SUCCEEDED, report.error
    assert all(table.verified for table in report.tables)
    assert report.objects.skipped == ()
    assert {note.name for note in report.objects.replaced} == point.replaced
    facts = [postgresql_server.run(point.ask, end.database) for end in (source, postgresql_database)]
    assert facts[0]
    assert facts[1] == facts[0]
    postgresql_server.drop(source)


async def test_what_is_said_of_tables_and_views_that_were_there_stays_as_it_was(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    made = "CREATE TABLE t (id int PRIMARY KEY, w text); CREATE VIEW v AS SELECT id FROM t WHERE id > 0;"
    source = postgresql_server.create_database()
    postgresql_server.run(
        f"{made} INSERT INTO t VALUES (1, 'a'); ALTER TABLE t SET (fillfactor = 50), REPLICA IDENTITY FULL,"
        "ALTER w SET STORAGE EXTERNAL, ENABLE ROW LEVEL SECURITY; ALTER VIEW v SET (security_barrier)",
        source.database,
    )
    postgresql_server.run(made, postgresql_database.database)

    report = await migrate(
        as_admin(postgresql_server, source, postgresql_database), RunOptions(on_existing=OnExisting.APPEND)
    )

    assert report.status is RunStatus.SUCCEEDED, report.error
    said = postgresql_server.run(
        "SELECT relname, reloptions, relreplident, relrowsecurity, attstorage FROM pg_class LEFT JOIN pg_attribute"
        " ON attrelid = pg_class.oid AND attname = 'w' WHERE relname IN ('t', 'v') ORDER BY 1",
        postgresql_database.database,
    )
    assert said.splitlines() == ["t||d|f|x", "v||n|f|"]
    postgresql_server.drop(source)
