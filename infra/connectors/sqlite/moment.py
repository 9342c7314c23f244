"""Where in a file's history the state lies that a reading transaction sees."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from domain.migrations.moments import Moment, MomentMark, utc_text
from infra.connectors.files.stamp import stamp_marks


def read_moment(path: str, connection: sqlite3.Connection) -> Moment:
    """Return the moment of a transaction that has begun to read; blocks.

    Without a write-ahead log nobody can write to the file while somebody reads it, so what the file
    system says of it now tells one state from another. With such a log others write on, and nothing
    that can be asked says which part of it the transaction sees: such moments have no identity. The
    file itself is not opened here: closing it would give up the locks of all sessions of the process.
    """
    mode, pages, schema, version = (
        _text(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("journal_mode", "page_count", "schema_version", "data_version")
    )
    marks, identity = stamp_marks(Path(path))
    marks = (
        *marks,
        MomentMark("journal mode", mode),
        MomentMark("page count", pages),
        MomentMark("schema version", schema),
        MomentMark("data version", version),
    )
    return Moment(utc_text(datetime.now(UTC)), marks, "" if mode == "wal" else identity)


def _text(value: object) -> str:
    return bytes(value).decode() if isinstance(value, bytearray) else str(value)
