"""The book of a folder that is being written: its runs, its tables as they are by now, its parts.

It is an SQLite file in the private sub-folder, so that what is noted together is noted at once, in
whichever process. Files come first and notes after: a part that no note mentions was never written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from domain.catalog.model import Sequence, View
from domain.kernel.codec import JsonValue, from_json, to_json
from domain.kernel.errors import DatabaseError, ErrorCode
from domain.kernel.failpoints import failpoint
from domain.migrations.runs import RunState
from infra.connectors.files.ledger import FileLedger
from infra.connectors.folders.disk import explained, move, remove
from infra.connectors.folders.format import PRIVATE
from infra.connectors.folders.manifest import Entry, Manifest

BUSY_TIMEOUT_S = 30.0
"""How long a note waits for another one; each takes milliseconds."""

LEDGER = FileLedger(
    runs="run",
    steps="step",
    chunks="chunk",
    uses="used",
    rejects="reject",
    find="SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'run'",
    make=(
        """
        CREATE TABLE run (
            run_id TEXT PRIMARY KEY, plan_hash TEXT NOT NULL, epoch INTEGER NOT NULL, state TEXT NOT NULL,
            begun_at TEXT NOT NULL, seal TEXT NOT NULL)
        """,
        """
        CREATE TABLE step (
            run_id TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
            undo TEXT NOT NULL, PRIMARY KEY (run_id, number))
        """,
        "CREATE TABLE used (run_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (run_id, number))",
        """
        CREATE TABLE chunk (
            run_id TEXT NOT NULL, table_number INTEGER NOT NULL, chunk_number INTEGER NOT NULL,
            rows_read INTEGER NOT NULL, rows_written INTEGER NOT NULL, rows_rejected INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL, PRIMARY KEY (run_id, table_number, chunk_number))
        """,
        """
        CREATE TABLE reject (
            run_id TEXT NOT NULL, table_number INTEGER NOT NULL, chunk_number INTEGER NOT NULL,
            number INTEGER NOT NULL, column_name TEXT NOT NULL, reason TEXT NOT NULL, row_values TEXT NOT NULL)
        """,
    ),
    drop=("DROP TABLE reject", "DROP TABLE chunk", "DROP TABLE step", "DROP TABLE used", "DROP TABLE run"),
)

_TABLES = (
    "CREATE TABLE head (document TEXT NOT NULL)",
    "CREATE TABLE entry (place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL)",
    """
    CREATE TABLE part (
        file TEXT PRIMARY KEY, run_id TEXT NOT NULL, name TEXT NOT NULL, rows INTEGER NOT NULL)
    """,
    "CREATE INDEX part_of ON part (name)",
    "CREATE TABLE move (source TEXT PRIMARY KEY, target TEXT NOT NULL, obsolete TEXT NOT NULL)",
)


@dataclass(frozen=True)
class Part:
    """The rows of one chunk in a file of their own, by its name in the private sub-folder."""

    file: str
    run_id: str
    name: str
    rows: int


@dataclass(frozen=True)
class Move:
    """A finished file that is put in its place, and what is then of no use. Names are relative to the folder."""

    source: str
    target: str
    obsolete: tuple[str, ...]


class Book:
    """Opens the book of one folder for a moment at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private = folder / PRIVATE
        self._file = self.private / "book.db"

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Open the book if there is one."""
        if not self._file.exists():
            yield None
            return
        with self._open() as connection:
            yield connection if LEDGER.exists(connection) else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open the book for one transaction; a missing one is made, and the folder with it.

        Raises:
            DatabaseError: the folder cannot be written.
        """
        with explained(f"Writing to {self.folder}"):
            self.private.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'move'").fetchone() is None:
                    for statement in _TABLES:
                        connection.execute(statement)
                yield connection
                failpoint("target.commits")
                connection.execute("COMMIT")
                failpoint("target.committed")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(self._file, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            ) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.OperationalError as error:
            busy, full = "locked" in str(error), error.sqlite_errorcode == sqlite3.SQLITE_FULL
            raise DatabaseError(
                f"The book of {self.folder} failed: {error}.",
                code=ErrorCode.TARGET_DISK_FULL if full else None,
                transient=busy,
            ) from error

    def is_active(self) -> bool:
        """Whether a run in this folder is unfinished."""
        with self.reading() as connection:
            if connection is None:
                return False
            return any(record.state is not RunState.CLOSED for record in LEDGER.records(connection))

    def settle(self) -> None:
        """Put finished files in their places, those of a process that is gone too."""
        with self.reading() as connection:
            if connection is None:
                return
            moves = [_move(row) for row in connection.execute("SELECT source, target, obsolete FROM move")]
        for found in moves:
            with explained(f"Finishing {found.target}"):
                move(self.folder / found.source, self.folder / found.target)
                for name in found.obsolete:
                    remove(self.folder / name)
        if moves:
            with self.writing() as connection:
                connection.executemany("DELETE FROM move WHERE source = ?", [(found.source,) for found in moves])

    def clear(self) -> None:
        """Remove the book with everything private, unless it remembers a run."""
        with self.reading() as connection:
            is_needed = connection is not None
        if not is_needed and self.private.exists():
            remove(self.private)


