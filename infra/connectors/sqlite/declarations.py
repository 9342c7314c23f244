"""What only the text of a CREATE statement tells: checks, computed columns, names, index expressions.

SQLite keeps each object's statement as it was written and its PRAGMAs leave these parts out, so
the text is cut into tokens and the parts are found by their keywords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      (?P<space>\s+ | --[^\n]* | /\*.*?(?:\*/|\Z))
    | (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\])
    | (?P<string>'(?:[^']|'')*')
    | (?P<word>[^\W\d][\w$]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


@dataclass(frozen=True)
class _Token:
    """A piece of a statement; `word` is it in capitals if it is a bare word or a sign."""

    word: str
    text: str
    start: int
    end: int


@dataclass
class TableDeclaration:
    """What the text of a CREATE TABLE adds to the PRAGMAs. Names are empty where none is given."""

    autoincrement: bool = False
    checks: list[tuple[str, str]] = field(default_factory=list)
    """Name and expression of every CHECK, in order."""
    generated: dict[str, str] = field(default_factory=dict)
    """Expression of every computed column, by the column's name in lower case."""
    foreign_keys: list[str] = field(default_factory=list)
    """Names of the foreign keys, in the order of the text."""
    primary_key: str = ""


def parse_table(sql: str) -> TableDeclaration:
    """Read a CREATE TABLE statement."""
    tokens = _tokens(sql)
    found = TableDeclaration()
    opening = next((number for number, token in enumerate(tokens) if token.word == "("), None)
    if opening is None:
        return found
    for definition in _split(tokens[opening + 1 : _closing(tokens, opening)]):
        _read_definition(sql, definition, found)
    return found


def _read_definition(sql: str, tokens: Sequence[_Token], found: TableDeclaration) -> None:
    """Read one column or table constraint."""
    if not tokens:
        return
    column = "" if tokens[0].word in _TABLE_CONSTRAINTS else unquoted(tokens[0].text)
    position, name = (1 if column else 0), ""
    while position < len(tokens):
        token = tokens[position]
        group = _group(tokens, position + 1)
        if token.word == "(":
            position = _closing(tokens, position)
        elif token.word == "CONSTRAINT" and position + 1 < len(tokens):
            position += 1
            name = unquoted(tokens[position].text)
        elif token.word == "CHECK" and group:
            found.checks.append((name, _text(sql, group)))
            name = ""
        elif token.word == "AS" and column and group:
            found.generated[column.lower()] = _text(sql, group)
            name = ""
        elif token.word == "REFERENCES":
            found.foreign_keys.append(name)
            name = ""
        elif token.word == "PRIMARY":
            found.primary_key, name = name, ""
        elif token.word == "AUTOINCREMENT":
            found.autoincrement = True
        position += 1


@dataclass(frozen=True)
class IndexDeclaration:
    """What the text of a CREATE INDEX adds: the text of each part, and the predicate of a partial index."""

    parts: tuple[str, ...]
    predicate: str


def parse_index(sql: str) -> IndexDeclaration:
    """Read a CREATE INDEX statement."""
    tokens = _tokens(sql)
    opening = next(number for number, token in enumerate(tokens) if token.word == "(")
    closing = _closing(tokens, opening)
    parts = tuple(_expression(sql, part) for part in _split(tokens[opening + 1 : closing]))
    rest = tokens[closing + 1 :]
    predicate = sql[rest[0].end :].strip() if rest and rest[0].word == "WHERE" else ""
    return IndexDeclaration(parts, predicate)


def _expression(sql: str, tokens: Sequence[_Token]) -> str:
    """Return an index part without its direction and collation."""
    kept = list(tokens)
    if kept and kept[-1].word in ("ASC", "DESC"):
        kept.pop()
    if len(kept) > 2 and kept[-2].word == "COLLATE":  # noqa: PLR2004 - an expression, COLLATE and its name
        kept = kept[:-2]
    return _text(sql, kept)


def parse_view(sql: str) -> str:
    """Return the query of a CREATE VIEW statement, which gives its columns the view's own names."""
    tokens = _tokens(sql)
    body = next(number for number, token in enumerate(tokens) if token.word == "AS")
    query = sql[tokens[body].end :].strip().rstrip(";").rstrip()
    opening = next((number for number, token in enumerate(tokens[:body]) if token.word == "("), None)
    if opening is None:
        return query
    names = _text(sql, tokens[opening + 1 : _closing(tokens, opening)])
    return f"WITH named({names}) AS ({query}) SELECT * FROM named"


def unquoted(text: str) -> str:
    """Return the name that an identifier token spells."""
    if text[0] in "\"`'":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text[0] == "[" else text


def _tokens(sql: str) -> list[_Token]:
    return [
        _Token(
            "" if match.lastgroup in ("quoted", "string") else match[0].upper(), match[0], match.start(), match.end()
        )
        for match in _TOKEN.finditer(sql)
        if match.lastgroup != "space"
    ]


def _closing(tokens: Sequence[_Token], opening: int) -> int:
    """Return the position of the parenthesis that closes the one at `opening`, or the end."""
    depth = 0
    for position in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[position].word, 0)
        if depth == 0:
            return position
    return len(tokens)


def _group(tokens: Sequence[_Token], opening: int) -> Sequence[_Token]:
    """Return what stands in the parentheses that open at `opening`, nothing if none do."""
    if opening >= len(tokens) or tokens[opening].word != "(":
        return ()
    return tokens[opening + 1 : _closing(tokens, opening)]


def _split(tokens: Sequence[_Token]) -> Iterator[Sequence[_Token]]:
    """Cut at the commas that stand in no parentheses."""
    depth = start = 0
    for position, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.word, 0)
        if token.word == "," and depth == 0:
            yield tokens[start:position]
            start = position + 1
    yield tokens[start:]


def _text(sql: str, tokens: Sequence[_Token]) -> str:
    return sql[tokens[0].start : tokens[-1].end] if tokens else ""
