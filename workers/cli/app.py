"""The commands by name. A new command is a function in a module of its own and a line here.

A command's module imports what is heavy (drivers, servers, frameworks) inside its function, so
that `wherry migrate` needs nothing of the server.
"""

from __future__ import annotations

import typer

from workers.cli.assess import assess
from workers.cli.demo import demo
from workers.cli.migrate import migrate
from workers.cli.projections import projections
from workers.cli.replay import replay_rejects
from workers.cli.rollback import forget, rollback, runs
from workers.cli.serve import api, up, worker
from workers.cli.verify import verify


def build_app() -> typer.Typer:
    """Return the command line application."""
    app = typer.Typer(
        name="wherry",
        help="Move whole databases between engines: exactly, fast, verified.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command("migrate")(migrate)
    app.command("replay-rejects")(replay_rejects)
    app.command("verify")(verify)
    app.command("rollback")(rollback)
    app.command("runs")(runs)
    app.command("forget")(forget)
    app.command("assess")(assess)
    app.command("demo")(demo)
    app.command("up")(up)
    app.command("api")(api)
    app.command("worker")(worker)
    app.add_typer(projections, name="projections")
    return app
