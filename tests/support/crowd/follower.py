"""One subscriber: follows a migration over `graphql-transport-ws`, and comes back with its last number when cut off."""

from __future__ import annotations

import asyncio
import json
import random
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 3.0
OPEN_TIMEOUT_S = 60
"""A good client is patient with a server that a thousand others call at the same moment."""

GONE = 1006
"""How a connection is counted that ended without a close frame (RFC 6455)."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a subscriber follows, and as whom."""

    url: str
    token: str
    document: str
    migration_id: str


@dataclass
class Seen:
    """What a subscriber has got. Times are seconds since 1970."""

    sequences: array[int] = field(default_factory=lambda: array("q"))
    times: array[float] = field(default_factory=lambda: array("d"))
    opened: array[float] = field(default_factory=lambda: array("d"))
    """When each of its subscriptions began."""
    closes: Counter[str] = field(default_factory=Counter)
    """How often its connections ended in which way: a close code, or the kind of failure when dialling."""
    terminals: int = 0
    faults: list[str] = field(default_factory=list)
    """What must not be: numbers that do not rise or leave one out, events after the last, refusals."""
    is_over: bool = False

    @property
    def last(self) -> int | None:
        """The number of the last event."""
        return self.sequences[-1] if self.sequences else None

    def document(self) -> Json:
        """Return everything as JSON takes it."""
        return {
            "sequences": list(self.sequences),
            "times": list(self.times),
            "opened": list(self.opened),
            "closes": dict(self.closes),
            "terminals": self.terminals,
            "faults": self.faults,
            "is_over": self.is_over,
        }


class Follower:
    """A subscriber that goes on until the stream is complete."""

    def __init__(self, wanted: Wanted, chance: random.Random) -> None:
        self.seen = Seen()
        self.is_connected = False
        self._wanted = wanted
        self._chance = chance

    async def follow(self) -> None:
        """Follow to the end, across any number of connections."""
        pause_s = RETRY_FIRST_S
        while not self.seen.is_over:
            began, told = time.monotonic(), len(self.seen.sequences)
            try:
                await self._connection()
            except ConnectionClosed as closed:
                self.seen.closes[str(closed.rcvd.code if closed.rcvd else GONE)] += 1
            except (OSError, TimeoutError, InvalidHandshake) as error:
                self.seen.closes[type(error).__name__] += 1
            finally:
                self.is_connected = False
            if len(self.seen.sequences) > told or time.monotonic() - began > RETRY_MAX_S:
                pause_s = RETRY_FIRST_S
            if not self.seen.is_over:
                await asyncio.sleep(self._chance.uniform(0, pause_s))
                pause_s = min(2 * pause_s, RETRY_MAX_S)

    async def _connection(self) -> None:
        wanted = self._wanted
        async with connect(
            wanted.url,
            subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]  # plain strings are subprotocols
            max_size=None,
            compression=None,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,
            proxy=None,
        ) as socket:
            await socket.send(_message("connection_init", {"Authorization": f"Bearer {wanted.token}"}))
            await socket.recv()
            variables = {"id": wanted.migration_id, "after": self.seen.last}
            await socket.send(_message("subscribe", {"query": wanted.document, "variables": variables}, "1"))
            self.is_connected = True
            self.seen.opened.append(time.time())
            await self._listen(socket)

    async def _listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            match message["type"]:
                case "next":
                    self._take(message["payload"])
                case "complete":
                    self.seen.is_over = True
                    return
                case "error":
                    self.seen.faults.append(f"refused: {message['payload']}"[:300])
                    return
                case "ping":
                    await socket.send(_message("pong", {}))
                case other:
                    self.seen.faults.append(f"unknown message: {other}")

    def _take(self, payload: Json) -> None:
        if payload.get("errors"):
            self.seen.faults.append(f"failed: {payload['errors']}"[:300])
            return
        frame, last = payload["data"]["migrationEvents"], self.seen.last
        number, is_snapshot = frame["sequence"], frame["kind"] == "SNAPSHOT"
        if self.seen.terminals:
            self.seen.faults.append(f"{number} came after the end")
        if last is not None and (number <= last or (number != last + 1 and not is_snapshot)):
            self.seen.faults.append(f"{number} came after {last}")
        self.seen.terminals += frame["kind"] == "TERMINAL"
        self.seen.sequences.append(number)
        self.seen.times.append(time.time())


def _message(kind: str, payload: Json, id_: str | None = None) -> str:
    return json.dumps({"type": kind, "payload": payload} | ({"id": id_} if id_ else {}))
