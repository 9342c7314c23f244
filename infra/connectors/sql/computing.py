"""Computed columns of another engine: which of their expressions surely give the very same values here."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import sqlglot
from sqlglot import exp

from domain.catalog.model import Column
from domain.catalog.rewriting import DIALECTS
from domain.catalog.types import Decimal, Integer, LogicalType, Text
from domain.connections.values import Engine

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Literal, exp.Column, exp.Identifier)
_JOINING = (exp.DPipe, exp.Concat, exp.Coalesce, exp.Paren, exp.Literal, exp.Column, exp.Identifier)


def alike(
    text: str,
    engine: Engine,
    column: Column,
    columns: Iterable[Column],
    is_exact: Callable[[LogicalType], bool],
    wide: str = "",
) -> str | None:
    """Return an expression in the SQL of `engine` if it surely computes what the source does, or None.

    That is arithmetic without division on numbers with which the engine `is_exact`, and joining texts: no
    comparison, for which every collation has a rule of its own, and no function that depends on a locale.
    Columns are computed with as numbers of the type `wide`, if one is given, which do not overflow on the way.
    """
    tree = sqlglot.parse_one(text, read=DIALECTS[engine])
    types = {other.name: other.type for other in columns if other.generated is None}
    used = [column.type, *(types.get(node.name) for node in tree.find_all(exp.Column))]
    literals = list(tree.find_all(exp.Literal))
    if _is_made_of(tree, _ARITHMETIC):
        numbers = [*used, *map(_type_of, literals)]
        if not all(type_ is not None and is_exact(type_) for type_ in numbers):
            return None
        return tree.transform(_as_wide, wide).sql(DIALECTS[engine], identify=True) if wide else text
    is_text = all(isinstance(type_, Text) for type_ in used) and all(node.is_string for node in literals)
    return text if is_text and _is_made_of(tree, _JOINING) else None


def _is_made_of(tree: exp.Expr, kinds: tuple[type[exp.Expr], ...]) -> bool:
    return all(isinstance(node, kinds) for node in tree.walk())


def _type_of(literal: exp.Literal) -> LogicalType | None:
    if literal.is_string or "e" in literal.name.lower():
        return None
    whole, _, fraction = literal.name.partition(".")
    return Decimal(len(whole + fraction), len(fraction)) if fraction else Integer(64)


def _as_wide(node: exp.Expr, wide: str) -> exp.Expr:
    return exp.cast(node, wide) if isinstance(node, exp.Column) else node
