"""What a schema statement makes, read off its text, so that it can be dropped again.

The statements are our own or come from a catalogue, so they have the usual forms. A statement in a
conditional block (`DO ... THEN CREATE ...`) counts like one that stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.migrations.schema_plan import ObjectKind, Step
from infra.connectors.sql.text import Token, group_of, split, text_of, tokenize

_MODIFIERS = frozenset({"OR", "REPLACE", "UNIQUE", "FULLTEXT", "SPATIAL", "TEMPORARY", "CONSTRAINT", "RECURSIVE"})
_VIEW_MANNERS = frozenset({"ALGORITHM", "SQL"})
_IF_NOT_EXISTS = ("IF", "NOT", "EXISTS")
_BEGINNINGS = frozenset({";", "THEN", "BEGIN"})
_ROUTINES = frozenset({"FUNCTION", "PROCEDURE", "AGGREGATE"})
_ON_TABLES = frozenset({"INDEX", "TRIGGER", "RULE", "POLICY"})
_INDEX_WORDS = frozenset({"INDEX", "KEY"})


@dataclass(frozen=True)
class Made:
    """Something that a statement makes: its kind as DROP names it, its name and its table as the statement spells them.

    `kind` is CONSTRAINT, FOREIGN KEY, PRIMARY KEY, INDEX or INHERIT (with the parent's name) for what ALTER TABLE adds;
    `altered` tells it did.
    `arguments` are a routine's, in their parentheses, by which PostgreSQL tells those of one name apart.
    """

    kind: str
    name: str
    table: str = ""
    altered: bool = False
    arguments: str = ""


def made_by(step: Step) -> tuple[Made, ...]:
    """Return what a step makes, in order; nothing if it only changes what is there."""
    tokens = tokenize(step.sql)
    starts = [place for place in range(len(tokens)) if _begins(tokens, place)]
    if step.object.kind is ObjectKind.ROUTINE:
        starts = starts[:1]  # its body may make things as well, but not now
    return tuple(made for place in starts for made in _read(step.sql, tokens[place:]))


def _begins(tokens: Sequence[Token], place: int) -> bool:
    before = tokens[place - 1].word if place else ";"
    return tokens[place].word in ("CREATE", "ALTER") and before in _BEGINNINGS


def _read(sql: str, tokens: Sequence[Token]) -> Iterator[Made]:
    words = _Words(sql, tokens)
    if words.take("ALTER", "TABLE"):
        table = words.name()
        for clause in split(words.left):
            added = _added(_Words(sql, clause), table)
            if added is not None:
                yield added
        return
    if words.take("ALTER"):
        return  # a sequence gets an owner, with which it goes
    words.take("CREATE")
    while words.next in _MODIFIERS:
        words.skip()
    if words.next in _VIEW_MANNERS:
        words.skip_to("VIEW")
        yield Made("VIEW", words.name())
        return
    kind = "FUNCTION" if words.take("AGGREGATE", "FUNCTION") else words.skip()
    if kind == "MATERIALIZED":
        kind = f"{kind} {words.skip()}"
    words.take(*_IF_NOT_EXISTS)
    name = words.name()
    if kind in _ROUTINES:
        yield Made(kind, name, arguments=f"({words.group()})")
        return
    table = ""
    if kind in _ON_TABLES:
        words.skip_to("TO" if kind == "RULE" else "ON")
        words.take("ONLY")
        table = words.name()
    yield Made(kind, name, table)


def _added(words: _Words, table: str) -> Made | None:
    """Read what a clause of ALTER TABLE adds."""
    if words.take("INHERIT"):
        return Made("INHERIT", words.name(), table, altered=True)
    if not words.take("ADD"):
        return None
    name = words.name() if words.take("CONSTRAINT") else ""
    while words.next in _MODIFIERS:
        words.skip()
    if words.take("PRIMARY", "KEY"):
        return Made("CONSTRAINT" if name else "PRIMARY KEY", name, table, altered=True)
    if words.take("FOREIGN", "KEY"):
        return Made("FOREIGN KEY", name, table, altered=True)
    if words.next in _INDEX_WORDS and not name:
        words.skip()
        return Made("INDEX", words.name(), table, altered=True)
    return Made("CONSTRAINT", name, table, altered=True) if name else None


class _Words:
    """A statement read from left to right."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
        self._place = 0

    @property
    def next(self) -> str:
        """The next word in capitals; empty for a quoted name and at the end."""
        return self._tokens[self._place].word if self._place < len(self._tokens) else ""

    @property
    def left(self) -> Sequence[Token]:
        """The tokens that are left."""
        return self._tokens[self._place :]

    def take(self, *words: str) -> bool:
        """Go past some words if they come next."""
        ahead = tuple(token.word for token in self._tokens[self._place : self._place + len(words)])
        if ahead == words:
            self._place += len(words)
        return ahead == words

    def skip(self) -> str:
        """Go past a word and return it."""
        word = self.next
        self._place += 1
        return word

    def skip_to(self, word: str) -> None:
        """Go past the next occurrence of a word, if there is one."""
        while self._place < len(self._tokens) and not self.take(word):
            self._place += 1

    def name(self) -> str:
        """Go past a name, with or without the schema, and return it as it is spelled."""
        first = self._place
        self._place += 1
        while self.next == ".":
            self._place += 2
        return text_of(self._sql, self._tokens[first : self._place])

    def group(self) -> str:
        """Return what stands in the parentheses that come next, without defaults of arguments."""
        parts = [list(_without_default(part)) for part in split(group_of(self._tokens, self._place))]
        return ", ".join(text_of(self._sql, part) for part in parts if part)


def _without_default(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.word in ("DEFAULT", "="):
            return
        yield token
