"""From the bytes of a batch of rows to Arrow columns, by the C helper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.types import Carrier, carrier
from domain.kernel.errors import ErrorCode, ValueRejected
from infra.connectors.arrow import arrow_schema
from infra.connectors.mysql.names import quoted
from infra.connectors.mysql.select import selected
from infra.connectors.mysql.types import FRACTION_NAMES, parse_native

if TYPE_CHECKING:
    from domain.migrations.transfer import ColumnCopy, TableCopy
    from infra.connectors.native._native import MysqlRows

_FORMS = {
    Carrier.INT64: "i",
    Carrier.UINT64: "u",
    Carrier.FLOAT64: "f",
    Carrier.BOOL: "b",
    Carrier.TEXT: "t",
    Carrier.BYTES: "y",
}
_MOMENT = "s"


@dataclass(frozen=True)
class NativeLayout:
    """How the columns of a table copy are read: the SELECT list, and what each value is made into."""

    schema: pa.Schema
    list_sql: str
    forms: str

    @property
    def result_columns(self) -> int:
        """Number of columns in the query's result."""
        return len(self.forms)

    @classmethod
    def of(cls, copy: TableCopy) -> NativeLayout:
        """Say how the columns of a table copy are read."""
        spelled = [_spelled(column) for column in copy.columns]
        return cls(arrow_schema(copy), ", ".join(sql for sql, _ in spelled), "".join(form for _, form in spelled))

    def taker(self) -> MysqlRows:
        """Make what takes the rows of a batch."""
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        return _native.MysqlRows(self.forms)

    def batch(self, taken: MysqlRows) -> pa.RecordBatch:
        """Make a batch of the rows taken."""
        columns = pa.record_batch(taken.batch()).columns
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def misfit(copy: TableCopy, error: ValueError) -> ValueRejected:
    """Say in the user's words which value the helper could not take."""
    place, reason, shown = error.args
    column = copy.columns[place].source
    text = f"a value of {copy.source}.{column} {reason}: {shown!r}"
    return ValueRejected(text, code=ErrorCode.VALUE_REJECTED, path=(str(copy.source), column))


def _spelled(column: ColumnCopy) -> tuple[str, str]:
    """Return a column's expression and form. The helper fills up the digits of a second, not the server."""
    if parse_native(column.source_native).name in FRACTION_NAMES and carrier(column.type) is Carrier.TEXT:
        return quoted(column.source), _MOMENT
    return selected(column.source, column.source_native, column.type).sql, _FORMS[carrier(column.type)]
