"""A run killed again and again is completed by the same command, with every row once."""

from __future__ import annotations

import signal
import subprocess
import threading
from itertools import product

import pytest

from domain.catalog.model import Column, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Engine
from tests.pairs.conftest import ENGINES, Pair, names_of
from tests.pairs.moves import Rows, fill, wrong_tables
from tests.support.cli import Finished, start, url, wherry

KEYED = Table(
    TableName("keyed"),
    (Column("id", Integer(32), "", nullable=False), Column("body", Text(), "")),
    primary_key=Key(("id",)),
    indexes=(Index("keyed_body", (IndexPart("id"), IndexPart("body", prefix=10))),),
)
KEYLESS = Table(TableName("keyless"), (Column("number", Integer(32), ""), Column("word", Text(50), "")))

ROWS: dict[Table, Rows] = {
    KEYED: [(number, f"body {number} " * 5) for number in range(9_000)],
    KEYLESS: [(number % 500, None if number % 7 else "word") for number in range(2_000)],
}

KILL_AFTER_S = (0.02, 0.2, 0.1)
"""How long runs live after they began to copy."""


NEEDLESS = {(Engine.PARQUET, Engine.SQLITE), (Engine.SQLITE, Engine.CSV)}
"""Pairs of whose ends one is as good as tried with another: both kinds of folders are written alike."""

EACH_ENGINE_AT_EACH_END = [ends for ends in product(ENGINES, ENGINES) if Engine.SQLITE in ends and ends not in NEEDLESS]


@pytest.mark.slow
@pytest.mark.parametrize("pair", EACH_ENGINE_AT_EACH_END, indirect=True, ids=names_of)
async def test_a_run_that_is_killed_again_and_again_brings_every_row_once(pair: Pair) -> None:
    await fill(pair.source, ROWS)
    command = ("migrate", url(pair.source.endpoint), url(pair.target.endpoint), "--chunk-rows", "100", "--json")

    results = [_killed_while_copying(start(*command), pause) for pause in KILL_AFTER_S]
    finished = [result for result in results if result is not None]
    result = finished[0] if finished else wherry(*command)

    assert results[0] is None
    assert result.exit_code == 0, result.stderr
    assert result.counts == {"keyed": 9_000, "keyless": 2_000}
    assert all(table["rows_read"] == table["rows_written"] for table in result.document["tables"])
    assert await wrong_tables(pair, ROWS) == []


def _killed_while_copying(process: subprocess.Popen[str], pause_s: float) -> Finished | None:
    """Kill a run a moment after it began to copy; return how it ended if it was faster."""
    assert process.stderr is not None
    for line in process.stderr:
        if "copying rows" in line:
            break
    threading.Event().wait(pause_s)
    is_over = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    stdout, stderr = process.communicate()
    return Finished(process.returncode, stdout, stderr) if is_over else None
