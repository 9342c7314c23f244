"""Events to be moved through faults, and how a run that a fault has ended is brought to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from domain.catalog.model import Column, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import DatabaseError, ErrorCode
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import RunOptions
from domain.migrations.progress import ProgressSink, RunProgress, RunStatus
from domain.migrations.report import RunReport
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import Rows, fill, wrong_tables
from workers.engine.control import Control, ControlSwitch
from workers.engine.ends import open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

EVENT = Table(
    TableName("event"),
    (Column("id", Integer(32), "", nullable=False), Column("body", Text(), "")),
    primary_key=Key(("id",)),
)
EVENTS: dict[Table, Rows] = {EVENT: [(number, f"event {number}") for number in range(2_000)]}
FEW: dict[Table, Rows] = {EVENT: EVENTS[EVENT][:300]}
OPTIONS = RunOptions(parallel=2, chunk_rows=100)
ATTEMPTS_MAX = 6
"""A fault that is over must not end a run more often."""


class Database(Protocol):
    """Where databases are made."""

    def create_database(self, name: str = "") -> Endpoint: ...


def lab_at(endpoint: Endpoint) -> Lab:
    """Return a lab on an endpoint."""
    return Lab(endpoint.engine, endpoint, connector_for(endpoint.engine))


def pair_of(source: Endpoint, target: Endpoint) -> Pair:
    """Return two databases as a pair."""
    return Pair(lab_at(source), lab_at(target))


def file_at(path: object, engine: Engine = Engine.SQLITE) -> Endpoint:
    """Return an endpoint of a file or folder."""
    return Endpoint(engine, path=str(path))


class AtRows:
    """A progress sink that does something once so many rows are copied, one time."""

    def __init__(self, rows: int, act: Callable[[], Awaitable[None] | None]) -> None:
        self._rows, self._act = rows, act
        self.acted = False

    async def report(self, progress: RunProgress) -> None:
        if self.acted or progress.rows_written < self._rows:
            return
        self.acted = True
        done = self._act()
        if done is not None:
            await done


class Silent:
    """A progress sink that hears nothing."""

    async def report(self, progress: RunProgress) -> None:
        """Take no note."""


async def moved(
    pair: Pair,
    sink: ProgressSink,
    choice: OnLostSnapshot | None = None,
    *,
    options: RunOptions = OPTIONS,
    control: Control | None = None,
) -> RunReport:
    """Carry the run as far as it comes.

    Raises:
        DatabaseError: one of the databases could not even be opened.
    """
    async with open_ends(pair.route, parallel=options.parallel) as ends:
        return await run(ends, RunRequest("run", options, on_lost_snapshot=choice), sink, control or ControlSwitch())


async def brought_to_its_end(pair: Pair, *, options: RunOptions = OPTIONS) -> RunReport:
    """Give the same command again and again, as a person would once a fault is over, until the run is complete."""
    reason = ""
    for _ in range(ATTEMPTS_MAX):
        report, reason = await tried(pair, Silent(), OnLostSnapshot.CONTINUE, options=options)
        if report is not None and not reason:
            return report
    raise AssertionError(reason)


async def tried(
    pair: Pair, sink: ProgressSink, choice: OnLostSnapshot | None = None, *, options: RunOptions = OPTIONS
) -> tuple[RunReport | None, str]:
    """Carry the run as far as it comes; return its report, if there is one, and the reason why it is not complete."""
    try:
        report = await moved(pair, sink, choice, options=options)
    except DatabaseError as error:
        return None, f"{error.code.value}: {error.message}"
    return report, "" if report.status is RunStatus.SUCCEEDED else why(report)


def why(report: RunReport) -> str:
    """Return the reason why a run has not come to its end; there must be one."""
    reason = report.error or report.pause
    assert reason is not None
    assert reason.message
    return f"{reason.code.value}: {reason.message}"


def assert_pauses(report: RunReport | None, *codes: ErrorCode) -> None:
    """The run rests, for one of these reasons, and says that it is to be resumed; it has not failed."""
    assert report is not None
    assert (report.status, report.error) == (RunStatus.PAUSED, None), why(report)
    assert report.pause is not None
    assert report.pause.code in codes, why(report)
    assert "Resume once" in report.pause.message


async def survived(pair: Pair, sink: ProgressSink, *, options: RunOptions = OPTIONS) -> tuple[str, RunReport]:
    """Move the events through a fault, and bring the run to its end; return how the fault ended it, if it did."""
    report, ended_by = await tried(pair, sink, options=options)
    if report is None or ended_by:
        report = await brought_to_its_end(pair, options=options)
    return ended_by, report


async def assert_exact(pair: Pair, report: RunReport, rows: dict[Table, Rows] = EVENTS) -> None:
    """Every row is in the target, once, as it was: by the run's own account and by a digest made without it."""
    assert (report.status, report.error) == (RunStatus.SUCCEEDED, None)
    written = {table.name.rpartition(".")[2]: table.rows_written for table in report.tables}
    assert written == {table.name.name: len(content) for table, content in rows.items()}
    assert all(table.verified for table in report.tables)
    assert await wrong_tables(pair, rows) == []


async def filled(endpoint: Endpoint, rows: dict[Table, Rows] = EVENTS) -> Endpoint:
    """Fill a database, and return it."""
    await fill(lab_at(endpoint), rows)
    return endpoint


def through(endpoint: Endpoint, port: int) -> Endpoint:
    """Return an endpoint as it is reached through a relay on this machine."""
    return replace(endpoint, port=port)
