"""Translated conditions over a table's columns, made to compare here as they did where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from domain.catalog.model import Column
from domain.catalog.types import Date, Decimal, Duration, Integer, Interval, Time, Timestamp
from infra.connectors.sqlite.types import Affinity, affinity


def comparing_alike(text: str, columns: Sequence[Column]) -> str | None:
    """Return an expression in SQLite's words that compares numbers kept as digits by their value.

    None if it cannot be read, or if a literal may spell a moment differently from the column it is compared with.
    """
    try:
        tree = sqlglot.parse_one(text, read="sqlite")
    except SqlglotError:
        return None
    if _compares_moments_with_words(tree, columns):
        return None
    numbers = {column.name for column in columns if _is_number_as_text(column)}
    return tree.transform(lambda node: _as_number(node, numbers)).sql("sqlite", identify=True)


def _compares_moments_with_words(tree: exp.Expr, columns: Sequence[Column]) -> bool:
    moments = {
        column.name for column in columns if isinstance(column.type, Date | Time | Timestamp | Duration | Interval)
    }
    named = any(node.name in moments for node in tree.find_all(exp.Column))
    return named and any(node.is_string for node in tree.find_all(exp.Literal))


def _is_number_as_text(column: Column) -> bool:
    return isinstance(column.type, Decimal | Integer) and affinity(column.native) is Affinity.TEXT


def _as_number(node: exp.Expr, numbers: set[str]) -> exp.Expr:
    """Compare a column of digits as a number, not as a text."""
    if isinstance(node, exp.Column) and node.name in numbers:
        return exp.Cast(this=node.copy(), to=exp.DataType.build("NUMERIC", dialect="sqlite"))
    return node
