"""How many files and sockets this process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

OPEN_FILES_MAX = 65_536
"""Enough for as many subscribers as one process can serve; each has a socket."""


def raise_open_files_limit() -> int:
    """Raise the soft limit, which is often 1,024, as far as is allowed and useful, and return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    with suppress(ValueError, OSError):  # some systems set a lower bound of their own; then it stays as it was
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
