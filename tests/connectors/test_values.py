"""Values arrive as they are, or are refused; a digest is the same in every engine."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings

from domain.catalog.model import Table, TableName
from domain.catalog.types import Binary, Duration, Float, Interval, LogicalType, Text
from domain.kernel.errors import ValueRejected
from domain.migrations.canonical import BINARY_BYTES_MAX, TEXT_BYTES_MAX, Carried, canonical_text, digest_rows
from domain.migrations.digests import QuickDigests, RowHash
from domain.migrations.schema_plan import Phase
from domain.migrations.transfer import Source, TableCopy
from tests.connectors.lab import (
    Lab,
    Row,
    a_column,
    batches,
    copy_of,
    digest_columns,
    read_rows,
    reading,
    run_steps,
    table_named,
    whole,
)
from tests.support import strategies
from tests.support.awkward import AWKWARD, Awkward
from tests.support.hashes import digest_of

EACH_TYPE = pytest.mark.parametrize("awkward", AWKWARD, ids=lambda awkward: awkward.name)


def meaning(type_: LogicalType, value: Carried) -> str | None:
    """What a value says, however the type is called where it is found."""
    return None if value is None else canonical_text(type_, value)


def table_of(name: str, *types: LogicalType) -> Table:
    return Table(TableName(name), tuple(a_column(f"c{place}", type_) for place, type_ in enumerate(types)))


def rows_of(awkward: Awkward, lab: Lab) -> list[Row]:
    return [(None,), *((value,) for value in awkward.kept_by(lab.engine)), (None,)]


@pytest.fixture(scope="module")
def copies(shared_lab: Lab) -> dict[str, TableCopy]:
    """The tables that are there, by the names of what is awkward about their values."""
    return {}


@pytest.fixture
async def kept(shared_lab: Lab, awkward: Awkward, copies: dict[str, TableCopy]) -> TableCopy:
    """A table that holds all awkward values of a type, made once: the more a database has, the longer a look takes."""
    if awkward.name not in copies:
        table = table_of(f"kept_{awkward.name}", awkward.type)
        copies[awkward.name] = await shared_lab.make(table, rows_of(awkward, shared_lab))
    return copies[awkward.name]


async def found_again(source: Source, copy: TableCopy) -> TableCopy:
    """Return the copy that reads what another one wrote."""
    return reading(copy, table_named(await source.introspect(), copy.target.name))


@EACH_TYPE
async def test_awkward_values_are_read_back_as_they_were_written(
    shared_lab: Lab, awkward: Awkward, kept: TableCopy
) -> None:
    async with shared_lab.source() as source:
        back = await found_again(source, kept)
        read = await read_rows(source, back, whole(back))

    type_ = back.columns[0].type
    if isinstance(awkward.type, Duration) and isinstance(type_, Interval):
        return  # the engine keeps it as an interval, whose spelling differs; the digest says that it is the same
    expected = sorted(str(meaning(awkward.type, value)) for (value,) in rows_of(awkward, shared_lab))
    assert sorted(str(meaning(type_, value)) for (value,) in read) == expected


@EACH_TYPE
async def test_the_targets_digest_of_awkward_values_is_the_reference_digest(
    shared_lab: Lab, awkward: Awkward, kept: TableCopy
) -> None:
    async with shared_lab.target() as target:
        digest = await target.digest(kept.target, digest_columns(kept))

    assert digest == digest_rows([awkward.type], rows_of(awkward, shared_lab))


@EACH_TYPE
async def test_both_ends_digests_by_a_quicker_hash_are_those_of_its_definition(
    shared_lab: Lab, awkward: Awkward, kept: TableCopy
) -> None:
    rows = rows_of(awkward, shared_lab)
    hashes = [by for by in shared_lab.connector.capabilities.row_hashes if by.is_of_row_texts]

    async with shared_lab.target() as target:
        for by in hashes:
            found = await cast("QuickDigests", target).quick_digest(by, kept.target, digest_columns(kept))
            assert found == digest_of(by, [awkward.type], rows)
    async with shared_lab.source() as source:
        back = await found_again(source, kept)
        read = await read_rows(source, back, whole(back))
        for by in hashes:
            found = await cast("QuickDigests", source).quick_digest(by, back.source, digest_columns(back))
            assert found == digest_of(by, [back.columns[0].type], read)


@EACH_TYPE
async def test_a_source_adds_up_the_rows_that_it_reads(shared_lab: Lab, awkward: Awkward, kept: TableCopy) -> None:
    if not shared_lab.connector.capabilities.sums_rows:
        return
    hashes = (RowHash.CRC, RowHash.LOOKUP3, RowHash.TEXT)

    async with shared_lab.source() as source:
        back = await found_again(source, kept)
        read = await read_rows(source, back, whole(back))
        sums = [batch.sums async for batch in source.read(replace(back, sums=hashes), whole(back))]

    expected = [digest_of(by, [back.columns[0].type], read).total for by in hashes]
    assert [sum(column) for column in zip(*sums, strict=True)] == expected


@EACH_TYPE
async def test_a_sources_digest_is_that_of_the_rows_it_reads(
    shared_lab: Lab, awkward: Awkward, kept: TableCopy
) -> None:
    async with shared_lab.source() as source:
        back = await found_again(source, kept)
        digest = await source.digest(back.source, digest_columns(back))
        read = await read_rows(source, back, whole(back))

    assert digest == digest_rows([back.columns[0].type], read)


@pytest.mark.parametrize(
    "awkward", [awkward for awkward in AWKWARD if awkward.refused], ids=lambda awkward: awkward.name
)
async def test_a_value_without_an_exact_place_is_refused_and_nothing_is_written(
    shared_lab: Lab, awkward: Awkward
) -> None:
    table = table_of(f"refused_{awkward.name}", awkward.type)
    plan = shared_lab.connector.plan_schema(shared_lab.wanted(table), shared_lab.endpoint)
    copy = copy_of(table, plan.tables[0])
    async with shared_lab.target() as target:
        ticket = await target.open_run("refuse", "plan")
        await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
        for value in awkward.refused_by(shared_lab.engine):
            rows: list[Row] = [(awkward.values[0],), (value,)]
            with pytest.raises(ValueRejected):
                await target.write(copy, whole(copy), batches(copy, rows), ticket)
            assert await target.row_counts((copy.target,)) == {copy.target: 0}
        await target.close_run("refuse")


async def test_all_types_fit_into_one_table(lab: Lab) -> None:
    types = [awkward.type for awkward in AWKWARD]
    values = [awkward.kept_by(lab.engine) for awkward in AWKWARD]
    deepest = max(map(len, values))
    rows: list[Row] = [tuple(column[place % len(column)] for column in values) for place in range(deepest)]

    copy = await lab.make(table_of("everything", *types), rows)

    async with lab.target() as target:
        assert await target.digest(copy.target, digest_columns(copy)) == digest_rows(types, rows)


async def test_a_digest_takes_long_values_by_their_hash_in_every_engine_from_the_same_length_on(lab: Lab) -> None:
    types: list[LogicalType] = [Text(), Text(3000), Text(40), Binary(), Binary(100)]
    texts = [letter * (TEXT_BYTES_MAX // size + more) for letter, size in (("x", 1), ("é", 2)) for more in (-1, 0, 1)]
    blobs = [b"\xfe" * (BINARY_BYTES_MAX + more) for more in (-1, 0, 1)] * 2
    rows: list[Row] = [(text, text, text[:40], blob, blob) for text, blob in zip(texts, blobs, strict=True)]
    rows += [("", "", "", b"", b""), (None, None, None, None, None)]

    copy = await lab.make(table_of("lengths", *types), rows)

    async with lab.target() as target:
        assert await target.digest(copy.target, digest_columns(copy)) == digest_rows(types, rows)


async def test_a_digest_without_columns_counts_the_rows(lab: Lab) -> None:
    copy = await lab.make(table_of("counted", Float(64)), [(1.5,), (None,), (2.5,)])

    async with lab.target() as target:
        assert (await target.digest(copy.target, ())).rows == 3


@given(sample=strategies.tables())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_any_rows_arrive_as_they_are(shared_lab: Lab, sample: tuple[tuple[LogicalType, ...], list[Row]]) -> None:
    types, rows = sample
    shared_lab.numbers.append(len(shared_lab.numbers))
    table = table_of(f"any_{len(shared_lab.numbers)}", *types)

    copy = await shared_lab.make(table, rows)

    async with shared_lab.target() as target:
        assert await target.digest(copy.target, digest_columns(copy)) == digest_rows(types, rows)
