"""What becomes of a PostgreSQL run when a line breaks, a session hangs or somebody changes the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from domain.catalog.model import Identity, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, TlsMode
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, Fenced
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from domain.migrations.transfer import Batch, TableCopy, Target, Ticket
from infra.connectors.postgresql import session
from infra.connectors.postgresql.connector import CONNECTOR
from tests.connectors.lab import Lab, Row, a_column, batches, copy_of, run_steps, to_batch, whole
from tests.support.postgresql import PostgresqlServer
from tests.support.stack import until
from tests.support.wire import Wire, wire_to

TABLE = Table(
    TableName("item"),
    (a_column("id", Integer(64), nullable=False), a_column("name", Text())),
    primary_key=Key(("id",), "item_pkey"),
)
ROWS: list[Row] = [(number, f"name {number}") for number in range(500)]


@pytest.fixture
def lab(postgresql_database: Endpoint) -> Lab:
    """An empty database."""
    return Lab(postgresql_database.engine, postgresql_database, CONNECTOR)


@pytest.fixture
async def wire(postgresql_database: Endpoint) -> AsyncIterator[Wire]:
    """A line to the database's server."""
    async with wire_to(postgresql_database.host, postgresql_database.port) as line:
        yield line


async def begun(lab: Lab, target: Target) -> tuple[TableCopy, Ticket]:
    """Open a run and make the table."""
    plan = CONNECTOR.plan_schema(lab.wanted(TABLE), lab.endpoint)
    ticket = await target.open_run("run", "plan")
    await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
    return copy_of(TABLE, plan.tables[0]), ticket


async def count(target: Target) -> int:
    return (await target.row_counts((TABLE.name,)))[TABLE.name]


async def test_a_commit_whose_answer_is_lost_counts_once(lab: Lab, wire: Wire) -> None:
    target = await CONNECTOR.open_target(replace(lab.endpoint, port=wire.own_port), writers=1)
    copy, ticket = await begun(lab, target)
    wire.fatal, wire.delivers = b"COMMIT", True

    receipt = await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

    assert wire.cuts == 1
    assert receipt.rows_written == len(ROWS)
    assert await count(target) == len(ROWS)
    await target.close()


async def test_a_commit_that_never_arrives_is_an_error_that_may_pass(lab: Lab, wire: Wire) -> None:
    target = await CONNECTOR.open_target(replace(lab.endpoint, port=wire.own_port), writers=1)
    copy, ticket = await begun(lab, target)
    wire.fatal, wire.delivers = b"COMMIT", False

    with pytest.raises(DatabaseError) as raised:
        await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

    assert raised.value.transient
    assert await count(target) == 0
    await target.write(copy, whole(copy), batches(copy, ROWS), ticket)
    assert await count(target) == len(ROWS)
    await target.close()


async def test_a_schema_step_whose_answer_is_lost_is_not_done_twice(lab: Lab, wire: Wire) -> None:
    target = await CONNECTOR.open_target(replace(lab.endpoint, port=wire.own_port), writers=1)
    _, ticket = await begun(lab, target)
    step = Step(77, Phase.FINISH, SchemaObject(ObjectKind.TABLE, "other"), "CREATE TABLE other (id integer)")
    wire.fatal, wire.delivers = b"COMMIT", True

    await target.execute(step, ticket)

    assert 77 in await target.steps_done("run")
    await target.execute(step, ticket)
    await target.close()


async def test_a_line_that_breaks_amid_the_rows_is_an_error_that_may_pass(lab: Lab, wire: Wire) -> None:
    target = await CONNECTOR.open_target(replace(lab.endpoint, port=wire.own_port), writers=1)
    copy, ticket = await begun(lab, target)
    wire.fatal, wire.delivers = b"name 250", False

    with pytest.raises(DatabaseError) as raised:
        await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

    assert raised.value.transient
    assert await count(target) == 0
    await target.close()


async def test_a_successor_ends_the_session_of_a_worker_that_hangs(lab: Lab) -> None:
    stuck, reached = asyncio.Event(), asyncio.Event()

    async def hanging(copy: TableCopy) -> AsyncIterator[Batch]:
        yield to_batch(copy, ROWS[:100])
        reached.set()
        await stuck.wait()

    async with lab.target() as first, lab.target() as second:
        copy, ticket = await begun(lab, first)
        writing = asyncio.create_task(first.write(copy, whole(copy), hanging(copy), ticket))
        await reached.wait()

        newer = await second.open_run("run", "plan")
        receipt = await second.write(copy, whole(copy), batches(copy, ROWS), newer)

        stuck.set()
        with pytest.raises(DatabaseError):
            await writing
        with pytest.raises(Fenced):
            await first.write(copy, whole(copy, 1), batches(copy, ROWS), ticket)
        assert newer.epoch == ticket.epoch + 1
        assert receipt.rows_written == len(ROWS)
        assert await count(second) == len(ROWS)


