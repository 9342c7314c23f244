"""How much memory a migration holds for rows of unlike shapes; printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.choices import FOLDER, choices
from tests.benchmarks.measuring import Command, Run, measured
from tests.benchmarks.ours import migrate
from tests.benchmarks.servers import Databases, databases

MIB = 1024 * 1024
RSS_MIB_MAX = 512
LIMIT_S = 1800
COLUMNS = 100

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]


@dataclass(frozen=True)
class Shape:
    """A table named `shape`: its columns after the key, and PostgreSQL's expressions of their values for row `n`."""

    name: str
    rows: int
    columns: str
    values: str


SHAPES = (
    Shape("1 KiB rows", 300_000, "body text NOT NULL", "repeat(md5(n::text), 32)"),
    Shape("10 MiB rows", 40, "body text NOT NULL", "repeat(md5(n::text), 327680)"),
    Shape(
        f"{COLUMNS} columns",
        100_000,
        ", ".join(f"c{i} {'varchar(20)' if i % 2 else 'bigint'}" for i in range(1, COLUMNS)),
        ", ".join("left(md5(n::text), 12)" if i % 2 else f"n * {i}" for i in range(1, COLUMNS)),
    ),
)

TARGETS = (Engine.POSTGRESQL, Engine.MYSQL, Engine.DUCKDB)

HUGE = (
    Shape("256 MiB of bytes", 1, "body bytea NOT NULL", "decode(repeat(md5(n::text), 16777216), 'hex')"),
    Shape("256 MiB of text", 1, "body text NOT NULL", "repeat(md5(n::text), 8388608)"),
)
HUGE_RSS_MIB_MAX = 2 * 256 + 160
"""A driver gives a value whole, and it is spelled whole for the other side: twice is the least, beside the program."""


@pytest.fixture(scope="module")
def running() -> Iterator[Databases]:
    """Both servers."""
    with databases() as both:
        yield both


@pytest.mark.parametrize("target", TARGETS, ids=lambda engine: engine.value.lower())
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_memory_is_bounded_whatever_the_rows_look_like(running: Databases, shape: Shape, target: Engine) -> None:
    rows = max(1, int(shape.rows * choices().scale))
    with _filled(running, shape, rows) as source, running.empty(target) as there:
        run = _moved(source, there)

        assert running.run(there, "SELECT count(*) FROM shape") == str(rows)
    mib = run.rss_bytes_max / MIB
    print(f"\n{shape.name}, {rows:,} rows, postgresql-{target.value.lower()}: {mib:.0f} MiB, {run.wall_s:.1f} s")
    assert mib <= RSS_MIB_MAX


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_memory_is_bounded_when_duckdb_is_read(running: Databases, shape: Shape) -> None:
    rows = max(1, int(shape.rows * choices().scale))
    with running.empty(Engine.DUCKDB) as there, running.empty(Engine.POSTGRESQL) as back:
        with _filled(running, shape, rows) as source:
            _moved(source, there)
        run = _moved(there, back)

        assert running.run(back, "SELECT count(*) FROM shape") == str(rows)
    mib = run.rss_bytes_max / MIB
    print(f"\n{shape.name}, {rows:,} rows, duckdb-postgresql: {mib:.0f} MiB, {run.wall_s:.1f} s")
    assert mib <= RSS_MIB_MAX


@pytest.mark.parametrize("shape", HUGE, ids=lambda shape: shape.name)
@pytest.mark.parametrize("target", [Engine.POSTGRESQL, Engine.MYSQL], ids=lambda engine: engine.value.lower())
def test_one_value_of_256_mib_is_held_no_more_than_twice(running: Databases, shape: Shape, target: Engine) -> None:
    with _filled(running, shape, 1) as source, running.empty(target) as there:
        run = _moved(source, there, "--verify", "none")

        digest = "SELECT md5(body) FROM shape"
        assert running.run(there, digest) == running.run(source, digest)
    mib = run.rss_bytes_max / MIB
    print(f"\n{shape.name}, postgresql-{target.value.lower()}: {mib:.0f} MiB, {run.wall_s:.1f} s")
    assert mib <= HUGE_RSS_MIB_MAX


@contextmanager
def _filled(running: Databases, shape: Shape, rows: int) -> Iterator[Endpoint]:
    """Give a PostgreSQL database that holds the shape's table."""
    with running.empty(Engine.POSTGRESQL) as source:
        running.run(source, f"CREATE TABLE shape (id bigint PRIMARY KEY, {shape.columns})")
        if "body" in shape.columns:  # or the catalog would tell the size of what PostgreSQL has compressed
            running.run(source, "ALTER TABLE shape ALTER body SET STORAGE EXTERNAL")
        running.run(source, f"INSERT INTO shape SELECT n, {shape.values} FROM generate_series(1::bigint, {rows}) n")
        running.run(source, "ANALYZE shape")
        yield source


def _moved(source: Endpoint, target: Endpoint, *options: str) -> Run:
    """Migrate, and see that it ends well."""
    folder = FOLDER / "run"
    folder.mkdir(parents=True, exist_ok=True)
    command: Command = migrate(source, target, *options)
    run = measured(command, folder, LIMIT_S)
    assert run.exit_code == 0, run.last_words
    return run
