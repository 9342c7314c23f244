"""A process in which no more threads can be started says so, and leaves nothing open."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import DatabaseError
from domain.kernel.threads import in_thread
from infra.connectors.registry import connector_for
from infra.connectors.threads import DriverThread
from tests.crash.moving import file_at, filled

FILES = (Engine.SQLITE, Engine.DUCKDB)
FOR_NONE = 1 << 47
"""A stack of so many bytes is as long as all addresses that a process has."""
FOR_SOME = 1 << 45
"""Three stacks of so many bytes are possible at most, beside what else there is."""
ROWS = 200_000
"""Enough to be looked at on several threads."""


@contextmanager
def stacks_of(size_bytes: int) -> Iterator[None]:
    """Let every thread that is started take so much address space."""
    before = threading.stack_size(size_bytes)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_a_thread_that_cannot_be_started_may_be_had_later() -> None:
    with stacks_of(FOR_NONE), pytest.raises(DatabaseError, match="too little memory for another thread") as refused:
        DriverThread("test")

    assert refused.value.transient
    DriverThread("test").close()


def test_a_call_that_gets_no_thread_is_not_made_later_by_another_one() -> None:
    made: list[str] = []

    async def calls() -> DatabaseError:
        with stacks_of(FOR_NONE), pytest.raises(DatabaseError, match="another thread") as refused:
            await in_thread(made.append, "first")
        await in_thread(made.append, "second")
        return refused.value

    assert asyncio.run(calls()).transient
    assert made == ["second"]


@pytest.mark.parametrize("engine", [Engine.CSV, Engine.PARQUET], ids=lambda engine: engine.value.lower())
def test_a_folder_can_be_opened_once_there_are_threads(engine: Engine, tmp_path: Path) -> None:
    folder = file_at(tmp_path, engine)

    async def tables() -> int:
        with stacks_of(FOR_NONE), pytest.raises(DatabaseError, match="another thread") as refused:
            await connector_for(engine).open_source(folder, readers=1)
        assert refused.value.transient
        source = await connector_for(engine).open_source(folder, readers=1)
        try:
            return len((await source.introspect()).tables)
        finally:
            await source.close()

    assert asyncio.run(tables()) == 0


@pytest.mark.parametrize("engine", FILES, ids=lambda engine: engine.value.lower())
@pytest.mark.parametrize("size_bytes", [FOR_NONE, FOR_SOME], ids=["none", "some"])
async def test_a_file_whose_sessions_get_too_few_threads_is_closed_again(
    engine: Engine, size_bytes: int, tmp_path: Path
) -> None:
    file = await filled(file_at(tmp_path / "file.db", engine))

    with stacks_of(size_bytes), pytest.raises(DatabaseError, match="another thread") as refused:
        await connector_for(engine).open_source(file, readers=8)

    assert refused.value.transient
    assert await opens_for_writing(file)


async def opens_for_writing(file: Endpoint) -> bool:
    """Tell whether a file can be written, which DuckDB allows nobody while it is open to be read."""
    target = await connector_for(file.engine).open_target(file, writers=1)
    try:
        return bool((await target.introspect()).tables)
    finally:
        await target.close()


async def test_values_are_looked_at_again_once_there_are_threads(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "file.db") as made:
        made.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
        made.executemany("INSERT INTO item VALUES (?, 'name')", ((number,) for number in range(ROWS)))
    source = await connector_for(Engine.SQLITE).open_source(file_at(tmp_path / "file.db"), readers=4)

    try:
        with stacks_of(FOR_NONE), pytest.raises(DatabaseError, match="another thread"):
            await source.introspect()
        [table] = (await source.introspect()).tables
    finally:
        await source.close()

    assert table.row_estimate == ROWS
