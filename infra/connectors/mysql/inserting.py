"""Rows as INSERT statements: slow, and right, where the server forbids LOAD DATA LOCAL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, carrier
from infra.connectors.mysql.encode import places
from infra.connectors.mysql.exact import check_exact
from infra.connectors.mysql.names import quoted_list, table_sql
from infra.connectors.mysql.types import parse_native

if TYPE_CHECKING:
    import pyarrow as pa

    from domain.migrations.transfer import ColumnCopy, TableCopy
    from infra.connectors.mysql.wire import BulkConnection

Bound = int | float | str | None


@dataclass(frozen=True)
class InsertValues:
    """Rows as bound values, and the statement that takes them."""

    head: str
    row: str
    rows: tuple[tuple[Bound, ...], ...]

    def statements(self, connection: BulkConnection, packet_bytes_max: int) -> Iterator[bytes]:
        """Give the statements that insert the rows, as many rows in each as fit into a packet."""
        head = self.head.encode()
        held: list[bytes] = []
        size = len(head)
        for values in self.rows:
            text = (self.row % tuple(connection.escape(value) for value in values)).encode()
            if held and size + len(text) + 1 > packet_bytes_max:
                yield head + b",".join(held)
                held, size = [], len(head)
            held.append(text)
            size += len(text) + 1
        if held:
            yield head + b",".join(held)


def insert_values(copy: TableCopy, batch: pa.RecordBatch) -> InsertValues:
    """Turn a batch into bound values.

    Raises:
        ValueRejected: a value has no exact place in its column, and the server would not say so.
    """
    columns = []
    placeholders = []
    for column, place, values in zip(copy.columns, places(copy), batch.columns, strict=True):
        check_exact(copy.target, column, values)
        columns.append(_bound(column, values.to_pylist()))
        is_bytes = carrier(column.type) is Carrier.BYTES
        placeholders.append("UNHEX(%s)" if is_bytes else place.expression.format("%s"))
    return InsertValues(
        head=f"INSERT INTO {table_sql(copy.target)} ({quoted_list(column.target for column in copy.columns)}) VALUES ",
        row=f"({', '.join(placeholders)})",
        rows=tuple(zip(*columns, strict=True)),
    )


def _bound(column: ColumnCopy, values: list[int | float | bool | str | bytes | None]) -> list[Bound]:
    """Return values as they are bound: bytes in hex digits, a YEAR in four digits, the rest as it is."""
    is_year = parse_native(column.target_native).name == "year"
    bound: list[Bound] = []
    for value in values:
        if isinstance(value, bytes):
            bound.append(value.hex())
        else:
            bound.append(str(value).rjust(4, "0") if is_year and value is not None else value)
    return bound
