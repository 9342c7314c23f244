"""What only the text of a CREATE statement tells: checks, computed columns, names, index expressions.

SQLite keeps each object's statement as it was written and its PRAGMAs leave these parts out, so
the text is cut into tokens and the parts are found by their keywords.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infra.connectors.sql.text import Token, closing, group_of, split, text_of, tokenize, unquoted

_OPTIONS = ("STRICT", "WITHOUT ROWID")
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
    deferrals: dict[int, str] = field(default_factory=dict)
    """How long a foreign key may wait, by its place in the text, where it may."""
    collations: dict[str, str] = field(default_factory=dict)
    """Collation of every column that names one, by the column's name in lower case."""
    options: tuple[str, ...] = ()
    """`STRICT` and `WITHOUT ROWID`, where they are given."""
    conflicts: set[str] = field(default_factory=set)
    """What becomes of rows that break a constraint, in SQLite's word, where they are not just refused (`ABORT`)."""
    primary_key: str = ""


def parse_table(sql: str) -> TableDeclaration:
    """Read a CREATE TABLE statement."""
    tokens = tokenize(sql)
    found = TableDeclaration()
    opening = next((number for number, token in enumerate(tokens) if token.word == "("), None)
    if opening is None:
        return found
    end = closing(tokens, opening)
    for definition in split(tokens[opening + 1 : end]):
        _read_definition(sql, definition, found)
    words = [token.word for token in tokens[end + 1 :]]
    found.options = tuple(option for option in _OPTIONS if option.split()[0] in words)
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
        else:
            _read_manner(tokens[position : position + 4], column, found)
        position += 1


def _read_manner(tokens: Sequence[Token], column: str, found: TableDeclaration) -> None:
    """Read how a column is compared, what becomes of wrong rows, or how long the last reference may wait."""
    words = [token.word for token in tokens]
    if words[:2] == ["ON", "CONFLICT"]:
        found.conflicts.update({*words[2:3]} - {"ABORT"})
    if words[0] == "COLLATE" and column and len(words) > 1:
        found.collations[column.lower()] = unquoted(tokens[1].text)
    if words[0] == "DEFERRABLE" and found.foreign_keys:
        is_late = words[1:3] == ["INITIALLY", "DEFERRED"]
        found.deferrals[len(found.foreign_keys) - 1] = "DEFERRABLE INITIALLY DEFERRED" if is_late else "DEFERRABLE"
    if words[:2] == ["NOT", "DEFERRABLE"]:
        found.deferrals[len(found.foreign_keys) - 1] = ""


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
