"""The digest of a table, from its stored values, independently of the way a reader copies them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, Decimal, LogicalType, Time, Timestamp, carrier
from domain.kernel.errors import SchemaDrift
from domain.kernel.values import Rows
from domain.migrations.transfer import Digest, DigestColumn
from infra.connectors.canonical import DigestSum, float_text, hash_text, is_hashed
from infra.connectors.sqlite.values import Misfit, Present, Stored, decimal_text, own_text
from infra.connectors.sqltext import quoted

_ROWS = 2_000
"""Rows taken at once."""

_CLOCK = rb"(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?"
_MOMENT = re.compile(rb"(\d{4}-\d\d-\d\d)[ T]" + _CLOCK + rb"(?:Z|\+00:00)?")
_TIME = re.compile(_CLOCK)
_CANONICAL_LENGTH = len("2000-01-01 00:00:00.000000")
_MIDDLE = len("2000-01-01")
_SPACE = ord(" ")

Speller = Callable[[Present], bytes]
"""Gives the canonical text of a stored value, or its MD5 where values may be large."""


def digest_table(connection: sqlite3.Connection, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
    """Compute a table's digest; without columns only count its rows.

    Raises:
        SchemaDrift: a value is not of its column's type.
    """
    name = quoted(table.name)
    if not columns:
        return Digest(Rows(int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])), 0, 0)
    names = ", ".join(f"{name}.{quoted(column.name)}" for column in columns)
    spellers = [speller(column.type) for column in columns]
    cursor = connection.execute(f"SELECT {names} FROM {name}")
    total = DigestSum()
    try:
        while rows := cursor.fetchmany(_ROWS):
            spelled = [_framed(spell, column) for spell, column in zip(spellers, zip(*rows, strict=True), strict=True)]
            total.add(map(b"".join, zip(*spelled, strict=True)))
    except (Misfit, ValueError) as error:
        raise SchemaDrift(f"Table {table} holds a value that is not of its column's type: {error}.") from error
    finally:
        cursor.close()
    return total.result()


def _framed(spell: Speller, column: tuple[Stored, ...]) -> list[bytes]:
    return [b"-" if value is None else b"%d:%s" % (len(text := spell(value)), text) for value in column]


def speller(type_: LogicalType) -> Speller:
    """Return the function that spells a type's stored values."""
    match carrier(type_):
        case Carrier.FLOAT64:
            return _float
        case Carrier.INT64 | Carrier.BOOL:
            return _integer
        case _:
            return _hashed if is_hashed(type_) else _text_speller(type_)


def _text_speller(type_: LogicalType) -> Speller:
    match type_:
        case Decimal():
            return lambda value: decimal_text(type_, value).encode()
        case Timestamp():
            return _timestamp
        case Time(zoned=False):
            return _time
        case _:
            return _text


def _integer(value: Present) -> bytes:
    return b"%d" % (value if isinstance(value, int) else _whole(value))


def _whole(value: Present) -> int:
    """Take a whole number that stands in a column of another affinity."""
    number = int(value)
    if isinstance(value, float) and number != value:
        raise Misfit("a value is no integer")
    return number


def _float(value: Present) -> bytes:
    return float_text(float(value)).encode()


def _text(value: Present) -> bytes:
    return bytes(own_text(value))


def _hashed(value: Present) -> bytes:
    return hash_text(own_text(value))


def _timestamp(value: Present) -> bytes:
    """Spell a moment with six digits; what has another shape (`infinity`, a year before Christ) is spelled already."""
    text = bytes(own_text(value))
    match = _MOMENT.fullmatch(text) if len(text) != _CANONICAL_LENGTH or text[_MIDDLE] != _SPACE else None
    return b"%s %s.%s" % (match[1], match[2], _six_digits(match[3])) if match else text


def _time(value: Present) -> bytes:
    text = bytes(own_text(value))
    match = _TIME.fullmatch(text)
    return b"%s.%s" % (match[1], _six_digits(match[2])) if match else text


def _six_digits(fraction: bytes | None) -> bytes:
    return (fraction or b"").ljust(6, b"0")
