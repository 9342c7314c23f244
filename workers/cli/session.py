"""From addresses and options to a route, a run's name, and an end on Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from domain.connections.values import Endpoint
from domain.kernel.codec import fingerprint
from domain.kernel.errors import ConnectFailed, ErrorCode
from domain.migrations.plan import RunOptions
from infra.connectors.registry import connector_for
from infra.connectors.urls import parse_url
from workers.cli.ending import end_at_once
from workers.cli.output import is_terminal, say
from workers.engine.control import Ask, ControlSwitch, attended
from workers.engine.ends import Route

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_ID_DIGITS = 24

_SHOW_CURSOR = "\x1b[?25h"
"""A live display hides the cursor; who ends at once has to bring it back."""


def route_between(source_url: str, target_url: str) -> Route:
    """Return the route that two addresses name.

    Raises:
        ValidationFailed: an address cannot be understood.
    """
    source, target = parse_url(source_url), parse_url(target_url)
    return Route(connector_for(source.engine), source, connector_for(target.engine), target)


def endpoint_there(target_url: str) -> Endpoint:
    """Return where a target is that was written to before; opening a file or folder that is not there would make it.

    Raises:
        ValidationFailed: the address cannot be understood.
        ConnectFailed: there is no such file or folder.
    """
    endpoint = parse_url(target_url)
    if endpoint.engine.is_file and not Path(endpoint.path).exists():
        kind = "folder" if endpoint.engine.is_folder else "file"
        raise ConnectFailed(f"There is no {kind} {endpoint.path}.", code=ErrorCode.DATABASE_NOT_FOUND)
    return endpoint


def run_id(route: Route, options: RunOptions) -> str:
    """Name a run by what makes its rows what they are, so that the same command finds it again.

    How many lanes there are, how it is verified and what became of earlier rows makes no difference.
    """
    parts = (
        _place(route.source_endpoint),
        _place(route.target_endpoint),
        options.include,
        options.exclude,
        options.mappings,
        options.chunk_rows,
    )
    return f"cli-{fingerprint(parts)[:_ID_DIGITS]}"


def run_until_interrupted(work: Callable[[ControlSwitch], Awaitable[T]]) -> T:
    """Run the work; the first Ctrl-C (or SIGTERM) asks it to stop, and gives it up if it does not within a moment.

    What is given up has come to its end at the databases too, as `attended` says. A second Ctrl-C waits for nothing.

    Raises:
        Stopped: it was interrupted.
    """
    return run_until_it_rests(lambda control: attended(lambda: work(control), control))


def run_until_it_rests(work: Callable[[ControlSwitch], Awaitable[T]]) -> T:
    """Run work that heeds its control; the first Ctrl-C (or SIGTERM) asks it to pause, a second one ends the process.

    It ends at once, and nothing is waited for: the databases undo what was not committed.

    Raises:
        Stopped: it was interrupted, and has nothing to say about that.
        KeyboardInterrupt: it was interrupted before it had begun.
    """
    switch = ControlSwitch()

    async def guarded() -> T:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if switch.asked is not Ask.RUN:
                cursor = _SHOW_CURSOR if is_terminal() else ""
                end_at_once(f"{cursor}stopped at once; the same command goes on from what is committed")
            say("wherry: pausing; once more to stop at once")
            switch.set(Ask.PAUSE)

        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
        return await work(switch)

    try:
        return asyncio.run(guarded())
    finally:
        if switch.asked is not Ask.RUN:  # it has stopped as it was asked to, and has only to say so
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)


def _place(endpoint: Endpoint) -> tuple[object, ...]:
    return (endpoint.label, endpoint.schema, endpoint.csv)
