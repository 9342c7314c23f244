"""What is Parquet's own: typed columns, meanings within the files, and files that others wrote."""

from __future__ import annotations

import datetime as dt
import decimal as dec
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from domain.catalog.model import Table, TableName
from domain.catalog.types import (
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Integer,
    Json,
    LogicalType,
    Opaque,
    Text,
    Timestamp,
    Uuid,
)
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, ValueRejected
from domain.migrations.schema_plan import Outcome
from infra.connectors.parquet.connector import CONNECTOR
from tests.connectors.lab import Lab, a_column


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(Engine.PARQUET, Endpoint(Engine.PARQUET, path=str(tmp_path)), CONNECTOR)


async def test_columns_are_typed_where_that_is_exact_and_say_what_they_mean(lab: Lab, tmp_path: Path) -> None:
    types: tuple[LogicalType, ...] = (
        Integer(16),
        Decimal(38, 2),
        Decimal(50, 1),
        Date(),
        Timestamp(zoned=True),
        Uuid(),
        Duration(),
        Float(32),
        Enumeration(("a", "b")),
    )
    columns = tuple(a_column(f"c{place}", type_) for place, type_ in enumerate(types))
    row = (7, "1.50", "9" * 49 + ".5", "infinity", "2024-01-01 00:00:00.000001", *[None] * 2, 1.5, "b")
    await lab.make(Table(TableName("t"), columns), [row])

    schema = parquet.read_schema(tmp_path / "t.parquet")
    (tmp_path / "manifest.json").unlink()

    assert [schema.field(place).type for place in range(5)] == [
        pa.int16(),
        pa.decimal128(38, 2),
        pa.large_string(),
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
    ]
    assert [column.type for column in (await lab.found("t")).columns] == [column.type for column in columns]
    assert await lab.rows("t") == [row]


async def test_files_that_others_wrote_are_read_alone_or_in_a_sub_folder(lab: Lab, tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int32()),
            "fine": pa.array([1, 2], pa.timestamp("ns")),
            "coarse": pa.array([1_000, None], pa.timestamp("ns")),
            "nested": pa.array([[1, 2], None], pa.list_(pa.int8())),
            "word": pa.array(["a", "b"]).dictionary_encode(),
            "clock": pa.array([dt.time(1, 2, 3), None]),
        }
    )
    parquet.write_table(table, tmp_path / "alone.parquet")
    (tmp_path / "many").mkdir()
    for number in range(2):
        parquet.write_table(table.select(["n"]), tmp_path / "many" / f"{number}.parquet")

    types = {column.name: column.type for column in (await lab.found("alone")).columns}
    [first, second] = await lab.rows("alone")

    assert (types["fine"], types["coarse"], types["nested"]) == (Opaque("timestamp_ns"), Timestamp(6), Json())
    assert (types["n"], types["word"]) == (Integer(32), Text())
    assert first[2:] == ("1970-01-01 00:00:00.000001", "[1,2]", "a", "01:02:03.000000")
    assert str(first[1]).endswith(".000000001")
    assert (second[0], second[2:]) == (None, (None, None, "b", None))
    assert await lab.rows("many") == [(1,), (None,), (1,), (None,)]


async def test_types_that_duckdb_lacks_or_would_shorten_are_read_exactly(lab: Lab, tmp_path: Path) -> None:
    table = pa.table(
        {
            "half": pa.array([1.5, None], pa.float16()),
            "long": pa.array([dec.Decimal("1.50"), None], pa.decimal256(60, 2)),
            "fine": pa.array([1_001, None], pa.duration("ns")),
            "coarse": pa.array([1_000, None], pa.duration("ns")),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")

    columns = (await lab.found("t")).columns

    assert [column.type for column in columns[:3]] == [Float(32), Text(), Integer(64)]
    assert [column.comment for column in columns] == ["", "", "A duration in nanoseconds.", ""]
    assert await lab.rows("t") == [(1.5, "1.50", 1_001, "00:00:00.000001"), (None,) * 4]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"a": pa.array([1]), "more": pa.array(["x"])}, "Column more is not there in .*1.* and string in .*2"),
        ({"b": pa.array([1])}, "Column a is int"),
        ({"a": pa.array(["07"])}, "Column a is integer in .* and string in"),
        ({"a": pa.array([7], pa.int8())}, ""),
    ],
)
async def test_files_of_one_table_that_differ_are_refused(
    lab: Lab, tmp_path: Path, other: dict[str, pa.Array], says: str
) -> None:
    (tmp_path / "t").mkdir()
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "t" / "1.parquet")
    parquet.write_table(pa.table(other), tmp_path / "t" / "2.parquet")

    if says:
        with pytest.raises(ConnectFailed, match=says):
            await lab.found("t")
    else:
        assert await lab.rows("t") == [(1,), (7,)]


async def test_files_in_folders_of_folders_are_named_as_left_out(lab: Lab, tmp_path: Path) -> None:
    for name in ("t/1.parquet", "year/2024/1.parquet", "t/old/1.parquet", ".hidden/x/1.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table({"a": [1]}), tmp_path / name)

    async with lab.source() as source:
        schema = await source.introspect()

    plan = CONNECTOR.plan_schema(schema, Endpoint(Engine.PARQUET, path=str(tmp_path / "copy")))
    assert [table.name.name for table in schema.tables] == ["t"]
    assert [(line.object.name, line.outcome) for line in plan.parity if "not read" in line.reason] == [
        ("t", Outcome.SKIPPED),
        ("year", Outcome.SKIPPED),
    ]


async def test_a_type_that_cannot_be_read_is_told_with_its_file(lab: Lab, tmp_path: Path) -> None:
    nested = pa.table({"a": pa.array([[1.5]], pa.list_(pa.float16()))})
    parquet.write_table(nested, tmp_path / "t.parquet")

    with pytest.raises(DatabaseError, match=r"t\.parquet cannot be read: .* Write it with other types\."):
        await lab.found("t")


async def test_a_value_that_its_column_would_change_is_refused(lab: Lab) -> None:
    with pytest.raises(ValueRejected):
        await lab.make(Table(TableName("f"), (a_column("c", Float(32)),)), [(0.1,)])
    other = Lab(lab.engine, Endpoint(lab.engine, path=f"{lab.endpoint.path}/other"), CONNECTOR)
    with pytest.raises(ValueRejected):
        await other.make(Table(TableName("d"), (a_column("c", Date()),)), [("0000-00-00",)])


async def test_a_file_of_another_kind_is_told(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")

    with pytest.raises(ConnectFailed) as caught:
        await lab.found("t")
    assert caught.value.code is ErrorCode.NOT_A_DATABASE
