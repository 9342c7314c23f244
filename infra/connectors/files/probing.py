"""Whether a database file could be made where there is none."""

from __future__ import annotations

from pathlib import Path

from domain.connections.values import ProbeFinding


def try_to_create(path: str) -> ProbeFinding | None:
    """Make a missing file and take it away again; nothing if there is one, or no folder for it."""
    file = Path(path).absolute()
    if file.exists() or not file.parent.is_dir():
        return None
    advice = f"Give the right to create files in {file.parent}."
    try:
        file.touch(exist_ok=False)
        file.unlink()
    except OSError:
        return ProbeFinding("create file", passed=False, advice=advice)
    return ProbeFinding("create file", passed=True)
