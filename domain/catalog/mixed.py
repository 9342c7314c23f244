"""Values of a column that has no one type, as SQLite may hold them: whole numbers, doubles, texts and bytes.

Such a value crosses as a text that begins with the letter of its class. People read and write it as
JSON has it: a number without or with a point, a text, and bytes as `{"bytes": "00ff"}`.
"""

from __future__ import annotations

from domain.catalog.types import Opaque

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
        case "i":
            return int(value)
        case "r":
            return float.fromhex(value)
        case "b":
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
            return f"i{written}"
        case float():
            return f"r{written.hex()}"
        case str():
            return f"t{written}"
        case {"bytes": str(digits)}:
            return f"b{bytes.fromhex(digits).hex()}"
        case _:
            raise ValueError("no whole number of 64 bits, no double, no text and no bytes")
