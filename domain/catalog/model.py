"""What a database holds: tables, keys, indexes, sequences, views and the rest, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.catalog.types import LogicalType
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows


@dataclass(frozen=True, order=True)
class TableName:
    """A table's name, with the schema it lives in where the engine has schemas."""

    name: str
    schema: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class ReferentialAction(Enum):
    """What happens to a row when the row it refers to goes or changes its key."""

    NO_ACTION = "NO ACTION"
    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"
    SET_NULL = "SET NULL"
    SET_DEFAULT = "SET DEFAULT"


@dataclass(frozen=True)
class Identity:
    """A column that the engine numbers by itself. `next_value` is what the next row would get."""

    next_value: int
    always: bool = False


@dataclass(frozen=True)
class Column:
    """A column: what it means (`type`), how its engine spells it (`native`), and its rules.

    `default` is an expression in the engine's own SQL (a literal keeps its quotes), never a bare
    value. `generated` is the expression of a computed column; such a column is never written.
    """

    name: str
    type: LogicalType
    native: str
    nullable: bool = True
    default: str | None = None
    identity: Identity | None = None
    generated: str | None = None
    generated_stored: bool = False
    on_update: str | None = None
    comment: str = ""


@dataclass(frozen=True)
class Key:
    """A primary key, by its columns in order."""

    columns: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class IndexPart:
    """One member of an index: a column (perhaps only its first `prefix` characters) or an expression.

    `operator_class` is the engine's own word for how values are compared; empty is the default way.
    """

    column: str = ""
    expression: str = ""
    descending: bool = False
    prefix: int | None = None
    operator_class: str = ""


@dataclass(frozen=True)
class Index:
    """A secondary index. A unique constraint is a unique index with `constraint` set.

    `method` is the engine's own word (`btree`, `gin`, `FULLTEXT`, ...). `include` names columns that
    are stored in the index and are no part of its key.
    """

    name: str
    parts: tuple[IndexPart, ...]
    unique: bool = False
    constraint: bool = False
    method: str = "btree"
    predicate: str = ""
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForeignKey:
    """A reference to another table, or to the same one."""

    name: str
    columns: tuple[str, ...]
    references: TableName
    referenced_columns: tuple[str, ...]
    on_delete: ReferentialAction = ReferentialAction.NO_ACTION
    on_update: ReferentialAction = ReferentialAction.NO_ACTION


@dataclass(frozen=True)
class Check:
    """A CHECK constraint, in its engine's own SQL."""

    name: str
    expression: str


@dataclass(frozen=True)
class Table:
    """A table with everything that hangs on it. Row estimate and size are the engine's own guesses."""

    name: TableName
    columns: tuple[Column, ...]
    primary_key: Key | None = None
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    comment: str = ""
    row_estimate: Rows = Rows(0)
    size_bytes: Bytes = Bytes(0)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or nothing."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Sequence:
    """A number generator that no column owns; owned ones are their column's `identity`."""

    name: TableName
    next_value: int
    increment: int = 1


@dataclass(frozen=True)
class View:
    """A view, in its engine's own SQL."""

    name: TableName
    definition: str
    materialized: bool = False


@dataclass(frozen=True)
class OtherObject:
    """Anything else the database holds: a trigger, a routine, an event, a type.

    `definition` is the statement that makes it, in its engine's own SQL, where the engine can tell it.
    """

    kind: str
    name: str
    definition: str = ""


@dataclass(frozen=True)
class DatabaseSchema:
    """Everything found in one database (or one schema of it), at one moment."""

    engine: Engine
    server_version: str
    tables: tuple[Table, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    views: tuple[View, ...] = ()
    others: tuple[OtherObject, ...] = ()

    def table(self, name: TableName) -> Table | None:
        """Return the table of that name, or nothing."""
        return next((table for table in self.tables if table.name == name), None)
