"""Turn this process into a server that dies with its starter. Run as a script, never imported.

    python -I -S launch.py PARENT_PID SIGNAL UID:GID PROGRAM [ARGUMENT ...]

It gives up its rights first, because the kernel forgets the death signal when they change, then
asks for the signal, then becomes the program. Being a program of its own, it runs no Python between
fork and exec of a process that may have threads. `-` for UID:GID keeps the rights as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
LAUNCH_FAILED = 127


def drop_rights(account: str) -> None:
    """Become the account written as `uid:gid`, for good and without further groups."""
    if account == "-":
        return
    uid, gid = (int(part) for part in account.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, signal_number: int) -> None:
    """Have the kernel send `signal_number` when the parent ends; end now if it already has."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(LAUNCH_FAILED)


def main(arguments: list[str]) -> None:
    """Follow the command line described at the top of this file."""
    parent, signal_number, account, program, *rest = arguments
    drop_rights(account)
    die_with(int(parent), int(signal_number))
    os.execv(program, [program, *rest])  # noqa: S606 - becoming the program is the purpose


if __name__ == "__main__":
    main(sys.argv[1:])
