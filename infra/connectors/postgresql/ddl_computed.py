"""Computed columns: which of the source's expressions PostgreSQL surely computes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from domain.catalog.types import Decimal, Integer, LogicalType, Text
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    from domain.catalog.model import Column, Table
    from infra.connectors.postgresql.draft import Draft

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Literal, exp.Column, exp.Identifier)
_JOINING = (exp.DPipe, exp.Concat, exp.Coalesce, exp.Paren, exp.Literal, exp.Column, exp.Identifier)


def computed(draft: Draft, table: Table, column: Column) -> str | None:
    """Return the expression of a computed column if PostgreSQL surely computes the very same values.

    From other engines that is arithmetic without division on exact numbers, and joining texts:
    no function that depends on a locale, no number type that could overflow on the way.
    """
    if column.generated is None or draft.is_own:
        return column.generated
    text = draft.expression(column.generated)
    if text is None:
        return None
    tree = sqlglot.parse_one(text, read="postgres")
    types = {other.name: other.type for other in table.columns if other.generated is None}
    used = [types.get(node.name) for node in tree.find_all(exp.Column)]
    literals = list(tree.find_all(exp.Literal))
    if _is_made_of(tree, _ARITHMETIC) and _are_exact([column.type, *used]) and not any(n.is_string for n in literals):
        return str(tree.transform(_as_numeric).sql("postgres", identify=True))
    if _is_made_of(tree, _JOINING) and all(isinstance(type_, Text) for type_ in (column.type, *used)):
        return text if all(node.is_string for node in literals) else None
    return None


def _is_made_of(tree: exp.Expr, kinds: tuple[type[exp.Expr], ...]) -> bool:
    return all(isinstance(node, kinds) for node in tree.walk())


def _are_exact(types: list[LogicalType | None]) -> bool:
    return all(isinstance(type_, Integer | Decimal) for type_ in types)


def _as_numeric(node: exp.Expr) -> exp.Expr:
    """Compute with numeric, which does not overflow; the result is cast to the column's type."""
    if isinstance(node, exp.Column):
        return sqlglot.parse_one(f"CAST({identifier(node.name)} AS NUMERIC)", read="postgres")
    return node
