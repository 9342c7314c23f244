"""By which hashes two databases are compared, and that each of these ways finds what is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from domain.catalog.model import Key, Table, TableName
from domain.catalog.types import Date, Decimal, Integer, Text, Timestamp
from domain.connections.values import Engine
from domain.migrations.digests import RowHash
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunPhase, RunProgress
from domain.migrations.report import RunReport
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from infra.connectors.native import has_native
from tests.connectors.lab import Lab, Row, a_column
from tests.pairs.conftest import DUCKDB, MYSQL, PARQUET, POSTGRESQL, SQLITE, Pair, names_of
from tests.pairs.moves import fill
from tests.support.runs import Watcher
from workers.engine.compare import compare
from workers.engine.control import ControlSwitch
from workers.engine.ends import open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

if not has_native():
    pytest.skip("without the C helper all is compared by MD5", allow_module_level=True)

WAYS = {
    (MYSQL, POSTGRESQL): RowHash.LOOKUP3,
    (POSTGRESQL, MYSQL): RowHash.CRC,
    (MYSQL, MYSQL): RowHash.CRC,
    (SQLITE, POSTGRESQL): RowHash.LOOKUP3,
    (SQLITE, MYSQL): RowHash.CRC,
    (SQLITE, DUCKDB): RowHash.TEXT,
    (DUCKDB, POSTGRESQL): RowHash.LOOKUP3,
    (PARQUET, POSTGRESQL): RowHash.LOOKUP3,
    (POSTGRESQL, POSTGRESQL): RowHash.POSTGRESQL,
}
CHAINS = [(MYSQL, POSTGRESQL), (POSTGRESQL, MYSQL), (POSTGRESQL, POSTGRESQL)]
EACH_WAY = pytest.mark.parametrize("pair", WAYS, ids=names_of, indirect=True)
TABLE = Table(
    TableName("word"),
    (
        a_column("id", Integer(32), nullable=False),
        a_column("said", Text(60)),
        a_column("seen", Date()),
        a_column("size", Decimal(8, 2)),
        a_column("at_", Timestamp()),
    ),
    primary_key=Key(("id",), "word_pkey"),
)
ROWS: list[Row] = [
    (
        number,
        None if number % 7 == 0 else f"é {number % 50}",
        f"2020-01-{number % 28 + 1:02d}",
        f"{number % 90}.{number % 100:02d}",
        f"2021-02-03 04:05:06.{number:06d}",
    )
    for number in range(1, 1_001)
]
CHANGES = {
    "said": ["UPDATE word SET said = 'é 4' WHERE id = 3"],
    "seen": ["UPDATE word SET seen = NULL WHERE id = 999"],
    "size": ["UPDATE word SET size = size + 0.01 WHERE id = 500"],
    "": [  # rows 3 and 4 swap a value, so every column still has the same values
        "UPDATE word SET said = 'é 4' WHERE id = 3",
        "UPDATE word SET said = 'é 3' WHERE id = 4",
    ],
}
BACK = ["UPDATE word SET said = 'é 3' WHERE id = 3", "UPDATE word SET said = 'é 4' WHERE id = 4"]


def message(column: str) -> str:
    return "same number of rows, different values" + (f" in {column}" if column else "")


async def change(lab: Lab, statements: list[str]) -> None:
    """Meddle with a table as anybody might."""
    async with lab.target() as target:
        ticket = await target.open_run("meddle", "meddle")
        for number, sql in enumerate(statements):
            what = SchemaObject(ObjectKind.TABLE, f"meddling {number}")
            await target.execute(Step(number, Phase.FINISH, what, sql), ticket)
        await target.forget_run("meddle")


@dataclass
class Meddler(Watcher):
    """Changes the target once all rows are in it and none is compared yet."""

    lab: Lab
    statements: list[str]

    def __post_init__(self) -> None:
        super().__init__()

    async def report(self, progress: RunProgress) -> None:
        statements, self.statements = self.statements, []
        if progress.phase is RunPhase.VERIFICATION and statements:
            await change(self.lab, statements)
        else:
            self.statements = statements


async def moved(pair: Pair, meddling: list[str] | None = None, options: RunOptions | None = None) -> RunReport:
    options = options or RunOptions(parallel=2, chunk_rows=300)
    sink = Meddler(pair.target, meddling) if meddling else Watcher()
    async with open_ends(pair.route, parallel=2) as ends:
        return await run(ends, RunRequest("run", options), sink, ControlSwitch())


async def hash_of_the_seal(pair: Pair) -> RowHash:
    async with pair.target.target() as target:
        [record] = await target.runs()
    return RowHash(json.loads(record.seal)["tables"][0]["digest"]["by"])


@EACH_WAY
async def test_a_copy_is_compared_by_the_cheapest_hash_of_its_pair(pair: Pair, request: pytest.FixtureRequest) -> None:
    await fill(pair.source, {TABLE: ROWS})

    report = await moved(pair)

    assert [table.verified for table in report.tables] == [True], report.error
    ends: tuple[Engine, Engine] = (pair.source.engine, pair.target.engine)
    assert await hash_of_the_seal(pair) is WAYS[ends], request.node.name


@EACH_WAY
async def test_whatever_is_changed_later_is_found_and_its_column_named(pair: Pair) -> None:
    await fill(pair.source, {TABLE: ROWS})
    report = await moved(pair)
    assert [table.verified for table in report.tables] == [True], report.error

    found = []
    for statements in (CHANGES[""], BACK, CHANGES["size"]):
        await change(pair.target, statements)
        found += [verdict.difference for verdict in await compare(pair.route, RunOptions(), ControlSwitch())]

    assert found == [message(""), "", message("size")]


@pytest.mark.parametrize("pair", CHAINS, ids=names_of, indirect=True)
@pytest.mark.parametrize("column", CHANGES)
async def test_what_is_changed_between_copy_and_comparison_is_found(pair: Pair, column: str) -> None:
    await fill(pair.source, {TABLE: ROWS})

    report = await moved(pair, CHANGES[column])

    assert [table.verified for table in report.tables] == [False]
    assert report.error is not None
    assert message(column) in report.error.message
