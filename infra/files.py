"""The one folder in which users may name file databases."""

from __future__ import annotations

from pathlib import Path

from domain.kernel.errors import DatabaseError, ErrorCode, PathNotAllowed

FIELD = ("config", "path")


class DataFolder:
    """Admits files below one folder, whatever links and dots a path is made of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def admit(self, path: str, *, must_exist: bool) -> str:
        """Return the path relative to the folder, in its one spelling."""
        file = self.locate(path)
        if must_exist and not file.exists():
            raise DatabaseError(
                f"There is no file {path} in the folder for file databases.",
                code=ErrorCode.DATABASE_NOT_FOUND,
                path=FIELD,
            )
        return str(file.relative_to(self._folder.resolve()))

    def locate(self, path: str) -> Path:
        """Return the real path of a file, links followed.

        Raises:
            PathNotAllowed: it is not below the folder, or is there and no ordinary file.
        """
        refusal = PathNotAllowed(
            f"A database file must be an ordinary file below {self._folder}. Put it there and name it from there.",
            path=FIELD,
        )
        if "\0" in path:
            raise refusal
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = self._folder.resolve()
        try:
            file = (root / path).resolve()
        except (OSError, RuntimeError):  # a loop of links, a name that is too long
            raise refusal from None
        if ".." in Path(path).parts or root not in file.parents:
            raise refusal
        if file.exists() and not file.is_file():
            raise refusal
        return file
