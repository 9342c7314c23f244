"""A chunk is written once, whatever happens to sessions, servers and other workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest

from domain.catalog.model import TableName
from domain.catalog.types import Binary, Integer, Text
from domain.connections.values import Endpoint
from domain.kernel.errors import DatabaseError, Fenced
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from domain.migrations.transfer import Batch, Chunk, ColumnCopy, TableCopy, Target, WholeTable
from infra.connectors.mysql import ledger
from infra.connectors.mysql.connector import CONNECTOR
from infra.connectors.mysql.writer import MysqlTarget
from tests.connectors.lab import batches
from tests.support.cutting_proxy import CuttingProxy
from tests.support.mysql import MysqlServer
from tests.support.waiting import wait_until

ITEM = TableName("item")
COPY = TableCopy(
    0,
    ITEM,
    ITEM,
    (
        ColumnCopy("id", "id", Integer(64), "bigint", "bigint"),
        ColumnCopy("name", "name", Text(50), "varchar(50)", "varchar(50)"),
    ),
)
CHUNK = Chunk(0, 0, WholeTable())
ROWS = tuple((number, f"name {number}") for number in range(100))


@pytest.fixture
def place(mysql_server: MysqlServer, mysql_database: Endpoint) -> Endpoint:
    """A database with an empty table `item`."""
    mysql_server.run(
        "CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(50)) CHARACTER SET utf8mb4",
        database=mysql_database.database,
    )
    return mysql_database


async def opened(endpoint: Endpoint, writers: int = 1) -> MysqlTarget:
    target = await CONNECTOR.open_target(endpoint, writers=writers)
    assert isinstance(target, MysqlTarget)
    return target


async def count(target: Target) -> int:
    return (await target.row_counts((ITEM,)))[ITEM]


async def paused(rows: Sequence[tuple[int, str]], begun: asyncio.Event, go_on: asyncio.Event) -> AsyncIterator[Batch]:
    """Rows in two batches, with a pause between them."""
    middle = len(rows) // 2
    async for batch in batches(COPY, rows[:middle]):
        yield batch
    begun.set()
    await go_on.wait()
    async for batch in batches(COPY, rows[middle:]):
        yield batch


@pytest.mark.parametrize("delivers", [True, False], ids=["that arrived", "that did not arrive"])
async def test_a_commit_without_an_answer_is_looked_up(place: Endpoint, delivers: bool) -> None:
    proxy = CuttingProxy(place.host, place.port, at=b"\x03COMMIT", delivers=delivers)
    async with proxy.listening():
        target = await opened(replace(place, port=proxy.port))
        ticket = await target.open_run("run", "plan")
        proxy.is_armed = True
        if delivers:
            receipt = await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)
            assert receipt.rows_written == 100
        else:
            with pytest.raises(DatabaseError) as failure:
                await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)
            assert failure.value.transient
            assert await count(target) == 0

        again = await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)

        assert not proxy.is_armed
        assert again.rows_written == 100
        assert await count(target) == 100
        assert await target.receipts("run") == (again,)
        await target.close()


async def test_a_session_killed_in_the_middle_of_a_chunk_leaves_nothing(
    mysql_server: MysqlServer, place: Endpoint
) -> None:
    target = await opened(place)
    ticket = await target.open_run("run", "plan")
    begun, go_on = asyncio.Event(), asyncio.Event()
    writing = asyncio.create_task(target.write(COPY, CHUNK, paused(ROWS, begun, go_on), ticket))
    await begun.wait()
    (loading,) = mysql_server.run(
        f"SELECT id FROM information_schema.processlist WHERE info LIKE 'LOAD DATA%' AND db = '{place.database}'"
    )

    mysql_server.run(f"KILL {loading[0]}")
    go_on.set()

    with pytest.raises(DatabaseError) as failure:
        await writing
    assert failure.value.transient
    assert await count(target) == 0
    receipt = await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)
    assert receipt.rows_written == await count(target) == 100
    await target.close()


async def test_whoever_takes_a_run_over_ends_a_frozen_writer(place: Endpoint) -> None:
    frozen, successor = await opened(place), await opened(place)
    old = await frozen.open_run("run", "plan")
    begun, go_on = asyncio.Event(), asyncio.Event()
    writing = asyncio.create_task(frozen.write(COPY, CHUNK, paused(ROWS, begun, go_on), old))
    await begun.wait()

    async with asyncio.timeout(20):
        new = await successor.open_run("run", "plan")
        receipt = await successor.write(COPY, CHUNK, batches(COPY, ROWS), new)

    go_on.set()
    with pytest.raises(DatabaseError):
        await writing
    with pytest.raises(Fenced):
        await frozen.write(COPY, CHUNK, batches(COPY, ROWS), old)
    assert new.epoch == old.epoch + 1
    assert receipt.rows_written == await count(successor) == 100
    await frozen.close()
    await successor.close()


async def test_a_cancelled_write_leaves_nothing_and_no_session_behind(
    mysql_server: MysqlServer, place: Endpoint
) -> None:
    target = await opened(place)
    ticket = await target.open_run("run", "plan")
    begun = asyncio.Event()
    writing = asyncio.create_task(target.write(COPY, CHUNK, paused(ROWS, begun, asyncio.Event()), ticket))
    await begun.wait()

    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert await count(target) == 0
    receipt = await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)
    assert receipt.rows_written == 100
    await target.close()
    wait_until(lambda: not sessions(mysql_server, place), timeout_s=10)


def sessions(server: MysqlServer, endpoint: Endpoint) -> list[tuple[object, ...]]:
    return server.run(f"SELECT id FROM information_schema.processlist WHERE db = '{endpoint.database}'")


async def test_rows_go_by_insert_where_loading_is_forbidden(mysql_server: MysqlServer, place: Endpoint) -> None:
    mysql_server.run("SET GLOBAL local_infile = OFF")
    try:
        target = await opened(place)
        ticket = await target.open_run("run", "plan")
        receipt = await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)
        probe = await CONNECTOR.probe(place, writable=True)
    finally:
        mysql_server.run("SET GLOBAL local_infile = ON")

    assert receipt.rows_written == await count(target) == 100
    assert probe.passed
    assert "loading by INSERT" in [finding.name for finding in probe.findings]
    await target.close()


async def test_insert_statements_stay_within_the_packet(mysql_server: MysqlServer, place: Endpoint) -> None:
    mysql_server.run("ALTER TABLE item ADD COLUMN body LONGBLOB", database=place.database)
    columns = (*COPY.columns, ColumnCopy("body", "body", Binary(), "longblob", "longblob"))
    copy = replace(COPY, columns=columns)
    target = await opened(place)
    target._allows_infile = False
    target._packet_bytes_max = 200_000
    ticket = await target.open_run("run", "plan")
    rows = [(number, "x", bytes(range(256)) * 100) for number in range(20)]

    await target.write(copy, CHUNK, batches(copy, rows), ticket)

    digest = "SELECT COUNT(*), COUNT(DISTINCT MD5(body)), MIN(LENGTH(body)) FROM item"
    assert mysql_server.run(digest, database=place.database) == [(20, 1, 25_600)]
    await target.close()


async def test_a_table_without_transactions_is_refused(mysql_server: MysqlServer, place: Endpoint) -> None:
    mysql_server.run("ALTER TABLE item ENGINE=MyISAM", database=place.database)
    target = await opened(place)
    ticket = await target.open_run("run", "plan")

    with pytest.raises(DatabaseError, match="MyISAM, without transactions"):
        await target.write(COPY, CHUNK, batches(COPY, ROWS), ticket)

    await target.close()


async def test_an_interrupted_step_is_finished_by_whoever_resumes(mysql_server: MysqlServer, place: Endpoint) -> None:
    step = Step(
        7, Phase.INDEXES, SchemaObject(ObjectKind.INDEX, "by_name", "item"), "ALTER TABLE item ADD INDEX by_name (name)"
    )
    target = await opened(place)
    ticket = await target.open_run("run", "plan")
    mysql_server.run(  # as a worker leaves it that dies after the statement and before its note
        f"INSERT INTO {ledger.STEPS} VALUES ('run', 7, 0, 'INDEX', 'by_name', 'item', '')",
        step.sql,
        database=place.database,
    )

    await target.execute(step, ticket)

    assert await target.steps_done("run") == {7}
    await target.close()


async def test_an_object_that_others_made_is_no_step_of_ours(mysql_server: MysqlServer, place: Endpoint) -> None:
    step = Step(
        7, Phase.INDEXES, SchemaObject(ObjectKind.INDEX, "by_name", "item"), "ALTER TABLE item ADD INDEX by_name (name)"
    )
    target = await opened(place)
    ticket = await target.open_run("run", "plan")
    mysql_server.run(step.sql, database=place.database)

    with pytest.raises(DatabaseError, match="Duplicate key name"):
        await target.execute(step, ticket)

    assert await target.steps_done("run") == frozenset()
    await target.close()


async def test_two_workers_with_one_ticket_write_a_chunk_once(place: Endpoint) -> None:
    first, second = await opened(place), await opened(place)
    ticket = await first.open_run("run", "plan")

    results = await asyncio.gather(
        *(target.write(COPY, CHUNK, batches(COPY, ROWS), ticket) for target in (first, second)), return_exceptions=True
    )

    assert await count(first) == 100
    assert len(await first.receipts("run")) == 1
    assert any(not isinstance(result, BaseException) for result in results)
    await first.close()
    await second.close()


async def test_a_table_that_others_refer_to_can_be_emptied(mysql_server: MysqlServer, place: Endpoint) -> None:
    mysql_server.run(
        "CREATE TABLE part (item_id BIGINT, FOREIGN KEY (item_id) REFERENCES item (id))",
        "INSERT INTO item VALUES (1, 'x')",
        "INSERT INTO part VALUES (1)",
        database=place.database,
    )
    target = await opened(place)

    await target.truncate(ITEM)

    assert await count(target) == 0
    await target.close()


async def test_text_of_every_shape_survives_the_load(place: Endpoint) -> None:
    target = await opened(place)
    ticket = await target.open_run("run", "plan")
    shapes = [
        "",
        "\\",
        "\\N",
        "\\\\N",
        "\t",
        "\n",
        "\r\n",
        "\0",
        "\\0",
        "a\tb\\\n\0c",
        "'",
        '"',
        "\x1a",
        "😀",
        " ",
        "NULL",
    ]
    rows = [*enumerate(shapes), (len(shapes), None)]

    await target.write(COPY, CHUNK, batches(COPY, rows), ticket)

    source = await CONNECTOR.open_source(place, readers=1)
    read = [batch.payload async for batch in source.read(COPY, CHUNK)]
    await source.close()
    await target.close()
    table = pa.Table.from_batches(read)
    assert sorted(zip(*(column.to_pylist() for column in table.columns), strict=True)) == rows
