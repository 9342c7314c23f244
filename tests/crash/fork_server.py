"""A process that forks one child for each run, so that a run that is killed costs no start of an interpreter.

Reads one JSON document a line: the addresses of source and target, and the failpoints of this run.
Answers with one: how the child ended, and what it said.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from typing import Any

from domain.connections.values import Endpoint, Engine
from domain.kernel.failpoints import arm
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from infra.connectors.registry import connector_for
from infra.connectors.urls import parse_url
from tests.support.runs import Watcher
from workers.engine.compare import compare
from workers.engine.control import ControlSwitch
from workers.engine.ends import Route, open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

OPTIONS = RunOptions(parallel=1, chunk_rows=40)

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
        return asyncio.run(_carried_out(source, target))
    except BaseException:
        traceback.print_exc()
        return 1


async def _carried_out(source: Endpoint, target: Endpoint) -> int:
    route = Route(connector_for(source.engine), source, connector_for(target.engine), target)
    async with open_ends(route, parallel=OPTIONS.parallel) as ends:
        report = await run(ends, RunRequest("run", OPTIONS), Watcher(), ControlSwitch())
    if report.status is not RunStatus.SUCCEEDED:
        sys.stderr.write(f"{report.status} {report.error}\n")
        return 1
    arm("")
    verdicts = await compare(route, OPTIONS, ControlSwitch())
    unaccounted = [table for table in report.tables if table.rows_read != table.rows_written or not table.verified]
    if unaccounted or not all(verdict.equal for verdict in verdicts):
        sys.stderr.write(f"wrong: {unaccounted} {verdicts}\n")
        return WRONG
    return 0


if __name__ == "__main__":
    main()
