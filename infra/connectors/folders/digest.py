"""Digests and counts over rows as they cross, computed by DuckDB in memory while files are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import duckdb
import pyarrow as pa

from domain.catalog.model import ForeignKey, TableName
from domain.catalog.types import Carrier, carrier
from domain.kernel.errors import WherryError
from domain.kernel.values import Rows
from domain.migrations.canonical import NAN_TEXT, Frame, frame
from domain.migrations.digests import Digest, DigestColumn, RowHash
from infra.connectors.arrow import ARROW_TYPES
from infra.connectors.duckdb_frames import framed_sql, row_text_sql
from infra.connectors.row_sums import RowSummer
from infra.connectors.sql.text import orphans_query

MEMORY_MAX = "512MB"
"""What DuckDB may take for the keys that orphans are looked up by; the rest goes through."""

_SETTINGS = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "arrow_large_buffer_size": "true",
    "preserve_insertion_order": "true",
}

_NO_TABLE = TableName("")

Batches = Iterator[pa.RecordBatch]


def in_memory() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that knows no file and no network, in UTC."""
    connection = duckdb.connect(":memory:", config=dict(_SETTINGS))
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET memory_limit = '{MEMORY_MAX}'")
    return connection


class Feed:
    """Batches on their way into DuckDB; what ends them early is kept, as DuckDB would only give its text."""

    def __init__(self, batches: Batches, schema: pa.Schema) -> None:
        self._batches = batches
        self.failure: WherryError | None = None
        self.reader = pa.RecordBatchReader.from_batches(schema, self._feed())

    def _feed(self) -> Batches:
        try:
            yield from self._batches
        except WherryError as error:
            self.failure = error
            raise


def schema_of(columns: Sequence[DigestColumn]) -> pa.Schema:
    """Return the schema of batches with these columns, named by place: `c0`, `c1`, ..."""
    return pa.schema([pa.field(f"c{place}", ARROW_TYPES[carrier(column.type)]) for place, column in enumerate(columns)])


def count_rows(batches: Batches) -> Digest:
    """Count rows."""
    return Digest(Rows(sum(batch.num_rows for batch in batches)), 0)


def digest_rows(batches: Batches, columns: Sequence[DigestColumn], by: RowHash = RowHash.MD5) -> Digest:
    """Compute the digest of rows as they cross; any hash but MD5 is the C helper's.

    Raises:
        WherryError: reading failed.
    """
    if by is not RowHash.MD5:
        summer, found = RowSummer([column.type for column in columns], (by,)), Digest(Rows(0), 0, by)
        for batch in batches:
            total = found.total + summer.sums(batch)[0]
            found = Digest(Rows(found.rows + batch.num_rows), total, by)
        return found
    feed = Feed(batches, schema_of(columns))
    text = row_text_sql(
        [framed_sql(_spelled(column, f"c{place}"), column.type) for place, column in enumerate(columns)]
    )
    number = f"CAST('0x' || left(md5({text}), 15) AS BIGINT)"
    [(rows, total)] = _asked(f"SELECT count(*), coalesce(sum({number}), 0) FROM incoming", {"incoming": feed})
    return Digest(Rows(rows), int(total))


def count_orphans(child: Batches, parent: Batches, columns: Sequence[DigestColumn]) -> Rows:
    """Count the rows of `child` that no row of `parent` agrees with; NULLs refer to nothing.

    Both have the same columns, in the same order.

    Raises:
        WherryError: reading failed.
    """
    schema = schema_of(columns)
    names = tuple(schema.names)
    feeds = {"child_rows": Feed(child, schema), "parent_rows": Feed(parent, schema)}
    key = ForeignKey("", names, _NO_TABLE, names)
    [(rows,)] = _asked(orphans_query("child_rows", "parent_rows", key), feeds)
    return Rows(rows)


def _asked(sql: str, feeds: dict[str, Feed]) -> list[tuple[int, ...]]:
    with closing(in_memory()) as connection:
        for name, feed in feeds.items():
            connection.register(name, feed.reader)
        try:
            return connection.execute(sql).fetchall()
        except duckdb.Error:
            for feed in feeds.values():
                if feed.failure is not None:
                    raise feed.failure from None
            raise


def _spelled(column: DigestColumn, name: str) -> str:
    """Return the canonical text of a value as it crosses, escaped if it is plain; bytes as they are."""
    match carrier(column.type):
        case Carrier.BYTES:
            return name
        case Carrier.TEXT if frame(column.type) is Frame.PLAIN:
            return f"replace(replace({name}, '~', '~0'), ',', '~1')"
        case Carrier.FLOAT64:
            # Adding zero makes zero of negative zero; a BLOB made of a BIT shows the double's bytes, highest first.
            bits = f"lower(hex(CAST(CAST({name} + 0 AS BIT) AS BLOB)))"
            return f"CASE WHEN isnan({name}) THEN '{NAN_TEXT}' ELSE {bits} END"
        case Carrier.BOOL:
            return f"CAST(CAST({name} AS TINYINT) AS VARCHAR)"
        case _:
            return f"CAST({name} AS VARCHAR)"
