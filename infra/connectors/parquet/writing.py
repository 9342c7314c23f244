"""Parquet files that are being written, in row groups of a bounded size."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from domain.catalog.model import Column
from domain.kernel.codec import to_json
from domain.kernel.errors import ValueRejected
from infra.connectors.folders.digest import in_memory
from infra.connectors.folders.disk import sync_file
from infra.connectors.parquet.types import arrow_type
from infra.connectors.parquet.values import is_as_it_crosses, stored

GROUP_BYTES = 16 * 1024 * 1024
"""A row group is written once it is about this large; a chunk of a later reading is made of whole groups."""

GROUP_ROWS_MAX = 100_000

META_KEY = b"wherry"
"""Under this key a file says what its columns mean, so that it can be read without a manifest."""


def file_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Return the schema of a file of ours."""
    fields = [pa.field(column.name, arrow_type(column.native), nullable=column.nullable) for column in columns]
    meanings = json.dumps([to_json(column.type) for column in columns], ensure_ascii=False)
    return pa.schema(fields, metadata={META_KEY: meanings.encode()})


class ParquetWriter:
    """A Parquet file that is being written."""

    def __init__(self, path: Path, columns: tuple[Column, ...]) -> None:
        self._path = path
        self._columns = columns
        self._schema = file_schema(columns)
        self._rows: list[pa.RecordBatch] = []
        self._bytes = self._count = 0
        self._connection = in_memory()
        self._file = parquet.ParquetWriter(path, self._schema, compression="zstd", compression_level=1)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            ValueRejected: a value has no exact place in its column.
        """
        self._rows.append(self._stored(batch))
        self._bytes += batch.nbytes
        self._count += batch.num_rows
        if self._bytes >= GROUP_BYTES or self._count >= GROUP_ROWS_MAX:
            self._flush()

    def _flush(self) -> None:
        if self._count:
            table = pa.Table.from_batches(self._rows, self._schema)
            self._file.write_table(table, row_group_size=max(1, table.num_rows))
        self._rows, self._bytes, self._count = [], 0, 0

    def _stored(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Turn what crosses into what is stored: widths by Arrow, texts of numbers, days and moments by DuckDB."""
        columns: list[pa.Array] = []
        for place, (column, values) in enumerate(zip(self._columns, batch.columns, strict=True)):
            wanted = self._schema.field(place).type
            if is_as_it_crosses(column.native, column.type):
                columns.append(_narrowed(values, wanted, column))
            else:
                columns.append(self._read(values, wanted, column))
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _read(self, values: pa.Array, wanted: pa.DataType, column: Column) -> pa.Array:
        rows = pa.table({"value": values})
        self._connection.register("incoming", rows)
        try:
            made = self._connection.sql(f"SELECT {stored('value', column.native)} AS made FROM incoming")
            found = made.to_arrow_table().column(0).combine_chunks()
        except duckdb.Error as error:
            raise ValueRejected(
                f"A value has no place in column {column.name}, which is {column.native}: {str(error).splitlines()[0]}",
                path=(column.name,),
            ) from error
        finally:
            self._connection.unregister("incoming")
        return found.cast(wanted)

    def close(self) -> None:
        """Write what is left, and see that it is on the disk."""
        self._flush()
        self._file.close()
        self._connection.close()
        sync_file(self._path)

    def abandon(self) -> None:
        """Close the file."""
        self._connection.close()
        self._file.close()


def _narrowed(values: pa.Array, wanted: pa.DataType, column: Column) -> pa.Array:
    """Give values the width of their column.

    Raises:
        ValueRejected: one of them is beyond it.
    """
    try:
        made = values.cast(wanted)
    except pa.ArrowInvalid as error:
        raise ValueRejected(
            f"A value has no place in column {column.name}, which is {column.native}: {error}", path=(column.name,)
        ) from error
    if pa.types.is_float32(wanted):
        back = made.cast(pa.float64())
        same = pc.or_(pc.equal(back, values), pc.is_nan(values))
        if pc.all(same).as_py() is False:
            raise ValueRejected(f"A value of column {column.name} has more digits than a FLOAT.", path=(column.name,))
    return made
