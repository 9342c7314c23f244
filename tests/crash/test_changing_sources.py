"""Sources that others lock, replace, or change a great deal of, while they are read."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from domain.catalog.model import Table
from domain.connections.values import Endpoint
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.transfer import Consistency
from infra.connectors.sqlite import session as sqlite_session
from tests.crash.moving import (
    EVENT,
    AtRows,
    Silent,
    assert_exact,
    brought_to_its_end,
    file_at,
    filled,
    moved,
    pair_of,
    tried,
)
from tests.pairs.moves import Rows
from tests.support.postgresql import PostgresqlServer

OTHERS: dict[Table, Rows] = {EVENT: [(number, f"other {number}") for number in range(500)]}


async def test_a_locked_sqlite_source_is_an_error_that_says_so_and_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_session, "BUSY_TIMEOUT_S", 0.2)
    source = await filled(file_at(tmp_path / "source.db"))
    pair = pair_of(source, file_at(tmp_path / "copy.db"))
    with closing(sqlite3.connect(source.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        report, reason = await tried(pair, Silent())
        other.execute("ROLLBACK")

    assert report is None or report.status is RunStatus.FAILED
    assert reason.startswith("DATABASE_BUSY")
    await assert_exact(pair, await brought_to_its_end(pair))


async def test_a_sqlite_source_that_is_replaced_is_read_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    source = await filled(file_at(tmp_path / "source.db"))
    kept = file_at(shutil.copy(source.path, tmp_path / "kept.db"))
    other = await filled(file_at(tmp_path / "other.db"), OTHERS)
    pair = pair_of(source, file_at(tmp_path / "copy.db"))

    def replace() -> None:
        Path(other.path).replace(source.path)

    replaced = AtRows(500, replace)
    report = await moved(pair, replaced)

    assert replaced.acted
    assert report.consistency is Consistency.SNAPSHOT
    await assert_exact(pair_of(kept, pair.target.endpoint), report)


TORN = """
import os, signal, sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
writer.execute("PRAGMA cache_size = 10")
writer.execute("BEGIN")
writer.execute("UPDATE event SET body = 'torn ' || hex(zeroblob(500))")
os.kill(os.getpid(), signal.SIGKILL)
"""
"""A writer that dies in the middle of a transaction, whose rows are in the file already."""


async def test_a_sqlite_source_whose_writer_was_killed_is_left_alone_and_read_once_somebody_has_opened_it(
    tmp_path: Path,
) -> None:
    """What the writer has left in the file would have to be undone first, and a source is not written to."""
    source = await filled(file_at(tmp_path / "source.db"))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TORN, source.path)
    assert await process.wait() == -signal.SIGKILL
    journal, torn = Path(f"{source.path}-journal").read_bytes(), Path(source.path).read_bytes()
    assert journal
    assert b"torn" in torn
    pair = pair_of(source, file_at(tmp_path / "copy.db"))

    report, reason = await tried(pair, Silent())

    assert report is None
    assert "left in the middle of a transaction" in reason
    assert (Path(f"{source.path}-journal").read_bytes(), Path(source.path).read_bytes()) == (journal, torn)
    with closing(sqlite3.connect(source.path)) as somebody:
        somebody.execute("SELECT count(*) FROM event")
    await assert_exact(pair, await moved(pair, Silent()))


@pytest.mark.crash
async def test_a_million_rows_that_change_meanwhile_are_copied_as_they_were(
    postgresql_database: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    rows = 1_000_000
    postgresql_server.run(
        f'SET ROLE "{postgresql_database.username}"; CREATE TABLE event (id integer PRIMARY KEY, body text);'
        f"INSERT INTO event SELECT i, 'event ' || i FROM generate_series(1, {rows}) i; ANALYZE event",
        postgresql_database.database,
    )
    change = "UPDATE event SET body = 'late ' || id"
    pair = pair_of(postgresql_database, file_at(tmp_path / "copy.db"))

    def change_all() -> None:
        postgresql_server.run(change, postgresql_database.database)

    report = await moved(pair, AtRows(1, change_all), options=RunOptions(parallel=2, chunk_rows=50_000))

    assert (report.status, report.error, report.consistency) == (RunStatus.SUCCEEDED, None, Consistency.SNAPSHOT)
    with closing(sqlite3.connect(pair.target.endpoint.path)) as copy:
        found = copy.execute("SELECT count(*), sum(body LIKE 'event %') FROM event").fetchone()
    assert found == (rows, rows)
