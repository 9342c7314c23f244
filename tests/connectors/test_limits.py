"""Every source counts in its own way exactly the values that the reference predicate says are beyond a limit."""

from __future__ import annotations

import calendar
import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import duckdb
import pytest

from domain.connections.values import Engine
from domain.migrations.canonical import Carried
from domain.migrations.limits import (
    Between,
    Characters,
    Digits,
    Filled,
    Finite,
    Limit,
    NoNul,
    NoNulEscape,
    Octets,
    OneOf,
    Present,
    RealDay,
    SecondDigits,
    Single,
    Unpadded,
    Utf8,
    Whole,
    WithinDay,
    fits,
)
from domain.migrations.misfits import ColumnLimit
from tests.connectors.lab import Lab, copy_of, read_rows, table_named, whole
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer


@dataclass(frozen=True)
class Sample:
    """A column of some native type with values as SQL, and the limits that are tried on it."""

    native: str
    values: tuple[str, ...]
    limits: tuple[Limit, ...]


WHOLE = (Whole(-5, 5), Whole(0, 2**31 - 1), Whole(-(2**63), 2**63 - 1))
TEXT = (Characters(0), Characters(3), Octets(3), NoNul(), Utf8(), Unpadded(), Filled(), OneOf(("a", "é")), Present())
EPOCH = Between("1970-01-01 00:00:01.000000", "2038-01-19 03:14:07.999999")
DAYS = (EPOCH, RealDay(), RealDay(2, 2000), RealDay(-4712, 294_276, infinite=True))
DECIMALS = (Digits(3, 1), Digits(4, 4), Digits(65, 30), Finite(), Finite(infinite=True))
MOMENTS = (*DAYS, SecondDigits(0), SecondDigits(3))
ESCAPES = (r'{"a": "\u0000"}', r'{"a": "\\u0000"}', r'{"a": "\\\u0000"}', '{"a": "u0000"}', r'["\u00001"]')


SINGLES = (
    *("0", "-1.5", "16777216", "-16777218", "0.0999999940395355224609375", "3.4028234663852886e38"),
    *("1.1754943508222875e-38", "1.1754942106924411e-38", "1.401298464324817e-45", "4.203895392974451e-45"),
)
DOUBLES = (
    *("0.1", "16777217", "1e300", "-1e300", "3.4028234663852889e38", "3.5e38", "1.9999999999999998"),
    *("1.1754943508222873e-38", "2.1e-45", "1.4012984643248169e-45", "1e-46", "5e-320"),
)


