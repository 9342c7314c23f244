"""Values that the target cannot keep are named before anything is copied, and become what was asked for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.connections.values import Endpoint
from domain.kernel.failpoints import VARIABLE
from tests.support.cli import url
from tests.support.cli import wherry as wherry_apart
from tests.support.cli import wherry_here as wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.cli.rejects import read_rejects

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


def values(server: PostgresqlServer, endpoint: Endpoint, sql: str) -> list[str]:
    """Run a query in the target and return its lines."""
    return server.run(sql, endpoint.database).splitlines()


def test_each_policy_does_what_it_says_and_the_copy_is_verified_by_digest(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    result = wherry(
        *("migrate", url(shop), url(target), "--json"),
        *("--on-misfit", "film.title=strip", "--on-misfit", "date=sentinel:1970-01-01"),
    )

    assert result.exit_code == 0, result.stderr
    assert [table["verified"] for table in result.document["tables"]] == [True, True]
    assert result.counts == {"film": ROWS, "actor": 50}
    assert values(postgresql_server, target, "SELECT count(*) FROM film WHERE released = '1970-01-01'") == ["100"]
    assert values(postgresql_server, target, "SELECT title FROM film WHERE id = 20") == ["film20"]
    rules = ("--on-misfit", "film.title=strip", "--on-misfit", "date=sentinel:1970-01-01")
    assert wherry("verify", url(shop), url(target), *rules).exit_code == 0
    assert wherry("verify", url(shop), url(target)).exit_code == 1


def test_misfits_may_become_null_if_the_column_may_be(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    rules = ("--on-misfit", "text=strip", "--on-misfit")

    refused = wherry("migrate", url(shop), url(target), *rules, "film.released=null", "--json")
    relaxed = wherry("migrate", url(shop), url(target), *rules, "film.released=null-relaxed", "--json")

    assert "film.released must not be NULL in the target" in refused.document["error"]["message"]
    assert relaxed.exit_code == 0, relaxed.stderr
    assert all(table["verified"] for table in relaxed.document["tables"])
    assert values(postgresql_server, target, "SELECT count(*) FROM film WHERE released IS NULL") == ["100"]


def test_misfits_may_be_kept_in_a_column_of_text(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    rules = ("--on-misfit", "date=text", "--on-misfit", "text=strip")

    result = wherry("migrate", url(shop), url(target), *rules, "--json")

    assert result.exit_code == 0, result.stderr
    assert all(table["verified"] for table in result.document["tables"])
    assert values(postgresql_server, target, "SELECT released FROM film WHERE id IN (9, 10) ORDER BY id") == [
        "2000-01-10",
        "0000-00-00",
    ]


def test_the_default_of_a_column_that_becomes_one_of_text_is_in_the_report(
    shop: Endpoint, target: Endpoint, mysql_server: MysqlServer
) -> None:
    mysql_server.run("ALTER TABLE film ALTER released SET DEFAULT '2020-01-01'", database=shop.database)
    rules = ("--on-misfit", "date=text", "--on-misfit", "text=strip")

    result = wherry("migrate", url(shop), url(target), *rules, "--json")

    assert result.exit_code == 0, result.stderr
    assert [note for note in result.document["objects"]["skipped"] if "released" in note["name"]] == [
        {"name": "default film.released", "reason": "it is of the type that its column had before"}
    ]


def test_rows_are_rejected_up_to_the_limit_and_kept_whole(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    kept = tmp_path / "rejects.jsonl"
    ends = ("migrate", url(shop), url(target), "--json", "--rejects", kept)

    refused = wherry(*ends, "--reject-limit", "99")
    result = wherry(*ends, "--reject-limit", "10%")

    assert "100 rows would be rejected, more than the limit" in refused.document["error"]["message"]
    assert result.exit_code == 0, result.stderr
    assert result.document["tables"][1] == {
        "name": "film",
        "rows_read": ROWS,
        "rows_written": ROWS - 100,
        "rows_rejected": 100,
        "verified": True,
    }
    assert not [warning for warning in result.document["warnings"] if "expected" in warning]
    [table] = read_rejects(kept)
    assert sorted(int(row.values[0] or "") for row in table.rows) == list(range(10, ROWS + 1, 10))
    row = next(row for row in table.rows if row.values[0] == "20")
    assert row.values == ("20", "film\x0020", "0000-00-00", "5.00")
    assert (row.column, row.reason) == ("title", "values hold the character NUL")


def test_a_dry_run_and_an_assessment_name_misfits(shop: Endpoint, target: Endpoint) -> None:
    shown = wherry("migrate", url(shop), url(target), "--dry-run", "--json")
    assessed = wherry("assess", url(shop), "--target-engine", "postgresql")

    found = {misfit["column"]: misfit for misfit in shown.document["misfits"]}
    assert {column: misfit["rows"] for column, misfit in found.items()} == {"released": 100, "title": 50}
    assert found["released"]["examples"] == ["id=10", "id=20", "id=30"]
    assert shown.document["rows_to_reject"] == 100
    assert "film.released: 100 values are no day of the calendar" in assessed.stdout


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("film.realeased=null", "did you mean film.released?"),
        ("film.released=perhaps", "is no rule for misfits"),
        ("film.released=sentinel:1970-02-30", "cannot stand for values of date"),
        ("film.released=strip", "strip does nothing for film.released"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(option: str, complaint: str, shop: Endpoint, target: Endpoint) -> None:
    result = wherry("migrate", url(shop), url(target), "--on-misfit", "text=strip", "--on-misfit", option, "--json")

    assert result.exit_code in (1, 2)
    assert complaint in result.document["error"]["message"]


def test_rejected_rows_are_loaded_once_after_a_fix_however_often_that_is_asked(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    kept = tmp_path / "rejects.jsonl"
    wherry("migrate", url(shop), url(target), "--reject-limit", "100", "--rejects", kept)
    before_any = kept.read_text()
    replaying = ("replay-rejects", kept, url(target), "--json")

    unmended = wherry(*replaying)
    half = wherry(*replaying, "--on-misfit", "film.title=strip")
    kept.write_text(kept.read_text().replace('"0000-00-00"', '"1999-12-31"'))
    rest = wherry(*replaying, "--on-misfit", "film.title=strip")
    again = wherry(*replaying)
    kept.write_text(before_any)
    stale = wherry(*replaying, "--on-misfit", "film.title=strip", "--on-misfit", "date=sentinel:1999-12-31")

    assert [found.exit_code for found in (unmended, half, rest, again)] == [1, 1, 0, 0], rest.stderr
    loaded = [found.document["tables"][0]["rows_loaded"] for found in (unmended, half, rest, again)]
    assert loaded == [0, 0, 100, 0]
    assert stale.exit_code == 0, stale.stderr
    assert values(postgresql_server, target, "SELECT count(*), count(DISTINCT id) FROM film") == [f"{ROWS}|{ROWS}"]
    assert values(postgresql_server, target, "SELECT count(*) FROM film WHERE released = '1999-12-31'") == ["100"]
    assert values(postgresql_server, target, "SELECT title FROM film WHERE id = 20") == ["film20"]


def test_a_row_that_the_target_refuses_stays_in_the_file_with_its_reason_and_the_others_are_loaded(
    shop: Endpoint, target: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    kept = tmp_path / "rejects.jsonl"
    wherry("migrate", url(shop), url(target), "--reject-limit", "100", "--rejects", kept)
    postgresql_server.run("ALTER TABLE film ADD CHECK (id <> 30)", target.database)
    rules = ("--on-misfit", "film.title=strip", "--on-misfit", "date=sentinel:1999-12-31")

    result = wherry("replay-rejects", kept, url(target), *rules, "--json")

    assert result.document["tables"] == [{"name": "film", "rows_loaded": 99, "rows_left": 1}]
    [table] = read_rejects(kept)
    assert [row.values[0] for row in table.rows] == ["30"]
    assert "film_id_check" in table.rows[0].reason
    assert values(postgresql_server, target, "SELECT count(*) FROM film") == [str(ROWS - 1)]


def test_a_thousand_bad_rows_among_a_hundred_thousand_are_the_ones_predicted_rejected_kept_and_replayed(
    mysql_server: MysqlServer, target: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    source, kept = mysql_server.create_database(), tmp_path / "rejects.jsonl"
    mysql_server.run(
        "SET sql_mode = ''",
        "CREATE TABLE event (id INT PRIMARY KEY, at DATETIME NOT NULL, name VARCHAR(20), body VARCHAR(100))",
        "INSERT INTO event SELECT seq, IF(seq % 100 = 0, '2024-02-00', '2024-02-01'), CONCAT('event ', seq), "
        "REPEAT('x', seq % 100) FROM seq_1_to_100000",
        database=source.database,
    )

    plan = wherry("migrate", url(source), url(target), "--dry-run", "--json")
    result = wherry(
        *("migrate", url(source), url(target), "--json", "--chunk-rows", "7000", "--parallel", "2"),
        *("--reject-limit", "1%", "--rejects", kept),
    )
    replayed = wherry("replay-rejects", kept, url(target), "--on-misfit", "timestamp=sentinel:2024-02-01", "--json")
    mysql_server.drop(source)

    assert plan.document["rows_to_reject"] == 1_000
    [table] = result.document["tables"]
    assert (table["rows_read"], table["rows_written"], table["rows_rejected"]) == (100_000, 99_000, 1_000)
    assert (result.exit_code, table["verified"]) == (0, True), result.stderr
    assert replayed.document["tables"] == [{"name": "event", "rows_loaded": 1_000, "rows_left": 0}]
    assert values(postgresql_server, target, "SELECT count(*), count(DISTINCT id) FROM event") == ["100000|100000"]


@pytest.mark.parametrize(
    "site",
    ["target.committed:4", "finish.compared:1", "finish.closed:1"],
    ids=lambda site: site[:-2],
)
def test_a_killed_run_that_is_gone_on_with_keeps_every_rejected_row_once(
    site: str, shop: Endpoint, target: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "rejects.jsonl"
    asked = ("migrate", url(shop), url(target), "--json", "--reject-limit", "10%", "--chunk-rows", "150")
    monkeypatch.setenv(VARIABLE, f"{site}=kill")

    killed = wherry_apart(*asked, "--rejects", kept)
    monkeypatch.delenv(VARIABLE)
    result = wherry(*asked, "--rejects", kept)

    assert killed.exit_code == -signal.SIGKILL
    assert result.exit_code == 0, result.stderr
    [found] = [table for table in result.document["tables"] if table["name"] == "film"]
    assert (found["rows_read"], found["rows_written"], found["rows_rejected"]) == (ROWS, ROWS - 100, 100)
    [table] = read_rejects(kept)
    assert sorted(int(row.values[0] or "") for row in table.rows) == list(range(10, ROWS + 1, 10))


def test_a_run_that_is_complete_is_compared_again_with_its_rules(shop: Endpoint, target: Endpoint) -> None:
    asked = ("migrate", url(shop), url(target), "--on-misfit", "date=sentinel:1970-01-01", "--on-misfit", "text=strip")

    results = [wherry(*asked, "--json") for _ in range(2)]

    assert [result.exit_code for result in results] == [0, 0], results[1].stderr
