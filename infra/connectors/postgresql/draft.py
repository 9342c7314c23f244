"""A schema plan in the making: its statements, and what becomes of every object."""

from __future__ import annotations

from collections import defaultdict
from hashlib import md5

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.connections.values import Endpoint, Engine
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, Phase, SchemaObject, SchemaPlan, Step
from infra.connectors.postgresql.capabilities import IDENTIFIER_MAX
from infra.connectors.postgresql.names import qualified, schema_of
from infra.connectors.sql.expressions import transpile

_HASH_LENGTH = 8
_NO_PLACE = "PostgreSQL has nothing like it, or its definition is not known."


class NameSpace:
    """Names that must differ from each other, none longer than PostgreSQL allows."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, *candidates: str) -> str:
        """Return and keep the first candidate that is free once it is cut to length, or else the first with a mark."""
        for candidate in candidates:
            name = cut(candidate, IDENTIFIER_MAX)
            if name not in self._taken:
                self._taken.add(name)
                return name
        number = 0
        while True:
            mark = md5(f"{candidates[-1]} {number}".encode(), usedforsecurity=False).hexdigest()[:_HASH_LENGTH]
            name = f"{cut(candidates[-1], IDENTIFIER_MAX - _HASH_LENGTH - 1)}_{mark}"
            if name not in self._taken:
                self._taken.add(name)
                return name
            number += 1


def cut(name: str, bytes_max: int) -> str:
    """Cut a name to a length in bytes between characters, as PostgreSQL itself cuts what is too long."""
    return name.encode()[:bytes_max].decode(errors="ignore")


class Draft:
    """Collects the plan. Objects go by their names in `wanted`; an object without an outcome was not built."""

    def __init__(self, wanted: DatabaseSchema, endpoint: Endpoint) -> None:
        self.wanted = wanted
        self.schema = schema_of(endpoint)
        self._relations: defaultdict[str, NameSpace] = defaultdict(NameSpace)
        self._steps: list[Step] = []
        self._outcomes: dict[SchemaObject, Parity] = {}

    def relations(self, schema: str) -> NameSpace:
        """Return the names of tables, indexes, sequences, views and types of a schema; empty means the default one."""
        return self._relations[schema or self.schema]

    @property
    def is_own(self) -> bool:
        """Whether the source is PostgreSQL too, so its SQL can be used as it is."""
        return self.wanted.engine is Engine.POSTGRESQL

    def spelled(self, name: TableName) -> str:
        """Return a name in quotes with the schema it will live in."""
        return qualified(name, self.schema)

    def expression(self, sql: str) -> str | None:
        """Return an expression of the source in PostgreSQL's words, or None if it has no certain counterpart."""
        return sql if self.is_own else transpile(sql, self.wanted.engine, Engine.POSTGRESQL)

    def step(self, phase: Phase, item: SchemaObject, sql: str, *, optional: bool = False) -> None:
        """Add a statement. Indexes of one table may be made beside each other, but nothing beside a constraint."""
        shared = phase is Phase.INDEXES and sql.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))
        self._steps.append(Step(len(self._steps) + 1, phase, item, sql, optional, shared=shared))

    def created(self, item: SchemaObject, *notes: str) -> None:
        """Say that an object is made; with notes, that it is made a little different."""
        reason = " ".join(note for note in notes if note)
        self._outcomes[item] = Parity(item, Outcome.REPLACED if reason else Outcome.CREATED, reason)

    def skipped(self, item: SchemaObject, reason: str) -> None:
        """Say that an object is not made, and why."""
        self._outcomes[item] = Parity(item, Outcome.SKIPPED, reason)

    def plan(self, tables: tuple[Table, ...]) -> SchemaPlan:
        """Return the plan with one line for every object of the source."""
        parity = tuple(
            self._outcomes.get(item) or Parity(item, Outcome.SKIPPED, _NO_PLACE) for item in inventory(self.wanted)
        )
        return SchemaPlan(tables, tuple(self._steps), parity)


def of_table(kind: ObjectKind, name: str, table: Table) -> SchemaObject:
    """Name an object that hangs on a table, as the inventory does."""
    return SchemaObject(kind, name, str(table.name))
