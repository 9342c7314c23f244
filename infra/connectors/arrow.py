"""How a table on its way looks as an Arrow batch."""

from __future__ import annotations

import pyarrow as pa

from domain.catalog.types import Carrier, carrier
from domain.migrations.transfer import TableCopy

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""A reader ends a batch at about this size; one larger row makes a batch of its own."""

BATCH_ROWS_MAX = 50_000
"""A reader ends a batch at so many rows, however small; half as many cost DuckDB a third more time to insert."""

ARROW_TYPES: dict[Carrier, pa.DataType] = {
    Carrier.INT64: pa.int64(),
    Carrier.UINT64: pa.uint64(),
    Carrier.FLOAT64: pa.float64(),
    Carrier.BOOL: pa.bool_(),
    Carrier.TEXT: pa.large_string(),
    Carrier.BYTES: pa.large_binary(),
}


def arrow_schema(copy: TableCopy) -> pa.Schema:
    """Return the batch schema of a table copy: one field per column, in order, under its target name."""
    return pa.schema([pa.field(column.target, ARROW_TYPES[carrier(column.type)]) for column in copy.columns])
