"""Texts with bytes that are no UTF-8, which some engines hold and most refuse.

Such a byte is half a surrogate pair in Python's text (PEP 383), so nothing of it is lost and every
text can be told from every other one.
"""

from __future__ import annotations

import re

_BYTES = re.compile("[\udc80-\udcff]")


def text_of_bytes(raw: bytes | bytearray) -> str:
    """Return the text of some bytes, whatever they are."""
    return raw.decode(errors="surrogateescape")


def bytes_of_text(text: str) -> bytes:
    """Return the bytes that `text_of_bytes` was given."""
    return text.encode(errors="surrogateescape")


def is_broken(text: str) -> bool:
    """Whether a text holds bytes that are no UTF-8."""
    return not text.isascii() and _BYTES.search(text) is not None


def mended(text: str) -> str:
    """Return a text without the bytes that are no UTF-8."""
    return _BYTES.sub("", text)


def shown(text: str) -> str:
    r"""Return a text as people and every document can read it: such bytes as `\xe9`."""
    return _BYTES.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
