"""The digest of a table, from its stored values, independently of the way a reader copies them."""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Callable, Sequence
from itertools import compress
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, Decimal, LogicalType, Time, Timestamp, carrier
from domain.kernel.errors import SchemaDrift
from domain.kernel.values import Rows
from domain.migrations.canonical import (
    NAN_TEXT,
    PLAIN_NULL,
    SIZED_NULL,
    DigestSum,
    Frame,
    frame,
    hash_text,
    inline_max,
)
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import Treatment
from infra.connectors.late import compute as pc
from infra.connectors.row_sums import LETTERS, links
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite import misfit, values
from infra.connectors.sqlite.driver import driver_errors, handle_of
from infra.connectors.sqlite.mixed import selected
from infra.connectors.sqlite.shapes import digest_shapes
from infra.connectors.sqlite.values import Misfit, Present, Stored, own_text

if TYPE_CHECKING:
    from infra.connectors.native._native import Shape, SqliteHandle

_ROWS = 5_000
"""Rows taken at once, fewer if they are large."""

_BYTES_MAX = 16 * 1024 * 1024

_CLOCK = rb"(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?"
_MOMENT = re.compile(rb"(\d{4}-\d\d-\d\d)[ T]" + _CLOCK + rb"(?:Z|\+00:00)?")
_TIME = re.compile(_CLOCK)

_SECONDS = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"
_CANONICAL = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$"

Spelled = Sequence[bytes | bytearray | str | float | None]
Speller = Callable[[Sequence[Stored]], Spelled]
"""Gives the canonical texts of a column's stored values; bytes as they are."""

_COMMA, _COLON, _NOTHING = (pa.scalar(text, pa.large_binary()) for text in (b",", b":", b""))
_NULL = f"{PLAIN_NULL},".encode()


def digest_table(
    connection: sqlite3.Connection,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
    by: RowHash = RowHash.MD5,
) -> Digest:
    """Compute the digest of what treatments leave of a table; without columns only count its rows.

    Without the C helper, or with treatments, it is computed by MD5, whatever else is wished.

    Raises:
        SchemaDrift: a value is not of its column's type.
    """
    name = quoted(table.name)
    if not columns and not treatments:
        return Digest(Rows(int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])), 0)
    shapes, handle = digest_shapes(column.type for column in columns), handle_of(connection)
    try:
        if handle and shapes and not treatments:
            return _digested_natively(handle, name, columns, shapes, by)
        return _digested(connection, name, columns, treatments)
    except (Misfit, ValueError, OverflowError) as error:
        raise SchemaDrift(f"Table {table} holds a value that is not of its column's type: {error}.") from error


def _digested_natively(
    handle: SqliteHandle, name: str, columns: tuple[DigestColumn, ...], shapes: Sequence[Shape], by: RowHash
) -> Digest:
    """Compute a digest by the C helper, which asks here how to spell what is of no usual kind."""
    from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

    spellers = [speller(column.type) for column in columns]

    def spelled(place: int, value: Present) -> bytes:
        (text,) = spellers[place]([value])
        return text.encode() if isinstance(text, str) else bytes(text)  # type: ignore[arg-type]  # it is no NULL

    names = ", ".join(selected(f"{name}.{quoted(column.name)}", column.type) for column in columns)
    sql, chain = f"SELECT {names} FROM {name}", links(column.type for column in columns)
    with driver_errors():
        rows, total = _native.sqlite_digest(handle, sql, (), shapes, LETTERS[by], spelled, chain)
    return Digest(Rows(rows), total, by)


def _digested(
    connection: sqlite3.Connection, name: str, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...]
) -> Digest:
    looked_at = {column.name: column.type for column in columns} | {each.on.column: each.on.type for each in treatments}
    names = ", ".join(selected(f"{name}.{quoted(column)}", type_) for column, type_ in looked_at.items())
    large = values.large_places(list(looked_at.values()))
    spellers = [speller(column.type) for column in columns]
    cursor = connection.execute(f"SELECT {names} FROM {name}")
    total = DigestSum()
    try:
        while found := values.fetch_columns(cursor, _ROWS, _BYTES_MAX, large):
            stored = _left(dict(zip(looked_at, found, strict=True)), columns, treatments)
            if not columns:
                total.count(len(stored[0]))
                continue
            frames = [
                framed(column.type, spell(values_))
                for column, spell, values_ in zip(columns, spellers, stored, strict=True)
            ]
            total.add(pc.binary_join_element_wise(*frames, _NOTHING).to_pylist())
    finally:
        cursor.close()
    return total.result()


def _left(
    found: dict[str, Sequence[Stored]], columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...]
) -> list[Sequence[Stored]]:
    """Return the values of the columns, as treatments leave them; of any column where none is asked for."""
    mask = misfit.kept(treatments, found)
    names = [column.name for column in columns] or list(found)[:1]
    kept = {name: found[name] if mask is None else list(compress(found[name], mask)) for name in names}
    return [misfit.treated(name, kept[name], treatments) for name in names]


