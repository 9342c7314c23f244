"""Defaults, checks, computed columns and views, from one engine's SQL to another's.

Only what means the same in every engine is carried over: the allow-list below names it. For the
rest the answer is None, and the caller says in the report that the object was left out.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from domain.catalog.rewriting import DIALECTS, QUERY_MAX
from domain.connections.values import Engine
from infra.connectors.sql.comparing import Kinds, with_like_kinds
from infra.connectors.sql.grouping import with_single_values

_NOW = frozenset({"now", "localtimestamp", "transaction_timestamp"})
_MOVING_WORDS = frozenset({"now", "today", "tomorrow", "yesterday"})
_UNICODE_CHARSETS = frozenset({"_utf8", "_utf8mb3", "_utf8mb4"})

_SAME_EVERYWHERE: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Var),
        *(exp.Neg, exp.Not, exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Abs),
        *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is, exp.Tuple),
        *(exp.Case, exp.If, exp.Coalesce, exp.Nullif),
        *(exp.Upper, exp.Lower, exp.Trim, exp.Concat, exp.DPipe, exp.Length, exp.Like),
        *(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Uuid),
    }
)

_WITHOUT_NULL = frozenset({exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max})
"""What looks at the values of many rows and passes over NULL."""

_LEFT_OUT_OF_VIEWS = (exp.Anonymous, exp.Command, exp.Placeholder, exp.Parameter, exp.Block)


def transpile(expression: str, read: Engine, write: Engine) -> str | None:
    """Return the expression in the SQL of `write`, or None if its meaning there is not surely the same."""
    tree = _parse(expression, read)
    if tree is None:
        return None
    tree = tree.transform(_without_casts).transform(_plain_literal).transform(_now_by_one_name)
    tree = tree.transform(_any_as_in)
    for node in tree.walk():
        if type(node) not in _SAME_EVERYWHERE or _counts_bytes(node):
            return None
        if isinstance(node, exp.Uuid) and write is Engine.SQLITE:
            return None
    return _generate(tree, write)


def transpile_view(definition: str, read: Engine, write: Engine, kinds: Kinds | None = None) -> str | None:
    """Return the query of a view in the SQL of `write`, its tables without schema, or None if that is not possible.

    `definition` may be the query or the whole `CREATE VIEW` statement. `kinds` tells what the columns
    that it may name hold, for engines that compare only like with like.
    """
    tree = _parse(definition, read)
    if isinstance(tree, exp.Create):
        tree = tree.expression
    if not isinstance(tree, exp.Query):
        return None
    tree = tree.transform(_moment_of_literal)
    if any(isinstance(node, _LEFT_OUT_OF_VIEWS) or _counts_bytes(node) for node in tree.walk()):
        return None
    tree = with_single_values(tree, read, write)
    if write is Engine.MYSQL:
        tree = tree.transform(_filtered)
    if kinds and write is Engine.POSTGRESQL:
        tree = with_like_kinds(tree, read, kinds)
    return _generate(tree.transform(_without_schema), write)


def _parse(text: str, engine: Engine) -> exp.Expr | None:
    if len(text) > QUERY_MAX:
        return None
    try:
        tree = sqlglot.parse_one(text, read=DIALECTS[engine], error_level=ErrorLevel.IMMEDIATE)
    except (SqlglotError, RecursionError):
        return None
    return tree


def _generate(tree: exp.Expr, engine: Engine) -> str | None:
    try:
        return tree.sql(DIALECTS[engine], identify=True, unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None


def _without_casts(node: exp.Expr) -> exp.Expr:
    """Drop the casts that change no meaning: `'new'::text` (the column has the type), `(code)::text`."""
    if not isinstance(node, exp.Cast):
        return node
    value = node.this.unnest()
    if isinstance(value, exp.Cast):
        value = _without_casts(value)
    if isinstance(value, exp.Column | exp.Array):
        is_text = node.to.is_type(*exp.DataType.TEXT_TYPES) or node.to.is_type(exp.DType.ARRAY)
        return value.transform(_without_casts) if is_text else node
    if isinstance(value, exp.Neg):
        return value if isinstance(value.this, exp.Literal) else node
    if not isinstance(value, exp.Literal | exp.Boolean | exp.Null) or value.name.lower() in _MOVING_WORDS:
        return node
    if node.to.is_type(exp.DType.BOOLEAN) and isinstance(value, exp.Literal):
        return exp.Boolean(this=value.name.lower() in {"t", "true", "1"})
    return value


def _plain_literal(node: exp.Expr) -> exp.Expr:
    """Turn PostgreSQL's `E'a'` and MySQL's `_utf8mb4'abc'` into plain string literals."""
    if isinstance(node, exp.ByteString):
        return exp.Literal.string(node.name)
    if isinstance(node, exp.Introducer) and node.name.lower() in _UNICODE_CHARSETS:
        return exp.Literal.string(node.expression.name)
    return node


def _now_by_one_name(node: exp.Expr) -> exp.Expr:
    is_now = isinstance(node, exp.Anonymous) and node.name.lower() in _NOW
    return exp.CurrentTimestamp() if is_now or isinstance(node, exp.Localtimestamp) else node


def _moment_of_literal(node: exp.Expr) -> exp.Expr:
    """Turn SQLite's `datetime('1997-01-01')` into a moment; of anything but a literal it may be a text."""
    is_moment = isinstance(node, exp.Anonymous) and node.name.lower() == "datetime" and len(node.expressions) == 1
    if is_moment and isinstance(node.expressions[0], exp.Literal) and node.expressions[0].name[:4].isdigit():
        return exp.cast(node.expressions[0], exp.DType.TIMESTAMP)
    return node


def _any_as_in(node: exp.Expr) -> exp.Expr:
    """Turn PostgreSQL's `x = ANY (ARRAY['a', 'b'])` into `x IN ('a', 'b')`."""
    if not isinstance(node, exp.EQ) or not isinstance(node.expression, exp.Any):
        return node
    labels = node.expression.this.unnest()
    return exp.In(this=node.this, expressions=labels.expressions) if isinstance(labels, exp.Array) else node


def _filtered(node: exp.Expr) -> exp.Expr:
    """Turn `sum(x) FILTER (WHERE c)`, which MySQL has not, into `sum(CASE WHEN c THEN x END)`: it passes over NULL."""
    if not isinstance(node, exp.Filter) or type(node.this) not in _WITHOUT_NULL or node.this.expressions:
        return node
    aggregate: exp.Expr = node.this
    value = aggregate.this
    if isinstance(value, exp.Distinct | exp.Order):
        return node
    chosen = exp.Literal.number(1) if isinstance(value, exp.Star) else value
    aggregate.set("this", exp.Case().when(node.expression.this, chosen))
    return aggregate


def _counts_bytes(node: exp.Expr) -> bool:
    """Tell MySQL's LENGTH, which counts bytes, from the others, which count characters."""
    return isinstance(node, exp.Length) and bool(node.args.get("binary"))


def _without_schema(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Table):
        node.set("db", None)
        node.set("catalog", None)
    if isinstance(node, exp.Column):
        node.set("db", None)
        node.set("catalog", None)
    return node
