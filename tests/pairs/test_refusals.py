"""Rows that a target refuses for reasons of its own are found, kept aside with its words, and the others arrive."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.failpoints import VARIABLE
from tests.support.cli import url
from tests.support.cli import wherry as wherry_apart
from tests.support.cli import wherry_here as wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.cli.rejects import read_rejects

ROWS = 400

Ask = Callable[..., list[tuple[Any, ...]]]

TABLE = """CREATE TABLE part (
    id INTEGER PRIMARY KEY, code VARCHAR(20) UNIQUE, weight INTEGER CHECK (weight < 90), name VARCHAR(20) NOT NULL)"""
"""What somebody has made in the target before."""

TRIGGERS = {
    Engine.POSTGRESQL: (
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN IF NEW.name = 'cursed' THEN RAISE 'no curses here'; END IF; RETURN NEW; END$$"
        ),
        "CREATE TRIGGER cursed BEFORE INSERT ON part FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
    Engine.MYSQL: (
        (
            "CREATE TRIGGER cursed BEFORE INSERT ON part FOR EACH ROW IF NEW.name = 'cursed' THEN "
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no curses here'; END IF"
        ),
    ),
    Engine.SQLITE: (
        (
            "CREATE TRIGGER cursed BEFORE INSERT ON part WHEN NEW.name = 'cursed' "
            "BEGIN SELECT RAISE(ABORT, 'no curses here'); END"
        ),
    ),
    Engine.DUCKDB: (),
}
LIFTED = {
    Engine.POSTGRESQL: ("ALTER TABLE part DROP CONSTRAINT part_weight_check",),
    Engine.MYSQL: ("ALTER TABLE part MODIFY weight INTEGER",),
}


@dataclass(frozen=True)
class There:
    """A database with the table, and what asks it."""

    endpoint: Endpoint
    ask: Ask


@pytest.fixture
def parts(tmp_path: Path) -> Endpoint:
    """A SQLite file of parts: of every hundred, one too heavy, one without name, one cursed, one with a code twice."""
    path = tmp_path / "parts.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE part (id INTEGER PRIMARY KEY, code VARCHAR(20), weight INTEGER, name VARCHAR(20))"
        )
        connection.executemany("INSERT INTO part VALUES (?, ?, ?, ?)", [_part(number) for number in range(1, ROWS + 1)])
    return Endpoint(Engine.SQLITE, path=str(path))


def _part(number: int) -> tuple[int, str, int, str | None]:
    code = number - 1 if number % 100 == 40 else number
    name = {20: None, 30: "cursed"}.get(number % 100, f"part {number}")
    return number, f"code {code}", 95 if number % 100 == 10 else number % 90, name


@pytest.fixture(params=[Engine.POSTGRESQL, Engine.MYSQL, Engine.SQLITE, Engine.DUCKDB], ids=lambda e: e.value.lower())
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    """A database in which somebody has made the table with rules of its own."""
    engine: Engine = request.param
    if engine.is_file:
        endpoint = Endpoint(engine, path=str(tmp_path / "there.db"))
        ask = _in_sqlite if engine is Engine.SQLITE else _in_duckdb
        found = There(endpoint, lambda *sql: ask(endpoint.path, *sql))
        found.ask(TABLE, *TRIGGERS[engine])
        yield found
        return
    server = request.getfixturevalue(f"{engine.value.lower()}_server")
    assert isinstance(server, PostgresqlServer | MysqlServer)
    endpoint = server.create_database()
    found = There(endpoint, lambda *sql: _lines(server, endpoint, sql))
    owner = (f'ALTER TABLE part OWNER TO "{endpoint.username}"',) if engine is Engine.POSTGRESQL else ()
    found.ask(TABLE, *TRIGGERS[engine], *owner)
    yield found
    server.drop(endpoint)


def _in_sqlite(path: str, *statements: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return [connection.execute(sql).fetchall() for sql in statements][-1]


def _in_duckdb(path: str, *statements: str) -> list[tuple[Any, ...]]:
    with closing(duckdb.connect(path)) as connection:
        return [connection.execute(sql).fetchall() for sql in statements][-1]


def _lines(
    server: PostgresqlServer | MysqlServer, endpoint: Endpoint, statements: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    if isinstance(server, PostgresqlServer):
        out = [server.run(sql, endpoint.database) for sql in statements][-1]
        return [tuple(map(_number, line.split("|"))) for line in out.splitlines() if line]
    return [tuple(row) for row in server.run(*statements, database=endpoint.database)]


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def is_refused(engine: Engine, number: int) -> bool:
    """Whether a target of an engine refuses a part; DuckDB has no triggers."""
    return number % 100 in ((10, 20, 40) if engine is Engine.DUCKDB else (10, 20, 30, 40))


def test_a_run_ends_at_a_row_that_may_not_be_left_out_and_names_it_and_the_reason(
    parts: Endpoint, there: There
) -> None:
    asked = ("migrate", url(parts), url(there.endpoint), "--on-existing", "append", "--json", "--parallel", "1")
    rules = ("--on-misfit", "part.name=sentinel:nobody")

    unlimited = wherry(*asked, *rules)
    over = wherry(*asked, *rules, "--reject-limit", "6")

    assert (unlimited.exit_code, unlimited.document["error"]["code"]) == (1, "VALUE_REJECTED")
    message = unlimited.document["error"]["message"]
    assert "the target refused a row of part (id=10)" in message
    assert "--reject-limit" in message
    assert "more rows are refused than the reject limit allows" in over.document["error"]["message"]
    assert there.ask("SELECT count(*) FROM part") == [(0,)]


def test_refused_rows_are_kept_aside_whole_until_the_rule_against_them_is_gone(
    parts: Endpoint, there: There, tmp_path: Path
) -> None:
    kept, engine = tmp_path / "rejects.jsonl", there.endpoint.engine
    expected = [number for number in range(1, ROWS + 1) if is_refused(engine, number)]
    heavy = [number for number in expected if number % 100 == 10]
    asked = ("migrate", url(parts), url(there.endpoint), "--on-existing", "append", "--json", "--rejects", kept)

    result = wherry(*asked, "--reject-limit", "5%", "--chunk-rows", "150")
    [rejected] = read_rejects(kept)
    arrived = there.ask("SELECT count(*), count(DISTINCT id) FROM part")
    _lift(there)
    replayed = wherry("replay-rejects", kept, url(there.endpoint), "--json")

    assert result.exit_code == 0, result.stdout + result.stderr
    assert result.document["tables"] == [
        {
            "name": "part",
            "rows_read": ROWS,
            "rows_written": ROWS - len(expected),
            "rows_rejected": len(expected),
            "verified": True,
        }
    ]
    assert sorted(int(row.values[0] or "") for row in rejected.rows) == expected
    of_heavy = next(row for row in rejected.rows if row.values[0] == "110")
    assert of_heavy.values == ("110", "code 110", "95", "part 110")
    assert re.search("weight|check", of_heavy.reason, re.IGNORECASE)
    assert arrived == [(ROWS - len(expected),) * 2]
    [table] = replayed.document["tables"]
    assert (table["rows_loaded"], table["rows_left"]) == (len(heavy), len(expected) - len(heavy))
    assert there.ask("SELECT count(*) FROM part WHERE weight = 95") == [(len(heavy),)]


def _lift(there: There) -> None:
    """Take the rule about weights away."""
    if there.endpoint.engine in LIFTED:
        there.ask(*LIFTED[there.endpoint.engine])
        return
    bare = TABLE.replace("CHECK (weight < 90)", "").replace("TABLE part", "TABLE bare")
    drop = ("DROP TRIGGER cursed",) if there.endpoint.engine is Engine.SQLITE else ()
    again = TRIGGERS[there.endpoint.engine]
    there.ask(
        bare, "INSERT INTO bare SELECT * FROM part", *drop, "DROP TABLE part", "ALTER TABLE bare RENAME TO part", *again
    )


@pytest.mark.parametrize(
    "site",
    [
        "target.committed:2",
        pytest.param("target.commits:2", marks=pytest.mark.crash),
        pytest.param("chunk.written:2", marks=pytest.mark.crash),
    ],
)
def test_a_run_killed_among_refused_rows_keeps_each_of_them_once(
    site: str, parts: Endpoint, there: There, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, engine = tmp_path / "rejects.jsonl", there.endpoint.engine
    asked = ("migrate", url(parts), url(there.endpoint), "--on-existing", "append", "--json", "--rejects", kept)
    limited = (*asked, "--reject-limit", "5%", "--chunk-rows", "200", "--parallel", "1")
    monkeypatch.setenv(VARIABLE, f"{site}=kill")
    killed = wherry_apart(*limited)
    monkeypatch.delenv(VARIABLE)

    result = wherry(*limited)

    assert killed.exit_code == -signal.SIGKILL
    assert result.exit_code == 0, result.stdout
    [rejected] = read_rejects(kept)
    expected = [number for number in range(1, ROWS + 1) if is_refused(engine, number)]
    assert sorted(int(row.values[0] or "") for row in rejected.rows) == expected
    assert there.ask("SELECT count(*), count(DISTINCT id) FROM part") == [(ROWS - len(expected),) * 2]


def test_moments_outside_the_range_of_an_adopted_timestamp_are_refused_not_changed(
    mysql_database: Endpoint, mysql_server: MysqlServer, tmp_path: Path
) -> None:
    path = tmp_path / "visits.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, at TIMESTAMP)")
        moments = ("1969-12-31 23:59:59", "1970-01-01 00:00:01", "2038-01-19 03:14:07", "2200-01-01 00:00:00")
        connection.executemany("INSERT INTO visit VALUES (?, ?)", enumerate(moments))
    mysql_server.run("CREATE TABLE visit (id INT PRIMARY KEY, at TIMESTAMP NULL)", database=mysql_database.database)
    kept = tmp_path / "rejects.jsonl"
    asked = ("migrate", url(Endpoint(Engine.SQLITE, path=str(path))), url(mysql_database), "--on-existing", "append")

    result = wherry(*asked, "--reject-limit", "2", "--rejects", kept, "--json")

    assert result.exit_code == 0, result.stdout + result.stderr
    [table] = result.document["tables"]
    assert (table["rows_written"], table["rows_rejected"], table["verified"]) == (2, 2, True)
    [rejected] = read_rejects(kept)
    assert {row.values[0] for row in rejected.rows} == {"0", "3"}


ANY_VALUES = (1, 2.5, "x", b"\x01\x02", None, "i7", 1e300)


def test_rows_of_a_column_of_any_values_are_mended_by_hand_as_json_has_them(tmp_path: Path) -> None:
    held, there, kept = tmp_path / "held.db", tmp_path / "there.db", tmp_path / "rejects.jsonl"
    with closing(sqlite3.connect(held)) as connection, connection:
        connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, v)")
        connection.executemany("INSERT INTO thing (v) VALUES (?)", [(value,) for value in ANY_VALUES])
    with closing(sqlite3.connect(there)) as connection, connection:
        connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, v NOT NULL, CHECK (id > 5 OR v > x'80'))")
    ends = (url(Endpoint(Engine.SQLITE, path=str(path))) for path in (held, there))

    result = wherry("migrate", *ends, "--on-existing", "append", "--json", "--reject-limit", "9", "--rejects", kept)
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    rows = {line["values"]["id"]: line for line in lines if line["is"] == "row"}
    found = {number: row["values"]["v"] for number, row in rows.items()}
    for number, value in (("1", "true"), ("2", -0.1), ("3", "i"), ("4", {"bytes": "FF00"}), ("5", 12)):
        rows[number]["values"] |= {"id": str(int(number) + 10), "v": value}
    kept.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    replayed = wherry("replay-rejects", kept, f"sqlite:///{there}", "--json")

    assert result.exit_code == 0, result.stdout + result.stderr
    assert found == {"1": 1, "2": 2.5, "3": "x", "4": {"bytes": "0102"}, "5": None}
    assert replayed.exit_code == 0, replayed.stdout + replayed.stderr
    with closing(sqlite3.connect(there)) as connection:
        arrived = [value for (value,) in connection.execute("SELECT v FROM thing ORDER BY id")]
    assert arrived == ["i7", 1e300, "true", -0.1, "i", b"\xff\x00", 12]


WORDS = ("a", "A", "á", "a ", "b", "nai\u0308ve", "na\u00efve")


def test_words_that_are_one_key_to_a_target_are_told_apart_and_none_is_lost_in_silence(
    mysql_server: MysqlServer, mysql_database: Endpoint, tmp_path: Path
) -> None:
    """Its collation knows no case, no accents, no blanks at the end, and no two ways to write one letter."""
    path, kept = tmp_path / "words.db", tmp_path / "rejects.jsonl"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, text VARCHAR(20))")
        connection.executemany("INSERT INTO word (text) VALUES (?)", [(word,) for word in WORDS])
    mysql_server.run(
        "CREATE TABLE word (id INTEGER PRIMARY KEY, text VARCHAR(20) COLLATE utf8mb4_unicode_ci UNIQUE)",
        database=mysql_database.database,
    )
    asked = ("migrate", url(Endpoint(Engine.SQLITE, path=str(path))), url(mysql_database), "--on-existing", "append")

    unlimited = wherry(*asked, "--json")
    limited = wherry(*asked, "--json", "--reject-limit", "4", "--rejects", kept)

    assert unlimited.document["error"]["code"] == "VALUE_REJECTED"
    assert limited.exit_code == 0, limited.stdout + limited.stderr
    [rejected] = read_rejects(kept)
    assert sorted(row.values[1] or "" for row in rejected.rows) == sorted(["A", "á", "a ", WORDS[-1]])
    assert mysql_server.run("SELECT id FROM word ORDER BY id", database=mysql_database.database) == [(1,), (5,), (6,)]
