"""What one engine alone has arrives whole in another database of the same engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from domain.connections.values import Endpoint, Engine
from domain.migrations.misfits import RejectLimit
from domain.migrations.progress import RunStatus
from domain.migrations.report import RunReport
from tests.pairs.moves import STANDARD, between, migrate
from tests.pairs.one_engine import MYSQL, NUMBERED, NUMBERED_FACTS, POSTGRESQL, POSTGRESQL_FACTS, SQLITE
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

WORDS_OF_MAKERS = " UNION ALL ".join(
    f"SELECT {name}, character_set_client, collation_connection FROM information_schema.{kind} "
    f"WHERE {schema} = DATABASE()"
    for kind, schema, name in (
        ("routines", "routine_schema", "routine_name"),
        ("triggers", "trigger_schema", "trigger_name"),
        ("events", "event_schema", "event_name"),
        ("views", "table_schema", "table_name"),
    )
)
"""Where MariaDB tells of code and views in which session's words they were made."""


def assert_whole(report: RunReport) -> None:
    assert report.error is None, report.error.message
    assert report.status is RunStatus.SUCCEEDED
    assert all(table.verified for table in report.tables)


async def test_a_postgresql_database_arrives_with_all_its_schemas_and_everything_in_them(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(POSTGRESQL, source.database)
    ends = [replace(postgresql_server.admin, database=end.database) for end in (source, postgresql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    assert {note.name for note in report.objects.skipped} == {"other sales.===(integer,integer)"}
    assert {note.name for note in report.objects.replaced} == {"other child.parent"}
    facts = [postgresql_server.run(POSTGRESQL_FACTS, end.database).splitlines() for end in ends]
    assert facts[1] == facts[0]
    postgresql_server.drop(source)


async def test_postgresql_columns_are_numbered_by_the_same_sequences_as_in_the_source(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(NUMBERED, source.database)
    ends = [replace(postgresql_server.admin, database=end.database) for end in (source, postgresql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    facts = [postgresql_server.run(NUMBERED_FACTS, end.database).splitlines() for end in ends]
    assert facts[1] == facts[0]
    postgresql_server.drop(source)


async def test_a_postgresql_schema_arrives_with_the_types_that_it_borrows_from_others(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(POSTGRESQL, source.database)
    admin = postgresql_server.admin
    one = replace(admin, database=source.database, schema="sales")

    report = await migrate(between(one, replace(admin, database=postgresql_database.database, schema="sold")))

    assert_whole(report)
    rows = postgresql_server.run("SELECT mood, size, both_ FROM sold.visit ORDER BY id", postgresql_database.database)
    assert rows.splitlines() == ["glad|4|(1,sad)", "sad|5|"]
    postgresql_server.drop(source)


async def test_a_mysql_database_arrives_with_its_code_and_partitions(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(*MYSQL.split(";\n"), database=source.database)
    ends = [replace(mysql_server.admin, database=end.database) for end in (source, mysql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    assert report.objects.skipped == ()
    assert {note.name: note.reason.split(",")[0] for note in report.objects.replaced} == {
        "other nightly": "it is disabled",
        "other small.MyISAM": "Its rows are stored as this engine does by itself.",
    }
    database = mysql_database.database
    mysql_server.run("INSERT INTO film (title, length) VALUES ('three', 200)", database=database)
    assert mysql_server.run("SELECT film FROM log ORDER BY film", database=database) == [(1,), (2,), (3,), (9,)]
    assert mysql_server.run("SELECT title, h FROM long_films ORDER BY h", database=database)[-1] == ("three", 3)
    assert mysql_server.run("SELECT NEXTVAL(tickets)", database=database) == [(7,)]
    assert mysql_server.run("SELECT film FROM log PARTITION (old)", database=database) == [(9,)]
    assert mysql_server.run("CALL films()", database=database) == [(3,)]
    assert mysql_server.run("SELECT title FROM film WHERE MATCH (title) AGAINST ('three')", database=database)
    mysql_server.drop(source)


async def test_code_of_a_mysql_database_runs_in_the_mode_that_it_was_made_in(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    name = "é" * 64
    mysql_server.run(
        "SET sql_mode = 'ALLOW_INVALID_DATES'",
        f"CREATE TABLE note (word varchar(3), `{name}` int)",
        "CREATE TABLE made (word varchar(9))",
        "CREATE TRIGGER cut AFTER INSERT ON made FOR EACH ROW INSERT INTO note (word) VALUES (NEW.word)",
        "CREATE PROCEDURE cut_too() INSERT INTO note (word) VALUES ('abcde')",
        "CREATE SEQUENCE around START WITH 3 INCREMENT BY -1 MINVALUE 1 MAXVALUE 5 NOCACHE CYCLE",
        *["SELECT NEXTVAL(around)"] * 3,
        "CREATE SEQUENCE spent START WITH 1 MAXVALUE 2 NOCACHE",
        *["SELECT NEXTVAL(spent)"] * 2,
        database=source.database,
    )
    ends = [replace(mysql_server.admin, database=end.database) for end in (source, mysql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    database = mysql_database.database
    mysql_server.run("INSERT INTO made VALUES ('fghij')", "CALL cut_too()", database=database)
    assert mysql_server.run("SELECT word FROM note ORDER BY word", database=database) == [("abc",), ("fgh",)]
    assert mysql_server.run(f"SELECT `{name}` FROM note LIMIT 1", database=database) == [(None,)]
    assert mysql_server.run("SELECT NEXTVAL(around)", database=database) == [(5,)]
    with pytest.raises(pymysql.err.OperationalError, match="run out"):
        mysql_server.run("SELECT NEXTVAL(spent)", database=database)
    mysql_server.drop(source)


async def test_code_and_views_of_a_mysql_database_compare_texts_as_in_the_words_of_their_maker(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "SET character_set_client = latin1, collation_connection = latin1_swedish_ci",
        "CREATE TABLE note (word varchar(9))",
        "CREATE FUNCTION alike() RETURNS int DETERMINISTIC RETURN 'a' = 'A'",
        "CREATE VIEW likeness AS SELECT 'a' = 'A' AS alike, collation('a') AS name",
        "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
        "CREATE FUNCTION unlike() RETURNS int DETERMINISTIC RETURN 'é' = 'É'",
        "CREATE VIEW unlikeness AS SELECT 'é' = 'É' AS alike",
        "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci",
        "CREATE TRIGGER noted BEFORE INSERT ON note FOR EACH ROW SET NEW.word = if('é' = 'É', 'alike', 'unlike')",
        "CREATE EVENT later ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM note WHERE 'é' = 'É'",
        "CREATE PROCEDURE smile() SELECT '\U0001f600' = 'É'",
        database=source.database,
    )
    ends = [replace(mysql_server.admin, database=end.database) for end in (source, mysql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    found = [sorted(mysql_server.run(WORDS_OF_MAKERS, database=end.database)) for end in ends]
    assert len(found[0]) == 7
    assert found[1] == found[0]
    mysql_server.run("INSERT INTO note VALUES ('x')", database=mysql_database.database)
    query = "SELECT alike(), unlike(), l.alike, l.name, u.alike, word FROM likeness l, unlikeness u, note"
    assert mysql_server.run(query, database=mysql_database.database) == [(1, 0, 1, "latin1_swedish_ci", 0, "alike")]
    mysql_server.drop(source)


async def test_values_beside_the_labels_of_a_mysql_enum_are_found_before_anything_is_made(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "SET sql_mode = ''",
        "CREATE TABLE t (id int PRIMARY KEY, e enum('a', 'b'), h int INVISIBLE DEFAULT 5)",
        "INSERT INTO t (id, e) VALUES (1, 'zzz'), (2, 'a')",
        database=source.database,
    )
    ends = between(*(replace(mysql_server.admin, database=end.database) for end in (source, mysql_database)))

    refused = await migrate(ends, run_id="refused")
    tables = mysql_server.run("SHOW TABLES LIKE 't'", database=mysql_database.database)
    allowed = await migrate(ends, replace(STANDARD, reject_limit=RejectLimit(rows=1)), run_id="allowed")

    assert refused.error is not None
    assert "t.e: 1 values are none of the type's labels" in refused.error.message
    assert tables == []
    assert_whole(allowed)
    assert [note.name for note in allowed.objects.replaced] == ["other t.h"]
    assert mysql_server.run("SELECT id, e, h FROM t", database=mysql_database.database) == [(2, "a", 5)]
    mysql_server.drop(source)


async def test_a_sqlite_file_arrives_with_its_words_for_types_and_its_options(tmp_path: Path) -> None:
    paths = [tmp_path / "source.db", tmp_path / "target.db"]
    with closing(sqlite3.connect(paths[0])) as connection:
        connection.executescript(SQLITE)

    report = await migrate(between(*(Endpoint(Engine.SQLITE, path=str(path)) for path in paths)))

    assert_whole(report)
    assert report.objects.skipped == ()
    assert report.objects.replaced == ()
    assert facts_of_sqlite(paths[1]) == facts_of_sqlite(paths[0])


def facts_of_sqlite(path: Path) -> list[object]:
    """Columns, keys, storage classes and how indexes compare."""
    found: list[object] = []
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_wherry*' ORDER BY 1"
        tables = [name for (name,) in connection.execute(query)]
        for table in tables:
            columns = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
            found += [columns, sorted(row[1:] for row in connection.execute(f"PRAGMA foreign_key_list({table})"))]
            kinds = ", ".join(f"typeof({column[1]}), {column[1]}" for column in columns)
            found += connection.execute(f"SELECT {kinds} FROM {table} ORDER BY 2").fetchall()
            found += connection.execute(f"SELECT wr, strict FROM pragma_table_list WHERE name = '{table}'").fetchall()
            for index in connection.execute(f"PRAGMA index_list({table})").fetchall():
                found.append((index[2], connection.execute(f"PRAGMA index_xinfo({index[1]})").fetchall()))
        found += connection.execute(
            "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY 2"
        ).fetchall()
    return found


async def test_a_mysql_primary_key_of_prefixes_keeps_its_prefixes(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE blobs (k blob NOT NULL, v int, PRIMARY KEY (k(20)))",
        "INSERT INTO blobs VALUES (x'00ff', 1), (x'00', 2)",
        "CREATE TABLE words (word varchar(20) NOT NULL, n int, PRIMARY KEY (n, word(3)))",
        "INSERT INTO words VALUES ('abcd', 1), ('abcd', 2)",
        database=source.database,
    )

    report = await migrate(between(source, mysql_database))

    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    keys = "SELECT table_name, index_name, column_name, sub_part FROM information_schema.statistics"
    found = mysql_server.run(f"{keys} WHERE table_schema = '{mysql_database.database}' ORDER BY 1, seq_in_index")
    assert [row for row in found if not str(row[0]).startswith("_wherry_")] == [
        ("blobs", "PRIMARY", "k", 20),
        ("words", "PRIMARY", "n", None),
        ("words", "PRIMARY", "word", 3),
    ]
    mysql_server.drop(source)


async def test_packages_of_a_mysql_database_are_told_by_the_report(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1",
        "CREATE PROCEDURE one() SELECT 1",
        "SET sql_mode = 'ORACLE'",
        "CREATE PACKAGE pack AS FUNCTION f RETURN int; END",
        "CREATE PACKAGE BODY pack AS FUNCTION f RETURN int AS BEGIN RETURN 1; END; END",
        database=source.database,
    )
    ends = [replace(mysql_server.admin, database=end.database) for end in (source, mysql_database)]

    report = await migrate(between(*ends))

    assert_whole(report)
    assert {line.name for line in report.objects.skipped} == {"routine pack", "routine pack (package body)"}
    assert report.objects.created == 5
    mysql_server.drop(source)


async def test_versioned_tables_of_a_mysql_database_arrive_as_they_are_now(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE told (id int PRIMARY KEY, since timestamp(6) GENERATED ALWAYS AS ROW START, "
        "until timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) "
        "WITH SYSTEM VERSIONING",
        "INSERT INTO told (id) VALUES (1), (2)",
        "DELETE FROM told WHERE id = 1",
        "CREATE TABLE parted (id int PRIMARY KEY) WITH SYSTEM VERSIONING "
        "PARTITION BY SYSTEM_TIME LIMIT 9 (PARTITION p HISTORY, PARTITION c CURRENT)",
        "INSERT INTO parted VALUES (5)",
        database=source.database,
    )

    report = await migrate(between(source, mysql_database))

    assert_whole(report)
    assert {line.name for line in report.objects.skipped} == {"other told", "other parted (versioning)"}
    rows = [mysql_server.run("SELECT * FROM told", database=end.database) for end in (source, mysql_database)]
    assert (len(rows[0]), rows[1]) == (1, rows[0])
    with pytest.raises(pymysql.err.IntegrityError):
        mysql_server.run("INSERT INTO told VALUES (2, now(6), now(6))", database=mysql_database.database)
    mysql_server.drop(source)


async def test_mysql_columns_take_their_numbers_from_the_targets_own_sequence(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE SEQUENCE tickets START WITH 5 NOCACHE",
        "CREATE TABLE visit (id int DEFAULT nextval(tickets) PRIMARY KEY, n int)",
        "INSERT INTO visit (n) VALUES (1)",
        database=source.database,
    )

    report = await migrate(between(source, mysql_database))

    mysql_server.drop(source)
    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    mysql_server.run("INSERT INTO visit (n) VALUES (2)", database=mysql_database.database)
    assert mysql_server.run("SELECT id FROM visit ORDER BY id", database=mysql_database.database) == [(5,), (6,)]


async def test_views_of_a_mysql_database_keep_by_whose_rights_they_are_read_and_what_may_be_written(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE SQL SECURITY INVOKER VIEW low AS SELECT id FROM t WHERE id < 9 WITH LOCAL CHECK OPTION",
        "CREATE ALGORITHM=TEMPTABLE VIEW apart AS SELECT id FROM t",
        "CREATE VIEW plain AS SELECT id FROM t",
        database=source.database,
    )

    report = await migrate(between(source, mysql_database))

    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    facts = "SELECT table_name, security_type, algorithm, check_option FROM information_schema.views"
    assert mysql_server.run(f"{facts} WHERE table_schema = '{mysql_database.database}' ORDER BY 1") == [
        ("apart", "DEFINER", "TEMPTABLE", "NONE"),
        ("low", "INVOKER", "UNDEFINED", "LOCAL"),
        ("plain", "DEFINER", "UNDEFINED", "NONE"),
    ]
    mysql_server.drop(source)


async def test_events_of_a_mysql_database_keep_their_time_zone(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "SET time_zone = '+05:30'",
        "CREATE EVENT once ON SCHEDULE AT '2031-01-01 10:00:00' DO DELETE FROM t",
        database=source.database,
    )

    assert_whole(await migrate(between(source, mysql_database)))

    facts = "SELECT event_name, time_zone, CAST(execute_at AS char) FROM information_schema.events"
    found = mysql_server.run(f"{facts} WHERE event_schema = '{mysql_database.database}'")
    assert found == [("once", "+05:30", "2031-01-01 10:00:00")]
    mysql_server.drop(source)


async def test_what_is_said_of_mysql_indexes_beside_their_members_is_in_the_report(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    source = mysql_server.create_database()
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int, KEY said (a, b) COMMENT 'listed', KEY off (b) IGNORED)",
        database=source.database,
    )

    report = await migrate(between(source, mysql_database))

    assert_whole(report)
    assert [line.name for line in report.objects.skipped] == ["other t.said"]
    assert [line.name for line in report.objects.replaced] == ["other t.off"]
    mysql_server.drop(source)
