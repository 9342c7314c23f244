"""What a file system says of a database file, as the marks of a moment."""

from __future__ import annotations

from pathlib import Path

from domain.migrations.moments import MomentMark


def stamp_marks(path: Path) -> tuple[tuple[MomentMark, ...], str]:
    """Return the marks of a file as it is now, and what is different once it has been changed or replaced."""
    found = path.stat()
    marks = (
        MomentMark("file", f"{found.st_dev}:{found.st_ino}"),
        MomentMark("size in bytes", str(found.st_size)),
        MomentMark("changed at, in ns", str(found.st_mtime_ns)),
    )
    return marks, "/".join(mark.value for mark in marks)
