"""What a table that others made cannot keep is found before the copy, or refused with a reason; never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ErrorCode
from domain.migrations.misfits import RejectLimit
from domain.migrations.plan import OnExisting, RunOptions
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.connectors.test_limits import run
from tests.pairs.conftest import DUCKDB, MYSQL, POSTGRESQL, SQLITE, Pair, lab_of
from tests.pairs.moves import migrate


@dataclass(frozen=True)
class Held:
    """Values of a source column, those that a narrower one can keep first."""

    native: str
    fit: Sequence[str]
    rest: Sequence[str]


NUMBERS = Held("BIGINT", ("0", "-5", "100"), ("128", "-129", "70000", "9223372036854775807"))
DECIMALS = Held("DECIMAL(20,6)", ("1.5", "-99.25"), ("0.125", "1000", "12345678901234.5"))
DOUBLES = Held("DOUBLE", ("1.5", "0"), ("0.1", "1e300"))
WORDS = Held("VARCHAR", ("'a'", "'b'"), ("'abcdef'", "'a '", "'é😀xyz'"))
BYTES = Held("BLOB", ("'\\x01\\x02'::BLOB",), ("'\\x01\\x02\\x03\\x04\\x05'::BLOB",))
DAYS = Held("DATE", ("'2000-01-01'",), ("'12000-01-01'", "'0044-03-15 (BC)'", "'infinity'"))
MOMENTS = Held(
    "TIMESTAMP",
    ("'2000-01-01 00:00:00'",),
    ("'2000-01-01 00:00:00.25'", "'1969-12-31 23:59:59'", "'2038-01-19 03:14:08'"),
)
INSTANTS = Held("TIMESTAMPTZ", ("'2000-01-01 00:00:00+00'",), ("'1960-01-01 00:00:00+00'", "'2100-01-01 00:00:00+00'"))
CLOCKS = Held("TIME", ("'12:00:00'",), ("'12:00:00.5'",))
BITS = Held("VARCHAR", ("'101'", "'0'"), ("''",))
MAYBE = Held("INTEGER", ("1",), ("NULL",))

ADOPTED = {
    MYSQL: (
        *((NUMBERS, "TINYINT"), (NUMBERS, "SMALLINT"), (NUMBERS, "INT UNSIGNED"), (DECIMALS, "DECIMAL(5,2)")),
        *((DOUBLES, "FLOAT"), (WORDS, "VARCHAR(4)"), (WORDS, "CHAR(4)"), (WORDS, "ENUM('a','b')")),
        *((BYTES, "VARBINARY(3)"), (DAYS, "DATE"), (MOMENTS, "DATETIME"), (MOMENTS, "TIMESTAMP")),
        *((INSTANTS, "TIMESTAMP(6)"), (CLOCKS, "TIME"), (MAYBE, "INT NOT NULL"), (WORDS, "TINYTEXT")),
    ),
    POSTGRESQL: (
        *((NUMBERS, "smallint"), (NUMBERS, "integer"), (DECIMALS, "numeric(5,2)"), (DOUBLES, "real")),
        *((WORDS, "varchar(4)"), (WORDS, "char(4)"), (DAYS, "date"), (MOMENTS, "timestamp(0)")),
        *((INSTANTS, "timestamptz(0)"), (CLOCKS, "time(0)"), (MAYBE, "integer NOT NULL")),
    ),
    SQLITE: (
        *((NUMBERS, "INTEGER"), (DOUBLES, "REAL"), (WORDS, "TEXT"), (BYTES, "BLOB"), (MAYBE, "INTEGER NOT NULL")),
        (DAYS, "TEXT"),
    ),
    DUCKDB: (
        *((NUMBERS, "TINYINT"), (NUMBERS, "UINTEGER"), (DECIMALS, "DECIMAL(5,2)"), (DOUBLES, "FLOAT")),
        *(
            (WORDS, "ENUM('a','b')"),
            (DAYS, "DATE"),
            (MOMENTS, "TIMESTAMP_S"),
            (CLOCKS, "TIME"),
            (BITS, "BIT"),
            (MAYBE, "INTEGER NOT NULL"),
        ),
    ),
}

ROUNDED = "would be rounded to single precision"
PADDED = "end in spaces, which a type of fixed length drops"
PREDICTED = {
    MYSQL: (
        "from -128 to 127",
        "are longer than 4 characters",
        "are not between 1970-01-01",
        "none of the type's labels",
        ROUNDED,
        PADDED,
    ),
    POSTGRESQL: (
        "from -32768 to 32767",
        "are longer than 4 characters",
        "are no number of 3 digits before the point",
        ROUNDED,
        PADDED,
    ),
    SQLITE: ("are NULL",),
    DUCKDB: (
        "from -128 to 127",
        "are no number of 3 digits before the point",
        "have more than 0 digits of a second",
        "are empty, which a type of bits would take for 0",
        ROUNDED,
    ),
}


@pytest.mark.parametrize("engine", ADOPTED, ids=lambda engine: engine.value.lower())
async def test_what_an_adopted_column_cannot_keep_is_predicted(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    held = Endpoint(Engine.DUCKDB, path=str(tmp_path / "held.duckdb"))
    strict = " STRICT" if engine is SQLITE else ""
    with duckdb.connect(held.path) as source, lab_of(engine, request, tmp_path / "target") as target:
        source.execute("SET TimeZone = 'UTC'")
        for number, (column, native) in enumerate(ADOPTED[engine]):
            rows = ", ".join(f"({place}, {value})" for place, value in enumerate((*column.fit, *column.rest)))
            source.execute(f"CREATE TABLE t{number:02} (id INTEGER PRIMARY KEY, v {column.native})")
            source.execute(f"INSERT INTO t{number:02} VALUES {rows}")
            run(target, request, f"CREATE TABLE t{number:02} (id INTEGER PRIMARY KEY, v {native}){strict}")
        source.close()
        pair = Pair(Lab(Engine.DUCKDB, held, connector_for(Engine.DUCKDB)), target)

        refused = await migrate(pair)
        report = await migrate(pair, RunOptions(on_existing=OnExisting.APPEND, reject_limit=RejectLimit(percent=100)))

    assert report.error is None, report.error.message
    for table, (column, native) in zip(report.tables, ADOPTED[engine], strict=True):
        assert table.verified, native
        assert table.rows_written >= len(column.fit), native
        assert table.rows_written + table.rows_rejected == len(column.fit) + len(column.rest), native
    assert refused.error
    assert refused.error.code is ErrorCode.VALUE_REJECTED
    for complaint in PREDICTED[engine]:
        assert any(complaint in warning for warning in report.warnings), complaint
