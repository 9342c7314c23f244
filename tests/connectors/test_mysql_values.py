"""What only MySQL holds arrives in MySQL as it was; what it would change in silence is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pyarrow as pa
import pytest

from domain.catalog.model import TableName
from domain.catalog.types import (
    Binary,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Integer,
    LabelSet,
    LogicalType,
    Text,
    Timestamp,
    carrier,
)
from domain.connections.values import Endpoint
from domain.kernel.errors import ValueRejected
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import Batch, Chunk, ColumnCopy, TableCopy, WholeTable
from infra.connectors.arrow import ARROW_TYPES
from infra.connectors.mysql.connector import CONNECTOR
from infra.connectors.mysql.writer import MysqlTarget
from tests.connectors.lab import copy_of, read_rows, whole
from tests.support.mysql import MysqlServer

EVERY_TYPE = """
    CREATE TABLE every (
        id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, flag TINYINT(1), small TINYINT UNSIGNED, medium MEDIUMINT,
        big BIGINT, huge BIGINT UNSIGNED ZEROFILL, exact DECIMAL(65,30), money DECIMAL(38,10) UNSIGNED,
        single FLOAT, precise DOUBLE, shown DOUBLE(20,3), bit1 BIT(1), bit13 BIT(13), bit64 BIT(64), born YEAR,
        fixed CHAR(10), varied VARCHAR(50), latin VARCHAR(20) CHARACTER SET latin1, tiny TINYTEXT, body TEXT,
        long_body LONGTEXT, fixed_bytes BINARY(5), varied_bytes VARBINARY(300), blob_bytes BLOB, day DATE,
        moment DATETIME, moment3 DATETIME(3), moment6 DATETIME(6), instant TIMESTAMP NULL, instant6 TIMESTAMP(6) NULL,
        lasted TIME, lasted6 TIME(6), label ENUM('a','it''s','é','c,d','x\\\\y','1'), labels SET('p','q','ü'),
        document JSON, shape GEOMETRY, token UUID, address INET6
    ) CHARACTER SET utf8mb4
"""
EXTREMES = """
    INSERT INTO every VALUES (
        7, -7, 255, -8388608, -9223372036854775808, 18446744073709551615,
        '12345678901234567890123456789012345.012345678901234567890123456789',
        '1234567890123456789012345678.0123456789', 16777217, 5e-324, 1.0005, b'1', b'1000000000001',
        b'1000000000000000000000000000000000000000000000000000000000000001', '0000', 'ab',
        'a\\tb\\\\n\\n\\r\\0"q"', 'é', '', 'quote '' "', '😀', X'0001090A5C', X'00FF5C090A0D', '', '0000-00-00',
        '2024-00-15 00:00:00', '9999-12-31 23:59:59.999', '0001-01-01 00:00:00.000001', '1970-01-01 00:00:01',
        '2038-01-19 03:14:07.999999', '-838:59:59', '838:59:59.999999', 'it''s', 'p,ü', '{"a": [1, "\\\\u0000"]}',
        ST_GeomFromText('POINT(1 2)', 4326), '550e8400-e29b-41d4-a716-446655440000', '::1')