def quoted(texts: Iterator[str] | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple("'" + text.replace("'", "''") + "'" for text in texts)


def all_days() -> Iterator[str]:
    """Every day of the first ten years, and of years around leap years that are and are none."""
    for year in (*range(1, 11), 99, 100, 400, 999, 1000, 1582, 1600, 1700, 1900, 2000, 2024, 9999):
        for month in range(1, 13):
            for day in range(1, calendar.monthrange(year, month)[1] + 1):
                yield f"{year:04d}-{month:02d}-{day:02d}"


def impossible_days() -> Iterator[str]:
    """What MySQL keeps besides: years, months and days of zero, and days too late for their month."""
    for year in ("0000", "0001", "0004", "0009", "1900", "2000", "2023"):
        for month in range(13):
            for day in (0, 1, 28, 29, 30, 31):
                yield f"{year}-{month:02d}-{day:02d}"


def seconds(days: Iterator[str] | list[str]) -> list[str]:
    moments = [f"{day} 23:59:59" for day in days]
    return [*moments, "2001-02-03 04:05:06.7", "2001-02-03 04:05:06.000001", "2001-02-03 00:00:00.999"]


def early_days() -> list[str]:
    """Days that no date library may take for others."""
    return [str(day) for day in (dt.date(1, 1, 1), dt.date(4, 2, 29), dt.date(9, 12, 31), dt.date(9999, 12, 31))]


MYSQL = (
    Sample("int", ("-6", "-5", "0", "5", "6", "2147483647"), WHOLE),
    Sample("bigint unsigned", ("0", "9223372036854775807", "9223372036854775808", "18446744073709551615"), WHOLE),
    Sample("decimal(20,6)", ("0", "-99.9", "99.95", "100", "-0.00001", "0.5", "12345678901234.123456"), DECIMALS),
    Sample("double", (*SINGLES, *DOUBLES), (Finite(), Single())),
    Sample(
        "varchar(20) character set utf8mb4",
        ("''", "'a'", "'A'", "'é'", "'abc '", "'abcd'", "'éé'", "'😀'", "'a\\0b'", "'\\0'"),
        TEXT,
    ),
    Sample("varchar(20) character set latin1", ("''", "'é'", "'éé'", "'a\\0b'", "'abcd'"), TEXT),
    Sample("varchar(20) character set utf16", ("''", "'é'", "'Ā'", "'a\\0b'", "'abcd'"), TEXT),
    Sample("text", ("'a'", "'a\\0'", "'ü'"), TEXT),
    Sample("blob", ("''", "X'000102'", "X'00010203'"), (Octets(3), Present())),
    Sample("date", quoted([*all_days(), *impossible_days()]), DAYS),
    Sample("datetime(6)", quoted(seconds([*early_days(), *impossible_days()])), MOMENTS),
    Sample("timestamp(3) null", quoted(["1970-01-01 00:00:01", "2038-01-19 03:14:07.999", "0000-00-00"]), MOMENTS),
    Sample(
        "time(6)",
        quoted(["-00:00:00.000001", "00:00:00", "23:59:59.999999", "24:00:00", "838:59:59", "-1:00:00"]),
        (WithinDay(), SecondDigits(0)),
    ),
    Sample("enum('a','é','it''s')", ("'a'", "'é'", "'it''s'", "0"), (OneOf(("a", "é", "it's")), OneOf(("a",)))),
    Sample("json", quoted(text.replace("\\", "\\\\") for text in ESCAPES), (NoNulEscape(),)),
)
POSTGRESQL = (
    Sample("integer", ("-6", "-5", "0", "5", "6", "2147483647"), WHOLE),
    Sample("numeric", ("'NaN'", "99.95", "-99.9", "100", "0.00001", "1e40", "-0.5", "12.3400"), DECIMALS),
    Sample("numeric(10,2)", ("'NaN'", "99.95", "-99.9", "100", "12345678.90"), DECIMALS),
    Sample("real", ("'NaN'", "'Infinity'", "'-Infinity'", "0", "1.5"), (Finite(), Finite(infinite=True))),
    Sample(
        "double precision",
        ("'NaN'", "'Infinity'", "'-Infinity'", *SINGLES, *DOUBLES),
        (Finite(), Finite(infinite=True), Single()),
    ),
    Sample("text", quoted(["", "a", "A", "é", "abc ", "abcd", "éé", "😀"]), TEXT),
    Sample("bytea", ("''", "'\\x000102'", "'\\x00010203'"), (Octets(3),)),
    Sample(
        "date",
        quoted([*all_days(), "infinity", "-infinity", "10000-01-01", "0001-12-31 BC", "4713-01-01 BC"]),
        (*DAYS, RealDay(0, 9999), RealDay(-1, 9999)),
    ),
    Sample(
        "timestamp",
        quoted([*seconds(early_days()), "infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 12:00:00 BC"]),
        MOMENTS,
    ),
    Sample("timestamptz", quoted([*seconds(early_days()), "infinity", "10000-01-01 00:00:00+00"]), MOMENTS),
    Sample("time", quoted(["00:00", "23:59:59.999999", "24:00"]), (WithinDay(), SecondDigits(0))),
    Sample("jsonb", quoted([r'{"a": "\\u0000"}', '{"a": "u0000"}']), (NoNulEscape(),)),
    Sample("json", quoted(ESCAPES), (NoNulEscape(),)),
)
DUCKDB = (
    Sample("INTEGER", ("-6", "-5", "0", "5", "6", "2147483647"), WHOLE),
    Sample("UBIGINT", ("0", "9223372036854775807", "9223372036854775808", "18446744073709551615"), WHOLE),
    Sample("DECIMAL(10,2)", ("99.95", "-99.9", "100", "0.05", "-0.5", "0"), DECIMALS),
    Sample(
        "DOUBLE",
        ("'NaN'", "'Infinity'", "'-Infinity'", *SINGLES, *DOUBLES),
        (Finite(), Finite(infinite=True), Single()),
    ),
    Sample("VARCHAR", (*quoted(["", "a", "A", "é", "abc ", "abcd", "éé", "😀"]), "'a' || chr(0) || 'b'"), TEXT),
    Sample("BLOB", ("''", "'\\x00\\x01\\x02'::BLOB", "'\\x00\\x01\\x02\\x03'::BLOB"), (Octets(3),)),
    Sample(
        "DATE",
        quoted([*all_days(), "infinity", "-infinity", "10000-01-01", "0001-12-31 (BC)", "5000-01-01 (BC)"]),
        (*DAYS, RealDay(0, 9999)),
    ),
    Sample(
        "TIMESTAMP",
        quoted([*seconds(early_days()), "infinity", "-infinity", "10000-01-01 00:00:00", "0044-03-15 (BC) 12:00:00"]),
        MOMENTS,
    ),
    Sample("TIMESTAMP WITH TIME ZONE", quoted([f"{text}+00" for text in seconds(early_days())]), MOMENTS),
    Sample("TIME", quoted(["00:00:00", "23:59:59.999999", "24:00:00"]), (WithinDay(), SecondDigits(0))),
    Sample("JSON", quoted(ESCAPES), (NoNulEscape(),)),
)
SQLITE = (
    Sample("INTEGER", ("-6", "-5", "0", "5", "6", "2147483647"), WHOLE),
    Sample("DECIMAL_TEXT", quoted(["NaN", "Infinity", "99.95", "-99.9", "100", "0.00001", "-0.5"]), DECIMALS),
    Sample("REAL", ("9e999", "-9e999", "0.5", *SINGLES, *DOUBLES), (Finite(), Finite(infinite=True), Single())),
    Sample("TEXT", (*quoted(["", "a", "A", "é", "abc ", "abcd", "éé", "😀"]), "'a' || char(0) || 'b'"), TEXT),
    Sample("BLOB", ("X''", "X'000102'", "X'00010203'"), (Octets(3),)),
    Sample("DATE", quoted([*all_days()]), DAYS),
    Sample("DATETIME", quoted(seconds(early_days())), MOMENTS),
    Sample("JSON_TEXT", quoted(ESCAPES), (NoNulEscape(),)),
)
SAMPLES = {
    Engine.MYSQL: MYSQL,
    Engine.POSTGRESQL: POSTGRESQL,
    Engine.DUCKDB: DUCKDB,
    Engine.SQLITE: SQLITE,
}


def run(lab: Lab, request: pytest.FixtureRequest, *statements: str) -> None:
    """Run statements on the engine itself, with every right and no scruples about values."""
    if lab.engine is Engine.MYSQL:
        server = request.getfixturevalue("mysql_server")
        assert isinstance(server, MysqlServer)
        modes = "SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'"
        server.run(modes, *statements, database=lab.endpoint.database)
    elif lab.engine is Engine.POSTGRESQL:
        server = request.getfixturevalue("postgresql_server")
        assert isinstance(server, PostgresqlServer)
        role = f"SET ROLE \"{lab.endpoint.username}\"; SET timezone = 'UTC'"
        server.run("; ".join((role, *statements)), lab.endpoint.database)
    elif lab.engine is Engine.SQLITE:
        with closing(sqlite3.connect(lab.endpoint.path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)
    else:
        with duckdb.connect(lab.endpoint.path) as connection:
            for statement in statements:
                connection.execute(statement)


async def test_a_source_finds_beyond_each_limit_what_the_reference_finds(
    lab: Lab, request: pytest.FixtureRequest
) -> None:
    if lab.engine not in SAMPLES:
        pytest.skip("folders have no statements; tests/unit/infra/test_folder_misfit.py holds them to the reference")
    samples = SAMPLES[lab.engine]
    for number, sample in enumerate(samples):
        rows = ", ".join(f"({value})" for value in (*sample.values, "NULL"))
        run(lab, request, f"CREATE TABLE t{number} (v {sample.native})", f"INSERT INTO t{number} VALUES {rows}")

    async with lab.source() as source:
        schema = await source.introspect()
        for number, sample in enumerate(samples):
            table = table_named(schema, f"t{number}")
            copy = copy_of(table, table)
            column = copy.columns[0]
            values: list[Carried] = [row[0] for row in await read_rows(source, copy, whole(copy))]
            limits = tuple(ColumnLimit("v", column.source_native, column.type, limit) for limit in sample.limits)

            profile = await source.profile(copy, limits, limits)

            expected = {on.limit: sum(not fits(on.limit, value) for value in values) for on in limits}
            found = dict.fromkeys(expected, 0) | {each.on.limit: each.rows for each in profile.findings}
            assert found == expected, sample.native
            assert profile.rows == len(values) == len(sample.values) + 1
            assert profile.rejected == sum(not all(fits(on.limit, value) for on in limits) for value in values)
