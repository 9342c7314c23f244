"""Reading and writing pieces of SQL text, for the engines that quote as the standard does.

Catalogues leave out parts of what a CREATE statement said, so its text is cut into tokens and
the parts are found by their keywords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.catalog.model import ForeignKey

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


@dataclass(frozen=True)
class Token:
    """A piece of a statement; `word` is it in capitals if it is a bare word or a sign."""

    word: str
    text: str
    start: int
    end: int


def quoted(identifier: str) -> str:
    """Quote an identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def orphans_query(child: str, parent: str, key: ForeignKey) -> str:
    """Return the query that counts rows whose reference finds no row; the tables are given quoted."""
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    match = " AND ".join(f"parent.{quoted(there)} = child.{quoted(here)}" for here, there in pairs)
    given = " AND ".join(f"child.{quoted(column)} IS NOT NULL" for column in key.columns)
    return (
        f"SELECT count(*) FROM {child} AS child WHERE {given}"
        f" AND NOT EXISTS (SELECT 1 FROM {parent} AS parent WHERE {match})"
    )


def unquoted(text: str) -> str:
    """Return the name that an identifier token spells."""
    if text[0] in "\"`'":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text[0] == "[" else text


@dataclass(frozen=True)
class IndexDeclaration:
    """What the text of a CREATE INDEX adds: the text of each part, and the predicate of a partial index."""

    parts: tuple[str, ...]
    predicate: str


def parse_index(sql: str) -> IndexDeclaration:
    """Read a CREATE INDEX statement."""
    tokens = tokenize(sql)
    opening = next(number for number, token in enumerate(tokens) if token.word == "(")
    end = closing(tokens, opening)
    parts = tuple(_expression(sql, part) for part in split(tokens[opening + 1 : end]))
    rest = tokens[end + 1 :]
    predicate = sql[rest[0].end :].strip() if rest and rest[0].word == "WHERE" else ""
    return IndexDeclaration(parts, predicate)


def _expression(sql: str, tokens: Sequence[Token]) -> str:
    """Return an index part without its direction, its collation and the parentheses around it."""
    kept = list(tokens)
    if kept and kept[-1].word in ("ASC", "DESC"):
        kept.pop()
    if len(kept) > 2 and kept[-2].word == "COLLATE":  # noqa: PLR2004 - an expression, COLLATE and its name
        kept = kept[:-2]
    return bare(text_of(sql, kept))


def bare(expression: str) -> str:
    """Drop the parentheses around a whole expression."""
    tokens = tokenize(expression)
    while len(tokens) > 1 and tokens[0].word == "(" and closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return text_of(expression, tokens)


def is_balanced(expression: str) -> bool:
    """Whether every parenthesis closes one that was opened before, and none stays open."""
    depth = 0
    for token in tokenize(expression):
        depth += {"(": 1, ")": -1}.get(token.word, 0)
        if depth < 0:
            return False
    return depth == 0


def tokenize(sql: str) -> list[Token]:
    """Cut a statement into tokens, without spaces and comments."""
    return [
        Token("" if match.lastgroup in ("quoted", "string") else match[0].upper(), match[0], match.start(), match.end())
        for match in _TOKEN.finditer(sql)
        if match.lastgroup != "space"
    ]


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Return the position of the parenthesis that closes the one at `opening`, or the end."""
    depth = 0
    for position in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[position].word, 0)
        if depth == 0:
            return position
    return len(tokens)


def group_of(tokens: Sequence[Token], opening: int) -> Sequence[Token]:
    """Return what stands in the parentheses that open at `opening`, nothing if none do."""
    if opening >= len(tokens) or tokens[opening].word != "(":
        return ()
    return tokens[opening + 1 : closing(tokens, opening)]


def split(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Cut at the commas that stand in no parentheses."""
    depth = start = 0
    for position, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.word, 0)
        if token.word == "," and depth == 0:
            yield tokens[start:position]
            start = position + 1
    yield tokens[start:]


def text_of(sql: str, tokens: Sequence[Token]) -> str:
    """Return the text from the first to the last of some tokens."""
    return sql[tokens[0].start : tokens[-1].end] if tokens else ""
