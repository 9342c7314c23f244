"""The digest of a table in DuckDB's SQL."""

from __future__ import annotations

import duckdb

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, carrier
from domain.kernel.values import Rows
from domain.migrations.misfits import Treatment
from domain.migrations.transfer import Digest, DigestColumn
from infra.connectors.duckdb import values
from infra.connectors.duckdb.misfit import STRIP, beyond
from infra.connectors.duckdb.session import qualified
from infra.connectors.duckdb_frames import framed_sql, row_text_sql
from infra.connectors.profiling import kept_sql, treated_sql
from infra.connectors.sqltext import literal, quoted


def digest_table(
    connection: duckdb.DuckDBPyConnection,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
) -> Digest:
    """Compute the digest of what treatments leave of a table; without columns only count its rows."""
    name = f"{qualified(table)} AS source{kept_sql(treatments, beyond)}"
    if not columns:
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
        return Digest(Rows(rows), 0)
    row_text = row_text_sql([framed_sql(_spelled(column, treatments), column.type) for column in columns])
    number = f"CAST('0x' || left(md5({row_text}), 15) AS BIGINT)"  # BIGINT holds it, and sums are HUGEINT
    [(rows, total)] = connection.execute(f"SELECT count(*), coalesce(sum({number}), 0) FROM {name}").fetchall()
    return Digest(Rows(rows), int(total))


def _spelled(column: DigestColumn, treatments: tuple[Treatment, ...]) -> str:
    """Return the canonical text of a column as treatments leave it; bytes as they are."""

    def left(text: str) -> str:
        return treated_sql(text, column.name, treatments, beyond, literal, STRIP)

    value = values.carried(f"source.{quoted(column.name)}", column.native, column.type)
    match carrier(column.type):
        case Carrier.BYTES:
            return left(value)
        case Carrier.FLOAT64:
            # Adding zero makes zero of negative zero; a BLOB made of a BIT shows the double's bytes, highest first.
            bits = f"lower(hex(CAST(CAST({value} + 0 AS BIT) AS BLOB)))"
            return left(f"CASE WHEN isnan({value}) THEN '7ff8000000000000' ELSE {bits} END")
        case Carrier.BOOL:
            return left(f"CAST(CAST({value} AS TINYINT) AS VARCHAR)")
        case _:
            return left(f"CAST({value} AS VARCHAR)")
