"""The command line over SQLite files: what it prints, how it exits, what it leaves alone."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cli import Finished, start, wherry
from tests.support.waiting import wait_until


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small SQLite database: two tables, an index, a foreign key, a view, a trigger."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"""
            CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price REAL);
            CREATE TABLE sale (id INTEGER PRIMARY KEY, film_id INTEGER NOT NULL REFERENCES film (id), sold TEXT);
            CREATE INDEX film_title ON film (title);
            CREATE VIEW titles AS SELECT title FROM film;
            INSERT INTO film SELECT value, 'film ' || value, value / 2.0 FROM {_series(50)};
            INSERT INTO sale SELECT value, 1 + value % 50, '2024-01-01' FROM {_series(500)};
            """
        )
    return path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A SQLite database that takes a few seconds to copy in small chunks."""
    path = tmp_path / "large.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, kind TEXT, body TEXT)")
        connection.execute(
            f"INSERT INTO event SELECT value, 'kind ' || value % 7, hex(randomblob(50)) FROM {_series(60_000)}"
        )
        connection.commit()
    return path


def test_a_database_is_copied_and_verified(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    result = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--json")

    assert result.exit_code == 0, result.stderr
    document = result.document
    assert document["status"] == "SUCCEEDED"
    assert document["tables"] == [
        {"name": "film", "rows_read": 50, "rows_written": 50, "rows_rejected": 0, "verified": True},
        {"name": "sale", "rows_read": 500, "rows_written": 500, "rows_rejected": 0, "verified": True},
    ]
    assert set(document) == {
        "status",
        "tables",
        "objects",
        "seconds",
        "rows_per_second",
        "consistency",
        "warnings",
        "snapshots",
    }
    [snapshot] = document["snapshots"]
    assert {"file", "page count", "data version"} <= {mark["name"] for mark in snapshot["marks"]}
    assert (document["objects"]["replaced"], document["objects"]["skipped"]) == ([], [])
    assert _rows(target, "film") == _rows(shop, "film")
    assert _rows(target, "sale") == _rows(shop, "sale")
    assert _names(target) == _names(shop)


def test_people_get_a_summary_on_standard_output_and_progress_on_standard_error(shop: Path, tmp_path: Path) -> None:
    result = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{tmp_path}/copy.db")

    assert result.exit_code == 0
    assert "sale           500 rows  verified" in result.stdout
    assert "succeeded: 2 tables, 550 rows" in result.stdout
    assert ": comparing source and target" in result.stderr


def test_a_command_that_ends_leaves_the_last_word_to_itself(shop: Path, tmp_path: Path) -> None:
    result = wherry("migrate", f"sqlite:///{shop}", f"duckdb:///{tmp_path / 'shop.duckdb'}")

    assert result.exit_code == 0, result.stderr
    assert all(line.startswith("wherry: ") for line in result.stderr.splitlines()), result.stderr


def test_a_dry_run_shows_the_statements_and_does_not_even_make_the_target(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    shown = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--dry-run")
    as_json = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--dry-run", "--json")

    assert (shown.exit_code, as_json.exit_code) == (0, 0)
    assert 'CREATE TABLE "film"' in shown.stdout
    assert as_json.document["status"] == "PLANNED"
    assert [table["name"] for table in as_json.document["tables"]] == ["film", "sale"]
    assert not target.exists()


def test_a_reader_that_goes_away_gets_no_trace(shop: Path, tmp_path: Path) -> None:
    command = start("migrate", f"sqlite:///{shop}", f"sqlite:///{tmp_path / 'copy.db'}", "--dry-run")
    assert command.stdout
    assert command.stderr

    command.stdout.close()

    assert "Traceback" not in command.stderr.read()
    command.wait()
    command.stderr.close()


def test_an_assessment_needs_no_target(shop: Path) -> None:
    result = wherry("assess", f"sqlite:///{shop}", "--target-engine", "sqlite", "--json")

    assert result.exit_code == 0, result.stderr
    assert result.document["status"] == "PLANNED"
    assert result.document["objects"]["created"] > 5


def test_verify_says_equal_or_what_differs(shop: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(shop, copy)
    equal = wherry("verify", f"sqlite:///{shop}", f"sqlite:///{copy}", "--json")
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("UPDATE film SET title = 'another' WHERE id = 7")
        connection.execute("DROP TABLE sale")
        connection.commit()
    different = wherry("verify", f"sqlite:///{shop}", f"sqlite:///{copy}", "--json")

    assert (equal.exit_code, equal.document["status"]) == (0, "SUCCEEDED")
    assert (different.exit_code, different.document["status"]) == (1, "FAILED")
    assert {table["name"]: table["difference"] for table in different.document["tables"]} == {
        "film": "same number of rows, different values in title",
        "sale": "the target has no table sale",
    }
    assert different.document["error"]["code"] == "VERIFICATION_FAILED"


def test_a_mapping_file_renames_and_chooses(shop: Path, tmp_path: Path) -> None:
    target, mapping = tmp_path / "copy.db", tmp_path / "map.toml"
    mapping.write_text('[[tables]]\nsource = "film"\ntarget = "movie"\ncolumns = { id = "movie_id", title = "name" }\n')

    result = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--map", mapping, "--json")

    assert result.exit_code == 0, result.stderr
    assert [(row["movie_id"], row["name"]) for row in _rows(target, "movie")][:2] == [(1, "film 1"), (2, "film 2")]
    assert {note["name"]: note["reason"] for note in result.document["objects"]["skipped"]} == {
        "table sale": "left out by the options of this run",
        "view titles": "it reads film, which does not arrive as it was",
    }


def test_patterns_choose_tables(shop: Path, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/copy.db"

    assert wherry("migrate", f"sqlite:///{shop}", target, "--include", "fi*, nothing*", "--json").exit_code == 1
    assert wherry("migrate", f"sqlite:///{shop}", target, "--include", "fi*", "--json").counts == {"film": 50}


def test_filled_tables_are_refused_then_appended_to_then_replaced(shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT NOT NULL, price REAL)")
        connection.execute("INSERT INTO film VALUES (99, 'mine', 1)")
        connection.commit()
    before = target.read_bytes()

    def migrate(*options: str) -> Finished:
        return wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--json", *options)

    refused = migrate()
    assert (refused.exit_code, refused.document["error"]["code"]) == (1, "TARGET_NOT_EMPTY")
    assert "film (1 rows)" in refused.stderr
    assert target.read_bytes() == before

    appended = migrate("--on-existing", "append")
    assert (appended.exit_code, len(_rows(target, "film"))) == (0, 51), appended.stderr

    replaced = migrate("--on-existing", "truncate")
    assert (replaced.exit_code, len(_rows(target, "film"))) == (0, 50), replaced.stderr


def test_a_killed_run_is_completed_by_the_same_command(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    command = ("migrate", f"sqlite:///{large}", f"sqlite:///{target}", "--chunk-rows", "500", "--json")
    process = start(*command)
    wait_until(lambda: _receipts(target) >= 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    copied = _receipts(target)

    resumed = wherry(*command)

    assert 5 <= copied < 120
    assert resumed.exit_code == 0, resumed.stderr
    assert resumed.document["tables"] == [
        {"name": "event", "rows_read": 60_000, "rows_written": 60_000, "rows_rejected": 0, "verified": True}
    ]
    assert _rows(target, "event") == _rows(large, "event")
    assert _names(target) == {("table", "event")}


def test_ctrl_c_pauses_cleanly_and_the_same_command_goes_on(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    command = ("migrate", f"sqlite:///{large}", f"sqlite:///{target}", "--chunk-rows", "500", "--json")
    process = start(*command)
    wait_until(lambda: _receipts(target) >= 5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    resumed = wherry(*command)

    assert process.returncode == 130, stderr
    assert json.loads(stdout)["status"] == "PAUSED"
    assert "the same command goes on from here" in stderr
    assert resumed.exit_code == 0, resumed.stderr
    assert _rows(target, "event") == _rows(large, "event")


def test_a_second_ctrl_c_stops_at_once_and_the_same_command_goes_on_all_the_same(large: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    command = ("migrate", f"sqlite:///{large}", f"sqlite:///{target}", "--chunk-rows", "500", "--json")
    process = start(*command)
    wait_until(lambda: _receipts(target) >= 5)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    while "pausing" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=5)
    resumed = wherry(*command)

    assert process.returncode == 130
    assert not stdout or json.loads(stdout)["status"] == "PAUSED"
    assert resumed.exit_code == 0, resumed.stderr
    assert _rows(target, "event") == _rows(large, "event")


def test_the_same_command_once_more_finds_the_run_complete_and_compares_again(shop: Path, tmp_path: Path) -> None:
    """As after a kill between the run's last act and the moment at which it says so."""
    target = tmp_path / "copy.db"
    command = ("migrate", f"sqlite:///{shop}", f"sqlite:///{target}", "--json")
    assert wherry(*command).exit_code == 0

    again = wherry(*command)
    with closing(sqlite3.connect(target)) as connection:
        connection.execute("DELETE FROM sale WHERE id = 7")
        connection.commit()
    changed = wherry(*command)

    assert (again.exit_code, again.document["status"]) == (0, "SUCCEEDED"), again.stderr
    assert any("complete already" in warning for warning in again.document["warnings"])
    assert [(table["rows_written"], table["verified"]) for table in again.document["tables"]] == [
        (50, True),
        (500, True),
    ]
    assert (changed.exit_code, changed.document["error"]["code"]) == (1, "TARGET_NOT_EMPTY")


def test_a_changed_command_does_not_pass_for_the_same_run_and_a_changed_source_is_refused(
    large: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    command = ("migrate", f"sqlite:///{large}", f"sqlite:///{target}", "--chunk-rows", "500", "--json")
    process = start(*command)
    wait_until(lambda: _receipts(target) >= 5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with closing(sqlite3.connect(large)) as connection:
        connection.execute("CREATE INDEX event_kind ON event (kind)")
        connection.commit()

    refused = wherry(*command)
    other = wherry(*command, "--exclude", "nothing")
    afresh = wherry(*command, "--restart", "--on-existing", "truncate")

    assert (refused.exit_code, refused.document["error"]["code"]) == (1, "CONFLICT")
    assert "--restart --on-existing truncate" in refused.stderr
    assert (other.exit_code, other.document["error"]["code"]) == (1, "TARGET_NOT_EMPTY")
    assert afresh.exit_code == 0, afresh.stderr
    assert _names(target) == {("table", "event"), ("index", "event_kind")}


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("migrate", "sqlite:////tmp/a.db"),
        ("migrate", "sqlite:////tmp/a.db", "sqlite:////tmp/b.db", "--parallel", "0"),
        ("migrate", "sqlite:////tmp/a.db", "sqlite:////tmp/b.db", "--verify", "somehow"),
        ("migrate", "sqlite:////tmp/a.db", "sqlite:////tmp/b.db", "--map", "/no/such/file"),
        ("migrate", "oracle://u:hunter2@h/d", "sqlite:////tmp/b.db"),
        ("verify", "sqlite:////tmp/a.db", "sqlite:////tmp/b.db", "--level", "none"),
        ("assess", "sqlite:////tmp/a.db", "--target-engine", "oracle"),
        ("nonsense",),
    ],
)
def test_a_command_that_cannot_be_understood_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = wherry(*arguments)

    assert result.exit_code == 2
    assert "hunter2" not in result.stderr + result.stdout


def test_a_broken_mapping_file_exits_with_2(shop: Path, tmp_path: Path) -> None:
    for text in ("tables = 3", "[[tables]]\ntarget = 'x'", "[[tables]]\nsource = 'x'\ncolour = 'red'", "{"):
        mapping = tmp_path / "map.toml"
        mapping.write_text(text)
        result = wherry("migrate", f"sqlite:///{shop}", f"sqlite:///{tmp_path}/copy.db", "--map", mapping)
        assert (result.exit_code, "VALIDATION_FAILED" in result.stderr) == (2, True), text


def _series(count: int) -> str:
    return (
        f"(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {count}) "
        "SELECT value FROM n)"
    )


def _rows(path: Path, table: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


def _names(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(
            connection.execute(
                "SELECT type, name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' AND name NOT GLOB '_wherry_*'"
            )
        )


def _receipts(path: Path) -> int:
    """Chunks that the target's ledger holds."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            count: int = connection.execute("SELECT count(*) FROM _wherry_chunk").fetchone()[0]
            return count
    except sqlite3.OperationalError:
        return 0
