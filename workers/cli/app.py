"""The commands by name. A new command is a function in a module of its own and a line here.

Only the module of the command that was called is imported, and what is heavy there (drivers, servers,
frameworks) only inside its function: `wherry migrate` needs nothing of the server, and starts at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

import typer

COMMANDS = {
    "migrate": "workers.cli.migrate:migrate",
    "replay-rejects": "workers.cli.replay:replay_rejects",
    "verify": "workers.cli.verify:verify",
    "rollback": "workers.cli.rollback:rollback",
    "runs": "workers.cli.rollback:runs",
    "forget": "workers.cli.rollback:forget",
    "assess": "workers.cli.assess:assess",
    "demo": "workers.cli.demo:demo",
    "up": "workers.cli.serve:up",
    "api": "workers.cli.serve:api",
    "worker": "workers.cli.serve:worker",
    "projections": "workers.cli.projections:projections",
}
"""Where each command's function, or group of commands, is."""


def build_app(called: str = "") -> typer.Typer:
    """Return the command line application; if `called` names a command, it has that one only."""
    app = typer.Typer(
        name="wherry",
        help="Move whole databases between engines: exactly, fast, verified.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_commands_have_names)
    names: Iterable[str] = [called] if called in COMMANDS else COMMANDS
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _commands_have_names() -> None:
    """Keep the name of a command that is the only one part of the command line."""
