"""Blocks of CSV records to columns, by Arrow's parser; what it is given is checked to be of strict form before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv

from infra.connectors.csv.dialect import Dialect
from infra.connectors.csv.faults import Malformed, find_fault

_EMPTY_LINE = re.compile(rb"^\r?$", re.MULTILINE)
_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")


@dataclass(frozen=True)
class Parser:
    """Reads blocks of a file: how many columns it has, and the Arrow types of the wanted ones by their places."""

    dialect: Dialect
    columns: int
    wanted: dict[int, pa.DataType]

    def parse(self, block: bytes) -> pa.RecordBatch:
        """Return the wanted columns of a block, in the order of `wanted`, named by their places.

        Raises:
            Malformed: the block is not of strict form, or has another number of columns.
            pa.ArrowInvalid: a value is not of its column's type.
        """
        rows = self._rows(block)
        names = [f"c{place}" for place in range(self.columns)]
        order = [f"c{place}" for place in self.wanted]
        if not block.endswith(b"\n"):
            block += b"\n"  # or else Arrow takes an empty last field behind one in quotes for quoted
        if not rows:
            return pa.RecordBatch.from_arrays([pa.nulls(0, type_) for type_ in self.wanted.values()], names=order)
        try:
            table = csv.read_csv(
                pa.BufferReader(block),
                csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                csv.ParseOptions(
                    delimiter=self.dialect.format.delimiter,
                    quote_char=self.dialect.format.quote or False,
                    newlines_in_values=True,
                    ignore_empty_lines=self.columns > 1,
                ),
                self._conversion(order),
            )
        except pa.ArrowInvalid:
            if fault := find_fault(block, self.columns, self.dialect):
                raise fault from None
            raise
        if table.num_rows != rows:
            raise find_fault(block, self.columns, self.dialect) or Malformed(0, "its records cannot be told apart")
        return table.combine_chunks().to_batches()[0] if order else _bare(rows)

    def _conversion(self, order: Sequence[str]) -> csv.ConvertOptions:
        return csv.ConvertOptions(
            column_types={f"c{place}": type_ for place, type_ in self.wanted.items()},
            include_columns=list(order) or ["c0"],
            null_values=[self.dialect.format.null],
            true_values=["true", "TRUE", "True", "1"],
            false_values=["false", "FALSE", "False", "0"],
            check_utf8=False,  # what is no UTF-8 is found by its limit, or by a type that is no text
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )

    def _rows(self, block: bytes) -> int:
        """Count the records of a block that is of strict form.

        Raises:
            Malformed: it is not.
        """
        quote = self.dialect.quote
        filler = b"-" if quote == b"_" else b"_"
        bare = self.dialect.quoted.sub(filler, block) if quote and quote in block else block
        if (quote and quote in bare) or (b"\r" in bare and _LONE_RETURN.search(bare)):
            raise find_fault(block, self.columns, self.dialect) or Malformed(0, "its quotes do not match")
        rows = bare.count(b"\n") + (0 if block.endswith(b"\n") else 1)
        if self.columns > 1 and (b"\n\n" in bare or b"\n\r\n" in bare or bare[:1] in (b"\n", b"\r")):
            rows -= len(_EMPTY_LINE.findall(bare.removesuffix(b"\n")))
        return rows


def _bare(rows: int) -> pa.RecordBatch:
    """Return rows without columns; Arrow counts them by a struct."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
