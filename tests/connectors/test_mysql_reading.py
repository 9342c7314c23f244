"""Reading MySQL: one moment for all sessions, rows of any size, sessions that outlive an abandoned read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from domain.catalog.model import ForeignKey, Table, TableName
from domain.connections.values import Endpoint
from domain.kernel.errors import DatabaseError, SchemaDrift, SnapshotLost
from domain.kernel.values import Rows, Secret
from domain.migrations.limits import RealDay
from domain.migrations.misfits import ColumnLimit
from domain.migrations.transfer import Chunk, Consistency, KeyRange, Source, TableCopy
from infra.connectors.mysql.connector import CONNECTOR
from infra.connectors.mysql.reader import MysqlSource
from infra.embedded.ports import free_port
from tests.connectors.lab import copy_of, read_rows, whole
from tests.support.mysql import MysqlServer, find_programs, running_mysql
from tests.support.servers import server_folder

ROWS = 60_000


@pytest.fixture(scope="module")
def logging_server() -> Iterator[MysqlServer]:
    """A server that writes a binary log."""
    programs = find_programs()
    if programs is None:
        pytest.skip("MariaDB is not installed")
    with (
        server_folder("wherry-my-log-") as folder,
        running_mysql(programs, folder, free_port(), {"log-bin": "binlog", "server-id": "1"}) as server,
    ):
        yield server


@pytest.fixture
def numbers(mysql_server: MysqlServer, mysql_database: Endpoint) -> Endpoint:
    """A database with a table `numbers` of 60,000 rows."""
    fill_numbers(mysql_server, mysql_database)
    return mysql_database


def fill_numbers(server: MysqlServer, endpoint: Endpoint) -> None:
    server.run(
        "CREATE TABLE numbers (id INT PRIMARY KEY, body VARCHAR(100))",
        f"INSERT INTO numbers SELECT seq, REPEAT(seq % 10, 90) FROM seq_1_to_{ROWS}",
        database=endpoint.database,
    )


class Sources:
    """Opens sources, and closes them when the test is over: an open one keeps its tables from being dropped."""

    def __init__(self) -> None:
        self.all: list[MysqlSource] = []

    async def open(self, endpoint: Endpoint, readers: int = 1) -> MysqlSource:
        source = await CONNECTOR.open_source(endpoint, readers=readers)
        assert isinstance(source, MysqlSource)
        self.all.append(source)
        return source


@pytest.fixture
async def sources(mysql_database: Endpoint) -> AsyncIterator[Sources]:
    """Where a test opens its sources."""
    assert mysql_database.database
    found = Sources()
    yield found
    for source in found.all:
        await source.close()


async def copy_of_found(source: Source, name: str) -> TableCopy:
    table = await found(source, name)
    return copy_of(table, table)


async def found(source: Source, name: str) -> Table:
    table = (await source.introspect()).table(TableName(name))
    assert table is not None
    return table


async def test_several_sessions_see_one_moment_where_a_binary_log_tells_it(
    sources: Sources, logging_server: MysqlServer
) -> None:
    endpoint = logging_server.create_database()
    fill_numbers(logging_server, endpoint)
    reader = reading_user(logging_server, endpoint)
    stop = asyncio.Event()

    async def keep_writing() -> None:
        while not stop.is_set():
            await asyncio.to_thread(
                logging_server.run, "UPDATE numbers SET body = 'new' WHERE id <= 10", database=endpoint.database
            )

    writing = asyncio.create_task(keep_writing())
    source = await sources.open(reader, readers=4)
    stop.set()
    await writing

    assert source.consistency is Consistency.SNAPSHOT
    copy = await copy_of_found(source, "numbers")
    logging_server.run("DELETE FROM numbers WHERE id % 2 = 0", database=endpoint.database)
    reads = [read_rows(source, copy, Chunk(0, number, KeyRange(None, (1000,)))) for number in range(8)]
    seen = {tuple(rows) for rows in await asyncio.gather(*reads)}
    assert len(seen) == 1
    assert len(next(iter(seen))) == 1000


def reading_user(server: MysqlServer, endpoint: Endpoint) -> Endpoint:
    """A user who may do nothing but read the database."""
    server.run(
        f"CREATE USER '{endpoint.database}_r'@'127.0.0.1' IDENTIFIED BY 'reader-only'",
        f"GRANT SELECT ON `{endpoint.database}`.* TO '{endpoint.database}_r'@'127.0.0.1'",
    )
    return replace(endpoint, username=f"{endpoint.database}_r", password=Secret("reader-only"))


async def test_a_short_global_lock_gives_one_moment_without_a_binary_log(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    admin = replace(mysql_server.admin, database=numbers.database)

    source = await sources.open(admin, readers=3)

    mysql_server.run("DELETE FROM numbers", database=numbers.database)  # the lock is given back
    copy = await copy_of_found(source, "numbers")
    sizes = [len(await read_rows(source, copy, whole(copy))) for _ in range(3)]
    assert source.consistency is Consistency.SNAPSHOT
    assert sizes == [ROWS] * 3


async def test_without_a_common_moment_one_session_reads_everything(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    source = await sources.open(reading_user(mysql_server, numbers), readers=3)
    copy = await copy_of_found(source, "numbers")

    mysql_server.run("DELETE FROM numbers WHERE id > 100", database=numbers.database)
    reads = await asyncio.gather(*(read_rows(source, copy, whole(copy)) for _ in range(3)))

    assert source.consistency is Consistency.SNAPSHOT
    assert [len(rows) for rows in reads] == [ROWS] * 3


async def test_tables_outside_the_snapshot_are_admitted(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    mysql_server.run("CREATE TABLE old (id INT) ENGINE=MyISAM", database=numbers.database)

    source = await sources.open(numbers)

    assert source.consistency is Consistency.CHUNK


async def test_an_abandoned_read_keeps_its_session_and_its_moment(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    mysql_server.run(
        f"INSERT INTO numbers SELECT seq, REPEAT('x', 90) FROM seq_{ROWS + 1}_to_600000", database=numbers.database
    )
    source = await sources.open(numbers)
    copy = await copy_of_found(source, "numbers")
    batches = source.read(copy, whole(copy))
    first = await anext(batches)
    await batches.aclose()  # type: ignore[attr-defined]  # a generator, as read's callers may know

    mysql_server.run("DELETE FROM numbers", database=numbers.database)

    assert first.rows > 0
    assert (await source.digest(copy.source, ())).rows == 600_000


async def test_batches_are_bounded_in_bytes(
    sources: Sources, mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run(
        "CREATE TABLE large (id INT PRIMARY KEY, body LONGTEXT, raw LONGBLOB)",
        "INSERT INTO large SELECT seq, REPEAT('ä', 500000), REPEAT(X'00FF', 250000) FROM seq_1_to_12",
        database=mysql_database.database,
    )
    source = await sources.open(mysql_database)
    copy = await copy_of_found(source, "large")

    batches = [batch async for batch in source.read(copy, whole(copy))]

    assert sum(batch.rows for batch in batches) == 12
    assert max(batch.size_bytes for batch in batches) < 8_000_000


@pytest.mark.parametrize("size", [2**24 - 6, 2**24 - 5, 2**24 - 1, 2**24, 2**24 + 1, 2**25 + 17])
async def test_a_row_longer_than_a_packet_arrives_whole(
    sources: Sources, mysql_server: MysqlServer, mysql_database: Endpoint, size: int
) -> None:
    mysql_server.run(
        "CREATE TABLE huge (body LONGBLOB, id INT)",
        f"INSERT INTO huge VALUES (REPEAT('a', {size}), 1), ('small', 2)",
        f"INSERT INTO huge VALUES (CONCAT(REPEAT('b', {size} - 3), 'end'), 3), (NULL, 4)",
        database=mysql_database.database,
    )
    source = await sources.open(mysql_database)
    copy = await copy_of_found(source, "huge")

    rows = await read_rows(source, copy, whole(copy))

    assert rows == [(b"a" * size, 1), (b"small", 2), (b"b" * (size - 3) + b"end", 3), (None, 4)]


async def test_a_table_that_changed_meanwhile_is_drift(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    source = await sources.open(numbers)
    copy = await copy_of_found(source, "numbers")
    renamed = replace(copy, columns=tuple(replace(column, source=f"old_{column.source}") for column in copy.columns))

    with pytest.raises(SchemaDrift):
        await read_rows(source, renamed, whole(copy))
    await source.close()  # until then nobody may alter what it has looked at

    source = await sources.open(numbers)
    mysql_server.run("ALTER TABLE numbers DROP COLUMN body", database=numbers.database)
    with pytest.raises(SchemaDrift):
        await read_rows(source, copy, whole(copy))


async def test_a_lost_snapshot_is_not_replaced_in_silence(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    source = await sources.open(numbers)
    copy = await copy_of_found(source, "numbers")
    (session,) = source._sessions
    mysql_server.run(f"KILL {session.connection_id}")

    with pytest.raises(DatabaseError) as loss:
        await read_rows(source, copy, whole(copy))
    with pytest.raises(SnapshotLost) as later:
        await read_rows(source, copy, whole(copy))

    assert loss.value.transient
    assert not later.value.transient


async def test_a_silent_pause_of_the_reader_does_not_end_the_read(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    source = await sources.open(numbers)
    timeouts = await source._sessions[0].rows(
        "SELECT @@net_write_timeout, @@wait_timeout, @@max_statement_time", doing="asking"
    )

    assert timeouts == [(86400, 86400, 0.0)]


async def test_chunks_of_a_gappy_key_have_about_the_wanted_size(
    sources: Sources, mysql_server: MysqlServer, numbers: Endpoint
) -> None:
    mysql_server.run(
        "INSERT INTO numbers VALUES (-2147483648, 'first'), (2147483647, 'last')",
        "UPDATE numbers SET id = id + 1000000000 WHERE id BETWEEN 50000 AND 60000",
        "ANALYZE TABLE numbers",
        database=numbers.database,
    )
    source = await sources.open(numbers)
    copy = await copy_of_found(source, "numbers")

    chunks = await source.split(copy, 10_000)
    sizes = [len(await read_rows(source, copy, chunk)) for chunk in chunks]

    assert sum(sizes) == ROWS + 2
    assert max(sizes) <= 20_000
    assert len(chunks) <= 40


async def test_a_key_without_gaps_is_cut_evenly(sources: Sources, mysql_server: MysqlServer, numbers: Endpoint) -> None:
    mysql_server.run("ANALYZE TABLE numbers", database=numbers.database)
    source = await sources.open(numbers)
    copy = await copy_of_found(source, "numbers")

    chunks = await source.split(copy, 25_000)

    assert [len(await read_rows(source, copy, chunk)) for chunk in chunks] == [25_000, 25_000, 10_000]


@pytest.mark.parametrize("readers", [1, 2, 3])
async def test_a_look_at_the_values_of_a_large_table_counts_every_row_once_whoever_shares_it(
    sources: Sources, mysql_server: MysqlServer, mysql_database: Endpoint, readers: int
) -> None:
    days = "IF(seq % 7 = 0, '0000-00-00', IF(seq % 11 = 0, NULL, '2024-02-29'))"
    mysql_server.run(
        "CREATE TABLE days (id INT PRIMARY KEY, day DATE)",
        f"INSERT INTO days SELECT CAST(seq AS SIGNED) * 3 - 500, {days} FROM seq_1_to_1000",
        database=mysql_database.database,
    )
    source = await sources.open(mysql_database, readers)
    copy = replace(await copy_of_found(source, "days"), row_estimate=Rows(1_000_000))
    limit = ColumnLimit("day", "date", copy.columns[1].type, RealDay())

    profile = await source.profile(copy, (limit,), (limit,))

    [finding] = profile.findings
    assert (profile.rows, profile.rejected, finding.rows) == (1000, 142, 142)
    assert finding.examples == ("id=-479", "id=-458", "id=-437")


async def test_ranges_of_a_composite_key_use_its_index(
    sources: Sources, mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run(
        "CREATE TABLE pairs (a VARCHAR(10) NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)) COLLATE utf8mb4_unicode_ci",
        "INSERT INTO pairs SELECT CONCAT(IF(seq % 2, 'É', 'e'), seq % 100), seq FROM seq_1_to_20000",
        database=mysql_database.database,
    )
    source = await sources.open(mysql_database)
    copy = await copy_of_found(source, "pairs")

    chunks = await source.split(copy, 3_000)
    sizes = [len(await read_rows(source, copy, chunk)) for chunk in chunks]

    assert sum(sizes) == 20_000
    assert max(sizes) == 3_000


async def test_orphans_are_counted(sources: Sources, mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run(
        "CREATE TABLE parent (a INT, b INT, PRIMARY KEY (a, b))",
        "CREATE TABLE child (id INT PRIMARY KEY, a INT, b INT)",
        "INSERT INTO parent VALUES (1, 1), (1, 2)",
        "INSERT INTO child VALUES (1, 1, 1), (2, 1, 3), (3, NULL, 9), (4, 2, NULL), (5, 2, 2)",
        database=mysql_database.database,
    )
    source = await sources.open(mysql_database)
    key = ForeignKey("fk", ("a", "b"), TableName("parent"), ("a", "b"))

    orphans = await source.orphans(TableName("child"), key)

    assert orphans == 2
