"""A socket whose peer speaks into the void: nothing that arrives is taken in or acknowledged."""

from __future__ import annotations

import ctypes
import socket
import struct
from asyncio.trsock import TransportSocket

_SO_ATTACH_FILTER = 26
_TAKE_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A program of one instruction for the kernel's packet filter: return 0, so of every packet no byte is kept."""


def swallow(sock: socket.socket | TransportSocket) -> None:
    """Let the kernel drop every packet that comes for a TCP socket, as a network does that has lost its way."""
    program = ctypes.create_string_buffer(_TAKE_NOTHING, len(_TAKE_NOTHING))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
