"""Digests of tables, computed by the server (`domain.migrations.transfer.Digest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, Float, Json, Opaque, Text, carrier
from domain.kernel.errors import DatabaseError
from domain.kernel.values import Rows
from domain.migrations.transfer import Digest
from infra.connectors.mysql.catalogue import row_estimate
from infra.connectors.mysql.misfit import STRIP, beyond
from infra.connectors.mysql.names import literal, quoted, table_sql
from infra.connectors.mysql.select import float_bits_sql, text_sql
from infra.connectors.mysql.types import parse_native
from infra.connectors.profiling import kept_sql, treated_sql

if TYPE_CHECKING:
    from domain.catalog.model import TableName
    from domain.migrations.misfits import Treatment
    from domain.migrations.transfer import DigestColumn
    from infra.connectors.mysql.wire import BulkConnection

_HELD_ROWS_MAX = 5_000_000
"""Up to about this many row hashes the server may keep in a temporary table (about 50 bytes each).

Above, each hash is computed twice instead, which costs half as much time again and no room.
"""


def table_digest(
    connection: BulkConnection,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
) -> Digest:
    """Compute the digest of what treatments leave of a table; without columns only the rows are counted.

    Raises:
        DatabaseError: a row's text did not fit into the server's `max_allowed_packet`.
    """
    rows_sql = table_sql(table) + kept_sql(treatments, beyond)
    if not columns:
        return Digest(Rows(int(connection.fetch(f"SELECT COUNT(*) FROM {rows_sql}")[0][0])), 0, 0)
    held = " LIMIT 18446744073709551615" if row_estimate(connection, table) <= _HELD_ROWS_MAX else ""
    row_text = ", ".join(_part(column, treatments) for column in columns)
    rows, hashed, high, low = connection.fetch(
        f"SELECT COUNT(*), COUNT(h), {_sum(1)}, {_sum(17)} "
        f"FROM (SELECT MD5(CONCAT({row_text})) AS h FROM {rows_sql}{held}) AS hashes"
    )[0]
    if rows != hashed:
        raise DatabaseError(f"{rows - hashed} rows of {table} are too long for a digest; raise max_allowed_packet")
    return Digest(Rows(int(rows)), int(high or 0), int(low or 0))


def _sum(first_digit: int) -> str:
    """Add up the numbers that 15 hex digits of the hashes spell; a sum of BIGINT UNSIGNED is an exact DECIMAL."""
    return f"SUM(CAST(CONV(SUBSTR(h, {first_digit}, 15), 16, 10) AS UNSIGNED))"


def _part(column: DigestColumn, treatments: tuple[Treatment, ...]) -> str:
    """Spell a column's part of the row text: `-` for NULL, else its length in bytes, a colon, its text."""

    def left(text: str) -> str:
        return treated_sql(text, column.name, treatments, beyond, literal, STRIP)

    name, native = quoted(column.name), parse_native(column.native)
    if isinstance(column.type, Float):
        return f"IFNULL(CONCAT('16:', {left(float_bits_sql(name))}), '-')"
    if carrier(column.type) is Carrier.BYTES:
        return f"IFNULL(CONCAT('32:', MD5({left(name)})), '-')"
    text = left(text_sql(name, native, column.type))
    match column.type:
        case Text(length=None) | Json() | Opaque():
            return f"IFNULL(CONCAT('32:', MD5({text})), '-')"
        case _:
            return f"IFNULL(CONCAT(LENGTH({text}), ':', {text}), '-')"
