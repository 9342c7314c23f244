"""Rolling back in every engine: afterwards the target is as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.catalog.model import ForeignKey, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import Conflict, Fenced
from domain.migrations.plan import OnExisting, RunOptions, VerifyLevel
from domain.migrations.progress import RunStatus
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackLevel, RollbackOptions, RollbackReport
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab, Row, a_column
from tests.pairs.conftest import Pair, _lab, _server
from tests.pairs.moves import as_admin, fill, migrate, write_later
from tests.pairs.one_engine import NUMBERED, POSTGRESQL
from tests.support.pictures import picture, picture_of
from tests.support.postgresql import PostgresqlServer
from tests.support.runs import Watcher
from workers.engine.control import Ask, ControlSwitch, Stopped
from workers.engine.ends import open_ends, open_target
from workers.engine.prepare import RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.rollback import plan_rollback, roll_back
from workers.engine.run import run

DATABASES = tuple(engine for engine in Engine if not engine.is_folder)

KIND = Table(
    TableName("kind"),
    (a_column("id", Integer(64), nullable=False), a_column("name", Text(30))),
    primary_key=Key(("id",)),
)
ITEM = Table(
    TableName("item"),
    (
        a_column("id", Integer(64), nullable=False),
        a_column("kind_id", Integer(64)),
        a_column("title", Text(50)),
    ),
    primary_key=Key(("id",)),
    indexes=(Index("item_title", (IndexPart("title"),)),),
    foreign_keys=(ForeignKey("item_kind", ("kind_id",), TableName("kind"), ("id",)),),
)
KEYLESS = Table(TableName("note"), (a_column("words", Text(30)),))
UNRELATED = Table(TableName("unrelated"), (a_column("id", Integer(64), nullable=False),), primary_key=Key(("id",)))

KINDS: list[Row] = [(number, f"kind {number}") for number in range(1, 6)]
ITEMS: list[Row] = [(number, number % 5 + 1, f"title {number % 7}") for number in range(1, 41)]
OLD_KINDS: list[Row] = [(number, f"old {number}") for number in range(101, 104)]
OLD_ITEMS: list[Row] = [(number, 101, None) for number in range(201, 207)]
SOURCE: dict[Table, list[Row]] = {KIND: KINDS, ITEM: ITEMS}


@pytest.fixture(params=DATABASES, ids=[engine.value.lower() for engine in DATABASES])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A SQLite source and an empty target of each engine."""
    engine: Engine = request.param
    source = Lab(Engine.SQLITE, Endpoint(Engine.SQLITE, path=str(tmp_path / "source")), connector_for(Engine.SQLITE))
    target = _lab(engine, request, tmp_path / "target")
    yield Pair(source, target)
    if not engine.is_file:
        _server(engine, request).drop(target.endpoint)


async def back(lab: Lab, run_id: str = "run", *, acknowledge: bool = False) -> RollbackReport:
    options = RollbackOptions(acknowledge_writes_since_cutover=acknowledge)
    async with open_target(lab.connector, lab.endpoint) as target:
        return await roll_back(target, run_id, options, ControlSwitch())


class Sessions(ControlSwitch):
    """Stops a run at the n-th time that it asks."""

    def __init__(self, stop_at: int) -> None:
        super().__init__()
        self._left = stop_at

    async def ask(self) -> Ask:
        self._left -= 1
        return Ask.RUN if self._left > 0 else Ask.CANCEL


async def migrate_partly(pair: Pair, options: RunOptions, stop_at: int) -> RunReport:
    async with open_ends(pair.route, parallel=1) as ends:
        return await run(ends, RunRequest("run", options), Watcher(), Sessions(stop_at))


