"""Digests of tables, computed by the server (`domain.migrations.transfer.Digest`)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, Float, carrier
from domain.kernel.errors import DatabaseError
from domain.kernel.values import Rows
from domain.migrations.canonical import PLAIN_NULL, SIZED_NULL, Frame, frame, inline_max, may_exceed
from domain.migrations.digests import Digest, RowHash
from infra.connectors.mysql.misfit import STRIP, beyond
from infra.connectors.mysql.names import literal, quoted, table_sql
from infra.connectors.mysql.select import float_bits_sql, text_sql
from infra.connectors.mysql.types import parse_native
from infra.connectors.profiling import kept_sql, treated_sql

if TYPE_CHECKING:
    from domain.catalog.model import TableName
    from domain.migrations.digests import DigestColumn
    from domain.migrations.misfits import Treatment
    from infra.connectors.mysql.wire import BulkConnection


_CRC_VERSION_MIN = (10, 8)
"""The first MariaDB with CRC32C; MySQL has none."""

_ROW = "@wherry_row"

_VERSION = re.compile(r"(\d+)\.(\d+)")


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
        return Digest(Rows(int(connection.fetch(f"SELECT COUNT(*) FROM {rows_sql}")[0][0])), 0)
    text = _row_text(columns, treatments)
    number = f"CAST(CONV(LEFT(MD5({text}), 15), 16, 10) AS UNSIGNED)"
    return _summed(connection, number, rows_sql, table)


def quick_digest(connection: BulkConnection, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
    """Compute the digest by two CRCs, for which MariaDB takes less than half of an MD5's time; by MD5 elsewhere.

    A variable keeps the text of a row from one CRC to the other; making it twice costs more than an MD5 does of
    long rows. Should a server compute the second one first, the digest is wrong and MD5 decides.

    Raises:
        DatabaseError: a row's text did not fit into the server's `max_allowed_packet`.
    """
    if not _has_both_crcs(str(connection.fetch("SELECT VERSION()")[0][0])):
        return table_digest(connection, table, columns)
    text = _row_text(columns, ())
    found = _summed(connection, f"CRC32({_ROW} := {text}) * CRC32C({_ROW})", table_sql(table), table)
    return replace(found, by=RowHash.CRC)


def _has_both_crcs(version: str) -> bool:
    found = _VERSION.search(version)
    known = (int(found[1]), int(found[2])) if found else (0, 0)
    return "mariadb" in version.lower() and known >= _CRC_VERSION_MIN


def _row_text(columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...]) -> str:
    return f"CONCAT({', '.join(_part(column, treatments) for column in columns)})"


def _summed(connection: BulkConnection, number: str, rows_sql: str, table: TableName) -> Digest:
    """Add up a number for each row; it is NULL for a row that is too long."""
    rows, total = connection.fetch(f"SELECT COUNT(*), SUM({number}) FROM {rows_sql}")[0]
    if connection.fetch("SELECT @@warning_count")[0][0]:
        [(known,)] = connection.fetch(f"SELECT COUNT({number}) FROM {rows_sql}")
        if known < rows:
            raise DatabaseError(f"rows of {table} are too long for a digest; raise max_allowed_packet")
    return Digest(Rows(int(rows)), int(total or 0))


def _part(column: DigestColumn, treatments: tuple[Treatment, ...]) -> str:
    """Spell a column's part of the row text (`domain.migrations.canonical.Frame`)."""

    def left(text: str) -> str:
        return treated_sql(text, column.name, treatments, beyond, literal, STRIP)

    name, native, how = quoted(column.name), parse_native(column.native), frame(column.type)
    is_bytes = carrier(column.type) is Carrier.BYTES
    if isinstance(column.type, Float):
        text = left(float_bits_sql(name))
    else:
        text = left(name if is_bytes else text_sql(name, native, column.type))
    if how is Frame.PLAIN:
        return f"IFNULL({text}, '{PLAIN_NULL}'), ','"
    if how is Frame.HASHED:
        return f"IFNULL(MD5({text}), '{PLAIN_NULL}'), ','"
    spelled = f"LOWER(HEX({text}))" if is_bytes else text
    if may_exceed(column.type):
        spelled = f"IF(LENGTH({text}) > {inline_max(column.type)}, MD5({text}), {spelled})"
    return f"IFNULL(CONCAT(LENGTH({text}), ':', {spelled}), '{SIZED_NULL}')"
