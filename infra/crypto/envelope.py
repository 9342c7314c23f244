"""Sealing secrets: each under a key of its own, that key under the instance's key (AES-256-GCM both times).

Both encryptions are bound to their context (organisation, connection, field, version, key id), so a
record that is moved to another row, or put back after a change, does not open.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.kernel.errors import Conflict
from domain.kernel.values import Secret

FORMAT = 1
KEY_BITS = 256
NONCE_BYTES = 12


@dataclass(frozen=True)
class Context:
    """What a sealed secret belongs to."""

    organization_id: UUID
    connection_id: UUID
    field: str
    version: int


@dataclass(frozen=True)
class Sealed:
    """A sealed secret. `wrapped_key` and `ciphertext` both begin with their nonce and end with their tag."""

    format: int
    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


class Envelope:
    """Seals and opens secrets with one instance key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = AESGCM(key)
        self.key_id = hashlib.sha256(b"wherry credentials key " + key).hexdigest()[:16]
        """Names the key without telling anything about it."""

    def seal(self, secret: Secret, context: Context) -> Sealed:
        """Encrypt a secret under a new key, and that key under the instance's."""
        fresh = AESGCM.generate_key(KEY_BITS)
        ciphertext = _encrypt(AESGCM(fresh), secret.reveal().encode(), self._bound(context, "secret"))
        return Sealed(FORMAT, self.key_id, _encrypt(self._key, fresh, self._bound(context, "key")), ciphertext)

    def open(self, sealed: Sealed, context: Context) -> Secret:
        """Decrypt a secret.

        Raises:
            Conflict: it was sealed under another key or for another context, or was changed since.
        """
        refusal = Conflict(
            "The stored password cannot be opened with this instance's key. Set the connection's credentials again."
        )
        if (sealed.format, sealed.key_id) != (FORMAT, self.key_id):
            raise refusal
        try:
            fresh = _decrypt(self._key, sealed.wrapped_key, self._bound(context, "key"))
            text = _decrypt(AESGCM(fresh), sealed.ciphertext, self._bound(context, "secret"))
        except InvalidTag:
            raise refusal from None
        return Secret(text.decode())

    def _bound(self, context: Context, part: str) -> bytes:
        """Return the context in its one spelling, as additional authenticated data."""
        facts = {
            "format": FORMAT,
            "organization": str(context.organization_id),
            "connection": str(context.connection_id),
            "field": context.field,
            "version": context.version,
            "key": self.key_id,
            "part": part,
        }
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def _encrypt(key: AESGCM, data: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + key.encrypt(nonce, data, bound)


def _decrypt(key: AESGCM, data: bytes, bound: bytes) -> bytes:
    if len(data) < NONCE_BYTES:
        raise InvalidTag
    return key.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
