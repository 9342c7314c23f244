"""A small ledger of entries to be moved, and what it must be like wherever it has arrived."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

ROWS = 3_000

ENTRIES = f"""
INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
SELECT i, i * 7 % 1009, 'entry number ' || i FROM n
"""


def fill_source(path: Path) -> Path:
    """Make an SQLite database with one table of entries."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, cents BIGINT NOT NULL, note VARCHAR(60))")
        connection.execute(ENTRIES)
        connection.commit()
    return path
