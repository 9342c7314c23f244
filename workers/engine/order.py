"""Which tables must be filled before which, where the target checks references while rows arrive."""

from __future__ import annotations

from collections.abc import Iterable

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.migrations.plan import MigrationPlan
from domain.migrations.transfer import Capabilities, TableCopy
from workers.engine.existing import find_table

Waves = tuple[tuple[int, ...], ...]
"""Table numbers; a wave's tables refer to tables of earlier waves only, as far as cycles allow."""


def waves(plan: MigrationPlan, catalog: DatabaseSchema, target: Capabilities) -> Waves:
    """Return the plan's tables in waves: one wave, unless references already hold while rows arrive.

    They do if the target makes them together with its tables, or if a table was there before the
    run with its keys on.
    """
    numbers = {_key(copy.target, target): copy.number for copy in plan.tables}
    needs: dict[int, set[int]] = {copy.number: set() for copy in plan.tables}
    if target.enforces_foreign_keys:
        for copy, planned in zip(plan.tables, plan.schema.tables, strict=True):
            there = find_table(catalog, copy.target)
            holding = [table for table in (there, planned if target.inline_foreign_keys else None) if table]
            needs[copy.number] = _references(holding, numbers, target) - {copy.number}
    return tuple(_levels(needs))


def in_order(tables: Iterable[TableCopy], order: Waves) -> tuple[TableCopy, ...]:
    """Return the tables in the order in which they are best begun: wave by wave, the largest first."""
    wave_of = {number: wave for wave, members in enumerate(order) for number in members}
    return tuple(
        sorted(tables, key=lambda copy: (wave_of[copy.number], -copy.size_bytes, -copy.row_estimate, copy.number))
    )


def _references(tables: Iterable[Table], numbers: dict[TableName, int], target: Capabilities) -> set[int]:
    found = {_key(key.references, target) for table in tables for key in table.foreign_keys}
    return {numbers[name] for name in found & numbers.keys()}


def _key(name: TableName, target: Capabilities) -> TableName:
    """Return a name with its schema where tables may have one; what has none is in the default one."""
    return TableName(name.name, name.schema or target.default_schema) if target.keeps_schemas else TableName(name.name)


def _levels(needs: dict[int, set[int]]) -> Iterable[tuple[int, ...]]:
    """Yield what needs nothing that is left; what refers to each other in a circle goes together."""
    left = dict(needs)
    while left:
        free = tuple(number for number, needed in left.items() if not needed & left.keys())
        wave = free or tuple(left)
        yield wave
        for number in wave:
            del left[number]
