"""How much memory a migration holds for rows of unlike shapes, and whether a long one slows down; printed."""

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
LONG_ROWS = 10_000_000
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


@pytest.fixture(scope="module")
def running() -> Iterator[Databases]:
    """Both servers; PostgreSQL remembers when each transaction was committed."""
    with databases(track_commit_timestamp="on") as both:
        yield both


@pytest.mark.parametrize("target", [Engine.POSTGRESQL, Engine.MYSQL], ids=lambda engine: engine.value.lower())
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_memory_is_bounded_whatever_the_rows_look_like(running: Databases, shape: Shape, target: Engine) -> None:
    rows = max(1, int(shape.rows * choices().scale))
    with _filled(running, shape, rows) as source, running.empty(target) as there:
        run = _moved(source, there)

        assert running.run(there, "SELECT count(*) FROM shape") == str(rows)
    mib = run.rss_bytes_max / MIB
    print(f"\n{shape.name}, {rows:,} rows, postgresql-{target.value.lower()}: {mib:.0f} MiB, {run.wall_s:.1f} s")
    assert mib <= RSS_MIB_MAX


def test_one_value_of_256_mib_arrives(running: Databases) -> None:
    shape = Shape("256 MiB value", 1, "body bytea NOT NULL", "decode(repeat(md5(n::text), 16777216), 'hex')")
    with _filled(running, shape, 1) as source, running.empty(Engine.POSTGRESQL) as there:
        run = _moved(source, there)

        digest = "SELECT length(body) || ' ' || md5(body) FROM shape"
        assert running.run(there, digest) == running.run(source, digest)
    print(f"\none value of 256 MiB: {run.rss_bytes_max / MIB:.0f} MiB, {run.wall_s:.1f} s")


def test_the_last_tenth_of_a_long_table_beside_the_first(running: Databases) -> None:
    rows = int(LONG_ROWS * choices().scale)
    shape = Shape("long", rows, "amount bigint NOT NULL, note varchar(20) NOT NULL", "n * 7, left(md5(n::text), 12)")
    with _filled(running, shape, rows) as source, running.empty(Engine.POSTGRESQL) as there:
        run = _moved(source, there, "--verify", "none")
        committed = running.run(
            there,
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)), count(*) FROM shape GROUP BY xmin ORDER BY 1",
        )
    commits = [(float(when), int(count)) for when, count in (line.split("|") for line in committed.splitlines())]

    print(f"\n{rows:,} rows in {run.wall_s:.1f} s, {len(commits)} commits, {run.rss_bytes_max / MIB:.0f} MiB")
    if len(commits) >= 20:
        first, last = _rate(commits, 0.1, 0.2), _rate(commits, 0.9, 1.0)
        print(f"second tenth {first:,.0f} rows/s, last tenth {last:,.0f} rows/s: {last / first:.2f}")
    else:
        print("too few commits to tell the tenths apart")
    assert sum(count for _, count in commits) == rows


def _rate(commits: list[tuple[float, int]], begin: float, end: float) -> float:
    """Return the rows per second between two shares of all rows, from the commits nearest to them.

    The first tenth has no commit before it to count from, so the second stands for the beginning.
    """
    total, done, marks = sum(count for _, count in commits), 0, {0.0: commits[0][0]}
    for when, count in commits:
        done += count
        marks[done / total] = when
    low, high = (min((abs(share - at), share) for share in marks)[1] for at in (begin, end))
    return (high - low) * total / (marks[high] - marks[low])


@contextmanager
def _filled(running: Databases, shape: Shape, rows: int) -> Iterator[Endpoint]:
    """Give a PostgreSQL database that holds the shape's table."""
    with running.empty(Engine.POSTGRESQL) as source:
        running.run(source, f"CREATE TABLE shape (id bigint PRIMARY KEY, {shape.columns})")
        running.run(source, f"INSERT INTO shape SELECT n, {shape.values} FROM generate_series(1::bigint, {rows}) n")
        yield source


def _moved(source: Endpoint, target: Endpoint, *options: str) -> Run:
    """Migrate, and see that it ends well."""
    folder = FOLDER / "run"
    folder.mkdir(parents=True, exist_ok=True)
    command: Command = migrate(source, target, *options)
    run = measured(command, folder, LIMIT_S)
    assert run.exit_code == 0, run.last_words
    return run
