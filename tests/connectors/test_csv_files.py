"""What is CSV's own: types from all rows, the difference between NULL and nothing, and faults told by their place."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.catalog.model import Column, Table, TableName
from domain.catalog.types import (
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.connections.values import CsvFormat, Endpoint, Engine
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, SchemaDrift, ValueRejected
from domain.migrations.schema_plan import Phase
from infra.connectors.csv.connector import CONNECTOR
from infra.connectors.csv.dialect import Dialect
from infra.connectors.csv.faults import Malformed, records
from infra.connectors.csv.parse import Parser
from infra.connectors.csv.text import Read, blocks
from infra.connectors.csv.values import parsed_as
from tests.connectors.lab import Lab, Row, a_column, batches, copy_of, read_rows, run_steps, table_named, whole
from tests.support import strategies

RFC = Dialect(CsvFormat())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def lab_on(folder: Path, **options: object) -> Lab:
    csv = CsvFormat(**options) if options else None  # type: ignore[arg-type]  # the options are the format's own
    return Lab(Engine.CSV, Endpoint(Engine.CSV, path=str(folder), csv=csv), CONNECTOR)


async def types_of(folder: Path, content: str | bytes) -> list[LogicalType]:
    """Write one file and look what its columns mean."""
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "t.csv").write_bytes(data)
    return [column.type for column in (await lab_on(folder).found("t")).columns]


@pytest.mark.parametrize(
    ("texts", "type_"),
    [
        (["1", "-20", "0"], Integer(64)),
        (["007", "1"], Text()),
        (["+5", "1"], Text()),
        (["-0", "1"], Float(64)),
        (["9223372036854775807"], Integer(64)),
        (["9223372036854775808"], Integer(64, signed=False)),
        (["-1", "9223372036854775808"], Integer(128)),
        (["1" + "0" * 45], Decimal(46, 0)),
        (["1.50", "-22.5", "3"], Decimal(4, 2)),
        (["0." + "1" * 40], Decimal(41, 40)),
        (["1e-7", "2.5"], Float(64)),
        (["0.1", "nan"], Float(64)),
        (["1e-7", "0.12345678901234567890123"], Text()),
        (["true", "false"], Boolean()),
        (["true", "0"], Text()),
        (["2024-02-29", "0001-01-01"], Date()),
        (["2024-02-30"], Text()),
        (["2024-01-01", "2024-01-01 00:00:00"], Text()),
        (["2024-01-01 00:00:00", "2024-01-01T01:02:03.25"], Timestamp(2)),
        (["2024-01-01 00:00:00Z", "2024-01-01T01:02:03+02:00"], Timestamp(0, zoned=True)),
        (["12:00:00", "23:59:59.123456"], Time(6)),
        (["24:00:00"], Text()),
        (["6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f"], Uuid()),
        ([""], Text()),
    ],
)
async def test_a_column_has_the_narrowest_type_that_all_rows_agree_on(
    folder: Path, texts: list[str], type_: LogicalType
) -> None:
    rows = "".join(f"{number},{text}\n" for number, text in enumerate(texts))

    assert (await types_of(folder, "id,value\n" + rows))[1] == type_


async def test_the_last_of_many_rows_decides_as_well_as_the_first(folder: Path) -> None:
    rows = "".join(f"{number},{number}\n" for number in range(300_000))

    assert await types_of(folder, f"id,value\n{rows}300000,00x\n") == [Integer(64), Text()]


async def test_values_are_read_in_the_spelling_of_every_engine(folder: Path) -> None:
    (folder / "t.csv").write_text("d,m,z,b\n1.5,2024-01-01T01:02:03.25,2024-01-01T00:30:00+02:00,true\n2.25,,,\n")

    assert await lab_on(folder).rows("t") == [
        ("1.50", "2024-01-01 01:02:03.250000", "2023-12-31 22:30:00.000000", True),
        ("2.25", None, None, None),
    ]


async def test_a_field_without_quotes_may_be_null_and_one_with_quotes_never_is(folder: Path) -> None:
    (folder / "t.csv").write_text('a,b\n,""\n"x",y\n')
    (folder / "single.csv").write_text('a\nx\n\n""\n')

    assert await lab_on(folder).rows("t") == [(None, ""), ("x", "y")]
    assert await lab_on(folder).rows("single") == [("x",), (None,), ("",)]


async def test_another_mark_for_null_leaves_nothing_as_a_text(folder: Path) -> None:
    (folder / "t.csv").write_text('a,b\n\\N,\n"\\N",x\n')

    assert await lab_on(folder, null="\\N").rows("t") == [(None, ""), ("\\N", "x")]


async def test_line_breaks_delimiters_and_quotes_within_quotes_are_kept(folder: Path) -> None:
    (folder / "t.csv").write_bytes(b'\xef\xbb\xbfa,b\r\n"one\r\ntwo","x,""y"""\r\n3,\xc3\xa9')

    assert await lab_on(folder).rows("t") == [("one\r\ntwo", 'x,"y"'), ("3", "é")]


