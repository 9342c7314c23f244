"""How a schema is built in a target: the steps, and the report that accounts for every object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.catalog.model import Table


class ObjectKind(Enum):
    """What sort of thing a schema object is."""

    SCHEMA = "SCHEMA"
    TYPE = "TYPE"
    TABLE = "TABLE"
    COLUMN = "COLUMN"
    DEFAULT = "DEFAULT"
    IDENTITY = "IDENTITY"
    PRIMARY_KEY = "PRIMARY_KEY"
    INDEX = "INDEX"
    FOREIGN_KEY = "FOREIGN_KEY"
    CHECK = "CHECK"
    COMMENT = "COMMENT"
    SEQUENCE = "SEQUENCE"
    VIEW = "VIEW"
    TRIGGER = "TRIGGER"
    ROUTINE = "ROUTINE"
    OTHER = "OTHER"


@dataclass(frozen=True)
class SchemaObject:
    """One object of the source, as the parity report names it. `table` is empty for free-standing ones."""

    kind: ObjectKind
    name: str
    table: str = ""


class Trait(Enum):
    """A fine point of an object that not every engine has."""

    KEY_DEFERRAL = "KEY_DEFERRAL"
    """A foreign key may wait for the end of the transaction."""
    UNIQUE_DEFERRAL = "UNIQUE_DEFERRAL"
    """So may a unique constraint."""
    NULLS_EQUAL = "NULLS_EQUAL"
    """A unique index takes one NULL only."""
    NULLS_ORDER = "NULLS_ORDER"
    """An index says whether NULLs come first or last."""
    UNVALIDATED = "UNVALIDATED"
    """A constraint may hold for new rows only."""
    STEPS = "STEPS"
    """A column may be numbered in steps of more than one."""


class Outcome(Enum):
    """What became of a source object."""

    CREATED = "CREATED"
    REPLACED = "REPLACED"
    """Created as something close to it; the note says what."""
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class Parity:
    """A line of the parity report: every object of the source has exactly one."""

    object: SchemaObject
    outcome: Outcome
    reason: str = ""


class Phase(Enum):
    """When a schema step runs. Steps of one phase and table run in their order."""

    BEFORE_DATA = "BEFORE_DATA"
    INDEXES = "INDEXES"
    FOREIGN_KEYS = "FOREIGN_KEYS"
    FINISH = "FINISH"
    """Next values of identities and sequences, comments."""


@dataclass(frozen=True)
class Step:
    """One statement on the target's schema, and the object it makes.

    `optional` says that its failure is a line of the report and not the end of the run (a
    foreign key that the data does not allow).
    """

    number: int
    phase: Phase
    object: SchemaObject
    sql: str
    optional: bool = False
    head: str = ""
    """How the statement begins, if its rest may follow that of another step of this head, after a comma."""
    shared: bool = False
    """Whether it may run beside others like it on its table, in sessions of their own."""
    also: tuple[int, ...] = ()
    """Numbers of the further steps that it does, if it was joined of several."""
    settings: str = ""
    """What the session is to set for the statement alone, as the target's SET takes it."""


@dataclass(frozen=True)
class SchemaPlan:
    """How a wanted schema is built in one target: tables in the target's terms, statements, report.

    `tables` keeps the order and the column order of the wanted tables; each column's `native` is
    the target's spelling and its `type` still the source's meaning.
    """

    tables: tuple[Table, ...]
    steps: tuple[Step, ...]
    parity: tuple[Parity, ...]
