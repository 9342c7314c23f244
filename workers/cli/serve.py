"""`wherry up`, `wherry api`, `wherry worker`: run the service, whole or in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.cli.output import failures_reported, say

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.supervisor.programs import Part


def up() -> None:
    """Run everything: database, queue, API and workers, until Ctrl-C.

    PostgreSQL and Valkey are started too, unless WHERRY_DATABASE_URL and WHERRY_REDIS_URL name
    servers of yours. All state is kept in WHERRY_HOME (~/.wherry).
    """
    from workers.supervisor.programs import Part

    _run(Part.API | Part.WORKERS)


def api() -> None:
    """Run the API alone, until Ctrl-C."""
    from workers.supervisor.programs import Part

    _run(Part.API)


def worker() -> None:
    """Run the workers alone (WHERRY_WORKERS processes), until Ctrl-C."""
    from workers.supervisor.programs import Part

    _run(Part.WORKERS)


def _run(parts: Part) -> None:
    """Run parts of the service; what goes wrong at the start is said in one sentence."""
    from infra.settings import read_settings
    from workers.supervisor.programs import run_stack

    with failures_reported(as_json=False):
        settings = read_settings()
        run_stack(settings, parts, say=say, on_ready=lambda: _welcome(settings, parts))


def _welcome(settings: Settings, parts: Part) -> None:
    """Say what is there now and how to use and end it."""
    from workers.supervisor.programs import Part, api_address

    if Part.API in parts:
        say(f"GraphQL API   {api_address(settings)}/graphql")
        say(f"GraphiQL      {api_address(settings)}/graphiql/")
    if Part.WORKERS in parts:
        say(f"Workers       {settings.workers}")
    say(f"State         {settings.home}")
    say("Ready. Ctrl-C stops.")