"""
OTHERS = """
    INSERT INTO every (precise, single, label, labels, varied, body, day, born, document) VALUES
        (1.7976931348623157e308, 3.4028235e38, 'é', '', '', '\\\\N', '2024-02-31', 2155, '[]'),
        (0.1, 0.1, '1', 'q', ' spaces ', ' ', '0001-01-01', 1901, 'null'),
        (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
DATES_OF_OLD = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'"


async def test_every_type_is_copied_exactly(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    other = mysql_server.create_database()
    mysql_server.run(DATES_OF_OLD, EVERY_TYPE, EXTREMES, OTHERS, database=mysql_database.database)
    source = await CONNECTOR.open_source(mysql_database, readers=1)
    target = await CONNECTOR.open_target(other, writers=1)

    schema = await source.introspect()
    plan = CONNECTOR.plan_schema(schema, other)
    copy = copy_of(schema.tables[0], plan.tables[0])
    ticket = await target.open_run("run", "plan")
    for step in plan.steps:
        await target.execute(step, ticket)
    await target.write(copy, whole(copy), source.read(copy, whole(copy)), ticket)

    here = await source.digest(
        copy.source, tuple(DigestColumn(c.source, c.source_native, c.type) for c in copy.columns)
    )
    there = await target.digest(
        copy.target, tuple(DigestColumn(c.target, c.target_native, c.type) for c in copy.columns)
    )
    rebuilt = await target.introspect()
    await source.close()
    await target.close()
    stored = [
        mysql_server.run("SELECT * FROM every ORDER BY id", database=each.database) for each in (mysql_database, other)
    ]
    mysql_server.drop(other)
    assert here == there
    assert here.rows == 4
    assert stored[0] == stored[1]
    assert rebuilt.tables[0].columns == schema.tables[0].columns


CANONICAL = (
    ("day DATE", "'0000-00-00'", "0000-00-00"),
    ("moment DATETIME", "'2024-00-15 00:00:00'", "2024-00-15 00:00:00.000000"),
    ("moment DATETIME(3)", "'2024-01-02 03:04:05.678'", "2024-01-02 03:04:05.678000"),
    ("instant TIMESTAMP(6) NULL", "'2038-01-19 03:14:07.999999'", "2038-01-19 03:14:07.999999"),
    ("lasted TIME", "'-838:59:59'", "-838:59:59.000000"),
    ("lasted TIME(6)", "'00:00:00.000001'", "00:00:00.000001"),
    ("born YEAR", "0000", 0),
    ("n INT(8) ZEROFILL", "42", 42),
    ("n BIGINT UNSIGNED", "18446744073709551615", 18446744073709551615),
    ("bits BIT(5)", "b'101'", "00101"),
    ("bits BIT(64)", "b'1'", "0" * 63 + "1"),
    ("n FLOAT", "16777217", 16777216.0),
    ("n DOUBLE(10,2)", "0.75", 0.75),
    ("n DECIMAL(65,30)", "'-0.000000000000000000000000000001'", "-0.000000000000000000000000000001"),
    ("label ENUM('b','a')", "'a'", "a"),
    ("labels SET('b','a')", "'a,b'", "b,a"),
    ("word VARCHAR(9) CHARACTER SET latin1", "'é'", "é"),
    ("flag TINYINT(1)", "7", 7),
    (
        "shape POINT",
        "ST_GeomFromText('POINT(1 2)')",
        bytes.fromhex("000000000101000000000000000000f03f0000000000000040"),
    ),
)


@pytest.mark.parametrize(("column", "value", "expected"), CANONICAL, ids=[f"{c} {v}" for c, v, _ in CANONICAL])
async def test_values_cross_in_their_canonical_form(
    mysql_server: MysqlServer, mysql_database: Endpoint, column: str, value: str, expected: object
) -> None:
    mysql_server.run(
        DATES_OF_OLD,
        f"CREATE TABLE t ({column})",
        f"INSERT INTO t VALUES ({value}), (NULL)",
        database=mysql_database.database,
    )
    source = await CONNECTOR.open_source(mysql_database, readers=1)
    table = (await source.introspect()).tables[0]
    copy = copy_of(table, table)

    rows = await read_rows(source, copy, whole(copy))

    await source.close()
    assert rows == [(expected,), (None,)]


REFUSED: tuple[tuple[str, LogicalType, object], ...] = (
    ("DATETIME", Timestamp(), "2024-01-01 00:00:00.600000"),
    ("DATETIME(3)", Timestamp(), "2024-01-01 00:00:00.000001"),
    ("TIME", Duration(), "00:00:00.500000"),
    ("CHAR(5)", Text(5), "ab "),
    ("TINYINT", Decimal(5, 1), "1.5"),
    ("TINYINT", Integer(16), 300),
    ("INT", Float(64), 1.5),
    ("FLOAT", Float(64), 0.1),
    ("DOUBLE", Float(64), float("nan")),
    ("DOUBLE", Float(64), float("-inf")),
    ("DOUBLE", Decimal(30, 20), "0.12345678901234567890"),
    ("DECIMAL(5,2)", Decimal(10, 3), "1.239"),
    ("DECIMAL(5,2)", Decimal(10, 2), "12345.00"),
    ("ENUM('a','b')", Enumeration(("a", "b")), "2"),
    ("ENUM('a','b')", Enumeration(("a", "b")), ""),
    ("ENUM('a','b')", Enumeration(("a", "b")), "c"),
    ("SET('a','b')", LabelSet(("a", "b")), "3"),
    ("SET('a','b')", LabelSet(("a", "b")), "a,c"),
    ("BINARY(4)", Binary(4), b"abc"),
    ("VARBINARY(4)", Binary(), b"abcde"),
    ("VARCHAR(3)", Text(), "abcd"),
    ("VARCHAR(3)", Text(), "abc "),
    ("VARCHAR(9) CHARACTER SET ascii", Text(9), "é"),
    ("VARCHAR(9) CHARACTER SET latin1", Text(9), "日"),
    ("DATE", Date(), "0044-03-15 BC"),
    ("DATE", Date(), "infinity"),
    ("DATE", Timestamp(), "2024-01-01 12:00:00.000000"),
    ("DATETIME(6)", Timestamp(), "10000-01-01 00:00:00.000000"),
    ("TIMESTAMP(6) NULL", Timestamp(), "2038-01-19 03:14:08.000000"),
    ("TIME(6)", Duration(), "839:00:00.000000"),
    ("YEAR", Integer(16), 1900),
    ("JSON", Text(), "{broken"),
    ("INT NOT NULL", Integer(32), None),
)


def one_value(native: str, type_: LogicalType) -> TableCopy:
    name = TableName("strict")
    return TableCopy(0, name, name, (ColumnCopy("c", "c", type_, native, native),))


async def rows_of(copy: TableCopy, *values: object) -> AsyncIterator[Batch]:
    column = copy.columns[0]
    batch = pa.RecordBatch.from_arrays([pa.array(values, ARROW_TYPES[carrier(column.type)])], names=["c"])
    yield Batch(len(values), batch.nbytes, batch)


@pytest.mark.parametrize(("native", "type_", "value"), REFUSED, ids=[f"{n} {v!r}" for n, _, v in REFUSED])
@pytest.mark.parametrize("way", ["by LOAD DATA", "by INSERT"])
async def test_a_value_without_an_exact_place_is_refused_and_leaves_nothing(
    mysql_server: MysqlServer, mysql_database: Endpoint, native: str, type_: LogicalType, value: object, way: str
) -> None:
    mysql_server.run(f"CREATE TABLE strict (c {native}) CHARACTER SET utf8mb4", database=mysql_database.database)
    target = await CONNECTOR.open_target(mysql_database, writers=1)
    assert isinstance(target, MysqlTarget)
    target._allows_infile = way == "by LOAD DATA"
    copy = one_value(native, type_)
    ticket = await target.open_run("run", "plan")

    with pytest.raises(ValueRejected) as failure:
        await target.write(copy, Chunk(0, 0, WholeTable()), rows_of(copy, value), ticket)

    assert await target.row_counts((copy.target,)) == {copy.target: 0}
    assert await target.receipts("run") == ()
    await target.close()
    assert "strict" in failure.value.message


async def test_a_duplicate_key_undoes_the_whole_chunk(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run("CREATE TABLE strict (c INT PRIMARY KEY)", database=mysql_database.database)
    target = await CONNECTOR.open_target(mysql_database, writers=1)
    copy = one_value("INT", Integer(32))
    ticket = await target.open_run("run", "plan")

    with pytest.raises(ValueRejected, match="Duplicate entry '2'"):
        await target.write(copy, Chunk(0, 0, WholeTable()), rows_of(copy, 1, 2, 2, 3), ticket)

    assert await target.row_counts((copy.target,)) == {copy.target: 0}
    receipt = await target.write(copy, Chunk(0, 0, WholeTable()), rows_of(copy, 1, 2, 3), ticket)
    await target.close()
    assert (receipt.rows_read, receipt.rows_written) == (3, 3)


async def test_zero_is_a_value_and_no_wish_for_a_number(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run("CREATE TABLE strict (c INT AUTO_INCREMENT PRIMARY KEY)", database=mysql_database.database)
    target = await CONNECTOR.open_target(mysql_database, writers=1)
    copy = one_value("INT", Integer(32))
    ticket = await target.open_run("run", "plan")

    await target.write(copy, Chunk(0, 0, WholeTable()), rows_of(copy, 0, 5), ticket)

    await target.close()
    assert mysql_server.run("SELECT c FROM strict ORDER BY c", database=mysql_database.database) == [(0,), (5,)]
