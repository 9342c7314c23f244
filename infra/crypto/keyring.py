"""The instance's own keys: one file each, made at the first start, readable by nobody else."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from joserfc.jwk import OKPKey


def signing_key(path: Path) -> OKPKey:
    """Return the Ed25519 key that signs access tokens."""
    made = OKPKey.generate_key("Ed25519").as_pem(private=True)
    return OKPKey.import_key(_once(path, made))


def credentials_key(path: Path) -> bytes:
    """Return the 256-bit key that wraps the keys of stored credentials."""
    return bytes.fromhex(_once(path, secrets.token_hex(32).encode()).decode())


def _once(path: Path, fresh: bytes) -> bytes:
    """Return a file's content, writing it first if it is not there. Two starters agree on one content."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_bytes(fresh)
        try:
            os.link(draft, path)  # fails if another process was first, atomically
        except FileExistsError:
            return path.read_bytes()
        finally:
            draft.unlink()
    return path.read_bytes()
