"""Values of a column that has no one type, as SQLite may hold them: whole numbers, doubles, texts and bytes.

Such a value crosses as a text that begins with the letter of its class. People read and write it as
JSON has it: a number without or with a point, a text, and bytes as `{"bytes": "00ff"}`.
"""

from __future__ import annotations

from enum import StrEnum

from domain.catalog.types import Opaque


class StorageClass(StrEnum):
    """SQLite's storage classes of values other than NULL, by the letter that a value of theirs begins with."""

    INTEGER = "i"
    REAL = "r"
    TEXT = "t"
    BLOB = "b"


MIXED = Opaque("values of several storage classes")
"""What such a column holds."""

WrittenValue = int | float | str | dict[str, str] | None

_BYTES = "bytes"
_WHOLE_END = 2**63


def as_written(text: str | None) -> WrittenValue:
    """Return a value that crosses as people read it."""
    if text is None:
        return None
    letter, value = text[:1], text[1:]
    match letter:
        case StorageClass.INTEGER:
            return int(value)
        case StorageClass.REAL:
            return float.fromhex(value)
        case StorageClass.BLOB:
            return {_BYTES: value.lower()}
        case _:
            return value


def as_carried(written: object) -> str | None:
    """Return a value that people have written as it crosses.

    Raises:
        ValueError: it is true, false, a list, a whole number beyond 64 bits, or bytes that are no digits.
    """
    match written:
        case None:
            return None
        case bool():
            raise ValueError("SQLite holds no truth values")
        case int() if -_WHOLE_END <= written < _WHOLE_END:
            return f"{StorageClass.INTEGER}{written}"
        case float():
            return f"{StorageClass.REAL}{written.hex()}"
        case str():
            return f"{StorageClass.TEXT}{written}"
        case {"bytes": str(digits)}:
            return f"{StorageClass.BLOB}{bytes.fromhex(digits).hex()}"
        case _:
            raise ValueError("no whole number of 64 bits, no double, no text and no bytes")
