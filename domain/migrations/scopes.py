"""The rows that a chunk stands for, in words."""

from __future__ import annotations

from domain.migrations.transfer import ChunkScope, KeyRange, PhysicalRange, WholeTable


def scope_text(scope: ChunkScope) -> str:
    """Say for people which rows of its table a chunk stands for."""
    match scope:
        case WholeTable():
            return "all rows"
        case KeyRange(after=after, upto=upto):
            above = f"above {_bound_text(after)}" if after else ""
            upto_text = f"up to {_bound_text(upto)}" if upto else ""
            return f"keys {' and '.join(filter(None, (above, upto_text)))}" if above or upto_text else "all keys"
        case PhysicalRange(first=first, last=last):
            return f"places from {first}" + (f" to {last - 1}" if last is not None else " on")


def _bound_text(bound: tuple[int | str, ...]) -> str:
    return ", ".join(str(value) for value in bound)
