"""Connections to Redis that heed every cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from redis.asyncio.connection import AbstractConnection


class Heedful(AbstractConnection):
    """Raises the cancellation that redis-py would forget.

    It sends inside `asyncio.wait_for`, which before Python 3.12 returns as if nothing had happened when the
    cancellation arrives just as what it waits for ends (cpython issue 86296). A worker that is told to stop would
    then go on with what it has in hand.
    """

    async def send_packed_command(  # the signature is redis-py's
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        """Send a command; the connection is closed if it was cancelled meanwhile, as its answer is not read."""
        task = asyncio.current_task()
        wished_before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > wished_before:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError


def heedful(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return the same kind of connection (TCP, TLS or a socket file), heedful."""
    return type(kind.__name__, (Heedful, kind), {})
