"""Texts with bytes that are no UTF-8 are found before the copy, and become what was asked for; never other texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from domain.catalog.types import Text
from domain.connections.values import Endpoint, Engine
from domain.migrations.canonical import digest_rows
from domain.migrations.digests import DigestColumn
from domain.migrations.misfits import RejectLimit, parse_rule
from domain.migrations.plan import RunOptions
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab, table_named
from tests.pairs.conftest import DUCKDB, MYSQL, PARQUET, POSTGRESQL, SQLITE, Pair, lab_of
from tests.pairs.moves import migrate
from tests.support.cli import url
from tests.support.cli import wherry_here as wherry
from tests.support.postgresql import PostgresqlServer
from workers.cli.rejects import read_rejects

NO_UTF8 = (
    *(b"caf\xe9", b"\xff", b"a\x80b", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98x"),
    *("é".encode() + b"\xe9\n" + "ü€😀".encode(), b"\xe0\x9f\xbf", b"\xf8\x88\x80\x80\x80", b"\xe9" * 1_200),
)
SOUND = (b"", b"plain", "é€😀".encode(), "\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff".encode())
TEXTS = (*NO_UTF8, *SOUND)
COLUMNS = ("as_null", "as_other", "as_less")
RULES = ("held.as_null=null", "held.as_other=sentinel:other", "held.as_less=strip")


def in_sqlite(path: Path) -> Endpoint:
    with closing(sqlite3.connect(path / "held.db", isolation_level=None)) as connection:
        for table, columns in TABLES.items():
            names = ", ".join(f"{name} TEXT" for name in columns)
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {names})")
            marks = ", ".join("CAST(? AS TEXT)" for _ in columns)
            rows = [(number, *[text] * len(columns)) for number, text in enumerate(TEXTS)]
            connection.executemany(f"INSERT INTO {table} VALUES (?, {marks})", rows)
    return Endpoint(Engine.SQLITE, path=str(path / "held.db"))


def in_csv(path: Path) -> Endpoint:
    for table, columns in TABLES.items():
        lines = [b"id," + ",".join(columns).encode()]
        lines += [b",".join([b"%d" % number, *[b'"%b"' % text] * len(columns)]) for number, text in enumerate(TEXTS)]
        (path / f"{table}.csv").write_bytes(b"\n".join(lines) + b"\n")
    return Endpoint(Engine.CSV, path=str(path))


def in_postgresql(server: PostgresqlServer) -> Endpoint:
    endpoint = server.create_database(encoding="SQL_ASCII")
    for table, columns in TABLES.items():
        names = ", ".join(f"{name} text" for name in columns)
        rows = ", ".join(f"({n}, {', '.join([_escaped(text)] * len(columns))})" for n, text in enumerate(TEXTS))
        role = f'SET ROLE "{endpoint.username}"'
        server.run(
            f"{role}; CREATE TABLE {table} (id int PRIMARY KEY, {names}); INSERT INTO {table} VALUES {rows}",
            endpoint.database,
        )
    return endpoint


def _escaped(text: bytes) -> str:
    return "E'" + "".join(f"\\x{byte:02x}" for byte in text) + "'"


TABLES = {"held": COLUMNS, "refused": ("body",)}
USUAL = [
    *((Engine.SQLITE, POSTGRESQL), (Engine.SQLITE, MYSQL), (Engine.CSV, DUCKDB), (Engine.CSV, SQLITE)),
    *((Engine.POSTGRESQL, POSTGRESQL), (Engine.POSTGRESQL, PARQUET)),
]
EVERYWHERE = [
    ends if ends in USUAL else pytest.param(ends, marks=pytest.mark.wide)
    for ends in product((Engine.SQLITE, Engine.CSV, Engine.POSTGRESQL), (POSTGRESQL, MYSQL, SQLITE, DUCKDB, PARQUET))
    if ends != (Engine.SQLITE, SQLITE)
]


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Engine], Endpoint]]:
    """Makes a source of an engine that holds such texts."""
    made = []

    def make(engine: Engine) -> Endpoint:
        (tmp_path / "source").mkdir()
        if engine is not Engine.POSTGRESQL:
            return {Engine.SQLITE: in_sqlite, Engine.CSV: in_csv}[engine](tmp_path / "source")
        made.append(in_postgresql(request.getfixturevalue("postgresql_server")))
        return made[0]

    yield make
    for endpoint in made:
        request.getfixturevalue("postgresql_server").drop(endpoint)


@pytest.mark.parametrize("engines", EVERYWHERE, ids=lambda ends: "-".join(end.value.lower() for end in ends))
async def test_a_text_that_is_no_utf8_becomes_what_its_rule_says(
    engines: tuple[Engine, Engine],
    source: Callable[[Engine], Endpoint],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    held = source(engines[0])
    with lab_of(engines[1], request, tmp_path / "target") as target:
        pair = Pair(Lab(engines[0], held, connector_for(engines[0])), target)

        refused = await migrate(pair)
        report = await migrate(
            pair, RunOptions(on_misfit=tuple(map(parse_rule, RULES)), reject_limit=RejectLimit(rows=len(NO_UTF8)))
        )

        assert refused.error
        assert f"held.as_less: {len(NO_UTF8)} values are no UTF-8" in refused.error.message
        assert report.error is None, report.error.message
        assert [table.verified for table in report.tables] == [True, True]
        assert [table.rows_rejected for table in report.tables] == [0, len(NO_UTF8)]
        assert not [warning for warning in report.warnings if "expected" in warning]
        expected = [
            (None, "other", text.decode(errors="ignore")) if text in NO_UTF8 else (text.decode(),) * 3 for text in TEXTS
        ]
        assert await digest_of(target, "held", COLUMNS) == digest_rows([Text()] * 3, expected)
        assert await digest_of(target, "refused", ("body",)) == digest_rows([Text()], [(t.decode(),) for t in SOUND])


async def digest_of(lab: Lab, name: str, columns: tuple[str, ...]) -> object:
    async with lab.source() as source:
        table = table_named(await source.introspect(), name)
        wanted = tuple(DigestColumn(each.name, each.native, Text()) for each in table.columns if each.name in columns)
        return await source.digest(table.name, wanted)


def test_keys_that_are_no_utf8_are_named_with_every_byte_and_keep_no_table_from_being_divided(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    endpoint = postgresql_server.create_database(encoding="SQL_ASCII")
    postgresql_server.run(
        f'SET ROLE "{endpoint.username}"; CREATE TABLE word (word text PRIMARY KEY); '
        "INSERT INTO word SELECT E'\\xe9\\\\' || n FROM generate_series(1, 3000) n; INSERT INTO word VALUES ('é')",
        endpoint.database,
    )
    command = ("migrate", url(endpoint), f"sqlite:///{tmp_path}/words.db", "--json", "--chunk-rows", "500")

    refused = wherry(*command)
    result = wherry(*command, "--on-misfit", "word.word=strip")

    assert r"3,000 values are no UTF-8" in refused.document["error"]["message"]
    assert r"word=\351\\1; " in refused.document["error"]["message"]
    assert result.exit_code == 0, result.stderr
    assert [(table["rows_written"], table["verified"]) for table in result.document["tables"]] == [(3_001, True)]
    with closing(sqlite3.connect(tmp_path / "words.db")) as connection:
        found = connection.execute(
            "SELECT count(*), max(word) FROM word WHERE word LIKE '\\%' OR word = 'é'"
        ).fetchone()
    assert found == (3_001, "é")


def test_a_sqlite_file_keeps_such_texts_in_another_one(tmp_path: Path) -> None:
    held = in_sqlite(tmp_path)
    copied = Endpoint(Engine.SQLITE, path=str(tmp_path / "copied.db"))

    result = wherry("migrate", url(held), url(copied), "--json")

    assert result.exit_code == 0, result.stderr
    assert [table["verified"] for table in result.document["tables"]] == [True, True]
    with closing(sqlite3.connect(copied.path)) as connection:
        rows = connection.execute("SELECT typeof(body), CAST(body AS BLOB) FROM refused ORDER BY id").fetchall()
    assert rows == [("text", text) for text in TEXTS]


def test_a_column_of_such_texts_may_be_kept_as_bytes(tmp_path: Path) -> None:
    held = in_sqlite(tmp_path)
    target = Endpoint(Engine.DUCKDB, path=str(tmp_path / "target.duckdb"))

    result = wherry("migrate", url(held), url(target), "--on-misfit", "text=text", "--json")

    assert result.exit_code == 0, result.stderr
    assert [table["verified"] for table in result.document["tables"]] == [True, True]
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(target.path) as connection:
        assert connection.execute("SELECT body FROM refused ORDER BY id").fetchall() == [(text,) for text in TEXTS]


def test_rejected_texts_are_kept_with_every_byte_and_loaded_once_they_are_mended(tmp_path: Path) -> None:
    held, kept = in_sqlite(tmp_path), tmp_path / "rejects.jsonl"
    target = Endpoint(Engine.DUCKDB, path=str(tmp_path / "target.duckdb"))

    wherry("migrate", url(held), url(target), "--reject-limit", "100", "--rejects", kept)
    values = {row.values[-1] or "" for table in read_rejects(kept) for row in table.rows}
    unmended = wherry("replay-rejects", kept, url(target), "--json")
    kept.write_text(kept.read_text().replace(r"caf\udce9", "café"))
    some = wherry("replay-rejects", kept, url(target), "--json")
    rest = wherry("replay-rejects", kept, url(target), "--on-misfit", "text=strip", "--json")

    assert {value.encode(errors="surrogateescape") for value in values} == set(NO_UTF8)
    assert [table["rows_loaded"] for table in unmended.document["tables"]] == [0, 0]
    assert [table["rows_loaded"] for table in some.document["tables"]] == [1, 1]
    assert [table["rows_left"] for table in rest.document["tables"]] == [0, 0], rest.stderr
