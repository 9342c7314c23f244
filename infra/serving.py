"""The web server as a process: `python -m infra.serving`. Ends with 3 when the application does not start."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from starlette.applications import Starlette

from domain.kernel.errors import WherryError
from infra import keepalive
from infra.app import create_app
from infra.container import reach_control_store
from infra.graphql_http import BODY_BYTES_MAX
from infra.hidden import hide_modules
from infra.settings import Settings, read_settings

NOT_STARTED = 3


class Server(uvicorn.Server):
    """Ends streams at once when it begins to stop, and lines whose client is gone or takes nothing after a minute.

    Sockets are closed with 1012, "service restart", by uvicorn itself. An answer that goes on and on
    it would wait for, to the end of the time for requests that are under way.
    """

    def __init__(self, app: Starlette, **options: object) -> None:
        """Serve `app`; `options` are uvicorn's."""
        super().__init__(uvicorn.Config(app, **options))  # type: ignore[arg-type]  # uvicorn checks them
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen. Whoever is accepted has what is set here."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                keepalive.watch_peer(listening, keepalive.OF_CLIENTS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, streams end, requests get their answer."""
        self._app.state.stopping.set()
        await super().shutdown(sockets)


def main() -> int:
    """Serve the API until a signal ends it, and return the exit code."""
    hide_modules()
    try:
        settings = read_settings()
        asyncio.run(reach_control_store(settings))
        server = Server(create_app(), **_options(settings))
    except WherryError as error:
        sys.stderr.write(f"wherry: {error.message}\n")
        return 1
    server.run()
    return 0 if server.started else NOT_STARTED


def _options(settings: Settings) -> dict[str, object]:
    """Return uvicorn's options.

    Pings keep a way open; a client that is late to answer one is not closed with 1011, for it would not come back.
    """
    return {
        "host": settings.host,
        "port": settings.port,
        "log_level": settings.log_level,
        "timeout_graceful_shutdown": settings.drain_s,
        "ws_max_size": BODY_BYTES_MAX,
        "ws_per_message_deflate": False,
        "ws_ping_timeout": None,
        "server_header": False,
        "access_log": False,
    }


if __name__ == "__main__":
    sys.exit(main())
