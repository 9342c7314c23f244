"""Defaults that take the next number of a sequence, in the words of every engine that has sequences."""

from __future__ import annotations

import re

from domain.catalog.model import Sequence, TableName

_NAME = r'(?:"(?:[^"]|"")+"|`(?:[^`]|``)+`|[\w$]+)'
_NEXT_VALUE = re.compile(
    rf"\(?nextval\('?(?:(?P<schema>{_NAME})\.)?(?P<name>{_NAME})'?(?:::(?:regclass|text))*\)\)?", re.IGNORECASE
)


def sequence_of(default: str | None) -> TableName | None:
    """Return the sequence whose next number a default is, with its schema if it is named, or nothing."""
    match = _NEXT_VALUE.fullmatch((default or "").strip())
    if match is None:
        return None
    return TableName(_plain(match["name"]), _plain(match["schema"] or ""))


def next_value_of(name: str) -> str:
    """Return the default that takes the next number of a sequence, as `sequence_of` understands it."""
    quoted = name.replace('"', '""').replace("'", "''")
    return f"nextval('\"{quoted}\"')"


def bounds(sequence: Sequence, lowest: int, highest: int) -> tuple[int, int]:
    """Return a sequence's lowest and highest number, within those of an engine: the usual ones if none are set."""
    least, most = (min(1, sequence.next_value), highest) if sequence.increment > 0 else (lowest, -1)
    least = least if sequence.minimum is None else max(sequence.minimum, lowest)
    most = max(most, sequence.next_value) if sequence.maximum is None else sequence.maximum
    return least, min(most, highest)


def standing(sequence: Sequence, lowest: int, highest: int) -> tuple[int, bool]:
    """Return where a sequence stands between its bounds, and whether it has given that number already.

    One that has come to its end gives nothing more, or begins anew if it cycles.
    """
    value = min(max(sequence.next_value, lowest), highest)
    if value == sequence.next_value:
        return value, False
    return (lowest if sequence.increment > 0 else highest, False) if sequence.cycle else (value, True)


def _plain(name: str) -> str:
    if name[:1] in ('"', "`"):
        return name[1:-1].replace(name[0] * 2, name[0]).replace("''", "'")
    return name
