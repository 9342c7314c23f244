"""What a command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NoReturn

import typer

from domain.kernel.errors import ErrorCode, WherryError
from domain.migrations.progress import RunStatus
from domain.migrations.report import Failure
from workers.cli.ending import EXIT_STOPPED, has_started
from workers.engine.control import Stopped

EXIT_FAILED = 1
EXIT_USAGE = 2


def print_json(document: dict[str, object]) -> None:
    """Print a command's one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def plain(shape: object) -> dict[str, object]:
    """Return a frozen dataclass as a dictionary that JSON can hold; enums become their values."""
    if not dataclasses.is_dataclass(shape) or isinstance(shape, type):
        message = f"{type(shape).__name__} is not a dataclass"
        raise TypeError(message)
    return dataclasses.asdict(shape, dict_factory=_with_values)


def say(message: str) -> None:
    """Tell the person at the terminal something that is not a result."""
    typer.echo(message, err=True)


def fail(failure: Failure, *, as_json: bool, code: int = EXIT_FAILED) -> NoReturn:
    """Print why the command failed, and exit."""
    if as_json:
        print_json({"status": "FAILED", "error": plain(failure)})
    say(f"wherry: {failure.code.value}: {failure.message}")
    raise typer.Exit(code)


@contextmanager
def failures_reported(*, as_json: bool, code: int = EXIT_FAILED) -> Iterator[None]:
    """Turn a failure in this block into its message and an exit code; one of our own making also into its trace.

    So with a command that was interrupted: that is no failure, and has a code of its own.
    """
    has_started()
    try:
        yield
    except typer.Exit:
        raise
    except (Stopped, KeyboardInterrupt) as stopped:
        status = stopped.status if isinstance(stopped, Stopped) else RunStatus.PAUSED
        if as_json:
            print_json({"status": status.value})
        say("wherry: stopped as asked; to go on, give the same command again")
        raise typer.Exit(EXIT_STOPPED) from stopped
    except WherryError as error:
        fail(Failure(error.code, error.message), as_json=as_json, code=code)
    except Exception as error:  # noqa: BLE001 - whatever it is, `--json` promises a document
        traceback.print_exc()
        message = f"Wherry itself failed ({type(error).__name__}); the trace above helps whoever mends it"
        fail(Failure(ErrorCode.INTERNAL, message), as_json=as_json)


def is_terminal() -> bool:
    """Whether somebody watches standard error."""
    return sys.stderr.isatty()


def _with_values(items: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in items}
