"""From the bytes of COPY to column batches, exactly: '' is not NULL, -0.0 keeps its sign, bytes are bytes."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.types import Carrier, carrier
from infra.connectors.arrow import ARROW_TYPES, BATCH_BYTES_MAX, BATCH_ROWS_MAX, arrow_schema
from infra.connectors.late import compute as pc
from infra.connectors.late import csv as arrow_csv
from infra.connectors.postgresql.binary import raw_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.migrations.transfer import TableCopy

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decoded(copy: TableCopy, block: bytes) -> list[pa.RecordBatch]:
    """Parse a block of whole CSV rows into batches within the limits of `infra.connectors.arrow`.

    Raises:
        pyarrow.ArrowInvalid: the text is not what the copy's types promise.
    """
    if block.startswith(_BYTE_ORDER_MARK):
        block = _BYTE_ORDER_MARK + block  # the parser drops one; a value may well begin with it
    names = [str(number) for number in range(len(copy.columns))]
    carriers = [carrier(column.type) for column in copy.columns]
    table = arrow_csv.read_csv(
        pa.BufferReader(block),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict(zip(names, (ARROW_TYPES[each] for each in carriers), strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    raw = raw_columns(copy)
    columns = [_one_chunk(column) for column in table.columns]
    for place, column in enumerate(copy.columns):
        if carriers[place] is Carrier.BYTES or column.source in raw:
            columns[place] = _unhexed(columns[place]).view(ARROW_TYPES[carriers[place]])
    return list(_cut(pa.RecordBatch.from_arrays(columns, schema=arrow_schema(copy))))


class BinaryBlocks:
    """The blocks of one binary COPY, made into batches by the C helper."""

    def __init__(self, copy: TableCopy, forms: str) -> None:
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        self._rows = _native.CopyRows(forms)
        self._schema = arrow_schema(copy)

    def decoded(self, block: bytes) -> list[pa.RecordBatch]:
        """Parse a block of whole rows into batches within the limits of `infra.connectors.arrow`.

        Raises:
            pyarrow.ArrowInvalid: the bytes are not what the copy's types promise.
        """
        try:
            columns = pa.record_batch(self._rows.take(block)).columns
        except ValueError as error:
            raise pa.ArrowInvalid(str(error)) from error
        return list(_cut(pa.RecordBatch.from_arrays(columns, schema=self._schema)))


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _unhexed(column: pa.Array) -> pa.Array:
    """Halve every value from hex digits to bytes; the offsets halve with them."""
    validity, offsets, data = column.buffers()
    if data is None:
        return column
    places = pa.Array.from_buffers(pa.int64(), len(column) + 1, [None, offsets])
    halved = pc.shift_right(places, 1).buffers()[1]
    size = places[len(column)].as_py()
    values = pa.py_buffer(binascii.unhexlify(memoryview(data)[:size]))
    return pa.Array.from_buffers(pa.large_binary(), len(column), [validity, halved, values])


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch so that none is longer than the limit of rows or much larger than that of bytes."""
    parts = max(1, batch.nbytes // BATCH_BYTES_MAX)
    rows = max(1, min(BATCH_ROWS_MAX, -(-batch.num_rows // parts)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
