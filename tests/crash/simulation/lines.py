"""Lines to a PostgreSQL server on which asyncpg sends a statement and waits for its answer, there and then.

No event loop turns meanwhile, so nothing that runs in virtual time can depend on how long a server takes.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import struct
import time
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RECEIVED_MAX = 1 << 18

_BEGIN = b"Q" + struct.pack("!i", 10) + b"BEGIN\0"
"""A simple query, as the protocol of PostgreSQL has it."""

_MONOTONIC = time.monotonic


class Line(asyncio.Transport):
    """A line that blocks."""

    def __init__(self, lines: Lines, address: tuple[str, int], protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._lines, self._protocol = lines, protocol
        self._socket = socket.create_connection(address)
        self._leading, self._unwanted, self._received = b"", 0, b""

    def begin(self) -> None:
        """Send BEGIN on the way of the next statement; nobody hears of its answer."""
        self._leading = _BEGIN

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send."""
        self._lines.use(self)
        if self._leading:
            data, self._leading = self._leading + bytes(data), b""
            self._unwanted += 1
        self._socket.sendall(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Send several parts."""
        self.write(b"".join(list_of_data))

    def receive(self) -> None:
        """Wait for a part of an answer."""
        data = self._socket.recv(RECEIVED_MAX)
        if not data:
            self.close()
        elif self._unwanted:
            self._received += data
            data = self._wanted()
        if data:
            self._protocol.data_received(data)

    def _wanted(self) -> bytes:
        """Leave out all up to the message that says that the server is ready for what comes next."""
        while self._unwanted and len(self._received) >= 5:
            size = 1 + int.from_bytes(self._received[1:5])
            if len(self._received) < size:
                return b""
            self._unwanted -= self._received[:1] == b"Z"
            self._received = self._received[size:]
        if self._unwanted:
            return b""
        data, self._received = self._received, b""
        return data

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return the socket."""
        return self._socket if name == "socket" else default

    def is_closing(self) -> bool:
        """Tell whether the line is closed."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Hang up."""
        if not self.is_closing():
            self._socket.close()
            self._protocol.connection_lost(None)

    def abort(self) -> None:
        """Hang up."""
        self.close()

    def pause_reading(self) -> None:
        """Nothing is read unless it is asked for."""

    def resume_reading(self) -> None:
        """Nothing is read unless it is asked for."""


class _Patient(selectors.SelectSelector):
    """Waits for an answer on the line that was used last."""

    busy: Line

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout != 0:
            self.busy.receive()
        return []


class Lines(asyncio.SelectorEventLoop):
    """The loop of all lines. It turns only while one is made."""

    def __init__(self) -> None:
        self._patient = _Patient()
        self._asks = False
        super().__init__(self._patient)

    @property
    def busy(self) -> Line:
        """The line that was used last."""
        return self._patient.busy

    def use(self, line: Line) -> None:
        """Note that a line is used."""
        self._patient.busy = line

    def ask(self, answer: Coroutine[Any, Any, T]) -> T:
        """Wait for an answer."""
        self._asks = True
        try:
            while True:
                waiter = answer.send(None)
                while not waiter.done():
                    self.busy.receive()
        except StopIteration as end:
            found: T = end.value
            return found
        finally:
            self._asks = False

    def time(self) -> float:
        """Return the real time; that of a history is another."""
        return _MONOTONIC()

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Do something in the next turn. What waits for an answer needs no call when it is there."""
        if self._asks:
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon(callback, *args, context=context)

    async def create_connection(  # type: ignore[override]  # asyncpg gives no more than this
        self, protocol_factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[Line, asyncio.Protocol]:
        """Open a line."""
        protocol = protocol_factory()
        line = Line(self, (host, port), protocol)
        protocol.connection_made(line)
        return line, protocol
