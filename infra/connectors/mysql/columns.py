"""From the bytes of a batch of rows to Arrow columns, in plain Python. `native_columns` does the same in C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from domain.kernel.errors import ErrorCode, ValueRejected
from domain.migrations.transfer import TableCopy
from infra.connectors.arrow import arrow_schema
from infra.connectors.late import csv
from infra.connectors.mysql.rowstream import Value, ValueLists
from infra.connectors.mysql.select import Selected, selected


@dataclass(frozen=True)
class Layout:
    """Which result column holds which table columns: the plain ones joined in the first, then one each."""

    schema: pa.Schema
    select: tuple[Selected, ...]

    @property
    def plain(self) -> tuple[int, ...]:
        """Places of the plain columns."""
        return tuple(place for place, column in enumerate(self.select) if column.is_plain)

    @property
    def others(self) -> tuple[int, ...]:
        """Places of the columns that are read one by one."""
        return tuple(place for place, column in enumerate(self.select) if not column.is_plain)

    @property
    def result_columns(self) -> int:
        """Number of columns in the query's result."""
        return bool(self.plain) + len(self.others)

    @property
    def list_sql(self) -> str:
        """The SELECT list."""
        plain = [f"IFNULL({self.select[place].sql}, '')" for place in self.plain]
        joined = [f"CONCAT_WS(',', {', '.join(plain)})"] if plain else []
        return ", ".join([*joined, *(self.select[place].sql for place in self.others)])

    @classmethod
    def of(cls, copy: TableCopy) -> Layout:
        """Say how the columns of a table copy are read."""
        return cls(
            arrow_schema(copy),
            tuple(selected(column.source, column.source_native, column.type) for column in copy.columns),
        )

    def taker(self) -> ValueLists:
        """Make what takes the rows of a batch."""
        return ValueLists(self.result_columns)

    def batch(self, taken: ValueLists) -> pa.RecordBatch:
        """Make a batch of the rows taken.

        Raises:
            ValueRejected: a value is none of its column's type (a text that is no UTF-8).
        """
        return record_batch(self, taken.columns)


def record_batch(form: Layout, values: Sequence[list[Value]]) -> pa.RecordBatch:
    """Make a batch of the values of some rows, given column by column as the query returns them.

    Raises:
        ValueRejected: a value is none of its column's type (a text that is no UTF-8).
    """
    columns: dict[int, pa.Array] = {}
    try:
        if form.plain:
            columns.update(zip(form.plain, _plain_columns(form, values[0]), strict=True))
        for place, column in zip(form.others, values[bool(form.plain) :], strict=True):
            columns[place] = _other_column(column, form.schema.field(place).type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueRejected(f"a value is not of its column's type: {error}", code=ErrorCode.VALUE_REJECTED) from error
    return pa.RecordBatch.from_arrays([columns[place] for place in range(len(form.select))], schema=form.schema)


def _plain_columns(form: Layout, rows: list[Value]) -> list[pa.Array]:
    """Parse rows of plain values, joined by commas, an empty one for NULL."""
    fields = [form.schema.field(place) for place in form.plain]
    if not rows:
        return [pa.array([], field.type) for field in fields]
    data = b"".join(row + b"\n" if row else b"\n" for row in rows)
    table = csv.read_csv(
        pa.py_buffer(data),
        read_options=csv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=[str(place) for place in form.plain]
        ),
        parse_options=csv.ParseOptions(quote_char=False, escape_char=False, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types={str(place): field.type for place, field in zip(form.plain, fields, strict=True)},
            null_values=[""],
            true_values=["1"],
            false_values=["0"],
            strings_can_be_null=True,
        ),
    )
    return [column.combine_chunks() for column in table.columns]


def _other_column(values: list[Value], type_: pa.DataType) -> pa.Array:
    column = pa.array(values, pa.large_binary())
    if type_ == column.type:
        return column
    text = column.cast(pa.large_string())
    return text if type_ == text.type else text.cast(type_)