async def test_a_record_longer_than_a_block_is_read(folder: Path) -> None:
    large = "line\n" * 1_500_000
    (folder / "t.csv").write_text(f'a,b\n1,"{large}"\n2,x\n')

    rows = await lab_on(folder).rows("t")

    assert [len(str(row[1])) for row in rows] == [len(large), 1]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252", "shift_jis"])
async def test_other_encodings_are_read(folder: Path, encoding: str) -> None:
    word = "日本" if encoding == "shift_jis" else "Zürich"
    (folder / "t.csv").write_bytes(f"id;name\n1;{word}\n".encode(encoding))

    assert await lab_on(folder, encoding=encoding, delimiter=";").rows("t") == [(1, word)]


async def test_packed_files_tabs_and_files_without_header_are_read(folder: Path) -> None:
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    (folder / "tabs.tsv").write_text("a\tb\n1\tx,y\n")
    assert await lab_on(folder).rows("packed") == [(1, "x")]
    assert await lab_on(folder).rows("tabs") == [(1, "x,y")]

    (folder / "packed.csv.gz").unlink()
    (folder / "tabs.tsv").write_text("1|x\n2|'a|b'\n")
    bare = lab_on(folder, header=False, delimiter="|", quote="'")
    assert [column.name for column in (await bare.found("tabs")).columns] == ["column_1", "column_2"]
    assert await bare.rows("tabs") == [(1, "x"), (2, "a|b")]


async def test_columns_without_a_name_or_of_one_name_are_told_apart(folder: Path) -> None:
    (folder / "t.csv").write_text("a,,a,a_2,\n1,2,3,4,5\n")

    names = [column.name for column in (await lab_on(folder).found("t")).columns]

    assert names == ["a", "column_2", "a_3", "a_2", "column_5"]
    assert await lab_on(folder).rows("t") == [(1, 2, 3, 4, 5)]


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (b"a,b\n1,2\n3\n", "line 3, character 1", "1 fields instead of 2"),
        (b'a,b\n1,"x\ny"\n3,4,5\n', "line 4, character 1", "3 fields instead of 2"),
        (b'a,b\n1,2\n3,"x\n', "line 3, character 3", "never closed"),
        (b'a,b\n1,5" disk\n', "line 2, character 4", "quote=none"),
        (b'a,b\n1,"x"y\n', "line 2, character 6", "closing quote"),
        (b"a,x\xff\n1,2\n", "line 1, character 4", "encoding"),
        (b"a,b\n1,x\ry\n", "line 2, character 4", "carriage return"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1, character 1", "encoding=utf-16"),
    ],
)
async def test_a_malformed_file_is_told_by_its_place(folder: Path, content: bytes, place: str, reason: str) -> None:
    (folder / "t.csv").write_bytes(content)

    with pytest.raises(DatabaseError) as caught:
        await lab_on(folder).found("t")

    assert f"{folder / 't.csv'}, {place}" in caught.value.message
    assert reason in caught.value.message


async def test_given_types_win_and_values_of_another_type_are_told_by_their_place(folder: Path) -> None:
    (folder / "t.csv").write_text("id,code\n1,007\n2,x\n")
    given_types = {"tables": {"t": {"columns": {"id": "decimal(5,2)", "code": "integer(32)"}, "primary_key": ["id"]}}}
    (folder / "schema.json").write_text(json.dumps(given_types))

    table = await lab_on(folder).found("t")
    assert [column.type for column in table.columns] == [Decimal(5, 2), Integer(32)]
    assert table.primary_key is not None
    with pytest.raises(SchemaDrift) as caught:
        await lab_on(folder).rows("t")
    assert "line 3, character 3: 'x' in column code is no integer(32)" in caught.value.message


async def test_a_file_that_changes_while_it_is_read_is_no_source(folder: Path) -> None:
    (folder / "t.csv").write_text("a\n1\n")

    async with lab_on(folder).source() as source:
        found = table_named(await source.introspect(), "t")
        (folder / "t.csv").write_text("a\n1\n2\n")
        with pytest.raises(SchemaDrift):
            await read_rows(source, copy_of(found, found), whole(copy_of(found, found)))


async def test_two_files_of_one_table_and_a_file_as_a_folder_are_refused(folder: Path) -> None:
    (folder / "t.csv").write_text("a\n1\n")
    (folder / "t.tsv").write_text("a\n1\n")

    for path in (folder, folder / "t.csv"):
        with pytest.raises(ConnectFailed) as caught:
            await CONNECTOR.probe(Endpoint(Engine.CSV, path=str(path)), writable=False)
        assert caught.value.code is ErrorCode.NOT_A_DATABASE


async def test_what_a_format_cannot_hold_is_refused(folder: Path) -> None:
    table = Table(TableName("t"), (a_column("a", Text()),))

    with pytest.raises(ValueRejected):
        await lab_on(folder / "latin", encoding="latin-1").make(table, [("日本",)])
    with pytest.raises(ValueRejected):
        await lab_on(folder / "bare", quote="").make(table, [("x,y",)])