async def test_a_finished_run_into_an_empty_target_leaves_nothing(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    before = await picture(pair.target.endpoint)
    report = await migrate(pair)
    assert report.status is RunStatus.SUCCEEDED, report.error

    await back(pair.target)

    assert await picture(pair.target.endpoint) == before
    async with pair.target.target() as target:
        assert await target.runs() == ()


async def test_tables_of_others_stay_as_they_are(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {UNRELATED: [(1,), (2,)]})
    before = await picture(pair.target.endpoint)
    await migrate(pair)

    await back(pair.target)

    assert await picture(pair.target.endpoint) == before


async def test_empty_tables_that_were_used_are_empty_again(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    bare: dict[Table, list[Row]] = {KIND: [], replace(ITEM, indexes=(), foreign_keys=()): []}
    await fill(pair.target, bare)
    before = await picture(pair.target.endpoint)
    report = await migrate(pair)
    assert report.status is RunStatus.SUCCEEDED, report.error
    assert await picture(pair.target.endpoint) != before

    await back(pair.target)

    assert await picture(pair.target.endpoint) == before


async def test_replaced_rows_come_back(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {KIND: OLD_KINDS, ITEM: OLD_ITEMS})
    before = await picture(pair.target.endpoint)
    report = await migrate(pair, RunOptions(on_existing=OnExisting.TRUNCATE))
    assert report.status is RunStatus.SUCCEEDED, report.error
    assert (await picture(pair.target.endpoint))[1] != before[1]

    await back(pair.target)

    assert await picture(pair.target.endpoint) == before


async def test_added_rows_are_removed_and_those_that_others_changed_are_listed(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {KIND: OLD_KINDS, ITEM: OLD_ITEMS})
    before = await picture(pair.target.endpoint)
    report = await migrate(pair, RunOptions(on_existing=OnExisting.APPEND, chunk_rows=15))
    assert report.status is RunStatus.SUCCEEDED, report.error
    async with pair.target.target() as target:
        assert await target.row_counts((TableName("item"), TableName("kind"))) == {
            TableName("item"): 46,
            TableName("kind"): 8,
        }

    await back(pair.target)

    assert await picture(pair.target.endpoint) == before


async def test_added_rows_of_a_table_without_key_cannot_be_taken_back(pair: Pair) -> None:
    await fill(pair.source, {KEYLESS: [("new",)]})
    await fill(pair.target, {KEYLESS: [("old",)]})
    await migrate(pair, RunOptions(on_existing=OnExisting.APPEND))

    with pytest.raises(Conflict, match="no key"):
        await back(pair.target)


@pytest.mark.parametrize("on_existing", [OnExisting.TRUNCATE, OnExisting.APPEND])
async def test_a_run_that_stopped_half_way_is_taken_back(pair: Pair, on_existing: OnExisting) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {KIND: OLD_KINDS})
    before = await picture(pair.target.endpoint)
    for stop_at in (4, 9, 15):
        report = await migrate_partly(pair, RunOptions(on_existing=on_existing, chunk_rows=15, parallel=1), stop_at)
        async with pair.target.target() as target:
            begun = bool(await target.runs())
        if begun:
            await back(pair.target)
        assert await picture(pair.target.endpoint) == before, (stop_at, report.status)


async def test_a_rollback_may_be_killed_after_every_act_and_repeated(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {KIND: OLD_KINDS})
    before = await picture(pair.target.endpoint)
    report = await migrate(pair, RunOptions(on_existing=OnExisting.TRUNCATE))
    assert report.status is RunStatus.SUCCEEDED, report.error

    rounds = 0
    while True:
        rounds += 1
        async with open_target(pair.target.connector, pair.target.endpoint) as target:
            try:
                await roll_back(target, "run", RollbackOptions(), Sessions(rounds))
            except Stopped:
                continue
            break
    assert rounds > 2
    assert await picture(pair.target.endpoint) == before


async def test_a_rollback_that_another_worker_has_taken_over_changes_nothing_more(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    before = await picture(pair.target.endpoint)
    await migrate(pair)
    async with open_target(pair.target.connector, pair.target.endpoint) as target:
        last = (await target.undo.steps("run"))[-1]
        frozen = await target.undo.begin("run", "")
        await target.undo.begin("run", "")
        written = await picture_of(target)

        with pytest.raises(Fenced):
            await target.undo.take_back(last, frozen)
        assert await picture_of(target) == written

    await back(pair.target)
    assert await picture(pair.target.endpoint) == before


@pytest.mark.parametrize("verify", [VerifyLevel.DIGEST, VerifyLevel.NONE], ids=lambda level: level.value.lower())
async def test_rows_written_since_need_a_word_and_are_kept(pair: Pair, verify: VerifyLevel) -> None:
    await fill(pair.source, SOURCE)
    before = await picture(pair.target.endpoint)
    await migrate(pair, RunOptions(verify=verify))
    await write_later(pair.target, "kind", [(99, "later")])

    with pytest.raises(Conflict, match="written to since"):
        await back(pair.target)
    async with open_target(pair.target.connector, pair.target.endpoint) as target:
        plan = await plan_rollback(target, "run")
    assert [table.name for table in plan.written] == ["kind"]
    await back(pair.target, acknowledge=True)

    assert await picture(pair.target.endpoint) == before


@pytest.mark.parametrize("pair", [Engine.SQLITE], indirect=True)
async def test_rows_that_are_kept_aside_of_two_runs_of_one_name_do_not_meet(pair: Pair) -> None:
    await fill(pair.source, {KIND: KINDS})
    kept: list[str] = []
    for later in (98, 99):
        await migrate(pair)
        await write_later(pair.target, "kind", [(later, "later")])
        report = await back(pair.target, acknowledge=True)
        kept += report.kept_aside

    assert len(set(kept)) == 2


async def test_what_is_promised_stands_in_the_plan(pair: Pair) -> None:
    await fill(pair.source, SOURCE)
    await fill(pair.target, {KIND: OLD_KINDS, ITEM: OLD_ITEMS})
    levels = []
    for on_existing in (OnExisting.TRUNCATE, OnExisting.APPEND):
        async with open_ends(pair.route, parallel=1) as ends:
            request = RunRequest(on_existing.value, RunOptions(on_existing=on_existing))
            prepared = await prepare(ends, request, Meter("run", Watcher()), ControlSwitch())
        assert prepared.plan.rollback is not None
        levels.append(prepared.plan.rollback.level)
        await back(pair.target, on_existing.value)

    assert levels == [RollbackLevel.KEPT_ROWS, RollbackLevel.ADDED_ROWS]


async def test_sequences_of_postgresql_columns_go_with_their_tables(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(NUMBERED, source.database)
    pair = as_admin(postgresql_server, source, postgresql_database)
    report = await migrate(pair)
    assert report.status is RunStatus.SUCCEEDED

    await back(pair.target)

    left = "SELECT relname FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'S') AND relname !~ '^_wherry'"
    assert postgresql_server.run(left, postgresql_database.database) == ""
    postgresql_server.drop(source)


async def test_whatever_postgresql_alone_has_goes_again_and_what_was_there_stays(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    source = postgresql_server.create_database()
    postgresql_server.run(POSTGRESQL, source.database)
    postgresql_server.run(
        "CREATE SCHEMA sales; CREATE COLLATION sales.plain (PROVIDER = libc, LOCALE = 'C')",
        postgresql_database.database,
    )
    pair = as_admin(postgresql_server, source, postgresql_database)
    assert (await migrate(pair)).status is RunStatus.SUCCEEDED

    await back(pair.target)

    made = ("pg_class", "pg_type", "pg_proc", "pg_extension", "pg_collation", "pg_namespace", "pg_statistic_ext")
    left = " UNION ALL ".join(
        f"SELECT o.identity FROM {catalogue} c, pg_identify_object('{catalogue}'::regclass, c.oid, 0) o "
        "WHERE c.oid >= 16384 AND o.identity !~ '_wherry|pg_toast'"
        for catalogue in made
    )
    found = postgresql_server.run(f"{left} ORDER BY 1", postgresql_database.database).splitlines()
    assert found == ["sales", "sales.plain"]
    postgresql_server.drop(source)


async def test_triggers_of_postgresql_run_when_they_did_before_although_rows_were_brought_back(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    made = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1);"
    source = postgresql_server.create_database()
    postgresql_server.run(made, source.database)
    postgresql_server.run(
        f"{made} CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
        "CREATE TRIGGER asleep BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();"
        "CREATE TRIGGER awake AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();"
        "ALTER TABLE t DISABLE TRIGGER asleep, ENABLE ALWAYS TRIGGER awake",
        postgresql_database.database,
    )
    pair = as_admin(postgresql_server, source, postgresql_database)
    assert (await migrate(pair, RunOptions(on_existing=OnExisting.TRUNCATE))).status is RunStatus.SUCCEEDED

    await back(pair.target)

    states = postgresql_server.run("SELECT tgname, tgenabled FROM pg_trigger ORDER BY 1", postgresql_database.database)
    assert states.splitlines() == ["asleep|D", "awake|A"]
    postgresql_server.drop(source)
