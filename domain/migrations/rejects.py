"""Rows that were left out: kept whole, with the reason, until they can be loaded after all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from domain.catalog.types import Carrier, LogicalType, carrier
from domain.kernel.errors import ValidationFailed
from domain.migrations.limits import Value

REJECTS_AT_ONCE = 1_000
"""How many rejected rows are taken out of a ledger at once."""

REFUSED_FROM = 1_000_000_000
"""The numbers within a chunk of rows that the target refused begin here, behind those of all other rejected rows."""

Place = tuple[int, int, int]
"""Which rejected row of a run it is: the numbers of its table, of its chunk, and its own within the chunk."""


@dataclass(frozen=True)
class RejectedRow:
    """A row that was left out. `values` are the source's, as texts (`text_of`), in the copy's column order."""

    table_number: int
    chunk_number: int
    number: int
    column: str
    """The source column whose value has no place; empty if the target refused the row as a whole."""
    reason: str
    values: tuple[str | None, ...]

    @property
    def place(self) -> Place:
        """Which one of its run it is."""
        return (self.table_number, self.chunk_number, self.number)


class RejectBook(Protocol):
    """Where a run's rejected rows are kept once its chunks are in the target."""

    async def keep(self, rows: tuple[RejectedRow, ...]) -> None:
        """Keep some rows; kept twice, they are there once."""
        ...

    async def close(self) -> None:
        """All rows have been given; from now on they must not be lost."""
        ...


def text_of(value: Value) -> str | None:
    """Return a value that crosses as a text that people can read and mend: bytes as hex digits, numbers as digits."""
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case bytes():
            return value.hex()
        case float():
            return repr(value)
        case _:
            return str(value)


def value_of(type_: LogicalType, text: str | None) -> Value:
    """Return the value that crosses for a text of `text_of`, mended by somebody or not.

    Raises:
        ValueError: the text is no value of the type.
    """
    if text is None:
        return None
    match carrier(type_):
        case Carrier.INT64 | Carrier.UINT64:
            return int(text)
        case Carrier.FLOAT64:
            return float(text)
        case Carrier.BOOL:
            return bool(("0", "1").index(text))
        case Carrier.BYTES:
            return bytes.fromhex(text)
        case Carrier.TEXT:
            return text


def values_to_json(values: tuple[str | None, ...]) -> str:
    """Return the values of a row as one line of ASCII, which every database and file keeps as it is."""
    return json.dumps(values, ensure_ascii=True, separators=(",", ":"))


def values_from_json(text: str) -> tuple[str | None, ...]:
    """Return the values that `values_to_json` was given.

    Raises:
        ValidationFailed: they were not made by it.
    """
    values = json.loads(text)
    if not isinstance(values, list) or not all(value is None or isinstance(value, str) for value in values):
        raise ValidationFailed("a rejected row is not stored as rows are")
    return tuple(values)
