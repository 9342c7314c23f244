"""A process that forks one child for each run, so that a run that is killed costs no start of an interpreter.

Reads one JSON document a line: the addresses of source and target, what becomes of rows that are there, whether to
roll the run back instead, and the failpoints.
Answers with one: how the child ended, and what it said.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from dataclasses import replace
from typing import Any

from domain.connections.values import Endpoint, Engine
from domain.kernel.failpoints import arm
from domain.migrations.plan import OnExisting, RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.rollback import RollbackOptions
from infra.connectors.registry import connector_for
from infra.connectors.urls import parse_url
from tests.support.runs import Watcher
from workers.engine.compare import compare
from workers.engine.control import ControlSwitch
from workers.engine.ends import Route, open_ends, open_target
from workers.engine.prepare import RunRequest
from workers.engine.rollback import roll_back
from workers.engine.run import run

OPTIONS = RunOptions(parallel=1, chunk_rows=40)

RUN_ID = "run"

WRONG = 3
"""Exit code of a run that ended well by its own account, while the target is not as the source."""


def main() -> None:
    """Serve until the input ends."""
    for engine in Engine:
        connector_for(engine)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_served(json.loads(line))) + "\n")
        sys.stdout.flush()


def _served(order: dict[str, Any]) -> dict[str, object]:
    """Run one order in a child."""
    said, saying = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(said)
        os.dup2(saying, 2)
        os._exit(_run(order))
    os.close(saying)
    with os.fdopen(said, errors="replace") as words:
        text = words.read()
    _, status = os.waitpid(child, 0)
    return {"exit_code": os.waitstatus_to_exitcode(status), "said": text}


def _run(order: dict[str, Any]) -> int:
    """Do a run, and compare what it has left in the target with the source."""
    try:
        arm(order["failpoints"])
        source, target = parse_url(order["source"]), parse_url(order["target"])
        if order["takes_back"]:
            return asyncio.run(_taken_back(target))
        return asyncio.run(_carried_out(source, target, OnExisting(order["on_existing"])))
    except BaseException:
        traceback.print_exc()
        return 1


async def _taken_back(target: Endpoint) -> int:
    """Roll the run back if the target knows it; rows of others are kept aside. Nothing of ours may stay behind."""
    async with open_target(connector_for(target.engine), target) as opened:
        if any(record.run_id == RUN_ID for record in await opened.runs()):
            options = RollbackOptions(acknowledge_writes_since_cutover=True)
            await roll_back(opened, RUN_ID, options, ControlSwitch())
        else:
            await opened.forget_run(RUN_ID)
        return WRONG if await opened.runs() else 0


async def _carried_out(source: Endpoint, target: Endpoint, on_existing: OnExisting) -> int:
    options = replace(OPTIONS, on_existing=on_existing)
    route = Route(connector_for(source.engine), source, connector_for(target.engine), target)
    async with open_ends(route, parallel=options.parallel) as ends:
        report = await run(ends, RunRequest(RUN_ID, options), Watcher(), ControlSwitch())
    if report.status is not RunStatus.SUCCEEDED:
        sys.stderr.write(f"{report.status} {report.error}\n")
        return 1
    arm("")
    if on_existing is OnExisting.APPEND:
        return 0
    verdicts = await compare(route, options, ControlSwitch())
    unaccounted = [table for table in report.tables if table.rows_read != table.rows_written or not table.verified]
    if unaccounted or not all(verdict.equal for verdict in verdicts):
        sys.stderr.write(f"wrong: {unaccounted} {verdicts}\n")
        return WRONG
    return 0


if __name__ == "__main__":
    main()
