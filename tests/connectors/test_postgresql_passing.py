"""Rows that pass as PostgreSQL sends them add up to what the server itself finds in its table."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, QuickDigests, RowHash
from domain.migrations.transfer import Source, WireFormat
from infra.connectors.native import has_native
from infra.connectors.postgresql.passing import can_sum
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab, copy_of, digest_columns, table_named
from tests.support.postgresql import PostgresqlServer
from workers.engine.hashing import CarriedChunk

if not has_native():
    pytest.skip("without the C helper nothing is added up", allow_module_level=True)

STAMPS = [
    *("2000-01-01", "2024-02-29 12:34:56.1", "1969-12-31 23:59:59.999999", "0044-03-15 10:00:00.50 BC", "infinity"),
    *("-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "12345-01-01 00:00:10"),
]
TEXTS = ["", " ", "a  ", "é 😀", "x" * 5_000, "tab\tline\n"]
WHOLE = ["0", "1", "-1", "32767", "-32768"]
DECIMALS = ["0", "0.01", "-0.01", "1", "-1", "10000", "1234.5", "-99999999.99", "NaN"]
VALUES = {
    "smallint": WHOLE,
    "integer": [*WHOLE, "2147483647", "-2147483648"],
    "bigint": [*WHOLE, "4294967296", "-4294967297", "9223372036854775807", "-9223372036854775808"],
    "boolean": ["true", "false"],
    "date": ["2000-01-01", "0001-01-01", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity"],
    "numeric(10,2)": DECIMALS,
    "numeric(100,50)": [*DECIMALS, "9" * 50 + "." + "9" * 50, "1e49", "-1e-50"],
    "numeric": [*DECIMALS, "1.000", "1e200", "-1e-200", "1e4", "123456789012345678901234567890.5"],
    "text": TEXTS,
    "varchar(6000)": TEXTS,
    "character(9)": ["", "a", "a  b", "é"],
    "json": ['{"a":  1}', "null", "[]"],
    "jsonb": ['{"a":  1.50, "b": ["é"]}', "null", "[]"],
    "bytea": [r"\x", r"\x00ff", rf"\x{'ab' * 64}", rf"\x{'ab' * 65}", rf"\x{'00' * 5000}"],
    "timestamp": STAMPS,
    "timestamp(3)": STAMPS[:6],
    "timestamptz": STAMPS,
    "time": ["00:00", "24:00", "12:34:56.1", "23:59:59.999999", "01:02:30"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f"],
    "mood": ["fine", "it''s"],
}
NOT_KNOWN = {"double precision": "1.5", "interval": "1 day", "inet": "::1"}


def make(server: PostgresqlServer, database: Endpoint, columns: list[str], rows: list[list[str | None]]) -> Lab:
    made = ", ".join(f"c{place} {native}" for place, native in enumerate(columns))
    values = ", ".join(
        "(" + ", ".join("NULL" if value is None else f"'{value}'" for value in row) + ")" for row in rows
    )
    server.run(
        f"SET ROLE \"{database.username}\"; CREATE TYPE mood AS ENUM ('fine', 'it''s'); "
        f"CREATE TABLE t ({made}); INSERT INTO t VALUES {values}",
        database.database,
    )
    return Lab(Engine.POSTGRESQL, database, connector_for(Engine.POSTGRESQL))


async def found_and_told(source: Source) -> tuple[Digest, Digest]:
    """What was added up over the chunks of the table as they passed, and what the server says of it."""
    table = table_named(await source.introspect(), "t")
    copy = replace(copy_of(table, table), format=WireFormat.PG_BINARY, sums=(RowHash.POSTGRESQL,))
    assert can_sum(copy)
    passed = CarriedChunk()
    for chunk in await source.split(copy, 5):
        async for batch in source.read(copy, chunk):
            passed.add(batch)
    assert passed.sums is not None
    told = await cast("QuickDigests", source).quick_digest(RowHash.POSTGRESQL, copy.source, digest_columns(copy))
    return Digest(Rows(passed.rows), passed.sums[0], RowHash.POSTGRESQL), told


@pytest.mark.parametrize("native", VALUES)
async def test_every_value_enters_as_it_does_at_the_server(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, native: str
) -> None:
    rows: list[list[str | None]] = [[value] for value in (*VALUES[native], None)]
    lab = make(postgresql_server, postgresql_database, [native], rows)

    async with lab.source() as source:
        passed, told = await found_and_told(source)

    assert passed == told
    assert passed.rows == len(rows)


async def test_rows_of_many_columns_and_chunks_add_up_to_what_the_server_finds(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    natives = ["integer PRIMARY KEY", *VALUES]
    rows: list[list[str | None]] = [
        [str(number), *(None if number % 7 == 0 else values[number % len(values)] for values in VALUES.values())]
        for number in range(100)
    ]
    lab = make(postgresql_server, postgresql_database, natives, rows)

    async with lab.source() as source:
        passed, told = await found_and_told(source)

    assert passed == told
    assert passed.rows == 100


@pytest.mark.parametrize("native", NOT_KNOWN)
async def test_a_table_with_a_type_that_is_not_understood_is_not_added_up(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, native: str
) -> None:
    lab = make(postgresql_server, postgresql_database, ["integer", native], [["1", NOT_KNOWN[native]]])

    async with lab.source() as source:
        table = table_named(await source.introspect(), "t")
        copy = replace(copy_of(table, table), format=WireFormat.PG_BINARY, sums=(RowHash.POSTGRESQL,))
        sums = [batch.sums for chunk in await source.split(copy, 5) async for batch in source.read(copy, chunk)]

    assert not can_sum(copy)
    assert set(sums) == {()}
