"""Clients that take nothing of what they are sent: given up, so that nothing is kept for them for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Send

TAKES_MAX_S = 20.0
"""How long a client may leave a message at our end before its stream counts as abandoned."""


class Line:
    """The way to one client and back, as ASGI has it, which ends once the client has taken nothing for too long.

    What is under way to the client then stays in the buffers of the system, and the line is closed behind it without
    a close code (1006): clients come back with the number of the last event they have.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_given_up(self) -> bool:
        """Whether the client has taken nothing for too long."""
        return self._given_up.done()

    async def send(self, message: Message) -> None:
        """Send a message, once there is room for it.

        Raises:
            OSError: the client has taken nothing for too long, now or before.
        """
        if self.is_given_up:
            raise ConnectionAbortedError
        try:
            async with asyncio.timeout(TAKES_MAX_S):
                await self._send(message)
        except TimeoutError as error:
            if not self.is_given_up:
                self._given_up.set_result(None)
            raise ConnectionAbortedError from error

    async def receive(self) -> Message:
        """Return the next message of the client, or that it is gone."""
        coming = asyncio.ensure_future(self._receive())
        try:
            either: set[asyncio.Future[Any]] = {self._given_up, coming}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else {"type": "websocket.disconnect", "code": 1006}
        finally:
            coming.cancel()
