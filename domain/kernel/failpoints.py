"""Named places where a process may die, so that tests can make it die at each of them.

A site stands on each side of every boundary at which something becomes lasting. Armed with
`site:n=action`, the n-th visit of a site acts; `*` stands for visits of any site, counted together.
Unarmed, a visit is one look at an empty list.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from domain.kernel.errors import DatabaseError, ValidationFailed

VARIABLE = "WHERRY_FAILPOINTS"
"""The environment variable that arms a process: orders separated by commas."""

ANY = "*"
DELAY_S = 1.0

SITES = frozenset(
    {
        "chunk.claimed",
        "chunk.completed",
        "chunk.counted",
        "chunk.read",
        "chunk.written",
        "finish.closed",
        "finish.compared",
        "job.copied",
        "job.done",
        "job.finished",
        "job.planned",
        "job.taken",
        "job.told",
        "journal.intended",
        "journal.ran",
        "outbox.forgotten",
        "outbox.rung",
        "run.opened",
        "run.planned",
        "step.begins",
        "step.done",
        "target.committed",
        "target.commits",
        "target.described",
        "target.moved",
        "undo.acted",
        "undo.finished",
        "undo.forgotten",
        "undo.staged",
        "undo.told",
        "work.committed",
        "work.commits",
    }
)
"""Every site there is."""


class Action(Enum):
    """What happens at a site."""

    KILL = "kill"
    """The process ends by SIGKILL."""
    RAISE = "raise"
    """A database fails for a reason that may pass."""
    HANG = "hang"
    """The process does nothing any more."""
    DELAY = "delay"
    """The process stops for a second."""


@dataclass
class _Armed:
    """Orders by site: at which visit, and what."""

    orders: Mapping[str, tuple[int, Action]]
    visits: Counter[str] = field(default_factory=Counter)

    def visit(self, site: str) -> None:
        for name in (site, ANY):
            self.visits[name] += 1
            at, action = self.orders.get(name, (0, Action.DELAY))
            if at == self.visits[name]:
                os.write(2, f"failpoint {site}\n".encode())
                _act(action, site)


_armed: list[_Armed] = []
_ORDER = re.compile(r"(?P<site>[a-z.]+|\*):(?P<at>\d+)=(?P<action>[a-z]+)")


def failpoint(site: str) -> None:
    """Pass a site; does something only in a process that is armed for it."""
    if _armed:
        _armed[0].visit(site)


def arm(text: str) -> None:
    """Arm this process with orders such as `chunk.read:3=kill`; with an empty text disarm it.

    Raises:
        ValidationFailed: an order cannot be understood.
    """
    orders = dict(_order(part.strip()) for part in text.split(",") if part.strip())
    _armed[:] = [_Armed(orders)] if orders else []


def arm_from(environment: Mapping[str, str]) -> None:
    """Arm this process as its environment says."""
    arm(environment.get(VARIABLE, ""))


def _order(text: str) -> tuple[str, tuple[int, Action]]:
    found = _ORDER.fullmatch(text)
    actions = {action.value: action for action in Action}
    if found is None or found["action"] not in actions or found["site"] not in SITES | {ANY}:
        raise ValidationFailed(f"{VARIABLE}: {text!r} is no order; one looks like chunk.read:3=kill")
    return found["site"], (int(found["at"]), actions[found["action"]])


def _act(action: Action, site: str) -> None:
    match action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.RAISE:
            raise DatabaseError(f"a test has made {site} fail", transient=True)
        case Action.HANG:
            threading.Event().wait()
        case Action.DELAY:
            threading.Event().wait(DELAY_S)
