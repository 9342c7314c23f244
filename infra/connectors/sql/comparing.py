"""Conditions of engines that take any value for a truth, or compare texts with numbers, for one that does neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from domain.catalog.model import DatabaseSchema
from domain.catalog.types import Boolean, Decimal, Float, Integer, LogicalType, Text
from domain.connections.values import Engine

Kinds = Mapping[tuple[str, str], frozenset[type[LogicalType]]]
"""What columns hold, by the table's and their own name in lower case. Under an empty table's name stands what
columns of the name hold in any table."""

Held = Callable[[exp.Column], frozenset[type[LogicalType]]]

_NUMBERS: frozenset[type[LogicalType]] = frozenset({Integer, Decimal, Float})
_LOOSE = (Engine.MYSQL, Engine.SQLITE)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


def kinds_of(schema: DatabaseSchema) -> Kinds:
    """Return what the columns of a schema hold."""
    found: dict[tuple[str, str], frozenset[type[LogicalType]]] = {}
    for table in schema.tables:
        for column in table.columns:
            for owner in (table.name.name.lower(), ""):
                place = (owner, column.name.lower())
                found[place] = found.get(place, frozenset()) | {type(column.type)}
    return found


def with_like_kinds(tree: exp.Expr, read: Engine, kinds: Kinds) -> exp.Expr:
    """Return a query in which numbers that stand for truths are compared with 0, and like with like.

    Whole numbers that are joined to one text are texts.
    SQLite compares a text column with a number by the number's text, and a boolean one by 0 and 1.
    """
    if read not in _LOOSE:
        return tree
    tables = {table.alias_or_name.lower(): table.name.lower() for table in tree.find_all(exp.Table)}

    def held(column: exp.Column) -> frozenset[type[LogicalType]]:
        table = tables.get(column.table.lower(), "")
        return kinds.get((table, column.name.lower()), frozenset())

    tree = tree.transform(lambda node: _as_truth(node, held)).transform(lambda node: _as_text(node, held))
    return tree.transform(lambda node: _as_like(node, held)) if read is Engine.SQLITE else tree


def _as_truth(node: exp.Expr, held: Held) -> exp.Expr:
    is_number = isinstance(node, exp.Column) and bool(held(node)) and held(node) <= _NUMBERS
    return exp.NEQ(this=node, expression=exp.Literal.number(0)) if is_number and _is_condition(node) else node


def _as_text(node: exp.Expr, held: Held) -> exp.Expr:
    """Make texts of whole numbers in `group_concat`, as SQLite and MySQL do by themselves."""
    if isinstance(node, exp.GroupConcat):
        joined = node.this.this if isinstance(node.this, exp.Order) else node.this
        if isinstance(joined, exp.Column) and held(joined) == {Integer}:
            joined.replace(exp.cast(joined.copy(), exp.DType.TEXT))
    return node


def _is_condition(node: exp.Expr) -> bool:
    """Tell whether an expression stands where a truth is asked for."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        node, parent = parent, parent.parent
    if isinstance(parent, exp.If):
        is_of_case = isinstance(parent.parent, exp.Case) and parent.parent.this is not None
        return parent.this is node and not is_of_case
    if isinstance(parent, exp.Join):
        return parent.args.get("on") is node
    return isinstance(parent, exp.And | exp.Or | exp.Not | exp.Where | exp.Having)


def _as_like(node: exp.Expr, held: Held) -> exp.Expr:
    if not isinstance(node, _COMPARISONS):
        return node
    for side, other in (("this", "expression"), ("expression", "this")):
        column, value = node.args[side].unnest(), node.args[other].unnest()
        if not isinstance(column, exp.Column) or not isinstance(value, exp.Literal) or value.is_string:
            continue
        if held(column) == {Text}:
            node.set(other, exp.Literal.string(value.name))
        elif held(column) == {Boolean} and value.name in ("0", "1"):
            node.set(other, exp.Boolean(this=value.name == "1"))
    return node
