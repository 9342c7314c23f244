"""Writing DuckDB files: what is DuckDB's own about it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import duckdb
import pyarrow as pa

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.errors import ValueRejected
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.transfer import ColumnCopy, TableCopy
from infra.connectors.arrow import arrow_schema
from infra.connectors.duckdb import values
from infra.connectors.duckdb.capabilities import DEFAULT_SCHEMA, LEDGER_SCHEMA
from infra.connectors.duckdb.digest import digest_table
from infra.connectors.duckdb.introspect import introspect
from infra.connectors.duckdb.keys import refuse_duplicates
from infra.connectors.duckdb.session import qualified
from infra.connectors.duckdb.sizes import KnownSizes
from infra.connectors.files.ledger import FileLedger
from infra.connectors.files.session import first_row
from infra.connectors.sidetables import KEYS_TABLE
from infra.connectors.sql.text import quoted, unquoted
from infra.connectors.undoing import Made

LEDGER = FileLedger(
    runs="_wherry.run",
    steps="_wherry.step",
    chunks="_wherry.chunk",
    rejects="_wherry.reject",
    uses="_wherry.use",
    # Schemas are few, while to look among the tables is to look at each.
    find="SELECT 1 FROM duckdb_schemas() WHERE schema_name = '_wherry' AND NOT internal",
    make=(
        "CREATE SCHEMA IF NOT EXISTS _wherry",
        """
        CREATE TABLE _wherry.run (
            run_id VARCHAR NOT NULL, plan_hash VARCHAR NOT NULL, epoch BIGINT NOT NULL, state VARCHAR NOT NULL,
            begun_at VARCHAR NOT NULL, seal VARCHAR NOT NULL)
        """,
        """
        CREATE TABLE _wherry.step (
            run_id VARCHAR NOT NULL, number BIGINT NOT NULL, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
            owner VARCHAR NOT NULL, undo VARCHAR NOT NULL)
        """,
        """
        CREATE TABLE _wherry.chunk (
            run_id VARCHAR NOT NULL, table_number BIGINT NOT NULL, chunk_number BIGINT NOT NULL,
            rows_read BIGINT NOT NULL, rows_written BIGINT NOT NULL, rows_rejected BIGINT NOT NULL,
            size_bytes BIGINT NOT NULL)
        """,
        """
        CREATE TABLE _wherry.reject (
            run_id VARCHAR NOT NULL, table_number BIGINT NOT NULL, chunk_number BIGINT NOT NULL,
            number BIGINT NOT NULL, column_name VARCHAR NOT NULL, reason VARCHAR NOT NULL, row_values VARCHAR NOT NULL)
        """,
        """
        CREATE TABLE _wherry.use (
            run_id VARCHAR NOT NULL, table_number BIGINT NOT NULL, schema_name VARCHAR NOT NULL, name VARCHAR NOT NULL,
            mode VARCHAR NOT NULL, place BIGINT NOT NULL, row_count BIGINT NOT NULL, key_columns VARCHAR NOT NULL,
            side VARCHAR NOT NULL, is_undone BIGINT NOT NULL)
        """,
    ),
    drop=("DROP SCHEMA _wherry CASCADE",),
)
"""Without keys: DuckDB checks them too early for rows that one transaction replaces, and one session writes."""

_FOUND = {
    "SCHEMA": "SELECT 1 FROM duckdb_schemas() WHERE lower(schema_name) = lower(?) AND NOT internal",
    "SEQUENCE": "SELECT 1 FROM duckdb_sequences() WHERE lower(sequence_name) = lower(?)",
}

_INCOMING = "wherry_incoming"


class DuckdbWriting:
    """DuckDB's words for what every file target does."""

    ledger = LEDGER
    begin = "BEGIN TRANSACTION"
    keys_place = TableName(KEYS_TABLE, "temp")

    def __init__(self, schema: str) -> None:
        self._schema = schema

    def roll_back(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End the transaction, if one is open, and undo it."""
        with suppress(duckdb.TransactionException):
            # A commit that failed has ended the transaction already.
            connection.execute("ROLLBACK")
        connection.unregister(_INCOMING)

    def introspect(self, connection: duckdb.DuckDBPyConnection) -> DatabaseSchema:
        """Describe the endpoint's schema."""
        return introspect(connection, self._schema)

    def has(self, connection: duckdb.DuckDBPyConnection, table: TableName) -> bool:
        """Whether there is such a table; names ignore case."""
        sql = "SELECT 1 FROM duckdb_tables() WHERE lower(schema_name) = lower(?) AND lower(table_name) = lower(?)"
        return first_row(connection, sql, (table.schema or DEFAULT_SCHEMA, table.name)) is not None

    def named(self, table: TableName) -> str:
        """Quote a table's name with its schema."""
        return qualified(table)

    def insert(self, connection: duckdb.DuckDBPyConnection, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch, cast by DuckDB; a value that a cast would change is refused."""
        _register(connection, batch)
        for place, column in enumerate(copy.columns):
            if values.may_change(column.type, column.target_native):
                _check(connection, column, f"c{place}")
        _insert_incoming(connection, copy)

    def store(self, connection: duckdb.DuckDBPyConnection, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch once it is sure that none of them is refused.

        A failure ends DuckDB's transaction, which has no savepoints. So the rows are tried in another
        session, and looked up by its keys among those of this transaction, which no other session sees.
        """
        with connection.cursor() as trial:
            trial.execute(self.begin)
            try:
                self.insert(trial, copy, batch)
            finally:
                self.roll_back(trial)
        _register(connection, batch)
        refuse_duplicates(connection, copy, _stored(copy))
        self.insert(connection, copy, batch)

    def side(self, name: str) -> str:
        """Spell a side table; it stands in the ledger's schema."""
        return f"{LEDGER_SCHEMA}.{quoted(name)}"

    def stored_columns(self, connection: duckdb.DuckDBPyConnection, table: TableName) -> tuple[str, ...]:
        """Return a table's columns but those that DuckDB computes."""
        sql = (
            "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database() AND NOT is_generated"
            " AND lower(schema_name) = lower(?) AND lower(table_name) = lower(?) ORDER BY column_index"
        )
        found = connection.execute(sql, (table.schema or DEFAULT_SCHEMA, table.name)).fetchall()
        return tuple(str(name) for (name,) in found)

    def row_text(self, alias: str, columns: tuple[str, ...]) -> str:
        """Spell a row as the fingerprint of its text."""
        values = ", ".join(f"{alias}.{quoted(column)}" for column in columns)
        return f"md5(CAST(row({values}) AS VARCHAR))"

    def is_there(self, connection: duckdb.DuckDBPyConnection, made: Made) -> bool:
        """Whether there is a schema or sequence already, which statements make only if it is missing."""
        if made.kind not in _FOUND:
            return False
        name = unquoted(made.name.rpartition(".")[2])
        return first_row(connection, _FOUND[made.kind], (name,)) is not None

    def drop(self, made: Made) -> str | None:
        """Spell the statement that drops what was made; keys that were added to a table cannot be."""
        return None if made.altered else f"DROP {made.kind} {self._spelled(made)}"

    def _spelled(self, made: Made) -> str:
        """Return the name to drop; CREATE INDEX names an index without the schema, which is its table's."""
        has_schema = made.kind != "INDEX" or "." not in made.table
        return made.name if has_schema else f"{made.table.rpartition('.')[0]}.{made.name}"

    def digest(
        self, connection: duckdb.DuckDBPyConnection, table: TableName, columns: tuple[DigestColumn, ...], by: RowHash
    ) -> Digest:
        """Compute a table's digest in DuckDB."""
        return digest_table(connection, KnownSizes(), table, columns, (), by)


def insert_stream(connection: duckdb.DuckDBPyConnection, copy: TableCopy, batches: Iterable[pa.RecordBatch]) -> None:
    """Insert the rows of batches, which DuckDB's threads draw; none of its casts may change a value."""
    names = _names(len(copy.columns))
    schema = pa.schema(list(zip(names, arrow_schema(copy).types, strict=True)))
    named = (batch.rename_columns(names) for batch in batches)
    connection.register(_INCOMING, pa.RecordBatchReader.from_batches(schema, named))
    _insert_incoming(connection, copy)


def _insert_incoming(connection: duckdb.DuckDBPyConnection, copy: TableCopy) -> None:
    columns = ", ".join(quoted(column.target) for column in copy.columns)
    connection.execute(f"INSERT INTO {qualified(copy.target)} ({columns}) {_stored(copy)}")
    connection.unregister(_INCOMING)


def _register(connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
    connection.register(_INCOMING, batch.rename_columns(_names(batch.num_columns)))


def _names(count: int) -> list[str]:
    return [f"c{place}" for place in range(count)]


def _stored(copy: TableCopy) -> str:
    """Spell the query that gives the batch's rows as they are stored."""
    columns = ", ".join(
        f"{values.stored(f'c{place}', column.type, column.target_native)} AS {quoted(column.target)}"
        for place, column in enumerate(copy.columns)
    )
    return f"SELECT {columns} FROM {_INCOMING}"


def _check(connection: duckdb.DuckDBPyConnection, column: ColumnCopy, name: str) -> None:
    """Read a column of the batch back from the form in which it would be stored.

    Raises:
        ValueRejected: a value would come back as another.
    """
    kept = values.stored(name, column.type, column.target_native)
    back = values.carried(f"({kept})", column.target_native, column.type)
    sql = f"SELECT CAST({name} AS VARCHAR) FROM {_INCOMING} WHERE {back} IS DISTINCT FROM {name} LIMIT 1"
    found = first_row(connection, sql)
    if found is not None:
        raise ValueRejected(
            f"{str(found[0])[:80]!r} would be changed by column {column.target}, which is {column.target_native}.",
            path=(column.target,),
        )
