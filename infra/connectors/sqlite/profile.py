"""What the columns of a table really hold: one scan that decides their logical types.

In SQLite the storage class of each value decides, not the declared word: any column may hold
anything. So the word only proposes types (`types.candidates`), and every value has a say.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa

from domain.catalog.mixed import MIXED
from domain.catalog.types import (
    Binary,
    Boolean,
    Decimal,
    Float,
    Integer,
    Json,
    LogicalType,
    Text,
    Time,
    Timestamp,
)
from domain.migrations import limits
from infra.connectors.late import compute as pc
from infra.connectors.sqlite import types, values
from infra.connectors.sqlite.driver import handle_of
from infra.connectors.sqlite.scan import Facts, Part, Scan
from infra.connectors.sqlite.shapes import candidate_shapes
from infra.connectors.sqlite.values import Misfit, Present, Stored

if TYPE_CHECKING:
    from infra.connectors.native._native import Shape

_SCAN_ROWS = 5_000
_SCAN_BYTES_MAX = 16 * 1024 * 1024
_CLASSES = {int: "integer", float: "real", bytearray: "text", bytes: "blob"}
_WORD_BYTES = 8

LimitKind = type[limits.Limit]
"""Limits of one class, whatever their bounds are."""


@dataclass(frozen=True)
class ColumnProfile:
    """A column's meaning as its values have it. `note` says so if they are not of one kind."""

    type: LogicalType
    nulls: int
    note: str = ""
    proven: frozenset[LimitKind] = frozenset()
    """Limits that none of its values is beyond, whatever their bounds are."""
    stored: LogicalType | None = None
    """What its values are for another SQLite file, if not of `type`."""


@dataclass(frozen=True)
class TableProfile:
    """What one scan of a table found; `size_bytes` counts eight bytes for every value, and those of texts and blobs."""

    rows: int
    size_bytes: int
    columns: dict[str, ColumnProfile]

    def proves(self, column: str, limit: limits.Limit) -> bool:
        """Whether no value of a column can be beyond a limit."""
        return column in self.columns and type(limit) in self.columns[column].proven


@dataclass
class _Evidence:
    """What is known of a column so far."""

    declared: str
    candidates: list[LogicalType]
    classes: set[type] = field(default_factory=set)
    nulls: int = 0
    size_bytes: int = 0
    length_max: int = 0
    is_utf8: bool = True
    fits_double: bool = True
    has_nul: bool = False
    has_infinite: bool = False

    def add(self, column: Sequence[Stored]) -> None:
        found = values.kinds(column)
        self.classes |= found
        self.nulls += column.count(None)
        self.candidates = [type_ for type_ in self.candidates if _belongs(type_, self.declared, column, found)]
        if bytearray in found:
            only = found == {bytearray}
            self._add_texts(column if only else [value for value in column if isinstance(value, bytearray)])
        if float in found:
            self.has_infinite |= math.inf in column or -math.inf in column
        if bytes in found:
            self.has_nul |= any(b"\0" in value for value in column if isinstance(value, bytes))
            self.size_bytes += sum(len(value) + _WORD_BYTES for value in column if isinstance(value, bytes))
        if found & {int, float}:
            self.size_bytes += _WORD_BYTES * sum(isinstance(value, int | float) for value in column)
        if int in found and self.fits_double:
            integers = pa.array([value for value in column if isinstance(value, int)], pa.int64())
            extremes = pc.min_max(integers)
            bound = values.INTEGER_EXACT_MAX
            self.fits_double = -bound <= extremes["min"].as_py() and extremes["max"].as_py() <= bound

    def take(self, facts: Facts) -> None:
        """Take over what the C helper has found in all of the column's values."""
        kinds = {int: "integers", float: "reals", bytearray: "texts", bytes: "blobs"}
        self.classes = {kind for kind, name in kinds.items() if facts[name]}
        self.candidates = list(compress(self.candidates, facts["fits"]))
        self.nulls, self.size_bytes, self.length_max = facts["nulls"], facts["size_bytes"], facts["length_max"]
        self.is_utf8, self.fits_double = facts["is_utf8"], facts["fits_double"]
        self.has_nul, self.has_infinite = facts["has_nul"], facts["has_infinite"]

    def _add_texts(self, column: Sequence[Stored]) -> None:
        raw = pa.array(column, pa.large_binary())
        self.has_nul |= any(b"\0" in value for value in column if isinstance(value, bytearray))
        self.size_bytes += pc.sum(pc.binary_length(raw)).as_py() + _WORD_BYTES * (len(raw) - raw.null_count)
        if not self.is_utf8:
            return
        try:
            texts = raw.cast(pa.large_string())
        except pa.ArrowInvalid:
            self.is_utf8 = False
            return
        if types.text_length(self.declared) is not None:
            self.length_max = max(self.length_max, pc.max(pc.utf8_length(texts)).as_py())

    def conclude(self) -> ColumnProfile:
        type_ = self._type()
        mixed = len(self.classes) > 1 and not isinstance(type_, Float | Decimal | Json)
        classes = " and ".join(sorted(_CLASSES[kind] for kind in self.classes))
        note = f"Holds {classes} values in SQLite; each is kept as its own text." if mixed else ""
        if bytearray in self.classes and not self.is_utf8:
            note = "Holds text that is not UTF-8 in SQLite."
        return ColumnProfile(type_, self.nulls, note, frozenset(self._proven()), self._stored(type_))

    def _stored(self, type_: LogicalType) -> LogicalType | None:
        """Return as what another SQLite file gets the values, where crossing by their type would respell them."""
        if len(self.classes) > 1:
            return MIXED
        if bytearray in self.classes:
            return Text() if isinstance(type_, Decimal | Time | Timestamp | Integer) else None
        if bytes in self.classes or isinstance(type_, Integer | Boolean | Float):
            return None
        return Integer(64) if self.classes == {int} else Float(64) if self.classes else None

    def _proven(self) -> Iterator[LimitKind]:
        if not self.nulls:
            yield limits.Present
        if not self.has_nul:
            yield limits.NoNul
        if self.is_utf8:
            yield limits.Utf8
        if not self.has_infinite and bytearray not in self.classes:
            yield limits.Finite

    def _type(self) -> LogicalType:
        if self.candidates:
            return self.candidates[0]
        if not self.classes:
            return types.by_affinity(self.declared)
        if self.classes == {int}:
            return Integer(64)
        if self.classes <= {int, float} and self.fits_double:
            return Float(64)
        if bytes in self.classes:
            return Binary()
        promised = types.text_length(self.declared)
        if self.classes == {bytearray} and promised is not None and self.length_max <= promised and self.is_utf8:
            return Text(promised)
        return Text()


