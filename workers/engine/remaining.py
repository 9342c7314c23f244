"""Which schema steps are left to do: not done yet, and not needless because their object is already there.

What the run made itself, the ledger knows. In tables that others made, an object counts as there if
it has the planned name or does the same under another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from domain.catalog.model import DatabaseSchema, ForeignKey, Index, Table, TableName
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan, Step


def steps_left(
    plan: SchemaPlan, phase: Phase, done: frozenset[int], catalog: DatabaseSchema, default_schema: str = ""
) -> tuple[Step, ...]:
    """Return the steps of a phase that are left, given what is done and what the target holds.

    A name without schema is one of the default schema, or of any if none is given. The first step
    of an object makes it; later ones complete it, and are done in any case.
    """
    there = _Held(plan, done, catalog, default_schema)
    begun: set[SchemaObject] = set()
    left = []
    for step in plan.steps:
        makes = step.object not in begun
        begun.add(step.object)
        if step.phase is phase and step.number not in done and not (makes and there.has(step.object)):
            left.append(step)
    return tuple(left)


def others_decide(plan: SchemaPlan, done: frozenset[int], phases: Collection[Phase]) -> bool:
    """Tell whether it depends on what the target holds which steps of some phases are left.

    It does not for what belongs to tables that the run has made itself.
    """
    made = {step.object.name for step in plan.steps if step.number in done and _is_table(step)}
    left = (step.object for step in plan.steps if step.phase in phases and step.number not in done)
    return any(item.table not in made for item in left)


class _Held:
    """What the target holds of a plan's objects without the run having made it."""

    def __init__(self, plan: SchemaPlan, done: frozenset[int], catalog: DatabaseSchema, default_schema: str) -> None:
        self._default = default_schema
        made = (step.object for step in plan.steps if step.number in done)
        ours = {item.name.casefold() for item in made if item.kind in (ObjectKind.TABLE, ObjectKind.VIEW)}
        others = [table for table in catalog.tables if ours.isdisjoint(self._names(table.name))]
        self._planned = self._by_name(plan.tables)
        self._others = self._by_name(others)
        self._free_standing = {
            ObjectKind.TABLE: self._others.keys(),
            ObjectKind.VIEW: {name for view in catalog.views for name in self._names(view.name)} - ours,
            ObjectKind.SEQUENCE: {name for sequence in catalog.sequences for name in self._names(sequence.name)},
        }

    def has(self, item: SchemaObject) -> bool:
        """Tell whether an object of the plan is there and not of the run's making."""
        if not item.table:
            return item.name.casefold() in self._free_standing.get(item.kind, ())
        if item.kind is ObjectKind.OTHER and item.table.casefold() in self._free_standing[ObjectKind.VIEW]:
            return True
        table, planned = (tables.get(item.table.casefold()) for tables in (self._others, self._planned))
        return table is not None and planned is not None and _holds(table, item, planned)

    def _by_name(self, tables: Iterable[Table]) -> dict[str, Table]:
        """Return tables by all their names; of two that go by one, the first has it."""
        found: dict[str, Table] = {}
        for table in tables:
            for name in self._names(table.name):
                found.setdefault(name, table)
        return found

    def _names(self, name: TableName) -> tuple[str, ...]:
        """Return what an object may be called, with or without its schema; some engines ignore case."""
        is_plain = not name.schema or self._default in ("", name.schema)
        return ((name.name.casefold(),) if is_plain else ()) + (str(name).casefold(),)


def _holds(table: Table, item: SchemaObject, planned: Table) -> bool:
    """Tell whether a table holds one of the planned table's own objects, by its name or by what it does."""
    match item.kind:
        case ObjectKind.PRIMARY_KEY:
            return table.primary_key is not None
        case ObjectKind.INDEX:
            wanted = {_does(index) for index in planned.indexes if index.name == item.name}
            return any(_same(index.name, item.name) or _does(index) in wanted for index in table.indexes)
        case ObjectKind.FOREIGN_KEY:
            needed = {_refers(key) for key in planned.foreign_keys if key.name == item.name}
            return any(_same(key.name, item.name) or _refers(key) in needed for key in table.foreign_keys)
        case ObjectKind.CHECK:
            return any(_same(check.name, item.name) for check in table.checks)
        case ObjectKind.COMMENT | ObjectKind.DEFAULT | ObjectKind.COLUMN | ObjectKind.OTHER:
            return True  # whoever made the table has decided about these
        case _:
            return False


def _does(index: Index) -> tuple[object, ...]:
    return (index.parts, index.unique, index.predicate)


def _refers(key: ForeignKey) -> tuple[object, ...]:
    return (key.columns, key.references.name, key.referenced_columns)


def _is_table(step: Step) -> bool:
    return step.object.kind is ObjectKind.TABLE


def _same(name: str, other: str) -> bool:
    return bool(name) and name.casefold() == other.casefold()
