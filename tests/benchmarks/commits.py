"""When the rows of a table in PostgreSQL were committed, as the server remembers it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.connections.values import Endpoint
from tests.support.postgresql import PostgresqlServer

TENTHS = 10


@dataclass(frozen=True)
class Commit:
    """A transaction: when it was committed, in seconds since 1970, and how many of the table's rows are its."""

    at: float
    rows: int


def commits(server: PostgresqlServer, endpoint: Endpoint, table: str) -> list[Commit]:
    """Return the commits that made a table, in their order. The server must have `track_commit_timestamp` on."""
    told = server.run(
        "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)), rows "
        f"FROM (SELECT xmin, count(*) AS rows FROM {table} GROUP BY xmin) made ORDER BY 1",
        endpoint.database,
    )
    return [Commit(float(at), int(rows)) for at, rows in (line.split("|") for line in told.splitlines())]


def first_after(made: Sequence[Commit], moment: float) -> float | None:
    """Return how long after a moment the next rows were committed."""
    return next((commit.at - moment for commit in made if commit.at > moment), None)


def tenths(made: Sequence[Commit]) -> list[float]:
    """Return the rows per second of each tenth of a table, the first without its first commit, which none precedes."""
    rates: list[float] = []
    total, done = sum(commit.rows for commit in made), 0
    mark = made[0]
    marked = mark.rows
    for commit in made:
        done += commit.rows
        if done >= total * (len(rates) + 1) / TENTHS and commit.at > mark.at:
            rates.append((done - marked) / (commit.at - mark.at))
            mark, marked = commit, done
    return rates