def _belongs(type_: LogicalType, declared: str, column: Sequence[Stored], found: set[type]) -> bool:
    """Whether a column's values are all of a type."""
    if not found:
        return True
    is_for_marked = type_ == Timestamp(zoned=True) and types.declared_word(declared)[0] not in types.ZONED_WORDS
    if is_for_marked and not values.is_marked_utc(column):
        return False
    try:
        values.to_arrow(type_, column)
        if isinstance(type_, Json):
            return all(value is None or _is_json(value) for value in column)
    except Misfit:
        return False
    return True


def _is_json(value: Stored) -> bool:
    try:
        json.loads(values.own_text(value) if value is not None else b"null", parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def profile_table(
    connection: sqlite3.Connection, table: str, declared: dict[str, str], parts: Sequence[Part] = ()
) -> TableProfile:
    """Scan a table once. `table` is quoted; `declared` maps quoted column names to declared types.

    `parts` are the parts of the table that the C helper looks at side by side; without any it looks at all of it.
    """
    evidence = [_Evidence(word, list(types.candidates(word))) for word in declared.values()]
    names = ", ".join(f"{table}.{name}" for name in declared)
    sql = f"SELECT {names} FROM {table}"
    handle = handle_of(connection)
    shapes = [shapes for seen in evidence if (shapes := candidate_shapes(seen.declared, seen.candidates)) is not None]
    if handle and len(shapes) == len(evidence):
        rows = _scanned_natively(parts or [Part(connection)], sql, evidence, shapes)
    else:
        rows = _scanned(connection, sql, evidence)
    columns = {name: seen.conclude() for name, seen in zip(declared, evidence, strict=True)}
    return TableProfile(rows, sum(seen.size_bytes for seen in evidence), columns)


def _scanned(connection: sqlite3.Connection, sql: str, evidence: Sequence[_Evidence]) -> int:
    """Look at all rows, and return how many there are."""
    cursor = connection.execute(sql)
    rows = 0
    while stored := values.fetch_columns(cursor, _SCAN_ROWS, _SCAN_BYTES_MAX, range(len(evidence))):
        rows += len(stored[0])
        for seen, column in zip(evidence, stored, strict=True):
            seen.add(column)
    return rows


def _scanned_natively(
    parts: Sequence[Part], sql: str, evidence: Sequence[_Evidence], shapes: Sequence[Sequence[Shape]]
) -> int:
    """Look at all rows by the C helper, and return how many there are."""
    lengths = [types.text_length(seen.declared) is not None for seen in evidence]

    def belongs(place: int, candidate: int, value: Present) -> bool:
        seen = evidence[place]
        return _belongs(seen.candidates[candidate], seen.declared, [value], {type(value)})

    scan = Scan(sql, tuple(zip(shapes, lengths, strict=True)), belongs)
    rows, found = scan.all_parts(parts)
    for seen, facts in zip(evidence, found, strict=True):
        seen.take(facts)
    return rows
