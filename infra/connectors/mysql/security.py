"""What we demand of a server before it hears anything secret from us.

The drivers are trusting: aiomysql goes on in clear text when TLS was asked for and the server does
not offer it, and sends the password readable to any server that asks for that. Both drivers' sessions
(`session`, `bulk`) therefore pass through these checks between the greeting and the answer to it.
"""

from __future__ import annotations

import ssl

from pymysql.constants import CLIENT

from domain.connections.values import Endpoint, TlsMode
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode

_HIDING_PLUGINS = frozenset(
    {"", "mysql_native_password", "caching_sha2_password", "sha256_password", "client_ed25519", "ed25519", "parsec"}
)
"""Ways to sign in that never show the password itself to whoever listens on an open wire."""

_PLAIN_PLUGINS = frozenset({"mysql_clear_password", "dialog"})
"""Ways to sign in that send the password readable: only to a server whose certificate was checked."""


def is_local(endpoint: Endpoint) -> bool:
    """Whether the endpoint is a Unix socket file, which needs no encryption."""
    return endpoint.host.startswith("/")


def tls_context(endpoint: Endpoint) -> ssl.SSLContext | None:
    """Return how to encrypt sessions on this endpoint, or nothing if they are not to be encrypted."""
    if endpoint.tls is TlsMode.DISABLE or is_local(endpoint):
        return None
    context = ssl.create_default_context()
    if endpoint.tls is TlsMode.REQUIRE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def check_greeting(endpoint: Endpoint, server_capabilities: int, plugin: str) -> None:
    """Check the server's greeting before the answer to it is sent.

    Raises:
        ConnectFailed: TLS was asked for and is not offered, or the password would be sent readable.
    """
    if tls_context(endpoint) is not None and not server_capabilities & CLIENT.SSL:
        raise ConnectFailed(
            f"{endpoint.label} does not offer TLS; enable it at the server, or allow an open connection",
            code=ErrorCode.TLS_UNAVAILABLE,
        )
    check_plugin(endpoint, plugin)


def check_plugin(endpoint: Endpoint, plugin: str) -> None:
    """Check the way in which the server wants the password.

    Raises:
        ConnectFailed: the password would be sent readable to an unverified server.
    """
    if plugin in _HIDING_PLUGINS:
        return
    if plugin in _PLAIN_PLUGINS and endpoint.tls is TlsMode.VERIFY_FULL:
        return
    raise ConnectFailed(
        f"{endpoint.label} asks for the password by {plugin!r}, which is refused without a verified certificate; "
        "use another authentication plugin, or TLS with verification",
        code=ErrorCode.AUTHENTICATION_FAILED,
    )


def file_request(endpoint: Endpoint) -> DatabaseError:
    """Return what to raise when a server asks for a file that nobody offered it."""
    return DatabaseError(
        f"{endpoint.label} asked for a file of this machine instead of answering; nothing was sent. "
        "The server must be taken as hostile: check whom this address belongs to"
    )


def password_latin1(endpoint: Endpoint) -> str:
    """Return the password in the form from which both drivers make its UTF-8 bytes (they encode to Latin-1)."""
    return endpoint.password.reveal().encode().decode("latin-1")
