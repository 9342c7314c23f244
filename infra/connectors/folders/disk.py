"""Files that are on the disk when we say so: whole, under their final name, after a crash too."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.kernel.errors import DatabaseError, ErrorCode
from domain.kernel.failpoints import failpoint

_CODES = {
    errno.ENOSPC: ErrorCode.TARGET_DISK_FULL,
    errno.EDQUOT: ErrorCode.TARGET_DISK_FULL,
    errno.EROFS: ErrorCode.TARGET_READ_ONLY,
}

_READ_BYTES = 4 * 1024 * 1024


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn a failure of the file system into one of the domain.

    Raises:
        DatabaseError: the disk is full, a right is missing, or the disk failed.
    """
    try:
        yield
    except PermissionError as error:
        raise DatabaseError(
            f"{what}: {error.filename or 'a file'} may not be used; check the rights on the folder.",
            code=ErrorCode.PRIVILEGE_MISSING,
        ) from error
    except OSError as error:
        code = _CODES.get(error.errno or 0)
        raise DatabaseError(f"{what}: {error.strerror or error}.", code=code) from error


def sync_file(path: Path) -> None:
    """See that a file's content is on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """See that a folder's names are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_text(path: Path, text: str) -> None:
    """Put a text file in place of another, in one step that a crash cannot cut in two."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    failpoint("target.described")
    draft.replace(path)
    sync_folder(path.parent)


def move(source: Path, target: Path) -> None:
    """Put a file or a folder in place of another; one that is gone has been moved before."""
    if not source.exists():
        return
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)
    failpoint("target.moved")
    sync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def files_below(path: Path) -> tuple[Path, ...]:
    """Return a file, or the files in a folder, in the order of their names."""
    return tuple(sorted(path.iterdir())) if path.is_dir() else (path,)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            digest.update(data)
    return digest.hexdigest()


def stamp(path: Path) -> tuple[int, ...]:
    """Return what is different once a file has been changed or put in place of another."""
    found = path.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
