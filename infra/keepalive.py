"""Noticing that the other end of a line is gone although nobody has said so."""

from __future__ import annotations

import socket
from asyncio.trsock import TransportSocket
from dataclasses import dataclass


@dataclass(frozen=True)
class Silence:
    """How long a peer may be silent, in whole seconds, before it is asked, and how often, before it counts as gone."""

    idle_s: int
    interval_s: int
    probes: int

    @property
    def in_all_s(self) -> int:
        """How long a peer may be silent altogether."""
        return self.idle_s + self.interval_s * self.probes


OF_DATABASES = Silence(idle_s=10, interval_s=5, probes=4)
OF_CONTROL_STORE = Silence(idle_s=5, interval_s=2, probes=3)
"""It is near, and commands wait for it."""

OF_CLIENTS = Silence(idle_s=20, interval_s=10, probes=4)


def watch_peer(sock: socket.socket | TransportSocket, silence: Silence, *, sends_rows: bool = False) -> None:
    """Make the system notice that a TCP peer answers nothing any more, not even that something has arrived.

    One that is there and busy answers the probes, however long it keeps silent itself. What was sent and is
    not acknowledged is waited for no longer either, but on sessions that send rows: there a server that waits
    for a lock takes nothing for a while, and the system cannot tell that from one that is gone.
    """
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, silence.idle_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, silence.interval_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, silence.probes)
    if not sends_rows:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, silence.in_all_s * 1000)
