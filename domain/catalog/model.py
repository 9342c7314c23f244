"""What a database holds: tables, keys, indexes, sequences, views and the rest, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from domain.catalog.types import LogicalType
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows


@dataclass(frozen=True, order=True)
class TableName:
    """A table's name, with the schema it lives in where the engine has schemas."""

    name: str
    """The name itself."""
    schema: str = ""
    """The schema it lives in; empty where the engine has none, or for the default one."""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class ReferentialAction(Enum):
    """What happens to a row when the row it refers to goes or changes its key."""

    NO_ACTION = "NO ACTION"
    """It is refused at the end of the statement or transaction."""
    RESTRICT = "RESTRICT"
    """It is refused at once."""
    CASCADE = "CASCADE"
    """The row goes or changes along."""
    SET_NULL = "SET NULL"
    """The reference becomes NULL."""
    SET_DEFAULT = "SET DEFAULT"
    """The reference becomes its default."""


@dataclass(frozen=True)
class Identity:
    """A column that the engine numbers by itself. `next_value` is what the next row would get."""

    next_value: int
    """What the next row would get."""
    always: bool = False
    """Whether rows may not bring a number of their own."""
    increment: int = 1
    """How far one number is from the next."""
    sequence: str = ""
    """The name of the sequence that gives the numbers, where the engine has such."""
    default: str = ""
    """The default by which the column takes them, in its engine's SQL; empty if numbering is a rule of the column."""
    options: str = ""
    """What else is said of that sequence, as its engine's CREATE SEQUENCE takes it."""


@dataclass(frozen=True)
class Column:
    """A column: what it means (`type`), how its engine spells it (`native`), and its rules.

    `default` is an expression in the engine's own SQL (a literal keeps its quotes), never a bare
    value. `generated` is the expression of a computed column; such a column is never written.
    """

    name: str
    """The column's name."""
    type: LogicalType
    """What its values mean, in words every engine shares."""
    native: str
    """Its type as its own engine spells it."""
    nullable: bool = True
    """Whether it may be NULL."""
    default: str | None = None
    """The expression of its default, in its engine's SQL; null without one."""
    identity: Identity | None = None
    """How the engine numbers it; null if it does not."""
    generated: str | None = None
    """The expression it is computed from; null if it is not computed."""
    generated_stored: bool = False
    """Whether the computed value is stored rather than computed at each reading."""
    on_update: str | None = None
    """The expression it gets at every update of its row; null without one."""
    comment: str = ""
    """What its makers say of it."""
    collation: str = ""
    """The rule by which its texts are compared, where other engines have none like it; empty for the default one."""
    stored: LogicalType | None = None
    """As what another database of its engine gets its values, bit for bit; null if that is its type."""


@dataclass(frozen=True)
class Key:
    """A primary key, by its columns in order."""

    columns: tuple[str, ...]
    """Its columns, in order."""
    name: str = ""
    """Its name; empty where the engine gives it none."""
    include: tuple[str, ...] = ()
    """Columns that are stored in its index and are no part of it."""
    deferral: str = ""
    """`DEFERRABLE` or `DEFERRABLE INITIALLY DEFERRED` if it may wait for the end of a transaction."""


@dataclass(frozen=True)
class IndexPart:
    """One member of an index: a column (perhaps only its first `prefix` characters) or an expression.

    `operator_class` is the engine's own word for how values are compared; empty is the default way.
    """

    column: str = ""
    """The column; empty if it is an expression."""
    expression: str = ""
    """The expression, in its engine's SQL; empty if it is a column."""
    descending: bool = False
    """Whether it is ordered from high to low."""
    prefix: int | None = None
    """How many of its first characters count; null for all."""
    operator_class: str = ""
    """The engine's word for how values are compared; empty for the default way."""
    nulls: str = ""
    """`FIRST` or `LAST` where NULLs are not ordered as its engine does by itself; empty if they are."""


@dataclass(frozen=True)
class Index:
    """A secondary index. A unique constraint is a unique index with `constraint` set.

    `method` is the engine's own word (`btree`, `gin`, `FULLTEXT`, ...). `include` names columns that
    are stored in the index and are no part of its key.
    """

    name: str
    """Its name."""
    parts: tuple[IndexPart, ...]
    """Its members, in order."""
    unique: bool = False
    """Whether no two rows may agree in it."""
    constraint: bool = False
    """Whether it was declared as a unique constraint."""
    method: str = "btree"
    """The engine's word for its kind (`btree`, `gin`, `FULLTEXT`)."""
    predicate: str = ""
    """The condition of the rows in it, in its engine's SQL; empty for all rows."""
    include: tuple[str, ...] = ()
    """Columns that are stored in it and are no part of its key."""
    nulls_equal: bool = False
    """Whether two NULLs are the same to it, so that a unique one takes only one of them."""
    deferral: str = ""
    """`DEFERRABLE` or `DEFERRABLE INITIALLY DEFERRED` if a constraint may wait for the end of a transaction."""


