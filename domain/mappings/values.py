"""Which source table and column becomes which target table and column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnMapping:
    """One source column and the target column that takes its values."""

    source_column: str
    target_column: str


@dataclass(frozen=True)
class TableMapping:
    """One source table and the target table that takes its rows.

    Without column mappings every column keeps its name; with some, only those are copied.
    """

    source_table: str
    target_table: str
    columns: tuple[ColumnMapping, ...] = ()
