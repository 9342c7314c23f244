"""`wherry demo`: a whole migration, shown on everything the service is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.output import EXIT_FAILED, failures_reported, say

if TYPE_CHECKING:
    from infra.settings import Settings


def demo(
    *, once: Annotated[bool, typer.Option("--once", help="End after the summary instead of going on serving.")] = False
) -> None:
    """Show a migration of real data: start everything, move 336,776 flights from SQLite to PostgreSQL, verify.

    All of it goes through the GraphQL API, and the progress shown is what the subscription sends.
    """
    with failures_reported(as_json=False):
        if not _run(once=once):
            raise typer.Exit(EXIT_FAILED)


def _run(*, once: bool) -> bool:
    """Run the whole stack with the story in it; tell whether the story ended well."""
    from infra.settings import read_settings
    from workers.demo.show import Show
    from workers.supervisor.programs import Part, run_stack

    settings = _with_ports(read_settings()).model_copy(update={"log_level": "warning"})
    show = Show(settings, once=once, say=say)
    show.prepare()
    run_stack(settings, Part.API | Part.WORKERS, say=say, on_ready=show.begin)
    return show.succeeded


def _with_ports(settings: Settings) -> Settings:
    """Return the settings with a port for the target, and with another port for the API if its own is taken."""
    from infra.embedded.ports import free_port, is_free

    port = settings.port
    if not is_free(settings.host, port):
        port = free_port(settings.host)
        say(f"Port {settings.port} is taken; the API takes {port}.")
    return settings.model_copy(update={"port": port, "embedded_port": settings.embedded_port or free_port()})
