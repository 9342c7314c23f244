"""The digest of a table, from its stored values, independently of the way a reader copies them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, Decimal, LogicalType, Time, Timestamp, carrier
from domain.kernel.errors import SchemaDrift
from domain.migrations.transfer import Digest, DigestColumn
from infra.connectors.canonical import DigestSum, float_text, hash_text, is_hashed
from infra.connectors.sqlite.session import quoted
from infra.connectors.sqlite.values import Misfit, Present, Stored, decimal_text, own_text

_ROWS = 2_000
"""Rows taken at once."""

_MARK = re.compile(rb"(?:Z|\+00:00)\Z")
_SECONDS_LENGTH = len("2000-01-01 00:00:00")
_MICROSECONDS_LENGTH = len("2000-01-01 00:00:00.000000")
_CLOCK_OFFSET = len("2000-01-01 ")

Speller = Callable[[Present], bytes]
"""Gives the canonical text of a stored value, or its MD5 where values may be large."""


def digest_table(connection: sqlite3.Connection, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
    """Compute a table's digest.

    Raises:
        SchemaDrift: a value is not of its column's type.
    """
    name = quoted(table.name)
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
    text = bytes(own_text(value))
    if len(text) == _MICROSECONDS_LENGTH and text[10:11] == b" " and text[-1:] != b"Z":
        return text
    text = _MARK.sub(b"", text)
    return text[:10] + b" " + _six_digits(text[11:])


def _time(value: Present) -> bytes:
    return _six_digits(bytes(own_text(value)))


def _six_digits(clock: bytes) -> bytes:
    """Fill the fraction of a second up to six digits."""
    if len(clock) == _SECONDS_LENGTH - _CLOCK_OFFSET:
        clock += b"."
    return clock.ljust(_MICROSECONDS_LENGTH - _CLOCK_OFFSET, b"0")
