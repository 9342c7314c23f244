"""Several questions to one database at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def all_of(*questions: Awaitable[T]) -> list[T]:
    """Return all answers, in order; a failure is raised when every question has come to its end.

    Until then sessions are in use, and cancelling what they are asked would cost them.
    """
    found = await asyncio.gather(*questions, return_exceptions=True)
    for answer in found:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in found if not isinstance(answer, BaseException)]
