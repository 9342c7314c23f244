"""The one folder in which users may name file databases and folders of files."""

from __future__ import annotations

from pathlib import Path

from domain.kernel.errors import DatabaseError, ErrorCode, PathNotAllowed

FIELD = ("config", "path")


class DataFolder:
    """Admits files and folders below one folder, whatever links and dots a path is made of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def admit(self, path: str, *, must_exist: bool, is_folder: bool = False) -> str:
        """Return the path relative to the folder, in its one spelling."""
        file = self.locate(path, is_folder=is_folder)
        if must_exist and not file.exists():
            kind = "folder" if is_folder else "file"
            raise DatabaseError(
                f"There is no {kind} {path} in the folder for file databases.",
                code=ErrorCode.DATABASE_NOT_FOUND,
                path=FIELD,
            )
        return str(file.relative_to(self._folder.resolve()))

    def locate(self, path: str, *, is_folder: bool = False) -> Path:
        """Return the real path of a file or a folder, links followed.

        Raises:
            PathNotAllowed: it is not below the folder, or is there and not of the wanted kind.
        """
        wanted = "folder of files must be a folder" if is_folder else "database file must be an ordinary file"
        refusal = PathNotAllowed(f"A {wanted} below {self._folder}. Put it there and name it from there.", path=FIELD)
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
        if file.exists() and not (file.is_dir() if is_folder else file.is_file()):
            raise refusal
        return file
