"""Defaults: which of the source's expressions PostgreSQL takes, and in what words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
from infra.connectors.postgresql.names import literal

if TYPE_CHECKING:
    from domain.catalog.model import Column
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