def framed(type_: LogicalType, texts: Spelled) -> pa.Array:
    """Return what a column's values add to the texts of their rows (`domain.migrations.canonical.Frame`)."""
    spelled = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_binary())
    match frame(type_):
        case Frame.PLAIN:
            return pc.binary_join_element_wise(_escaped(spelled), _NOTHING, _COMMA).fill_null(_NULL)
        case Frame.HASHED:
            hashes = pa.array(
                [None if value is None else hash_text(value) for value in spelled.to_pylist()], pa.large_binary()
            )
            return pc.binary_join_element_wise(hashes, _NOTHING, _COMMA).fill_null(_NULL)
        case Frame.SIZED:
            lengths = pc.binary_length(spelled).cast(pa.large_string()).cast(pa.large_binary())
            sized = pc.binary_join_element_wise(lengths, _inlined(type_, spelled), _COLON)
            return sized.fill_null(SIZED_NULL.encode())


def _escaped(texts: pa.Array) -> pa.Array:
    """Take the commas out of plain texts: `canonical.escaped` for a column."""
    if not pc.any(pc.match_substring_regex(texts, "[~,]")).as_py():
        return texts
    return pc.replace_substring(pc.replace_substring(texts, "~", "~0"), ",", "~1")


def _inlined(type_: LogicalType, values: pa.Array) -> pa.Array:
    """Return values as they stand after their length: binary ones as hex digits, long ones as their MD5."""
    most, is_bytes = inline_max(type_), carrier(type_) is Carrier.BYTES
    if not is_bytes and (pc.max(pc.binary_length(values)).as_py() or 0) <= most:
        return values

    def inlined(value: bytes) -> bytes:
        if len(value) > most:
            return hash_text(value)
        return value.hex().encode() if is_bytes else value

    return pa.array([None if value is None else inlined(value) for value in values.to_pylist()], pa.large_binary())


def speller(type_: LogicalType) -> Speller:
    """Return the function that spells a column of a type."""
    match carrier(type_):
        case Carrier.FLOAT64:
            return _floats
        case Carrier.INT64 | Carrier.BOOL:
            return _integers
        case _:
            return _text_speller(type_)


def _text_speller(type_: LogicalType) -> Speller:
    match type_:
        case Decimal():
            return lambda column: values.decimals(type_, column)
        case Timestamp():
            return _timestamps
        case Time(zoned=False):
            return lambda column: _each(column, _time)
        case _:
            return _texts


def _each(column: Sequence[Stored], spell: Callable[[Present], bytes | bytearray]) -> Spelled:
    return [None if value is None else spell(value) for value in column]


def _integers(column: Sequence[Stored]) -> Spelled:
    return [None if value is None else b"%d" % (value if isinstance(value, int) else _whole(value)) for value in column]


def _whole(value: float | bytes | bytearray) -> int:
    """Take a whole number that stands in a column of another affinity."""
    if isinstance(value, float) and not value.is_integer():
        raise Misfit("a value is no integer")
    return int(value)


def _floats(column: Sequence[Stored]) -> Spelled:
    """Spell doubles by the hex digits of their bytes, highest first; `or` makes one zero of two."""
    numbers = [float(value or 0.0) for value in column]
    digits = struct.pack(f">{len(numbers)}d", *numbers).hex()
    spelled: list[str | None] = [digits[start : start + 16] for start in range(0, len(digits), 16)]
    for place, (value, number) in enumerate(zip(column, numbers, strict=True)):
        if value is None:
            spelled[place] = None
        elif number != number:  # noqa: PLR0124 - the definition of NaN
            spelled[place] = NAN_TEXT
    return spelled


def _texts(column: Sequence[Stored]) -> Spelled:
    return [own_text(value) if isinstance(value, int | float) else value for value in column]


def _timestamps(column: Sequence[Stored]) -> Spelled:
    """Spell moments: together if all have the same usual shape, or else one by one."""
    if values.kinds(column) == {bytearray}:
        texts = pa.array(column, pa.large_binary())
        if pc.all(pc.match_substring_regex(texts, _CANONICAL)).as_py():
            return column
        if pc.all(pc.match_substring_regex(texts, _SECONDS)).as_py():
            zeros, nothing = (pa.scalar(text, pa.large_binary()) for text in (b".000000", b""))
            spelled: Spelled = pc.binary_join_element_wise(texts, zeros, nothing)
            return spelled
    return _each(column, _timestamp)


def _timestamp(value: Present) -> bytes | bytearray:
    """Spell a moment with six digits; what has another shape (`infinity`, a year before Christ) is spelled already."""
    text = own_text(value)
    match = _MOMENT.fullmatch(text)
    return b"%s %s.%s" % (match[1], match[2], (match[3] or b"").ljust(6, b"0")) if match else text


def _time(value: Present) -> bytes | bytearray:
    text = own_text(value)
    match = _TIME.fullmatch(text)
    return b"%s.%s" % (match[1], (match[2] or b"").ljust(6, b"0")) if match else text
