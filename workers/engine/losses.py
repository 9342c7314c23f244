"""The fine points of wanted objects that a target does not have, a line of the report for each object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.catalog.model import Column, DatabaseSchema, ForeignKey, Index, Key, Table, View
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, SchemaObject, Trait
from domain.migrations.transfer import Capabilities

_FOLDING = re.compile(r"COLLATE (\w+_ci)\b|^(citext)$", re.IGNORECASE)
"""What types say of columns that take letters of different case, or with other accents, for one."""

_APART = "texts that {} takes for one are different here"
_AT_ONCE = "it is checked at once, not at the end of a transaction"


def losses(wanted: DatabaseSchema, target: Capabilities) -> Iterator[Parity]:
    """Yield a line for each object that arrives without a fine point; the connector tells what is left out whole."""
    is_own = wanted.engine is target.engine
    for table in wanted.tables:
        name = str(table.name)
        for column in table.columns:
            if reasons := list(_of_column(column, target, is_own=is_own)):
                yield _line(ObjectKind.COLUMN, column.name, name, reasons)
        folding = {} if is_own else _folding(table)
        key = table.primary_key
        if key and (reasons := list(_of_primary_key(key, target, folding))):
            yield _line(ObjectKind.PRIMARY_KEY, key.name, name, reasons)
        for index in table.indexes:
            if reasons := [*_of_index(index, target, is_own=is_own), *_told_apart(index, folding)]:
                yield _line(ObjectKind.INDEX, index.name, name, reasons)
        for reference in table.foreign_keys:
            if reasons := list(_of_key(reference, target, is_own=is_own)):
                yield _line(ObjectKind.FOREIGN_KEY, reference.name, name, reasons)
    for view in () if is_own else wanted.views:
        yield from _of_view(view)


def _line(kind: ObjectKind, name: str, table: str, reasons: list[str]) -> Parity:
    return Parity(SchemaObject(kind, name, table), Outcome.REPLACED, "; ".join(reasons))


def _of_column(column: Column, target: Capabilities, *, is_own: bool) -> Iterator[str]:
    if column.collation and not is_own:
        yield f"its texts are no longer compared by {column.collation}"
    if column.identity and column.identity.increment != 1 and Trait.STEPS not in target.traits:
        yield f"its numbers no longer go up by {column.identity.increment}"


def _of_index(index: Index, target: Capabilities, *, is_own: bool) -> Iterator[str]:
    if index.nulls_equal and Trait.NULLS_EQUAL not in target.traits:
        yield "it takes any number of NULLs"
    if index.deferral and Trait.UNIQUE_DEFERRAL not in target.traits:
        yield _AT_ONCE
    if any(part.nulls for part in index.parts) and Trait.NULLS_ORDER not in target.traits:
        yield "NULLs have the place that the engine gives them"
    manners = [part.operator_class for part in index.parts if part.operator_class]
    if manners and not is_own:
        yield f"without {', '.join(manners)}"


def _folding(table: Table) -> dict[str, str]:
    """Return the columns in which texts of different letters may be equal, with the rule that says so."""
    found = ((column.name, _FOLDING.search(column.native)) for column in table.columns)
    return {name: match[1] or match[2] for name, match in found if match}


def _told_apart(index: Index, folding: dict[str, str]) -> Iterator[str]:
    rules = sorted({folding[part.column] for part in index.parts if part.column in folding})
    if index.unique and rules:
        yield _APART.format(", ".join(rules))


def _of_primary_key(key: Key, target: Capabilities, folding: dict[str, str]) -> Iterator[str]:
    if key.deferral and Trait.UNIQUE_DEFERRAL not in target.traits:
        yield _AT_ONCE
    if rules := sorted({folding[each] for each in key.columns if each in folding}):
        yield _APART.format(", ".join(rules))


def _of_key(key: ForeignKey, target: Capabilities, *, is_own: bool) -> Iterator[str]:
    if key.deferral and Trait.KEY_DEFERRAL not in target.traits:
        yield _AT_ONCE
    if key.match_full and len(key.columns) > 1 and not is_own:
        yield "rows whose reference is NULL in part are not refused"
    if key.unset and not is_own:
        yield f"when the row referred to goes, all columns lose their values, not {', '.join(key.unset)} alone"


def _of_view(view: View) -> Iterator[Parity]:
    reasons = ["what is written through it need not be seen by it"] if view.check_option else []
    reasons += [f"without {view.manner}"] if view.manner else []
    if reasons:
        yield _line(ObjectKind.VIEW, str(view.name), "", reasons)
