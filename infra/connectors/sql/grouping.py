"""Queries that ask for a value of a group without saying which, for engines that want it said."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from domain.connections.values import Engine

_TAKES_ANY = (Engine.MYSQL, Engine.SQLITE)
"""Engines that give any of a group's values for a column that is not grouped by."""

_FIRST_VALUE = {Engine.POSTGRESQL: "(ARRAY_AGG({}))[1]", Engine.DUCKDB: "ANY_VALUE({})"}


def with_single_values(tree: exp.Expr, read: Engine, write: Engine) -> exp.Expr:
    """Return a query in which a column beside the grouped ones stands for one value of its group."""
    if read in _TAKES_ANY and write in _FIRST_VALUE:
        for select in list(tree.find_all(exp.Select)):
            group = select.args.get("group")
            if group and group.expressions:
                _say_which(select, group, _FIRST_VALUE[write])
    return tree


def _say_which(select: exp.Select, group: exp.Expr, first_value: str) -> None:
    grouped = {column.name.lower() for column in group.find_all(exp.Column)}
    chosen = [_chosen(select, each) for each in group.expressions]
    ordered = select.args["order"].expressions if select.args.get("order") else []
    named = {projection.alias.lower() for projection in select.expressions if projection.alias}
    for projection in list(select.expressions):
        whole = projection.this if isinstance(projection, exp.Alias) else projection
        for column in list(_bare(whole, select)):
            if column.name.lower() not in grouped and whole not in (*group.expressions, *chosen):
                single = sqlglot.parse_one(first_value.format(column.sql("postgres")), read="postgres")
                column.replace(exp.alias_(single, column.name, quoted=True) if column is projection else single)
    for item in ordered:
        for column in list(_bare(item.this, select)):
            if column.name.lower() not in grouped | named:
                column.replace(sqlglot.parse_one(first_value.format(column.sql("postgres")), read="postgres"))


def _chosen(select: exp.Select, group: exp.Expr) -> exp.Expr | None:
    """Return the selected expression that a group names by its place or by its alias."""
    if isinstance(group, exp.Literal) and not group.is_string and group.name.isdigit():
        place = int(group.name) - 1
        found = select.expressions[place] if place < len(select.expressions) else None
    else:
        alias = group.name.lower() if isinstance(group, exp.Column) and not group.table else ""
        found = next((each for each in select.expressions if alias and each.alias.lower() == alias), None)
    return found.this if isinstance(found, exp.Alias) else found


def _bare(expression: exp.Expr, select: exp.Select) -> Iterator[exp.Column]:
    """Yield the columns of an expression that stand in no aggregate or condition of one, and no query of their own."""
    for column in expression.find_all(exp.Column):
        above = column.find_ancestor(exp.AggFunc, exp.Filter, exp.Query, exp.Window)
        if above is select:
            yield column