def load(connection: sqlite3.Connection) -> Manifest:
    """Return the folder's tables as they are by now; parts not counted."""
    entries = connection.execute("SELECT document FROM entry ORDER BY place").fetchall()
    return replace(_head(connection), tables=tuple(from_json(Entry, json.loads(text)) for (text,) in entries))


def load_entry(connection: sqlite3.Connection, name: str) -> Entry | None:
    """Return one table, or nothing."""
    row = connection.execute("SELECT document FROM entry WHERE name = ?", (name,)).fetchone()
    return None if row is None else from_json(Entry, json.loads(row[0]))


def begin(connection: sqlite3.Connection, manifest: Manifest) -> None:
    """Begin the book anew with what the folder holds."""
    for table in ("head", "entry", "part", "move"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("INSERT INTO head VALUES (?)", (_text(to_json(replace(manifest, tables=()))),))
    for entry in manifest.tables:
        save_entry(connection, entry)


def save_entry(connection: sqlite3.Connection, entry: Entry, origin: str = "") -> None:
    """Note a table, new or changed, and perhaps which kind of database it comes from."""
    connection.execute(
        "INSERT INTO entry (name, document) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET document = excluded.document",
        (entry.table.name.name, _text(to_json(entry))),
    )
    if origin:
        connection.execute("UPDATE head SET document = ?", (_text(to_json(replace(_head(connection), origin=origin))),))


def _head(connection: sqlite3.Connection) -> Manifest:
    [(document,)] = connection.execute("SELECT document FROM head").fetchall()
    return from_json(Manifest, json.loads(document))


def add_object(connection: sqlite3.Connection, made: View | Sequence, origin: str) -> None:
    """Note a view or a sequence, unless one of its name is there."""
    head = _head(connection)
    if isinstance(made, View):
        head = replace(head, views=(*(view for view in head.views if view.name != made.name), made))
    else:
        head = replace(head, sequences=(*(item for item in head.sequences if item.name != made.name), made))
    connection.execute("UPDATE head SET document = ?", (_text(to_json(replace(head, origin=origin))),))


def parts_of(connection: sqlite3.Connection, name: str | None = None) -> tuple[Part, ...]:
    """Return the parts of a table, or of all, in the order in which they came."""
    of, values = ("", ()) if name is None else ("WHERE name = ? ", (name,))
    sql = f"SELECT file, run_id, name, rows FROM part {of}ORDER BY rowid"
    return tuple(Part(*row) for row in connection.execute(sql, values).fetchall())


def note_part(connection: sqlite3.Connection, part: Part) -> None:
    """Note a part that is on the disk."""
    connection.execute("INSERT INTO part VALUES (?, ?, ?, ?)", (part.file, part.run_id, part.name, part.rows))


def note_move(connection: sqlite3.Connection, wanted: Move) -> None:
    """Note what is to be moved once this transaction is over."""
    connection.execute(
        "INSERT OR REPLACE INTO move VALUES (?, ?, ?)", (wanted.source, wanted.target, _text(list(wanted.obsolete)))
    )


def _move(row: tuple[str, str, str]) -> Move:
    source, target, obsolete = row
    return Move(source, target, tuple(json.loads(obsolete)))


def _text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
