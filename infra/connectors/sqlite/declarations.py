"""What only the text of a CREATE statement tells: checks, computed columns, names, index expressions.

SQLite keeps each object's statement as it was written and its PRAGMAs leave these parts out, so
the text is cut into tokens and the parts are found by their keywords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.connectors.sqltext import Token, closing, group_of, split, text_of, tokenize, unquoted

_TABLE_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


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
    tokens = tokenize(sql)
    found = TableDeclaration()
    opening = next((number for number, token in enumerate(tokens) if token.word == "("), None)
    if opening is None:
        return found
    for definition in split(tokens[opening + 1 : closing(tokens, opening)]):
        _read_definition(sql, definition, found)
    return found


def _read_definition(sql: str, tokens: Sequence[Token], found: TableDeclaration) -> None:
    """Read one column or table constraint."""
    if not tokens:
        return
    column = "" if tokens[0].word in _TABLE_CONSTRAINTS else unquoted(tokens[0].text)
    position, name = (1 if column else 0), ""
    while position < len(tokens):
        token = tokens[position]
        group = group_of(tokens, position + 1)
        if token.word == "(":
            position = closing(tokens, position)
        elif token.word == "CONSTRAINT" and position + 1 < len(tokens):
            position += 1
            name = unquoted(tokens[position].text)
        elif token.word == "CHECK" and group:
            found.checks.append((name, text_of(sql, group)))
            name = ""
        elif token.word == "AS" and column and group:
            found.generated[column.lower()] = text_of(sql, group)
            name = ""
        elif token.word == "REFERENCES":
            found.foreign_keys.append(name)
            name = ""
        elif token.word == "PRIMARY":
            found.primary_key, name = name, ""
        elif token.word == "AUTOINCREMENT":
            found.autoincrement = True
        position += 1


def parse_view(sql: str) -> str:
    """Return the query of a CREATE VIEW statement, which gives its columns the view's own names."""
    tokens = tokenize(sql)
    body = next(number for number, token in enumerate(tokens) if token.word == "AS")
    query = sql[tokens[body].end :].strip().rstrip(";").rstrip()
    opening = next((number for number, token in enumerate(tokens[:body]) if token.word == "("), None)
    if opening is None:
        return query
    names = text_of(sql, tokens[opening + 1 : closing(tokens, opening)])
    return f"WITH named({names}) AS ({query}) SELECT * FROM named"
