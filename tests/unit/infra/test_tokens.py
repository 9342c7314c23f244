"""Access tokens name somebody only when every part of them is as we make it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from domain.kernel.scope import Principal
from infra.crypto.tokens import ACCESS_LIFE, ALGORITHM, AUDIENCE, ISSUER, TYPE, TokenIssuer

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
USER, SESSION = UUID(int=1), UUID(int=2)
KEY = OKPKey.generate_key("Ed25519")
HEADER = {"alg": ALGORITHM, "typ": TYPE, "kid": KEY.thumbprint()}
CLAIMS = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": str(USER),
    "sid": str(SESSION),
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + ACCESS_LIFE).timestamp()),
}


def signed(header: dict[str, Any], claims: dict[str, Any], key: Any = KEY) -> str:
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def test_a_token_of_ours_names_its_user_and_session_until_it_ends() -> None:
    issuer = TokenIssuer(KEY)
    token, expires_at = issuer.access(USER, SESSION, NOW)

    assert issuer.read(token, NOW) == Principal(USER, SESSION)
    assert expires_at == NOW + ACCESS_LIFE
    assert issuer.read(token, expires_at + timedelta(minutes=1)) is None


@pytest.mark.parametrize("missing", CLAIMS)
def test_a_token_without_one_of_its_claims_names_nobody(missing: str) -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != missing}

    assert TokenIssuer(KEY).read(signed(HEADER, claims), NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "elsewhere"},
        {"aud": "another"},
        {"sub": "no uuid"},
        {"sub": 7},
        {"sid": None},
        {"exp": "tomorrow"},
        {"exp": int((NOW - timedelta(hours=1)).timestamp())},
    ],
    ids=lambda change: "-".join(f"{name}={value}" for name, value in change.items()),
)
def test_a_token_with_a_changed_claim_names_nobody(change: dict[str, Any]) -> None:
    assert TokenIssuer(KEY).read(signed(HEADER, CLAIMS | change), NOW) is None


@pytest.mark.parametrize("change", [{"typ": "JWT"}, {"kid": "other"}], ids=["typ", "kid"])
def test_a_token_with_a_changed_header_names_nobody(change: dict[str, Any]) -> None:
    assert TokenIssuer(KEY).read(signed(HEADER | change, CLAIMS), NOW) is None


def test_a_token_signed_by_anything_else_names_nobody() -> None:
    issuer = TokenIssuer(KEY)
    public = OctKey.import_key({"kty": "oct", "k": str(KEY.as_dict(private=False)["x"])})  # the classic confusion
    unsigned = ".".join(_segment(part) for part in ({"alg": "none", "typ": TYPE}, CLAIMS)) + "."

    assert issuer.read(signed(HEADER, CLAIMS, OKPKey.generate_key("Ed25519")), NOW) is None
    assert issuer.read(signed({**HEADER, "alg": "HS256"}, CLAIMS, public), NOW) is None
    assert issuer.read(unsigned, NOW) is None


def test_a_token_with_any_character_changed_names_nobody() -> None:
    issuer = TokenIssuer(KEY)
    token = signed(HEADER, CLAIMS)

    for place in range(0, len(token) - 1, 7):
        other = "A" if token[place] != "A" else "B"
        assert issuer.read(token[:place] + other + token[place + 1 :], NOW) is None, place


@pytest.mark.parametrize("junk", ["", ".", "..", "a.b.c", "é.é.é", "A" * 10_000], ids=lambda junk: junk[:8] or "empty")
def test_what_is_no_token_names_nobody(junk: str) -> None:
    assert TokenIssuer(KEY).read(junk, NOW) is None


def _segment(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
