"""Pipelines of Redis that keep no connection."""

from __future__ import annotations

import asyncio

from redis.asyncio.client import Pipeline


class Returning(Pipeline):
    """Gives its connection back even if it is cancelled while it takes back what it watched.

    redis-py's pipeline then keeps it, and each one that does leaves the pool with one connection less.
    """

    async def reset(self) -> None:
        """Forget the commands, and give the connection back; closed if what is watched there is not known."""
        try:
            await super().reset()  # type: ignore[no-untyped-call]  # it has no types
        except asyncio.CancelledError:
            if self.connection:
                self.watching = False
                await self.connection.disconnect(nowait=True)
                await super().reset()  # type: ignore[no-untyped-call]  # it has no types
            raise