@dataclass(frozen=True)
class ForeignKey:
    """A reference to another table, or to the same one."""

    name: str
    """Its name."""
    columns: tuple[str, ...]
    """The columns that refer, in order."""
    references: TableName
    """The table referred to."""
    referenced_columns: tuple[str, ...]
    """The columns referred to, in the same order."""
    on_delete: ReferentialAction = ReferentialAction.NO_ACTION
    """What happens when the row referred to goes."""
    on_update: ReferentialAction = ReferentialAction.NO_ACTION
    """What happens when the row referred to changes its key."""
    deferral: str = ""
    """`DEFERRABLE` or `DEFERRABLE INITIALLY DEFERRED` if it may wait for the end of a transaction."""
    validated: bool = True
    """Whether all rows are known to satisfy it, and not only those written since it was made."""
    match_full: bool = False
    """Whether a row whose reference is NULL in part is refused, and not left unchecked."""
    unset: tuple[str, ...] = ()
    """The columns that `on_delete` sets to NULL or their defaults; empty for all."""


@dataclass(frozen=True)
class Check:
    """A CHECK constraint, in its engine's own SQL."""

    name: str
    """Its name."""
    expression: str
    """What must hold, in its engine's SQL."""
    validated: bool = True
    """Whether all rows are known to satisfy it, and not only those written since it was made."""
    inherited: bool = True
    """Whether it holds for the tables that inherit from this one, too."""


@dataclass(frozen=True)
class Table:
    """A table with everything that hangs on it. Row estimate and size are the engine's own guesses."""

    name: TableName
    """The table's name."""
    columns: tuple[Column, ...]
    """Its columns, in order."""
    primary_key: Key | None = None
    """Its primary key; null if it has none."""
    indexes: tuple[Index, ...] = ()
    """Its indexes, without the primary key's."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    """Its references to other tables."""
    checks: tuple[Check, ...] = ()
    """Its CHECK constraints."""
    comment: str = ""
    """What its makers say of it."""
    row_estimate: Rows = Rows(0)
    """About how many rows it has, as its engine guesses."""
    size_bytes: Bytes = Bytes(0)
    """About how many bytes it takes with its indexes, as its engine tells."""

    def column(self, name: str) -> Column | None:
        """Return the column of that name, or nothing."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Sequence:
    """A number generator that no column owns; owned ones are their column's `identity`."""

    name: TableName
    """The sequence's name."""
    next_value: int
    """The number it would give next."""
    increment: int = 1
    """How far one number is from the next."""
    minimum: int | None = None
    """Its lowest number; null if its engine does not tell."""
    maximum: int | None = None
    """Its highest number; null if its engine does not tell."""
    cycle: bool = False
    """Whether it begins anew after its last number."""
    options: str = ""
    """What else is said of it, as its engine's CREATE SEQUENCE takes it: its type, start and cache."""


@dataclass(frozen=True)
class View:
    """A view, in its engine's own SQL."""

    name: TableName
    """The view's name."""
    definition: str
    """Its query, in its engine's SQL."""
    materialized: bool = False
    """Whether its rows are stored."""
    settings: str = ""
    """What a session must set so that its query means the same, as its engine's SET takes it."""
    manner: str = ""
    """By whose rights and how it is read, as its engine's CREATE takes it before VIEW; empty for the usual way."""
    check_option: str = ""
    """`LOCAL` or `CASCADED` if rows written through it must be seen by it; empty if not."""


@dataclass(frozen=True)
class OtherObject:
    """Anything else the database holds: a trigger, a routine, an event, a type.

    `definition` is the statement that makes it, in its engine's own SQL, where the engine can tell it.
    """

    kind: str
    """What it is: a trigger, a routine, an event, a type."""
    name: str
    """Its name."""
    definition: str = ""
    """The statement that makes it, in its engine's SQL; empty where the engine cannot tell."""
    settings: str = ""
    """What a session must set so that the statement makes the same thing, as its engine's SET takes it."""
    table: str = ""
    """The table or view that it only says something of, so that whoever made that decides; empty if it stands alone."""


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
        return next((table for table in self.named(name.name) if table.name == name), None)

    def named(self, name: str) -> tuple[Table, ...]:
        """Return the tables of a name without schema, in their order."""
        return self._by_name.get(name, ())

    @cached_property
    def schemas(self) -> frozenset[str]:
        """The schemas that tables are in."""
        return frozenset(table.name.schema for table in self.tables)

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Table, ...]]:
        """The tables by name: whoever looks up each of thousands does not go through all of them for it."""
        found: dict[str, tuple[Table, ...]] = {}
        for table in self.tables:
            found[table.name.name] = (*found.get(table.name.name, ()), table)
        return found