async def test_a_statement_whose_client_is_gone_ends_on_the_server(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    connection = await session.connect(lab.endpoint)
    sleeps = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{lab.endpoint.username}' AND query ~ 'pg_sleep'"
    sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(300)"))
    await until(lambda: postgresql_server.run(sleeps) == "1")

    connection.terminate()

    await until(lambda: postgresql_server.run(sleeps) == "0")
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await sleeping


async def test_rows_that_a_trigger_swallows_fail_the_chunk(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)
        postgresql_server.run(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER swallow BEFORE INSERT ON item FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION swallow()",
            lab.endpoint.database,
        )

        with pytest.raises(DatabaseError, match=r"500 rows .* were sent and 499 were stored"):
            await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

        assert await count(target) == 0


async def test_rows_that_come_after_the_snapshot_are_not_read(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    await lab.make(TABLE, ROWS)
    async with lab.source(readers=2) as source:
        postgresql_server.run("DELETE FROM item WHERE id < 100; INSERT INTO item VALUES (9999, 'late')", db(lab))

        assert (await source.digest(TABLE.name, ())).rows == len(ROWS)


async def test_a_table_that_is_read_cannot_be_emptied(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    await lab.make(TABLE, ROWS)
    async with lab.source():
        with pytest.raises(AssertionError, match="lock timeout"):
            postgresql_server.run("SET lock_timeout = 50; TRUNCATE item", db(lab))


async def test_a_lost_snapshot_is_told_and_no_other_is_taken(lab: Lab, postgresql_server: PostgresqlServer) -> None:
    await lab.make(TABLE, ROWS)
    async with lab.source() as source:
        postgresql_server.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            f"WHERE application_name = 'wherry snapshot' AND datname = '{db(lab)}'"
        )

        with pytest.raises(DatabaseError, match="snapshot is lost") as raised:
            await source.introspect()

        assert not raised.value.transient


async def test_rows_hidden_by_a_policy_are_an_error_and_not_a_smaller_table(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    copy = await lab.make(TABLE, ROWS)
    postgresql_server.run(
        "ALTER TABLE item ENABLE ROW LEVEL SECURITY; ALTER TABLE item FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY first_ten ON item USING (id < 10)",
        db(lab),
    )
    probe = await CONNECTOR.probe(lab.endpoint, writable=False)
    async with lab.source() as source:
        with pytest.raises(DatabaseError) as raised:
            await source.digest(TABLE.name, ())
        with pytest.raises(DatabaseError):
            _ = [batch async for batch in source.read(replace(copy, source=copy.target), whole(copy))]

    assert raised.value.code is ErrorCode.PRIVILEGE_MISSING
    assert [finding.name for finding in probe.findings if not finding.passed] == ["No rows hidden by policies"]


async def test_tables_that_may_not_be_read_are_named_by_the_probe(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    reader = replace(lab.endpoint, username=f"{db(lab)}_reader")
    await lab.make(TABLE, ROWS)
    postgresql_server.run(
        f"CREATE ROLE \"{reader.username}\" LOGIN PASSWORD '{reader.password.reveal()}'; CREATE TABLE secret (id int)",
        db(lab),
    )
    try:
        readable = await CONNECTOR.probe(reader, writable=False)
        writable = await CONNECTOR.probe(reader, writable=True)
        source = await CONNECTOR.open_source(reader, readers=1)
        assert {table.name.name for table in (await source.introspect()).tables} == {"item", "secret"}
        await source.close()
    finally:
        postgresql_server.run(f'DROP ROLE "{reader.username}"')

    missing = next(finding for finding in readable.findings if not finding.passed)
    assert "GRANT SELECT" in missing.advice
    assert "item, secret" in missing.advice
    assert {finding.name for finding in writable.findings if not finding.passed} == {
        "Right to create tables",
        "Right to create the ledger's schema",
    }


async def test_the_next_number_is_known_without_the_right_to_read_its_sequence(
    lab: Lab, postgresql_server: PostgresqlServer
) -> None:
    reader = replace(lab.endpoint, username=f"{db(lab)}_reader")
    postgresql_server.run(
        f"CREATE ROLE \"{reader.username}\" LOGIN PASSWORD '{reader.password.reveal()}';"
        "CREATE TABLE ticket (id serial PRIMARY KEY); INSERT INTO ticket SELECT FROM generate_series(1, 41);"
        f'GRANT SELECT ON ticket TO "{reader.username}"',
        db(lab),
    )
    source = await CONNECTOR.open_source(reader, readers=1)
    try:
        column = (await source.introspect()).tables[0].columns[0]
    finally:
        await source.close()
        postgresql_server.run(f'DROP OWNED BY "{reader.username}"; DROP ROLE "{reader.username}"', db(lab))

    assert column.identity == Identity(
        42, sequence="ticket_id_seq", default="nextval('ticket_id_seq'::regclass)", options="AS integer"
    )


async def test_a_certificate_counts_only_from_a_known_authority(
    lab: Lab, postgresql_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if postgresql_server.ca_file is None:
        pytest.skip("this server's programs lack TLS")
    verified = replace(lab.endpoint, tls=TlsMode.VERIFY_FULL)

    with pytest.raises(ConnectFailed) as raised:
        await CONNECTOR.probe(verified, writable=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(postgresql_server.ca_file))

    assert raised.value.code is ErrorCode.TLS_UNAVAILABLE
    assert (await CONNECTOR.probe(verified, writable=True)).passed
    assert (await CONNECTOR.probe(replace(verified, tls=TlsMode.REQUIRE), writable=True)).passed


async def test_a_server_without_tls_learns_nothing_when_tls_is_asked_for(lab: Lab) -> None:
    received = bytearray()

    async def without_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.readexactly(8))
        writer.write(b"N")
        received.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(without_tls, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for mode in (TlsMode.REQUIRE, TlsMode.VERIFY_FULL):
            with pytest.raises(ConnectFailed) as raised:
                await CONNECTOR.probe(replace(lab.endpoint, port=port, tls=mode), writable=False)
            assert raised.value.code is ErrorCode.TLS_UNAVAILABLE

    ssl_request = bytes.fromhex("0000000804d2162f")
    assert bytes(received) == ssl_request * 2


async def test_the_environment_changes_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSSLMODE", "PGSERVICE", "PGTARGETSESSIONATTRS"):
        monkeypatch.setenv(name, "nowhere")

    assert (await CONNECTOR.probe(lab.endpoint, writable=True)).passed


def db(lab: Lab) -> str:
    return lab.endpoint.database
