"""Awkward values from every engine to every engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.catalog.model import Column, Key, Table, TableName
from domain.catalog.types import Integer
from domain.connections.values import Engine
from domain.kernel.errors import ErrorCode
from domain.mappings.values import TableMapping
from domain.migrations.canonical import Carried
from domain.migrations.misfits import MisfitPolicy, MisfitRule, RejectLimit
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from infra.connectors.native import SWITCH, has_native
from tests.pairs.conftest import Pair
from tests.pairs.moves import Rows, fill, migrate, wrong_tables
from tests.support.awkward import AWKWARD, Awkward


def a_table(awkward: Awkward) -> Table:
    return Table(
        TableName(f"v_{awkward.name}"),
        (Column("id", Integer(32), "", nullable=False), Column("value", awkward.type, "")),
        primary_key=Key(("id",)),
    )


def numbered(values: tuple[Carried, ...]) -> Rows:
    """Each value in a row of its own, NULL among them."""
    return list(enumerate((*values, None)))


def kept_by_both(pair: Pair, awkward: Awkward) -> tuple[Carried, ...]:
    return tuple(value for value in awkward.kept_by(pair.source.engine) if value in awkward.kept_by(pair.target.engine))


def lost_between(pair: Pair, awkward: Awkward) -> tuple[Carried, ...]:
    return tuple(
        value for value in awkward.kept_by(pair.source.engine) if value in awkward.refused_by(pair.target.engine)
    )


@pytest.fixture(params=["C", "Python"])
def helper(request: pytest.FixtureRequest, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The connectors with the C helper and without it, where one of the two could use it."""
    if request.param == "Python":
        if not {pair.source.engine, pair.target.engine} <= {Engine.POSTGRESQL, Engine.MYSQL, Engine.SQLITE}:
            pytest.skip("these two engines do without the helper")
        monkeypatch.setenv(SWITCH, "off")
    has_native.cache_clear()
    yield
    monkeypatch.undo()
    has_native.cache_clear()


@pytest.mark.usefixtures("helper")
async def test_every_awkward_value_arrives_as_it_was(pair: Pair) -> None:
    rows = {a_table(awkward): numbered(kept_by_both(pair, awkward)) for awkward in AWKWARD}
    await fill(pair.source, rows)

    report = await migrate(pair)

    assert report.error is None, report.error.message
    assert report.status is RunStatus.SUCCEEDED
    assert all(table.verified for table in report.tables)
    assert {table.name.rpartition(".")[2]: table.rows_written for table in report.tables} == {
        table.name.name: len(held) for table, held in rows.items()
    }
    assert await wrong_tables(pair, rows) == []


async def test_a_value_without_an_exact_place_is_refused_or_kept_by_another_type(pair: Pair) -> None:
    for awkward in AWKWARD:
        values, table = lost_between(pair, awkward), a_table(awkward)
        if not values:
            continue
        await fill(pair.source, {table: numbered(values)})

        report = await migrate(pair, RunOptions(include=(table.name.name,)), run_id=awkward.name)

        if report.error is None:
            assert [found.verified for found in report.tables] == [True], awkward.name
        else:
            assert report.error.code is ErrorCode.VALUE_REJECTED, report.error
            async with pair.target.target() as target:
                counts = await target.row_counts((table.name,))
                assert counts == {}, f"{awkward.name} was not foreseen"


async def test_rows_without_an_exact_place_are_left_out_and_kept_in_the_ledger_if_that_is_allowed(pair: Pair) -> None:
    rows = {a_table(awkward): numbered(lost_between(pair, awkward)) for awkward in AWKWARD}
    rows = {table: held for table, held in rows.items() if len(held) > 1}
    await fill(pair.source, rows)

    report = await migrate(pair, RunOptions(reject_limit=RejectLimit(percent=100)))

    assert report.error is None, report.error
    assert not [warning for warning in report.warnings if "expected" in warning]
    async with pair.target.target() as target:
        kept = await target.rejected("run", None, 1_000)
    counted: dict[str, int] = {}
    for table in report.tables:
        assert table.verified, table
        assert table.rows_read == table.rows_written + table.rows_rejected
        counted[table.name] = table.rows_rejected
    assert len(kept) == sum(counted.values())
    assert len({row.place for row in kept}) == len(kept)


async def test_values_without_an_exact_place_become_null_or_text_if_that_is_asked(pair: Pair) -> None:
    rows = {a_table(awkward): numbered(lost_between(pair, awkward)) for awkward in AWKWARD}
    rows = {table: held for table, held in rows.items() if len(held) > 1}
    await fill(pair.source, rows)

    for policy in (MisfitPolicy.NULL, MisfitPolicy.TEXT):
        mappings = tuple(TableMapping(table.name.name, f"{table.name.name}_{policy.value.lower()}") for table in rows)
        options = RunOptions(on_misfit=(MisfitRule("*", policy),), mappings=mappings)
        if policy is MisfitPolicy.TEXT:  # what has no place in a text either may be left out
            options = replace(options, reject_limit=RejectLimit(percent=100))
        report = await migrate(pair, options, run_id=policy.value)

        assert report.error is None, report.error
        assert [table.name for table in report.tables if not table.verified] == []
