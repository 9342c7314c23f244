"""Access tokens (signed, short-lived) and refresh tokens (random, stored as a hash)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from domain.auth.ports import RefreshToken
from domain.kernel.scope import Principal
from domain.kernel.values import Secret

ACCESS_LIFE = timedelta(minutes=10)
REFRESH_LIFE = timedelta(days=7)
LEEWAY_S = 30
TOKEN_BYTES_MAX = 8_192

ISSUER = "wherry"
AUDIENCE = "wherry-api"
TYPE = "at+jwt"
ALGORITHM = "Ed25519"


class TokenIssuer:
    """Makes tokens, and reads the access tokens it made."""

    def __init__(self, key: OKPKey) -> None:
        self._key = key
        self._key_id = key.thumbprint()

    def access(self, user_id: UUID, session_id: UUID, now: datetime) -> tuple[str, datetime]:
        """Return a signed access token and when it ends."""
        expires_at = now + ACCESS_LIFE
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._key_id}
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(12),
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM]), expires_at

    def read(self, token: str, now: datetime) -> Principal | None:
        """Return whom an access token names, or nothing unless every part of it is as we make it.

        joserfc's `decode` checks the signature only, so header and claims are checked here.
        """
        if len(token) > TOKEN_BYTES_MAX:
            return None
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            jwt.JWTClaimsRegistry(
                now=int(now.timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": ISSUER},
                aud={"essential": True, "value": AUDIENCE},
                sub={"essential": True},
                sid={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(decoded.claims)
            if (decoded.header.get("typ"), decoded.header.get("kid")) != (TYPE, self._key_id):
                return None
            return Principal(UUID(decoded.claims["sub"]), UUID(decoded.claims["sid"]))
        except (JoseError, ValueError, TypeError, AttributeError):
            return None  # a malformed token names nobody

    def refresh(self, now: datetime) -> RefreshToken:
        """Return a new refresh token."""
        text = secrets.token_urlsafe(32)
        return RefreshToken(text, self.hash_refresh(Secret(text)), now + REFRESH_LIFE)

    def hash_refresh(self, token: Secret) -> str:
        """Return the hash under which a refresh token is stored; 256 random bits need no slow hash."""
        return hashlib.sha256(token.reveal().encode()).hexdigest()
