"""From a bearer token to a principal whose session is alive."""

from __future__ import annotations

import time
from uuid import UUID

from domain.kernel.ports import Clock
from domain.kernel.scope import Principal
from infra.crypto.tokens import TokenIssuer
from infra.db.readers.following import Shared, SharedRead
from infra.db.stores.auth import SqlSessions

ALIVE_S = 5.0
"""How long a session that was alive is taken to be so still; the delay of a sign-out."""

KNOWN_MAX = 10_000


class Authenticator:
    """Reads tokens, and asks the session store whether their session goes on."""

    def __init__(self, tokens: TokenIssuer, sessions: SqlSessions, clock: Clock) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock
        self._known: dict[UUID, float] = {}
        self._reads: Shared[SharedRead[bool]] = Shared()

    async def principal(self, authorization: str | None) -> Principal | None:
        """Return whom an `Authorization` value names, or nothing."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        principal = self._tokens.read(token.strip(), self._clock.now())
        if principal is None or not await self.is_alive(principal):
            return None
        return principal

    async def is_alive(self, principal: Principal) -> bool:
        """Tell whether the session that a principal came with goes on."""
        session_id, now = principal.session_id, time.monotonic()
        if self._known.get(session_id, 0) > now:
            return True
        with self._reads.of(session_id, lambda: SharedRead(lambda: self._sessions.is_alive(session_id))) as read:
            alive = await read()
        if alive:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[session_id] = now + ALIVE_S
        return alive
