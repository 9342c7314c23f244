"""Memory that the C library holds back although nobody uses it."""

from __future__ import annotations

import ctypes

HUGE_BYTES = 32 * 1024 * 1024
"""From this size on a message leaves enough behind to be worth the call."""


def give_back() -> None:
    """Give freed memory back to the system: what a huge message arrived in lies in small pieces. Only glibc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
