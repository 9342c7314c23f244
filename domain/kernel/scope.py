"""The circumstances of one request: who asks, under which trace, with which idempotency key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Principal:
    """A signed-in user and the session the user came with."""

    user_id: UUID
    session_id: UUID


@dataclass(frozen=True)
class Scope:
    """Who asks, and how to find the request again in the logs."""

    principal: Principal | None
    request_id: str
    idempotency_key: str = ""
    client: str = ""
    """The caller's network address, for throttling and audit."""
    system: bool = False
    """Whether the system itself asks, such as a worker. Nothing that comes in over the network does."""

    @property
    def user_id(self) -> UUID:
        """The signed-in user's id. Only behind a guard that is not public."""
        if self.principal is None:
            raise LookupError("no principal: the request's guard is public")
        return self.principal.user_id