async def test_the_manifest_is_written_last_and_nothing_private_counts(folder: Path) -> None:
    lab = lab_on(folder, delimiter=";")
    table = Table(TableName("t"), (Column("id", Integer(16), "", nullable=False), a_column("b", Text())))
    await lab.make(table, [(1, "x;y"), (2, None), (3, "")])

    assert (folder / "t.csv").read_text() == 'id;b\n1;"x;y"\n2;\n3;""\n'
    manifest = json.loads((folder / "manifest.json").read_text())
    [entry] = manifest["tables"]
    assert (entry["files"][0]["name"], entry["files"][0]["rows"]) == ("t.csv", 3)
    assert manifest["csv"]["delimiter"] == ";"
    assert [column.type for column in (await lab_on(folder).found("t")).columns] == [Integer(16), Text()]
    assert await lab_on(folder).rows("t") == [(1, "x;y"), (2, None), (3, "")]


Cells = list[list[str | None]]
FORMATS = [CsvFormat(), CsvFormat(delimiter="\t", quote="'", null="NULL"), CsvFormat(delimiter=";", null="\\N")]


def cells(columns: int) -> st.SearchStrategy[Cells]:
    text = st.text("ab,;\t\"'\n\r\\N é", max_size=8) | strategies.texts(12)
    row = st.lists(st.none() | text, min_size=columns, max_size=columns)
    return st.lists(row, max_size=8)


@given(rows=st.integers(1, 4).flatmap(cells), csv=st.sampled_from(FORMATS), size=st.integers(1, 200))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_texts_come_back_and_two_readers_agree(
    tmp_path_factory: pytest.TempPathFactory, rows: Cells, csv: CsvFormat, size: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    lab = Lab(Engine.CSV, Endpoint(Engine.CSV, path=str(folder), csv=csv), CONNECTOR)
    columns = len(rows[0]) if rows else 1
    table = Table(TableName("t"), tuple(a_column(f"c{place}", Text()) for place in range(columns)))
    wanted: list[Row] = [tuple(row) for row in rows]
    await lab.make(table, wanted)
    content = (folder / "t.csv").read_bytes()
    header, body = content.split(b"\n", 1)

    slow = [
        tuple(None if field.content is None else field.content.decode() for field in record.fields)
        for record in records(body, Dialect(csv), skip_empty=columns > 1)
    ]
    cut = list(blocks(iter_read(content), csv.quote.encode(), size))

    assert header
    assert slow == wanted
    assert await lab.rows("t") == wanted
    assert b"".join(cut) == content


@given(text=st.text('a,"\n\r', max_size=30))
@settings(max_examples=300, deadline=None)
@example(text='a""b,c\n')
@example(text='"a"b"\n"c')
@example(text='"a\n"b,"\n')
@example(text='"",')
def test_the_fast_reader_takes_exactly_what_the_exact_one_takes(text: str) -> None:
    data = text.encode()
    try:
        exact: list[tuple[str | None, ...]] | None = [
            tuple(None if field.content is None else field.content.decode() for field in record.fields)
            for record in records(data, RFC)
        ]
    except Malformed:
        exact = None
    if exact is not None and any(len(row) != 2 for row in exact):
        exact = None

    parser = Parser(RFC, 2, dict.fromkeys(range(2), parsed_as(Text())))
    try:
        fast: list[tuple[str | None, ...]] | None = [
            row
            for block in blocks(iter_read(data), b'"', 4)
            for row in zip(*(column.to_pylist() for column in parser.parse(block).columns), strict=True)
        ]
    except Malformed:
        fast = None

    assert fast == exact


def iter_read(data: bytes) -> Read:
    left = [data]

    def read(size: int) -> bytes:
        taken, left[0] = left[0][:size], left[0][size:]
        return taken

    return read


async def test_a_table_is_finished_with_as_much_reading_in_the_book_whether_there_are_few_or_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    def connect(*of: object, **options: object) -> sqlite3.Connection:
        connection = sqlite3_connect(*of, **options)
        connection.set_progress_handler(count, 10)
        return connection

    sqlite3_connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", connect)
    work = {}
    for number in (4, 100):
        lab = lab_on(tmp_path / str(number))
        tables = [Table(TableName(f"t{place}"), (a_column("id", Integer(32)),)) for place in range(number)]
        plan = lab.connector.plan_schema(lab.wanted(*tables), lab.endpoint)
        async with lab.target() as target:
            ticket = await target.open_run("run", "plan")
            await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
            for place, (table, made) in enumerate(zip(tables, plan.tables, strict=True)):
                copy = copy_of(table, made, place)
                await target.write(copy, whole(copy), batches(copy, [(1,)]), ticket)
            done = 0
            await target.execute(next(step for step in plan.steps if step.phase is Phase.FINISH), ticket)
            work[number] = done

    assert 0 < work[100] < 1.5 * work[4]
