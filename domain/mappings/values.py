"""Which source table and column becomes which target table and column, and what is wrong with such a wish."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class ColumnMapping:
    """One source column and the target column that takes its values."""

    source_column: str
    """The source column."""
    target_column: str
    """The target column."""


@dataclass(frozen=True)
class TableMapping:
    """One source table and the target table that takes its rows.

    Without column mappings every column keeps its name; with some, only those are copied.
    """

    source_table: str
    """The source table, with its schema where the name alone is not enough."""
    target_table: str
    """The target table."""
    columns: tuple[ColumnMapping, ...] = ()
    """Which columns are copied under which names; empty for all, each under its own."""


class MappingStatus(Enum):
    """What the last validation of a mapping has shown."""

    UNVALIDATED = "UNVALIDATED"
    """Not validated yet."""
    VALID = "VALID"
    """Nothing was found that keeps it from being used."""
    INVALID = "INVALID"
    """The last validation says what has to change."""


class IssueSeverity(Enum):
    """How much an issue matters."""

    ERROR = "ERROR"
    """A migration by this mapping would be refused or fail."""
    WARNING = "WARNING"
    """A migration may go well; some values may have no exact place and would be rejected."""


class IssueCode(Enum):
    """What is wrong with a mapping, as a closed list that clients may switch on."""

    SOURCE_TABLE_NOT_FOUND = "SOURCE_TABLE_NOT_FOUND"
    """The source has no such table."""
    SOURCE_COLUMN_NOT_FOUND = "SOURCE_COLUMN_NOT_FOUND"
    """The source table has no such column."""
    SOURCE_TABLE_REPEATED = "SOURCE_TABLE_REPEATED"
    """A source table is mapped twice."""
    SOURCE_COLUMN_REPEATED = "SOURCE_COLUMN_REPEATED"
    """A source column is mapped twice."""
    TARGET_TABLE_REPEATED = "TARGET_TABLE_REPEATED"
    """Two source tables would become one target table."""
    TARGET_COLUMN_REPEATED = "TARGET_COLUMN_REPEATED"
    """Two source columns would become one target column."""
    TARGET_COLUMN_NOT_FOUND = "TARGET_COLUMN_NOT_FOUND"
    """The target table is there already and has no such column."""
    TARGET_COLUMN_COMPUTED = "TARGET_COLUMN_COMPUTED"
    """The target column is computed from others and takes no values."""
    TARGET_COLUMN_UNFILLED = "TARGET_COLUMN_UNFILLED"
    """The target column may not be NULL, has no default, and gets no values."""
    NULL_NOT_ALLOWED = "NULL_NOT_ALLOWED"
    """The source column may be NULL and the target column may not."""
    TYPE_INCOMPATIBLE = "TYPE_INCOMPATIBLE"
    """The target column takes another kind of values."""
    TYPE_NARROWER = "TYPE_NARROWER"
    """Some values of the source column have no exact place in the target column."""
    TYPE_REPLACED = "TYPE_REPLACED"
    """The target has no such type; the nearest one that keeps every value is taken."""
    NOT_POSSIBLE = "NOT_POSSIBLE"
    """The target cannot hold this."""
    ANALYSIS_OUTDATED = "ANALYSIS_OUTDATED"
    """The database has been analysed again since, and its structure has changed."""


@dataclass(frozen=True)
class MappingIssue:
    """One thing that is wrong with a mapping."""

    code: IssueCode
    """What is wrong, for programs."""
    severity: IssueSeverity
    """How much it matters."""
    path: tuple[str, ...]
    """The table, and the column if it is about one, as the mapping names them."""
    message: str
    """What is wrong and what to do, for people."""
