"""Defaults and computed columns: which of the source's expressions PostgreSQL takes, and in what words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from domain.catalog.model import TableName
from domain.catalog.numbering import sequence_of
from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Enumeration,
    Float,
    Integer,
    LogicalType,
    Text,
    Timestamp,
)
from infra.connectors.postgresql.names import identifier, literal

if TYPE_CHECKING:
    from domain.catalog.model import Column, Table
    from infra.connectors.postgresql.draft import Draft

_STRING = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"\(*-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\)*", re.IGNORECASE)
_QUOTED_NUMBER = re.compile(r"'-?\d+(?:\.\d+)?'")
_HEX = re.compile(r"(?:x'([0-9a-f]*)'|0x([0-9a-f]+))", re.IGNORECASE)
_BITS = re.compile(r"b'([01]*)'", re.IGNORECASE)
_OWN_SAFE = re.compile(
    r"(?:'(?:[^']|'')*'|-?\d+(?:\.\d+)?|\(-?\d+(?:\.\d+)?\)|true|false|NULL)(?:::[a-z ]+(?:\(\d+(?:,\d+)?\))?)?"
    r"|CURRENT_TIMESTAMP|CURRENT_DATE|LOCALTIMESTAMP|now\(\)|gen_random_uuid\(\)",
)
_TRUTHS = {"0": "FALSE", "1": "TRUE", "'0'": "FALSE", "'1'": "TRUE", "FALSE": "FALSE", "TRUE": "TRUE"}

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Paren, exp.Literal, exp.Column, exp.Identifier)
_JOINING = (exp.DPipe, exp.Concat, exp.Coalesce, exp.Paren, exp.Literal, exp.Column, exp.Identifier)


def default(draft: Draft, column: Column) -> str | None:
    """Return a column's default in PostgreSQL's words, or None if it has no certain counterpart."""
    if column.default is None or draft.is_own:
        return column.default
    sequence = sequence_of(column.default)
    if sequence and any(each.name.name == sequence.name for each in draft.wanted.sequences):
        return f"nextval({literal(draft.spelled(TableName(sequence.name)))}::regclass)"
    special = _by_type(column.type, column.default.strip())
    if special:
        return special
    value = draft.expression(column.default)
    if value is not None and isinstance(column.type, Boolean):
        return _TRUTHS.get(value.upper())
    if value is not None and isinstance(column.type, Binary):
        match = _STRING.fullmatch(value)
        return _bytes(match[1].replace("''", "'").encode().hex()) if match else None
    return value


def is_inline(draft: Draft, column: Column, value: str) -> bool:
    """Tell whether PostgreSQL surely takes a default for the column's type, so it may stand in CREATE TABLE."""
    if draft.is_own:
        return bool(_OWN_SAFE.fullmatch(value)) or value.startswith("nextval(")
    if value == "NULL":
        return True
    match column.type:
        case Integer() | Decimal() | Float():
            return bool(_NUMBER.fullmatch(value) or _QUOTED_NUMBER.fullmatch(value))
        case Text():
            return bool(_STRING.fullmatch(value))
        case Boolean() | Binary() | Bits():
            return True
        case Timestamp() | Date():
            return value in ("CURRENT_TIMESTAMP", "CURRENT_DATE")
        case Enumeration(labels):
            match = _STRING.fullmatch(value)
            return bool(match) and match[1].replace("''", "'") in labels if match else False
        case _:
            return False


def _by_type(type_: LogicalType, value: str) -> str | None:
    """Return literals of bytes and bits, which every engine writes in its own way."""
    if isinstance(type_, Binary) and (match := _HEX.fullmatch(value)):
        return _bytes(match[1] or match[2] or "")
    if isinstance(type_, Bits) and (match := _BITS.fullmatch(value)):
        return f"B'{match[1].zfill(0 if type_.varying else type_.length or 0)}'"
    return None


def _bytes(digits: str) -> str:
    return literal(f"\\x{digits.lower()}")


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
