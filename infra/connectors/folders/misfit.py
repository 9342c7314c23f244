"""Values of files that a target cannot keep: how many there are, and what treatments leave of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from domain.catalog.types import Carrier, LogicalType, carrier
from domain.migrations.broken_texts import shown
from domain.migrations.digests import DigestColumn
from domain.migrations.limits import NUL, Characters, Limit, NoNul, Octets, Present, Utf8, fits
from domain.migrations.misfits import ColumnLimit, ColumnLimits, MisfitPolicy, Profile, Treatment
from domain.migrations.sentinels import carried_sentinel
from infra.connectors.broken_texts import is_sound, values_of
from infra.connectors.profiling import EXAMPLES_MAX, Counted, example_text

_NO = pa.scalar(value=False)


def beyond(limit: Limit, type_: LogicalType, column: pa.Array) -> pa.Array:
    """Tell of each value whether it is beyond a limit."""
    is_text = carrier(type_) is Carrier.TEXT
    if is_text and not isinstance(limit, Present) and not is_sound(column):
        return pa.array([not fits(limit, value) for value in values_of(column)], pa.bool_())
    match limit:
        case Utf8():
            return pa.array([False] * len(column), pa.bool_())
        case NoNul() if is_text:
            return pc.fill_null(pc.match_substring(column, NUL), _NO)
        case Characters(most) if is_text:
            return pc.fill_null(pc.greater(pc.utf8_length(column), most), _NO)
        case Octets(most):
            return pc.fill_null(pc.greater(pc.binary_length(column), most), _NO)
        case Present():
            return pc.is_null(column)
        case _:
            return pa.array([not fits(limit, value) for value in column.to_pylist()], pa.bool_())


def profiled(
    batches: Iterator[pa.RecordBatch],
    columns: Sequence[DigestColumn],
    key: Sequence[str],
    limits: ColumnLimits,
    rejecting: ColumnLimits,
) -> Profile:
    """Count the values beyond each limit and the rows beyond any of the `rejecting`; name the first by key or value."""
    places = {column.name: place for place, column in enumerate(columns)}
    counts = [0, *(0 for _ in limits)]
    rejected = 0
    examples: dict[ColumnLimit, tuple[str, ...]] = {}
    for batch in batches:
        masks = {on: beyond(on.limit, on.type, batch.column(places[on.column])) for on in {*limits, *rejecting}}
        counts[0] += batch.num_rows
        rejected += _true(_any_of([masks[on] for on in rejecting], batch.num_rows))
        for number, on in enumerate(limits, 1):
            found = _true(masks[on])
            counts[number] += found
            known = examples.get(on, ())
            if found and len(known) < EXAMPLES_MAX:
                names = tuple(key) or (on.column,)
                rows = batch.filter(masks[on]).slice(0, EXAMPLES_MAX - len(known))
                values = zip(*(_readable(rows.column(places[name])) for name in names), strict=True)
                examples[on] = (*known, *(example_text(names, value) for value in values))
    return Counted(limits, tuple(counts)).profile(rejected, examples)


def treated(
    batches: Iterator[pa.RecordBatch], columns: Sequence[DigestColumn], treatments: Sequence[Treatment]
) -> Iterator[pa.RecordBatch]:
    """Pass rows on as treatments leave them; every column that is treated must be among the columns."""
    places = {column.name: place for place, column in enumerate(columns)}
    for batch in batches:
        arrays = list(batch.columns)
        rejected = []
        for treatment in treatments:
            place = places[treatment.on.column]
            mask = beyond(treatment.on.limit, treatment.on.type, batch.column(place))
            if treatment.policy is MisfitPolicy.REJECT:
                rejected.append(mask)
            else:
                arrays[place] = _mended(treatment, arrays[place], mask)
        rows = pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
        yield rows.filter(pc.invert(_any_of(rejected, rows.num_rows))) if rejected else rows


def _mended(treatment: Treatment, column: pa.Array, mask: pa.Array) -> pa.Array:
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
    raw = column.cast(pa.large_binary()).to_pylist()
    return pa.array([None if value is None else value.decode(errors="ignore") for value in raw], column.type)


def _readable(column: pa.Array) -> list[object]:
    return [shown(value) if isinstance(value, str) else value for value in values_of(column)]


def _any_of(masks: Sequence[pa.Array], rows: int) -> pa.Array:
    found = pa.array([False] * rows, pa.bool_())
    for mask in masks:
        found = pc.or_(found, mask)
    return found


def _true(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
