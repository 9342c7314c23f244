"""The repository's own source files, for tests about them."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("domain", "infra", "resolvers", "schema", "workers")


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below the named folders of the repository."""
    found = (file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))
    return sorted(file for file in found if "node_modules" not in file.parts)


def relative(file: Path) -> str:
    """Return a file's path within the repository."""
    return str(file.relative_to(REPOSITORY))


@cache
def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give every function of a file, inner ones and methods too."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(file: Path) -> set[str]:
    """Return the top-level names of everything that a file imports."""
    names = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
