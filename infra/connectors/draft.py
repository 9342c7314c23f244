"""A schema plan while it is being made: its statements, and what becomes of each object."""

from __future__ import annotations

from domain.catalog.model import DatabaseSchema, Table
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, Phase, SchemaObject, SchemaPlan, Step


class Draft:
    """Collects steps and outcomes; an object of the wanted schema without an outcome is one left out.

    `not_built` says per kind why the engine has no place for it.
    """

    def __init__(self, wanted: DatabaseSchema, not_built: dict[ObjectKind, str]) -> None:
        self.wanted = wanted
        self._not_built = not_built
        self._steps: list[Step] = []
        self._outcomes: dict[SchemaObject, Parity] = {}

    def step(self, phase: Phase, made: SchemaObject, sql: str, *, optional: bool = False) -> None:
        """Add a statement after those before it."""
        self._steps.append(Step(len(self._steps) + 1, phase, made, sql, optional))

    def created(self, made: SchemaObject) -> None:
        """Note that an object is made as it was."""
        self._outcomes[made] = Parity(made, Outcome.CREATED)

    def replaced(self, made: SchemaObject, reason: str) -> None:
        """Note that an object is made as something close to it; without a reason it is the same."""
        self._outcomes[made] = Parity(made, Outcome.REPLACED if reason else Outcome.CREATED, reason)

    def skipped(self, made: SchemaObject, reason: str) -> None:
        """Note that an object is left out."""
        self._outcomes[made] = Parity(made, Outcome.SKIPPED, reason)

    def plan(self, tables: tuple[Table, ...]) -> SchemaPlan:
        """Return the plan."""
        parity = tuple(
            self._outcomes.get(item) or Parity(item, Outcome.SKIPPED, self._not_built[item.kind])
            for item in inventory(self.wanted)
        )
        return SchemaPlan(tables, tuple(self._steps), parity)
