"""A look at all values of a table by the C helper: its parts side by side, each on a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.kernel.threads import starting_threads
from infra.connectors.sqlite.columns import LOWEST_NUMBER
from infra.connectors.sqlite.driver import driver_errors, handle_of
from infra.connectors.sqlite.pages import Pages
from infra.connectors.sqlite.values import Present

if TYPE_CHECKING:
    from infra.connectors.native._native import Shape, Walk

Facts = dict[str, Any]
"""What the helper has found in a column."""

_SUMS = ("integers", "reals", "texts", "blobs", "nulls", "size_bytes")
_PART_ROWS_MIN = 50_000
"""Fewer rows are not worth a thread."""


@dataclass(frozen=True)
class Part:
    """Some rows of a table: those that a condition on its row number leaves, on one connection."""

    connection: sqlite3.Connection
    where: str = ""
    bounds: tuple[int, ...] = ()
    walk: Walk | None = None


def parts_of(
    connections: Sequence[sqlite3.Connection], table: str, number: str, pages: Pages | None = None
) -> list[Part]:
    """Cut a table by its row numbers into as many parts as there are connections; all names are quoted.

    The connections see the same moment. A table of few rows stays in one part. Rows are read by `pages` if these are
    known.
    """
    first, *others = connections
    ends = f"SELECT (SELECT min({number}) FROM {table}), (SELECT max({number}) FROM {table})"
    lowest, highest = first.execute(ends).fetchone()
    count = 0 if lowest is None else min(len(connections), (highest - lowest) // _PART_ROWS_MIN)
    if count < 2 or not others:  # noqa: PLR2004 - a part is something only beside another one
        return [_part(first, number, pages, LOWEST_NUMBER, None)]
    step = (highest - lowest) // count + 1
    starts = [LOWEST_NUMBER, *(lowest + step * place for place in range(1, count))]
    ends_before = [*starts[1:], None]
    return [
        _part(connection, number, pages, start, end)
        for connection, start, end in zip(connections, starts, ends_before, strict=False)
    ]


def _part(connection: sqlite3.Connection, number: str, pages: Pages | None, start: int, end: int | None) -> Part:
    bounds = (start,) if end is None else (start, end)
    where = f" WHERE {number} >= ?" + ("" if end is None else f" AND {number} < ?")
    return Part(connection, where, bounds, pages.walk(start, end) if pages else None)


@dataclass(frozen=True)
class Scan:
    """What is asked of every part. `columns` are those of the query, as the helper wants them told."""

    sql: str
    columns: tuple[tuple[Sequence[Shape], bool], ...]
    belongs: Callable[[int, int, Present], bool]

    def all_parts(self, parts: Sequence[Part]) -> tuple[int, list[Facts]]:
        """Return the number of rows, and what was found in each column.

        Raises:
            sqlite3.Error: the look at a part failed; the other parts are given up.
            DatabaseError: there is too little memory for a thread for each part, which may pass.
        """
        first, *others = parts
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(len(others))) if others else None
            try:
                with starting_threads():
                    begun = [pool.submit(self._part, part) for part in others] if pool else []
                found = [self._part(first), *(part.result() for part in begun)]
            except BaseException:
                if pool:
                    pool.shutdown(wait=False, cancel_futures=True)
                for part in others:
                    part.connection.interrupt()
                raise
        columns = zip(*(facts for _, facts in found), strict=True)
        return sum(rows for rows, _ in found), [_joined(facts) for facts in columns]

    def _part(self, part: Part) -> tuple[int, list[Facts]]:
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        handle = handle_of(part.connection)
        if handle is None:
            raise TypeError("the C helper has no handle on this connection")
        with driver_errors():
            return _native.sqlite_scan(
                handle, self.sql + part.where, part.bounds, self.columns, self.belongs, part.walk
            )


def _joined(parts: Sequence[Facts]) -> Facts:
    """Say of a whole column what its parts hold."""
    return {
        **{name: sum(part[name] for part in parts) for name in _SUMS},
        "length_max": max(part["length_max"] for part in parts),
        **{name: all(part[name] for part in parts) for name in ("is_utf8", "fits_double")},
        **{name: any(part[name] for part in parts) for name in ("has_nul", "has_infinite")},
        "fits": [all(fits) for fits in zip(*(part["fits"] for part in parts), strict=True)],
    }
