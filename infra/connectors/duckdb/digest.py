"""The digest of a table in DuckDB's SQL."""

from __future__ import annotations

import duckdb

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, carrier
from domain.kernel.values import Rows
from domain.migrations.transfer import Digest, DigestColumn
from infra.connectors.canonical import is_hashed
from infra.connectors.duckdb import values
from infra.connectors.duckdb.session import qualified
from infra.connectors.sqltext import quoted


def digest_table(connection: duckdb.DuckDBPyConnection, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
    """Compute a table's digest; without columns only count its rows."""
    name = qualified(table)
    if not columns:
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
        return Digest(Rows(rows), 0, 0)
    row_text = " || ".join(_framed(column) for column in columns)
    [(rows, high, low)] = connection.execute(
        f"SELECT count(*), coalesce(sum({_number(1)}), 0), coalesce(sum({_number(17)}), 0)"
        f" FROM (SELECT md5({row_text}) AS hash FROM {name} AS source) AS hashes"
    ).fetchall()
    return Digest(Rows(rows), int(high), int(low))


def _number(first: int) -> str:
    """Return the number that 15 hex digits of the row's hash spell; BIGINT holds it, and sums are HUGEINT."""
    return f"CAST('0x' || substr(hash, {first}, 15) AS BIGINT)"


def _framed(column: DigestColumn) -> str:
    text = _spelled(column)
    return f"coalesce(strlen({text}) || ':' || {text}, '-')"


def _spelled(column: DigestColumn) -> str:
    """Return the canonical text of a column, or its MD5 where values may be large."""
    value = values.carried(f"source.{quoted(column.name)}", column.native, column.type)
    if is_hashed(column.type):
        return f"md5({value})"
    match carrier(column.type):
        case Carrier.FLOAT64:
            # Adding zero makes zero of negative zero; a BLOB made of a BIT shows the double's bytes, highest first.
            bits = f"lower(hex(CAST(CAST({value} + 0 AS BIT) AS BLOB)))"
            return f"CASE WHEN isnan({value}) THEN '7ff8000000000000' ELSE {bits} END"
        case Carrier.BOOL:
            return f"CAST(CAST({value} AS TINYINT) AS VARCHAR)"
        case _:
            return f"CAST({value} AS VARCHAR)"
