"""What stands between reading and writing where values have no place in the target: it mends, or takes rows out.

It also watches for values beyond limits that all values were within when somebody looked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from domain.kernel.errors import ValueRejected
from domain.migrations.broken_texts import mended
from domain.migrations.limits import NUL, Limit, Utf8, complaint
from domain.migrations.misfits import MisfitPolicy, Treatment
from domain.migrations.rejects import RejectedRow, text_of
from domain.migrations.sentinels import carried_sentinel
from domain.migrations.transfer import Batch, Chunk, TableCopy
from workers.engine.beyond import beyond
from workers.engine.broken import column_of, values_of


class Sieve:
    """The treatments of one table, applied to the batches of one chunk in their order."""

    def __init__(self, copy: TableCopy, chunk: Chunk) -> None:
        self._copy = copy
        self._chunk = chunk
        self._places = {column.source: place for place, column in enumerate(copy.columns)}
        self._rejected = 0

    def sifted(self, batch: Batch) -> Batch:
        """Return a batch with its values treated and without the rows that are rejected, which go beside it.

        Raises:
            ValueRejected: a value is beyond a limit that all were within.
        """
        rows = cast("pa.RecordBatch", batch.payload)
        self._watch(rows)
        if not self._copy.treatments:
            return batch
        columns = list(rows.columns)
        taken_out: list[tuple[Treatment, pa.Array]] = []
        for treatment in self._copy.treatments:
            place = self._places[treatment.on.column]
            mask = beyond(treatment.on.limit, rows.column(place))
            if treatment.policy is MisfitPolicy.REJECT:
                taken_out.append((treatment, mask))
            elif pc.any(mask).as_py():
                columns[place] = _treated(treatment, columns[place], mask)
        treated = pa.RecordBatch.from_arrays(columns, schema=rows.schema)
        if not any(pc.any(mask).as_py() for _, mask in taken_out):
            return replace(batch, payload=treated, as_read=rows)
        rejected = self._rejects(rows, taken_out)
        staying = pc.invert(_any_of([mask for _, mask in taken_out]))
        kept = treated.filter(staying)
        return replace(batch, rows=kept.num_rows, payload=kept, rejected=rejected, as_read=rows.filter(staying))

    def _watch(self, rows: pa.RecordBatch) -> None:
        for on in self._copy.watched:
            if pc.any(beyond(on.limit, rows.column(self._places[on.column]))).as_py():
                raise ValueRejected(
                    f"{self._copy.source} has values in {on.column} by now that {complaint(on.limit)}; there were none "
                    "when its values were looked at. Mend them and go on, or begin anew to have all looked at again",
                    path=(f"{self._copy.source}.{on.column}",),
                )

    def _rejects(self, rows: pa.RecordBatch, taken_out: list[tuple[Treatment, pa.Array]]) -> tuple[RejectedRow, ...]:
        """Return the rows that are taken out, as they were read, each with the first reason that counts for it."""
        reasons: dict[int, Treatment] = {}
        for treatment, mask in taken_out:
            for place in pc.indices_nonzero(mask).to_pylist():
                reasons.setdefault(place, treatment)
        places = sorted(reasons)
        columns = [values_of(column) for column in rows.take(pa.array(places, pa.int64())).columns]
        first, self._rejected = self._rejected, self._rejected + len(places)
        return tuple(
            RejectedRow(
                table_number=self._copy.number,
                chunk_number=self._chunk.number,
                number=first + index,
                column=reasons[place].on.column,
                reason=f"values {complaint(reasons[place].on.limit)}",
                values=tuple(text_of(column[index]) for column in columns),
            )
            for index, place in enumerate(places)
        )


def _treated(treatment: Treatment, column: pa.Array, mask: pa.Array) -> pa.Array:
    match treatment.policy:
        case MisfitPolicy.NULL:
            return pc.if_else(mask, pa.scalar(None, column.type), column)
        case MisfitPolicy.SENTINEL:
            value = carried_sentinel(treatment.on.type, treatment.sentinel)
            return pc.if_else(mask, pa.scalar(value, column.type), column)
        case MisfitPolicy.STRIP:
            return _stripped(treatment.on.limit, column)
        case _:
            return column


def _stripped(limit: Limit, column: pa.Array) -> pa.Array:
    if not isinstance(limit, Utf8):
        return pc.replace_substring(column, NUL, "")
    values = [mended(value) if isinstance(value, str) else value for value in values_of(column)]
    return column_of(values, column.type)


def _any_of(masks: list[pa.Array]) -> pa.Array:
    first, *others = masks
    for mask in others:
        first = pc.or_(first, mask)
    return first
