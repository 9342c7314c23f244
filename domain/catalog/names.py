"""Finding tables and columns by the names people write, and helping when they miss."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from domain.catalog.model import TableName, View

_NEAR_MAX = 3
_WORD = re.compile(r"`((?:[^`]|``)+)`|\"((?:[^\"]|\"\")+)\"|\[([^\]]+)\]|(\w+)")


def matches(name: TableName, patterns: Iterable[str]) -> bool:
    """Tell whether a table's name, with or without its schema, fits one of the shell patterns."""
    return any(fnmatchcase(name.name, pattern) or fnmatchcase(str(name), pattern) for pattern in patterns)


def near(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean ...?)` with the known names that look like this one, or nothing."""
    by_folded = {item.casefold(): item for item in known}
    found = get_close_matches(name.casefold(), by_folded, n=_NEAR_MAX, cutoff=0.6)
    if not found:
        return ""
    return f" (did you mean {' or '.join(by_folded[item] for item in found)}?)"


def mentions(sql: str, names: Iterable[str]) -> str | None:
    """Return the first of the names that occurs as a word in a piece of SQL.

    Deliberately broad: a word in a string or comment counts too, since what it decides is to leave
    an expression out and to say so, rather than to build one that means something else.
    """
    for name in names:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE):
            return name
    return None


def in_order(views: Iterable[View]) -> tuple[View, ...]:
    """Order views so that each comes after those it names; views that name each other keep their order."""
    left = list(views)
    names = {view.name.name.casefold() for view in left}
    needs = {view.name: (_words(view.definition) & names) - {view.name.name.casefold()} for view in left}
    ordered: list[View] = []
    while left:
        waiting = {view.name.name.casefold() for view in left}
        ready = [view for view in left if not needs[view.name] & waiting] or left[:1]
        ordered.extend(ready)
        left = [view for view in left if view not in ready]
    return tuple(ordered)


def _words(sql: str) -> set[str]:
    """Return the names in a piece of SQL, quoted or not, without regard to case."""
    return {_named(*match.groups(default="")).casefold() for match in _WORD.finditer(sql)}


def _named(ticked: str, quoted: str, bracketed: str, bare: str) -> str:
    return ticked.replace("``", "`") or quoted.replace('""', '"') or bracketed or bare
