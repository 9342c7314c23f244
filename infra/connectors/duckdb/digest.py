"""The digest of a table in DuckDB's SQL."""

from __future__ import annotations

from contextlib import closing

import duckdb

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, carrier
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import Treatment
from infra.connectors.duckdb import values
from infra.connectors.duckdb.misfit import STRIP, beyond
from infra.connectors.duckdb.session import qualified
from infra.connectors.duckdb.sizes import KnownSizes, RowSizes, condition, digest_windows
from infra.connectors.duckdb_frames import framed_sql, row_text_sql
from infra.connectors.profiling import kept_sql, treated_sql
from infra.connectors.row_sums import RowSummer
from infra.connectors.sql.text import literal, quoted

_BATCH_ROWS = 20_000


def digest_table(
    connection: duckdb.DuckDBPyConnection,
    sizes: KnownSizes,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
    by: RowHash = RowHash.MD5,
) -> Digest:
    """Compute the digest of what treatments leave of a table; without columns only count its rows.

    By MD5 DuckDB computes all of it; any other hash is added up here over the rows that it gives.
    """
    name = f"{qualified(table)} AS source"
    if not columns:
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {name}{kept_sql(treatments, beyond)}").fetchall()
        return Digest(Rows(rows), 0)
    if by is not RowHash.MD5 and not treatments:
        return _added_up(connection, sizes.of(connection, table, columns), table, columns, by)
    row_text = row_text_sql([framed_sql(_spelled(column, treatments), column.type) for column in columns])
    number = f"CAST('0x' || left(md5({row_text}), 15) AS BIGINT)"  # BIGINT holds it, and sums are HUGEINT
    if treatments:
        conditions = [kept_sql(treatments, beyond)]
    else:
        stored = sizes.of(connection, table, columns)
        conditions = [condition(window.scope) for window in digest_windows(connection, table, stored, _BATCH_ROWS)]
    rows = total = 0
    for where in conditions:
        sql = f"SELECT count(*), coalesce(sum({number}), 0) FROM {name}{where}"
        [(more, added)] = connection.execute(sql).fetchall()
        rows += more
        total += int(added)
    return Digest(Rows(rows), total)


def _added_up(
    connection: duckdb.DuckDBPyConnection,
    stored: RowSizes | None,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    by: RowHash,
) -> Digest:
    texts = ", ".join(
        f"{values.carried(f'source.{quoted(column.name)}', column.native, column.type)} AS c{place}"
        for place, column in enumerate(columns)
    )
    summer = RowSummer([column.type for column in columns], (by,))
    rows = total = 0
    for window in digest_windows(connection, table, stored, _BATCH_ROWS):
        sql = f"SELECT {texts} FROM {qualified(table)} AS source{condition(window.scope)}"
        with closing(connection.sql(sql).to_arrow_reader(window.batch_rows)) as batches:
            for batch in batches:
                rows += batch.num_rows
                total += summer.sums(batch)[0]
    return Digest(Rows(rows), total, by)


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
            return left(f"(CAST({value} AS VARCHAR) COLLATE C)")  # texts of two collations make no common one
