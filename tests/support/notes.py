"""What tests note for the end of a run, gathered from every process that pytest-xdist runs them in."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
NOTES = pytest.StashKey[dict[Callable[..., Any], list[Any]]]()


def noted(config: pytest.Config, kind: Callable[..., T]) -> list[T]:
    """Return the notes of one class so far, to be read or added to."""
    return config.stash.setdefault(NOTES, {}).setdefault(kind, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Send what was noted to the process that prints it, if this is another one."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["notes"] = pickle.dumps(session.config.stash.get(NOTES, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what another process has noted; one that was killed has told nothing."""
    for kind, values in pickle.loads(node.workeroutput["notes"]).items() if hasattr(node, "workeroutput") else ():
        noted(node.config, kind).extend(values)
