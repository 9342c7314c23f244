"""Which programs a stack consists of, and how each is called."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Callable
from enum import Flag, auto
from pathlib import Path

import infra
from infra.embedded.process import Program
from infra.embedded.stack import Servers, planned_servers
from infra.open_files import raise_open_files_limit
from infra.settings import PREFIX, Settings
from workers.supervisor.tree import DRAIN_S, HURRY_S, Tree

READY_TIMEOUT_S = 2
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - to be replaced, not listened on


class Part(Flag):
    """The parts of a stack beside its servers."""

    API = auto()
    WORKERS = auto()


def run_stack(settings: Settings, parts: Part, *, say: Callable[[str], None], on_ready: Callable[[], None]) -> None:
    """Run servers, API and workers until a signal asks to stop.

    A whole stack owns its embedded servers: AlreadyRunning when another one of this home is alive.
    A single part joins those that are there. Raises ServerFailed when a program does not start.
    """
    raise_open_files_limit()  # every program inherits it
    whole = parts == Part.API | Part.WORKERS
    with planned_servers(settings, may_join=not whole) as (servers, programs):
        stages = [
            programs,
            (api_program(settings, servers),) if Part.API in parts else (),
            worker_programs(settings, servers) if Part.WORKERS in parts else (),
        ]
        Tree(stages, say, drain_s=max(DRAIN_S, settings.drain_s + HURRY_S)).run(on_ready)


def api_program(settings: Settings, servers: Servers) -> Program:
    """Return the API as a program."""
    return Program(
        name="API",
        argv=(sys.executable, "-m", "infra.serving"),
        folder=_packages_folder(),
        is_ready=lambda: is_serving(settings),
        environment=_environment(settings, servers),
    )


def worker_programs(settings: Settings, servers: Servers) -> tuple[Program, ...]:
    """Return as many workers as the settings want, as programs."""
    return tuple(
        Program(
            name=f"worker {number}",
            argv=(sys.executable, "-m", "workers.main"),
            folder=_packages_folder(),
            is_ready=lambda: True,
            environment=_environment(settings, servers),
        )
        for number in range(1, settings.workers + 1)
    )


def api_address(settings: Settings) -> str:
    """Return the address at which a browser on this machine finds the API."""
    host = EVERYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def is_serving(settings: Settings) -> bool:
    """Tell whether the API answers that it and its servers are ready."""
    host = EVERYWHERE.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _packages_folder() -> Path:
    """Return the folder that our packages are in.

    Programs start there, because `python -m` looks into the present folder first, and a user's
    folder may well have a `schema` or a `workers` of its own.
    """
    return Path(infra.__file__).parents[1]


def _environment(settings: Settings, servers: Servers) -> dict[str, str]:
    """Return our environment with the servers in use, and with paths that hold in another folder."""
    names = ("home", "data_dir", "credentials_key_file", "signing_key_file")
    ours = {name: str(getattr(settings, name)) for name in names}
    ours |= {"database_url": servers.database_url, "redis_url": servers.redis_url}
    return dict(os.environ) | {f"{PREFIX}{name.upper()}": value for name, value in ours.items()}
