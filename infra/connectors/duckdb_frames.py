"""How DuckDB puts values into the text of their row, for digests of its own tables and of files it is fed."""

from __future__ import annotations

from collections.abc import Sequence

from domain.catalog.types import Carrier, LogicalType, carrier
from domain.migrations.canonical import PLAIN_NULL, SIZED_NULL, Frame, frame, inline_max


def framed_sql(text: str, type_: LogicalType) -> str:
    """Return the expression for a value's part of the row's text (`domain.migrations.canonical.Frame`).

    `text` is the expression of its canonical text, or of its bytes.
    """
    match frame(type_):
        case Frame.PLAIN:
            return f"coalesce({text} || ',', '{PLAIN_NULL},')"
        case Frame.HASHED:
            return f"coalesce(md5({text}) || ',', '{PLAIN_NULL},')"
        case Frame.SIZED:
            is_bytes = carrier(type_) is Carrier.BYTES
            length = f"octet_length({text})" if is_bytes else f"strlen({text})"
            spelled = f"lower(hex({text}))" if is_bytes else text
            short = f"CASE WHEN {length} > {inline_max(type_)} THEN md5({text}) ELSE {spelled} END"
            return f"coalesce({length} || ':' || {short}, '{SIZED_NULL}')"


def row_text_sql(parts: Sequence[str]) -> str:
    """Join the parts of a row's text two by two: a chain of a thousand would be deeper than DuckDB reads."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({row_text_sql(parts[:half])} || {row_text_sql(parts[half:])})"
