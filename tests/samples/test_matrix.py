"""Every sample database to every engine, verified, with an account of every object.

The whole matrix is run by `make samples`; a share of it, one run for each kind of trouble, always.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from domain.connections.values import Endpoint, Engine
from domain.migrations.misfits import MisfitPolicy, MisfitRule
from domain.migrations.plan import RunOptions
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import STANDARD, migrate
from tests.samples.conftest import Load
from tests.samples.matrix import Cell
from tests.support.sample_databases import DATABASES, OTHERS, Refused

LARGE = ("pg-duckdb_all_pg_types", "pg-duckdb_decimals", "pg-indexes")

ALWAYS = {
    (sample.name, Engine.POSTGRESQL if sample.engine is Engine.MYSQL else Engine.MYSQL)
    for sample in DATABASES
    if sample.name.startswith(("mysql-", "pg-")) and sample.name not in LARGE
}
"""Cells of every run; the others are run on demand."""

OF_NO_CALENDAR = ("mysql-types",)
"""Samples with dates such as 2026-00-00, which only texts can hold elsewhere."""

AS_TEXT = RunOptions(on_misfit=(MisfitRule("*", MisfitPolicy.TEXT),))


def _cells() -> Iterator[ParameterSet]:
    for sample, engine in product((*DATABASES, *OTHERS), Engine):
        marks = [pytest.mark.slow, *([] if (sample.name, engine) in ALWAYS else [pytest.mark.samples])]
        yield pytest.param(sample.name, engine, id=f"{sample.name}-{engine.value.lower()}", marks=marks)


@pytest.fixture
def target(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Lab:
    """An empty database of the target's engine."""
    if engine.is_file:
        endpoint = Endpoint(engine, path=str(tmp_path / "target"))
    else:
        endpoint = request.getfixturevalue(f"{engine.value.lower()}_database")
    return Lab(engine, endpoint, connector_for(engine))


@pytest.mark.parametrize(("name", "engine"), list(_cells()))
async def test_a_sample_arrives_whole_or_is_refused_with_a_reason(
    name: str, engine: Engine, target: Lab, loaded: Load, cells: list[Cell]
) -> None:
    try:
        source = loaded(name)
    except Refused as refused:
        cells.append(Cell(name, engine, note=f"the server refuses the script: {refused}"))
        return
    options = AS_TEXT if name in OF_NO_CALENDAR else STANDARD
    report = await migrate(Pair(Lab(source.engine, source, connector_for(source.engine)), target), options)
    cells.append(Cell(name, engine, report))

    assert report.error is None, report.error.message
    assert all(table.verified for table in report.tables)
    assert all(note.reason for note in (*report.objects.replaced, *report.objects.skipped))
