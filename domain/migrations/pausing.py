"""Which failures let a run rest until somebody has lifted their cause, rather than end it: one table for all runs."""

from __future__ import annotations

from domain.kernel.errors import ErrorCode
from domain.migrations.moments import CHOICES
from domain.migrations.report import Failure

REMEDIES: dict[ErrorCode, str] = {
    ErrorCode.TARGET_DISK_FULL: "Resume once there is room on its disk.",
    ErrorCode.TARGET_READ_ONLY: "Resume once it may be written again.",
    ErrorCode.PRIVILEGE_MISSING: "Resume once its user has the right.",
    ErrorCode.AUTHENTICATION_FAILED: "Resume once its user can sign in.",
    ErrorCode.TLS_UNAVAILABLE: "Resume once it offers an encrypted connection that can be trusted.",
    ErrorCode.HOST_UNREACHABLE: "Resume once it can be reached.",
    ErrorCode.DATABASE_BUSY: "Resume once nothing holds it up any more.",
    ErrorCode.SNAPSHOT_LOST: f"To go on, {CHOICES}.",
}
"""What has to be done, or chosen, by a person before a run goes on just as it was planned."""


def pause_after(failure: Failure, *, has_copied: bool) -> Failure | None:
    """Return why a run that has failed so pauses, and what is to be done; nothing if it cannot go on as planned.

    A right that is missing before the first row has arrived was not taken away: the user was the wrong one.
    """
    remedy = REMEDIES.get(failure.code)
    if failure.code is ErrorCode.PRIVILEGE_MISSING and not has_copied:
        return None
    return Failure(failure.code, f"{failure.message.rstrip('.')}. {remedy}") if remedy else None
