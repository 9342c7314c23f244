"""Noticing that the other end of a line is gone although nobody has said so."""

from __future__ import annotations

import socket

_KEEPALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4))
"""Seconds of silence before the first probe, seconds between probes, probes until the peer counts as gone."""


def watch_peer(sock: socket.socket) -> None:
    """Make the system notice within about half a minute that a silent TCP peer is gone.

    One that is there and busy answers the probes, however long it keeps silent itself.
    """
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
